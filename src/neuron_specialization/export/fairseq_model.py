"""Checkpoints for unmodified fairseq: its task `translation`, its model `transformer`."""

import warnings
from argparse import ArgumentParser
from collections import OrderedDict
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


def write_fairseq_checkpoint(
    path: Path,
    tensors: Mapping[str, Tensor],
    settings: Mapping[str, Any],
    direction: str,
    num_updates: int,
) -> None:
    """Write a checkpoint that does not depend on this project.

    fairseq has one FFN width per stack: narrower layers get neurons that emit 0. The settings, see
    `model_settings`, are plain dictionaries, which torch reads without allowing fairseq's classes.
    """
    widths = ffn_widths(tensors)
    widest = {  # fairseq builds no empty layer
        stack: max(1, *(width for name, width in widths.items() if name.startswith(stack)))
        for stack in ("encoder", "decoder")
    }
    padded = pad_state(tensors, {name: widest[name.split(".")[0]] for name in widths})
    sizes = {f"{stack}_ffn_embed_dim": width for stack, width in widest.items()}
    config = plain_fairseq_config({**settings, **sizes}, direction)
    state = bare_checkpoint(
        config, padded, num_updates=num_updates, origin={"exported_direction": direction}
    )
    write_checkpoint(path, state)


def model_settings(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run that fairseq's transformer knows."""
    parser = ArgumentParser(add_help=False)
    TransformerModel.add_args(parser)
    names = [action.dest for action in parser._actions]
    return {name: model[name] for name in names if name in model}


def plain_fairseq_config(settings: Mapping[str, Any], direction: str) -> Any:
    """Return fairseq's training configuration with its own task and model, in plain containers."""
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
        warnings.simplefilter("ignore")  # hydra warns about fairseq's calls
        config = convert_namespace_to_omegaconf(arguments)
    plain: Any = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    model = {"_name": ARCHITECTURE, "arch": ARCHITECTURE, **settings}
    plain["model"] = with_attributes(model, {**vars(arguments), **model})
    return plain


def with_attributes(settings: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as a dictionary that has attributes, too.

    CTranslate2's converter reads arguments by attribute. Of objects that have any, torch's safe
    reader allows only this one.
    """
    found = OrderedDict(settings)
    vars(found).update(attributes)
    return found
