"""fairseq's transformer as trainings build it, and made-up batches for it; no benchmark itself."""

import argparse
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fairseq.data import Dictionary
from torch import Tensor, nn

from neuron_specialization.fairseq_plugin.models import fairseq_config
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.flags import Architecture, Training

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
PADDING = 1


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A model, and the batches that it is trained on."""

    layers: int
    heads: int
    d_model: int
    d_ff: int
    vocabulary: int
    dropout: float
    max_tokens: int
    update_freq: int
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


def add_shape(parser: argparse.ArgumentParser) -> None:
    """The options of the model."""
    parser.add_argument("--shape", choices=SHAPES, default="builtin", help="(%(default)s)")
    parser.add_argument("--tokens", type=int, help="of a batch, if not as many as in training")
    parser.add_argument("--precision", choices=DTYPES, default="fp32", help="(%(default)s)")


def start(options: argparse.Namespace) -> None:
    """Make everything random start alike, with the threads that were asked for; say no more."""
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)


def architecture_of(options: argparse.Namespace, **changes: Any) -> Architecture:
    """The settings of a training of the shape that was asked for."""
    shape = SHAPES[options.shape]
    settings: dict[str, Any] = {
        "layers": shape.layers,
        "heads": shape.heads,
        "d_model": shape.d_model,
        "d_ff": shape.d_ff,
        "dropout": shape.dropout,
        "attention_dropout": shape.dropout,
        "activation_dropout": 0.0,
        "max_positions": 256,
        "temperature": 5,
        "max_tokens": options.tokens or shape.max_tokens,
        "update_freq": shape.update_freq,
        "learning_rate": 0.0005,
        "warmup_updates": 4000,
        "adam_betas": (0.9, 0.98),
        "adam_eps": 1e-6,
        "weight_decay": 0.0,
        "clip_norm": 0.0,
        "label_smoothing": 0.1,
        "max_updates": 1,
        "validate_every": 1,
        "patience": 1,
        "precision": options.precision,
    }
    return Architecture(**(settings | changes))


def build(options: argparse.Namespace, **changes: Any) -> tuple[nn.Module, DirectionsTask, Any]:
    """A model in training, its task and fairseq's configuration, with changes to its settings."""
    nowhere = Path()
    training = Training(
        data=nowhere,
        directions=["en-de"],
        save_dir=nowhere,
        tensorboard=nowhere,
        seed=1,
        device=options.device.partition(":")[0],
    )
    config = fairseq_config(architecture_of(options, **changes), training)
    dictionary = Dictionary()
    for number in range(SHAPES[options.shape].vocabulary - len(dictionary)):
        dictionary.add_symbol(f"piece{number}")
    task = DirectionsTask(config.task, dictionary, dictionary)
    torch.manual_seed(1)
    model: nn.Module = task.build_model(config.model)
    return model.to(options.device, DTYPES[options.precision]).train(), task, config


def made_up_batch(options: argparse.Namespace, tokens: int, seed: int = 0) -> dict[str, Any]:
    """A batch as training makes it: `tokens` with padding, sentences of similar lengths.

    About a twentieth is padding, as where sentences are sorted by length.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = SHAPES[options.shape]
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
        "net_input": {name: each.to(options.device) for name, each in inputs.items()},
        "target": target_BT.to(options.device),
        "ntokens": int((target_BT != PADDING).sum()),
    }
