"""Checkpoints that fairseq reads as it is: its task `translation`, its model `transformer`."""

import warnings
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairseq import options
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.models.transformer import TransformerModel
from omegaconf import OmegaConf
from torch import Tensor

from neuron_specialization.export.slicing import ffn_widths, pad_state
from neuron_specialization.fairseq_plugin.checkpoints import bare_checkpoint, write_checkpoint
from neuron_specialization.fairseq_plugin.flags import as_flags

ARCHITECTURE = "transformer"


def write_stock(
    path: Path,
    tensors: Mapping[str, Tensor],
    settings: Mapping[str, Any],
    direction: str,
    num_updates: int,
) -> None:
    """Write a checkpoint that needs nothing of this project.

    fairseq has one FFN width per stack: narrower layers get neurons that emit 0. Its settings are
    plain dictionaries, which torch reads without being told of fairseq's classes.

    Args:
        path: the checkpoint to write.
        tensors: the state dict, each layer as wide as it is.
        settings: fairseq's settings of the model, see `model_settings`.
        direction: the direction that it translates.
        num_updates: of its training.
    """
    widths = stack_widths(ffn_widths(tensors))
    padded = pad_state(tensors, {name: widths[stack_of(name)] for name in ffn_widths(tensors)})
    sizes = {f"{stack}_ffn_embed_dim": width for stack, width in widths.items()}
    config = stock_config({**settings, **sizes}, direction)
    state = bare_checkpoint(
        config, padded, num_updates=num_updates, origin={"exported_direction": direction}
    )
    write_checkpoint(path, state)


def stack_of(layer: str) -> str:
    """`encoder.layers.0` to `encoder`."""
    return layer.split(".")[0]


def stack_widths(widths: Mapping[str, int]) -> dict[str, int]:
    """The width of the widest layer of each stack; at least 1, as fairseq builds no empty layer."""
    stacks = dict.fromkeys(map(stack_of, widths))
    return {
        stack: max(1, *(width for name, width in widths.items() if stack_of(name) == stack))
        for stack in stacks
    }


def model_settings(model: Mapping[str, Any]) -> dict[str, Any]:
    """Of all settings of a training those that fairseq's transformer knows."""
    parser = ArgumentParser(add_help=False)
    TransformerModel.add_args(parser)
    names = [action.dest for action in parser._actions]
    return {name: model[name] for name in names if name in model}


def stock_config(settings: Mapping[str, Any], direction: str) -> Any:
    """fairseq's configuration of a training with its own task and model, in plain containers."""
    source, target = direction.split("-")
    flags = as_flags(
        {
            "task": "translation",
            "arch": ARCHITECTURE,
            "source-lang": source,
            "target-lang": target,
            "max-source-positions": settings["max_source_positions"],
            "max-target-positions": settings["max_target_positions"],
        }
    )
    arguments = options.parse_args_and_arch(options.get_training_parser(), [".", *flags])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hydra's, of names that fairseq calls it by
        config = convert_namespace_to_omegaconf(arguments)
    plain: Any = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    plain["model"] = {"_name": ARCHITECTURE, "arch": ARCHITECTURE, **settings}
    return plain
