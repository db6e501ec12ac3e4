"""Reading and publishing checkpoints."""

import hashlib
from pathlib import Path
from typing import Any

import torch

from neuron_specialization.errors import InputError
from neuron_specialization.files import whole
from neuron_specialization.methods.adapters import is_adapter


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


def publish_checkpoint(best: Path, published: Path, *, adapters_only: bool = False) -> None:
    """Copy a checkpoint without its optimiser state; it appears only when it is whole.

    Of a model with adapters these alone are kept: the base has a checkpoint of its own.
    """
    state = read_checkpoint(best)
    if adapters_only:
        state["model"] = {name: t for name, t in state["model"].items() if is_adapter(name)}
    state["last_optimizer_state"] = None
    with whole(published) as partial:
        torch.save(state, partial)


def file_hash(path: Path) -> str:
    """The first 16 hexadecimal digits of a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
