"""Read, write and publish checkpoints."""

import errno
import os
import shutil
import sys
import zipfile
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neuron_specialization.errors import InputError
from neuron_specialization.files import atomic_write, sha256_of
from neuron_specialization.methods.adapters import is_adapter

LOW_DISK_BYTES = 100_000_000  # if fewer bytes are free, a failed write means that the disk is full
NONDETERMINISTIC_KEYS = (
    "metrics",
    "previous_training_time",
)  # meters and times, which differ between runs
PLACES: Mapping[str, Any] = {
    **dict.fromkeys(("user_dir", "tensorboard_logdir", "finetune_from_model"), None),
    **{"save_dir": "checkpoints", "data": "", "base": ""},
    **{"distributed_init_method": None, "distributed_port": -1, "distributed_rank": 0},
    **{"device_id": 0, "nprocs_per_node": 1},
}
"""Settings of fairseq that name a place on a machine, with what is published instead of it."""
FILES = ("masks", "weight_masks")
"""Settings that are paths of files, of which only the name is published."""


def load_file(
    path: Path, *, allowed: Sequence[Any] = (), trusted: bool = False, mapped: bool = False
) -> Any:
    """Load a file of torch on the CPU. Every reader of checkpoints goes through here.

    Args:
        path: the file.
        allowed: classes and functions that it may name, in addition to torch's list.
        trusted: unpickle it even if that can run code.
        mapped: read tensors from the disk when they are used, which needs torch's present format.

    Raises InputError if it does not exist or its checksums are wrong, which torch does not check,
    or whatever torch raises for a damaged file.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint")
    if zipfile.is_zipfile(path):
        check_sums(path)
    with torch.serialization.safe_globals(list(allowed)):
        return torch.load(path, map_location="cpu", weights_only=not trusted, mmap=mapped)


def read_checkpoint(path: Path, *, mapped: bool = False) -> dict[str, Any]:
    """Read a fairseq checkpoint on the CPU; raise InputError if it is missing or damaged.

    `load_file` describes `mapped`.
    """
    try:
        state = load_file(path, mapped=mapped)
    except (PermissionError, InputError):
        raise
    except Exception as error:  # torch raises half a dozen types, and none names the file
        raise InputError(
            f"{path}: not a valid fairseq checkpoint ({path.stat().st_size} bytes; {error}); if it "
            "is one of the workflow's results, delete it to train the system again"
        ) from error
    if not isinstance(state, dict) or "model" not in state:
        raise InputError(f"{path}: not a fairseq checkpoint, as it has no 'model'; use another")
    return state


def check_sums(path: Path) -> None:
    """Raise InputError if a checkpoint was damaged since it was written, however slightly."""
    try:
        with zipfile.ZipFile(path) as file:
            damaged = file.testzip()
    except (OSError, zipfile.BadZipFile) as error:
        damaged = str(error)
    if damaged:
        raise InputError(
            f"{path}: not a valid fairseq checkpoint ({path.stat().st_size} bytes; {damaged})"
        )


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint, which appears only when it is complete and on disk.

    Raise OSError if that fails, with the error number of a full disk if that is the reason.
    """
    with atomic_write(path) as partial:
        try:
            torch.save(state, partial)
        except RuntimeError as error:  # torch's writer does not state the reason
            free = shutil.disk_usage(partial.parent).free
            if free > LOW_DISK_BYTES:
                raise
            raise OSError(errno.ENOSPC, f"{error} ({free:,} bytes are free)", str(path)) from error
        with partial.open("rb") as file:
            os.fsync(file.fileno())


def publish_checkpoint(best: Path, published: Path, *, adapters_only: bool = False) -> None:
    """Copy a checkpoint without its optimiser state and whatever differs between runs.

    For a model with adapters, keep only the adapters: the base has a separate checkpoint. Runs
    that reach the same values publish the same bytes, wherever they were made, and whether they
    were resumed or not.
    """
    state = read_checkpoint(best)
    if adapters_only:
        state["model"] = {name: t for name, t in state["model"].items() if is_adapter(name)}
    state["last_optimizer_state"] = None
    del state["optimizer_history"][:-1]  # one entry per resumption
    # fairseq forgets this loss when a run resumes; none of our schedules reads it
    state["optimizer_history"][-1]["lr_scheduler_state"] = {"best": None}
    for name in NONDETERMINISTIC_KEYS:
        state["extra_state"].pop(name, None)
    forget_places(state["cfg"])
    write_checkpoint(published, unify_strings(state))


def forget_places(config: Mapping[str, Any]) -> None:
    """Replace the settings of fairseq that name a place on a machine, in all sections."""
    for section in config.values():
        settings = vars(section) if isinstance(section, Namespace) else section
        if isinstance(settings, dict):
            settings |= {name: value for name, value in PLACES.items() if name in settings}
            settings |= {name: Path(settings[name]).name for name in FILES if settings.get(name)}


def bare_checkpoint(
    config: Any, tensors: Mapping[str, Tensor], *, num_updates: int, origin: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a checkpoint as fairseq's trainer saves it, without optimiser state.

    `num_updates` is 0 if unknown; `origin` states where the model comes from, and is added to the
    trainer's extra state. Settings of `config` that name a place on a machine are replaced.
    """
    forget_places(config)
    return {
        "args": None,
        "cfg": config,
        "model": dict(tensors),
        "criterion": None,
        "optimizer_history": [
            {
                "criterion_name": "LabelSmoothedCrossEntropyCriterion",
                "optimizer_name": "FairseqAdam",
                "lr_scheduler_state": {"best": None},
                "num_updates": num_updates,
            }
        ],
        "task_state": {},
        "extra_state": {
            "train_iterator": {"version": 2, "epoch": 1, "iterations_in_epoch": 0},
            **origin,
        },
        "last_optimizer_state": None,
    }


def unify_strings(value: Any) -> Any:
    """Return the same value with equal strings as one object, because identity changes a pickle."""
    if isinstance(value, str):
        return sys.intern(value)
    if isinstance(value, dict):
        return {unify_strings(key): unify_strings(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(unify_strings, value))
    if isinstance(value, Namespace):
        return Namespace(**unify_strings(vars(value)))
    return value


def file_hash(path: Path) -> str:
    """Return the first 16 hexadecimal digits of a file's SHA-256."""
    return sha256_of(path)[:16]
