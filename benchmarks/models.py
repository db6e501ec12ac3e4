"""The paper's models at full size with random weights, and batches for them.

Axes: B sentences, T tokens.
"""

import argparse
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fairseq import options as fairseq_options
from fairseq import utils
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from omegaconf import OmegaConf
from torch import Tensor, nn

from neuron_specialization.fairseq_plugin.checkpoints import bare_checkpoint, write_checkpoint
from neuron_specialization.fairseq_plugin.flags import as_flags, training_flags
from neuron_specialization.fairseq_plugin.parameters import make_dictionary
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.settings.training import Architecture, Training

Sample = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A model, and the batches that it is trained on."""

    layers: int
    """Of the encoder, and of the decoder."""
    heads: int
    """Attention heads."""
    d_model: int
    """Width."""
    d_ff: int
    """Neurons of an FFN."""
    vocabulary: int
    """Entries of the dictionary."""
    dropout: float
    """Of embeddings, sublayers and attention weights."""
    max_tokens: int
    """Tokens of a batch."""
    update_freq: int
    """Batches of an update, on one GPU."""
    longest: int
    """Tokens of a typical sentence."""


SHAPES = {
    "builtin": Shape(
        layers=2,
        heads=4,
        d_model=64,
        d_ff=256,
        vocabulary=1_250,
        dropout=0.0,
        max_tokens=600,
        update_freq=3,
        longest=15,
    ),
    "mT-small": Shape(
        layers=6,
        heads=8,
        d_model=512,
        d_ff=1024,
        vocabulary=30_010,
        dropout=0.1,
        max_tokens=2_560,
        update_freq=4,
        longest=32,
    ),
    "mT-big": Shape(
        layers=6,
        heads=16,
        d_model=1024,
        d_ff=4096,
        vocabulary=128_032,
        dropout=0.1,
        max_tokens=7_680,
        update_freq=21,
        longest=40,
    ),
}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
PADDING = 1
KERNELS = {"optimizer", "attention"}  # parts of the setting `kernels`, each measured by itself


def add_shape(parser: argparse.ArgumentParser) -> None:
    """The options of a model."""
    parser.add_argument("--shape", choices=SHAPES, default="builtin", help="(%(default)s)")
    parser.add_argument("--tokens", type=int, help="of a batch, if not as many as in training")
    parser.add_argument("--precision", choices=DTYPES, default="fp32", help="(%(default)s)")


def start(options: argparse.Namespace) -> None:
    """Make everything random start alike, with the threads that were asked for."""
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)


def architecture_of(shape: Shape, **changes: Any) -> Architecture:
    """A row of the configuration; what says how long to train does not matter here."""
    settings: dict[str, Any] = {
        "layers": shape.layers,
        "heads": shape.heads,
        "d_model": shape.d_model,
        "d_ff": shape.d_ff,
        "dropout": shape.dropout,
        "attention_dropout": shape.dropout,
        "max_positions": 256,
        "temperature": 5,
        "max_tokens": shape.max_tokens,
        "update_freq": shape.update_freq,
        "learning_rate": 0.0005,
        "warmup_updates": 4000,
        "label_smoothing": 0.1,
        "max_updates": 1,
        "validate_every": 1,
        "patience": 1,
        "precision": "fp32",
    }
    return Architecture(**(settings | changes))


def config_of(
    shape: Shape,
    directions: Sequence[str] = ("en-de",),
    data: Path = Path("nowhere"),
    device: str = "cpu",
    **changes: Any,
) -> Any:
    """fairseq's configuration of a training of this shape, with changes to settings and kernels."""
    training = Training(
        data=data,
        directions=directions,
        save_dir=data,
        tensorboard=data,
        seed=1,
        device=device.partition(":")[0],
    )
    kernels = {name: changes.pop(name) for name in KERNELS & changes.keys()}
    flags = training_flags(architecture_of(shape, **changes), training) + as_flags(kernels)
    parser = fairseq_options.get_training_parser()
    return convert_namespace_to_omegaconf(fairseq_options.parse_args_and_arch(parser, flags))


def make_model(
    shape: Shape, device: str = "cpu", **changes: Any
) -> tuple[nn.Module, DirectionsTask, Any]:
    """A model in training, with random weights, its task and fairseq's configuration."""
    config = config_of(shape, device=device, **changes)
    dictionary = make_dictionary(shape.vocabulary)
    task = DirectionsTask(config.task, dictionary, dictionary)
    utils.set_torch_seed(1)
    with torch.device(device):
        model: nn.Module = task.build_model(config.model)
    dtype = DTYPES[changes.get("precision", "fp32")]
    return model.to(device, dtype).train(), task, config


def build(options: argparse.Namespace, **changes: Any) -> tuple[nn.Module, DirectionsTask, Any]:
    """The model that the options ask for (`add_shape`), with changes to its settings."""
    if options.tokens:
        changes = {"max_tokens": options.tokens, **changes}
    shape, precision = SHAPES[options.shape], options.precision
    return make_model(shape, options.device, precision=precision, **changes)


def share_parameters(model: nn.Module) -> nn.Module:
    """A copy of a model that has the same parameters, not copies of them."""
    return copy.deepcopy(model, {id(each): each for each in model.parameters()})


def make_batch(shape: Shape, tokens: int, device: str = "cpu", seed: int = 0) -> Sample:
    """A batch as training makes it: `tokens` with padding, sentences of similar lengths.

    About a twentieth is padding, as where sentences are sorted by length.
    """
    generator = torch.Generator().manual_seed(seed)
    longest = min(shape.longest, tokens)
    sentences = tokens // longest

    def side() -> tuple[Tensor, Tensor]:
        lengths_B = torch.randint(longest * 9 // 10, longest + 1, (sentences,), generator=generator)
        lengths_B[0] = longest
        pieces_BT = torch.randint(4, shape.vocabulary, (sentences, longest), generator=generator)
        padded_BT = torch.arange(longest) >= lengths_B[:, None]
        return pieces_BT.masked_fill(padded_BT, PADDING), lengths_B

    (source_BT, lengths_B), (target_BT, _) = side(), side()
    inputs = {
        "src_tokens": source_BT.flip(1),
        "src_lengths": lengths_B,
        "prev_output_tokens": target_BT.roll(1, 1),
    }
    return {
        "direction": 0,
        "net_input": {name: each.to(device) for name, each in inputs.items()},
        "target": target_BT.to(device),
        "nsentences": sentences,
        "ntokens": int((target_BT != PADDING).sum()),
    }


def make_criterion(task: DirectionsTask) -> LabelSmoothedCrossEntropyCriterion:
    """The loss of the paper."""
    return LabelSmoothedCrossEntropyCriterion(task, sentence_avg=False, label_smoothing=0.1)


def save_model(path: Path, model: nn.Module, task: DirectionsTask, shape: Shape) -> None:
    """Write a model as a checkpoint of a training that has just begun."""
    config = OmegaConf.to_container(config_of(shape, task.directions), resolve=True)
    origin = {"benchmark": "random weights"}
    state = bare_checkpoint(config, model.state_dict(), num_updates=0, origin=origin)
    write_checkpoint(path, state)
