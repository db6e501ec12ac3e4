"""Reading and publishing checkpoints."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from fairseq import checkpoint_utils
from torch import nn

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.files import whole


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a fairseq checkpoint on the CPU; InputError where it is missing or damaged."""
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        assert "model" in state
    except Exception as error:  # torch raises half a dozen kinds, none of which name the file
        raise InputError(
            f"{path}: not a whole fairseq checkpoint ({path.stat().st_size} bytes; {error}); "
            "delete it to have the system trained again"
        ) from error
    return state


def load_model(path: Path, overrides: Mapping[str, Any]) -> tuple[nn.Module, DirectionsTask]:
    """Load a trained model for recording or decoding.

    Args:
        path: the checkpoint.
        overrides: settings of the task that replace those it was trained with
            (`data`, `directions`, `masks`).

    Returns:
        The model in evaluation mode and its task.
    """
    read_checkpoint(path)
    models, _, task = checkpoint_utils.load_model_ensemble_and_task(
        [str(path)], arg_overrides=dict(overrides)
    )
    return models[0].eval(), task


def publish_checkpoint(best: Path, published: Path) -> None:
    """Copy a checkpoint without its optimiser state; it appears only when it is whole."""
    state = read_checkpoint(best)
    state["last_optimizer_state"] = None
    with whole(published) as partial:
        torch.save(state, partial)


def file_hash(path: Path) -> str:
    """The first 16 hexadecimal digits of a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
