"""The paper's models at full size with random weights, masks of its sparsity, and batches.

Axes: B sentences, T tokens, L directions, N FFN layers, F FFN neurons.
"""

import argparse
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq import utils
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion
from omegaconf import OmegaConf
from torch import Tensor, nn

from neuron_specialization.fairseq_plugin.checkpoints import bare_checkpoint, write_checkpoint
from neuron_specialization.fairseq_plugin.methods import ffn_layers
from neuron_specialization.fairseq_plugin.models import fairseq_config
from neuron_specialization.fairseq_plugin.parameters import make_dictionary
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.neurons.storage import Masks
from neuron_specialization.settings.training import Architecture

Sample = dict[str, Any]


@dataclass(frozen=True)
class Shape:
    """A model, and the batches that it is trained on."""

    layers: int
    """Layers of the encoder, and of the decoder."""
    heads: int
    d_model: int
    d_ff: int
    vocabulary: int
    """Entries of the dictionary."""
    dropout: float
    """Dropout of embeddings, sublayers and attention weights."""
    max_tokens: int
    """Tokens per batch."""
    update_freq: int
    """Batches per update, on one GPU."""
    longest: int
    """Tokens of a typical sentence."""


SHAPES = {
    "builtin": Shape(2, 4, 64, 256, 1_250, 0.0, 600, 3, 15),
    "software": Shape(2, 4, 128, 512, 8_030, 0.1, 2_000, 1, 18),
    "mT-small": Shape(6, 8, 512, 1024, 30_010, 0.1, 2_560, 4, 32),
    "mT-big": Shape(6, 16, 1024, 4096, 128_032, 0.1, 7_680, 21, 40),
}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
PADDING = 1
# fraction of neurons that a direction does not use at k = 95, by layer, encoder first: read from
# the official plots for directions from and into English
SPARSITY = {
    "from": (0.25, 0.21, 0.22, 0.225, 0.205, 0.18, 0.17, 0.205, 0.22, 0.255, 0.29, 0.28),
    "into": (0.295, 0.215, 0.205, 0.215, 0.205, 0.175, 0.21, 0.21, 0.20, 0.19, 0.235, 0.29),
}


def add_shape(parser: argparse.ArgumentParser) -> None:
    """Add the options that select a model."""
    parser.add_argument("--shape", choices=SHAPES, default="builtin", help="(%(default)s)")
    parser.add_argument("--tokens", type=int, help="per batch (as in training)")
    parser.add_argument("--precision", choices=DTYPES, default="fp32", help="(%(default)s)")


def config_of(
    shape: Shape,
    directions: Sequence[str] = ("en-de",),
    data: Path = Path("nowhere"),
    device: str = "cpu",
    **changes: Any,
) -> Any:
    """Return fairseq's configuration for training this shape, with changed settings.

    The settings for the length of training do not matter here.
    """
    settings: dict[str, Any] = {
        **{name: getattr(shape, name) for name in ("layers", "heads", "d_model", "d_ff")},
        **{name: getattr(shape, name) for name in ("max_tokens", "update_freq")},
        **{"dropout": shape.dropout, "attention_dropout": shape.dropout},
        **dict.fromkeys(("max_updates", "validate_every", "patience"), 1),
        **{"temperature": 5, "label_smoothing": 0.1, "precision": "fp32"},
        **{"learning_rate": 0.0005, "warmup_updates": 4000},
    }
    architecture = Architecture(**(settings | changes))
    config = fairseq_config(architecture, directions, data=data, folder=data)
    config.common.cpu = device == "cpu"
    return config


def make_model(
    shape: Shape, device: str = "cpu", **changes: Any
) -> tuple[nn.Module, DirectionsTask, Any]:
    """Return a model with random weights in training mode, its task and fairseq's configuration."""
    config = config_of(shape, device=device, **changes)
    dictionary = make_dictionary(shape.vocabulary)
    task = DirectionsTask(config.task, dictionary, dictionary)
    utils.set_torch_seed(1)
    with torch.device(device):
        model: nn.Module = task.build_model(config.model)
    dtype = DTYPES[changes.get("precision", "fp32")]
    return model.to(device, dtype).train(), task, config


def share_parameters(model: nn.Module) -> nn.Module:
    """Return a copy of a model that shares its parameters."""
    return copy.deepcopy(model, {id(each): each for each in model.parameters()})


def make_batch(shape: Shape, tokens: int, device: str = "cpu", seed: int = 0) -> Sample:
    """Return a batch like those in training: `tokens` with padding, sentences of similar length.

    About a twentieth is padding, as when sentences are sorted by length.
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
    """Return the loss of the paper."""
    return LabelSmoothedCrossEntropyCriterion(task, sentence_avg=False, label_smoothing=0.1)


def save_model(path: Path, model: nn.Module, task: DirectionsTask, shape: Shape) -> None:
    """Write a model as a checkpoint of a new run."""
    config = OmegaConf.to_container(config_of(shape, task.directions), resolve=True)
    origin = {"benchmark": "random weights"}
    state = bare_checkpoint(config, model.state_dict(), num_updates=0, origin=origin)
    write_checkpoint(path, state)


def profile_masks(model: nn.Module, directions: Sequence[str], seed: int = 0) -> Masks:
    """Return random masks with the paper's sparsity in each layer, alternately from and into."""
    layers = ffn_layers(model)
    width = next(iter(layers.values())).fc1.out_features
    sides = [list(SPARSITY.values())[i % 2] for i in range(len(directions))]
    # a model with fewer layers has the first ones of each stack
    half = len(layers) // 2
    profile_LN = np.array([[*side[:half], *side[6 : 6 + half]] for side in sides])
    kept_LN = np.round((1 - profile_LN) * width)
    shape = (len(directions), len(layers), width)
    rank_LNF = np.random.default_rng(seed).random(shape).argsort(axis=-1).argsort(axis=-1)
    return Masks(
        directions=tuple(directions),
        layers=tuple(layers),
        mask_LNF=rank_LNF < kept_LN[..., None],
        provenance={},
    )
