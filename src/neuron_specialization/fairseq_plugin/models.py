"""Trained models, loaded for recording or decoding."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fairseq import checkpoint_utils
from torch import nn

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.methods import check_directions, parse_sets
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.methods.adapters import is_adapter


def load_model(path: Path, overrides: Mapping[str, Any]) -> tuple[nn.Module, DirectionsTask]:
    """Load a trained model.

    Args:
        path: the checkpoint; one of adapters holds these alone, their base comes from `base`.
        overrides: settings of the task that replace those it was trained with: `data`,
            `directions`, and the files of what directions have of their own.

    Returns:
        The model in evaluation mode and its task.
    """
    read_checkpoint(path)
    state = checkpoint_utils.load_checkpoint_to_cpu(str(path), dict(overrides))
    has_adapters = bool(state["cfg"].task.adapter_sets)
    if has_adapters:
        state["model"] = choose_sets(state, path)
    models, _, task = checkpoint_utils.load_model_ensemble_and_task(
        [str(path)], state=state, strict=not has_adapters
    )
    return models[0].eval(), task


def choose_sets(state: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The adapters of the task's directions, in the order in which the task stacks them."""
    task = state["cfg"].task
    sets = parse_sets(task.adapter_sets)
    directions = task.directions.split(",")
    check_directions(sets, directions, f"adapters of {path}")
    rows = set_rows(list(sets.values()), [sets[direction] for direction in directions])
    adapters = {name: tensor[rows] for name, tensor in state["model"].items() if is_adapter(name)}
    if not adapters or adapters.keys() != state["model"].keys():
        raise InputError(f"{path}: not a checkpoint of adapters; delete it to have them trained")
    return adapters


def set_rows(stored: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where the different sets of `wanted` are among the different sets of `stored`."""
    order = list(dict.fromkeys(stored))
    return [order.index(name) for name in dict.fromkeys(wanted)]
