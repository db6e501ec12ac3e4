"""Fault-tolerant training: save on signals, resume from the newest intact checkpoint.

fairseq copies checkpoints over each other, so that a kill can leave half of one; saves none if an
interval ends with an epoch; forgets its patience counter; validates once more before it stops; and
hides why a run has diverged. This module therefore replaces its functions, by name, as fairseq
calls them.
"""

import logging
import operator
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from fairseq import checkpoint_utils, utils
from fairseq import trainer as trainer_module
from fairseq.trainer import Trainer
from fairseq_cli import train as training_loop
from torch import distributed, nn

from neuron_specialization.errors import InputError, Stopped
from neuron_specialization.fairseq_plugin.checkpoints import (
    check_sums,
    read_checkpoint,
    write_checkpoint,
)
from neuron_specialization.files import check_locks, link
from neuron_specialization.settings.training import Architecture

logger = logging.getLogger(__name__)

CHECKPOINTS_KEPT = 2  # last checkpoints: if the newest is damaged, the previous one is used
BEST = "checkpoint_best.pt"
LAST = "checkpoint_last.pt"  # fairseq resumes from it
STOPS = (signal.SIGTERM, signal.SIGUSR1)  # sent by SLURM before the wall time, or by `kill`

validate_and_save = training_loop.validate_and_save
should_stop_early = training_loop.should_stop_early

received: list[signal.Signals] = []
"""Stop signals that this process received."""


@contextmanager
def deferring_signals(pass_on: Callable[[], None] | None = None) -> Iterator[None]:
    """Delay stop signals until the current update is finished.

    A signal that comes too late for this run stops the next one. `pass_on` is called at each
    signal if other processes do the training.
    """

    def note(number: int, _: FrameType | None) -> None:
        received.append(signal.Signals(number))
        logger.info("%s: will save and stop after this update", received[-1].name)
        if pass_on:
            pass_on()

    if received:
        raise Stopped("nothing was started")
    former = {number: signal.signal(number, note) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def validate_save_or_stop(
    config: Any, trainer: Trainer, task: Any, epochs: Any, subsets: list[str], end_of_epoch: bool
) -> tuple[list[float | None], bool]:
    """Run fairseq's own step after each update, then save and stop if a signal asked for it.

    Stopping does not validate, so that the best checkpoint is chosen from the same ones as in a
    run that was not stopped. An update skipped because its gradients overflowed is not validated
    either: fairseq would validate the same model a second time.
    """
    updates, past = trainer.get_num_updates(), task.validations.past
    losses: list[float | None] = [None]
    finished = False
    if not past or past[-1].updates != updates:
        losses, finished = validate_and_save(config, trainer, task, epochs, subsets, end_of_epoch)
    if not finished and is_stop_wanted(trainer.device):
        if not last_checkpoint(Path(config.checkpoint.save_dir), updates).exists():
            save_checkpoint(config.checkpoint, trainer, epochs, None)
        if distributed.is_initialized():
            distributed.barrier()  # no process exits before the checkpoint is written
        raise Stopped(f"{updates} updates are saved in {config.checkpoint.save_dir}")
    return losses, finished


def is_stop_wanted(device: torch.device) -> bool:
    """Return whether any process of this run was asked to stop."""
    if not distributed.is_initialized():
        return bool(received)
    wanted = torch.tensor(float(bool(received)), device=device)
    distributed.all_reduce(wanted, distributed.ReduceOp.MAX)
    return bool(wanted)


def save_checkpoint(config: Any, trainer: Trainer, epochs: Any, value: float | None) -> str | None:
    """Save the state of a run atomically; replaces fairseq's function.

    Keep the last two checkpoints and the best one, which has the lowest validation loss or the
    highest score. The names of the last and the best are hard links to these files, not copies.
    """
    path = last_checkpoint(Path(config.save_dir), trainer.get_num_updates())
    best = path.with_name(BEST)
    is_better = operator.ge if config.maximize_best_checkpoint_metric else operator.le
    is_best = value is not None and is_better(value, getattr(save_checkpoint, "best", value))
    if value is not None:
        trainer.task.validations.note(trainer.get_num_updates(), value)
    if is_best:
        save_checkpoint.best = value  # type: ignore[attr-defined]  # where fairseq looks for it
    trainer.consolidate_optimizer()
    if not trainer.should_save_checkpoint_on_current_rank:
        return None
    state = utils.move_to_cpu(trainer.state_dict())
    state["extra_state"] |= {
        "train_iterator": epochs.state_dict(),
        "val_loss": value,
        "patience": vars(should_stop_early).copy(),
        "processes": trainer.data_parallel_world_size,
        **trainer.task.get_checkpoint_dict(),
    }
    if hasattr(save_checkpoint, "best"):
        state["extra_state"]["best"] = save_checkpoint.best
    write_checkpoint(path, state)
    link(path, path.with_name(LAST))
    if is_best or (value is not None and not best.exists()):
        link(path, best)
    for old in last_checkpoints(path.parent)[CHECKPOINTS_KEPT:]:
        old.unlink()
    logger.info("saved %s, validation %s %s", path, config.best_checkpoint_metric, value)
    return str(path)


def load_without_settings(path: str, *_: Any, **__: Any) -> dict[str, Any]:
    """Read a checkpoint for fairseq's trainer, without the settings of the file."""
    return read_checkpoint(Path(path)) | {"cfg": None, "args": None}


def save_no_crash(*_: Any, **__: Any) -> None:
    """Save nothing: fairseq saves the state of a run that has diverged, which is of no use."""


def raise_again(_: nn.Module) -> None:
    """Raise the error of a run that has diverged; fairseq would search its layers for the cause."""
    raise  # fairseq calls this where it handles the error


trainer_module.NanDetector = raise_again
Trainer.save_checkpoint = save_no_crash
checkpoint_utils.save_checkpoint = save_checkpoint
checkpoint_utils.load_checkpoint_to_cpu = load_without_settings
training_loop.validate_and_save = validate_save_or_stop


def last_checkpoint(folder: Path, updates: int) -> Path:
    """Return the path of the checkpoint after a number of updates."""
    return folder / f"checkpoint.{updates}.pt"


def last_checkpoints(folder: Path) -> list[Path]:
    """Return the last checkpoints of a run, newest first."""
    found = folder.glob("checkpoint.*.pt")
    return sorted(found, key=lambda path: int(path.suffixes[0][1:]), reverse=True)


def remove_work_folder(folder: Path) -> None:
    """Remove the work folder of a run.

    The newest checkpoint is removed first, so that a folder that a kill leaves looks like an
    unfinished run's.
    """
    check_locks()
    for path in last_checkpoints(folder):
        path.unlink()
    shutil.rmtree(folder)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Updates that a run has done, its best loss or score, and the validations since then."""

    updates: int
    patience: dict[str, float]

    def is_finished(self, architecture: Architecture) -> bool:
        """Return whether the run would have ended at this point anyway."""
        in_vain = self.patience.get("num_runs", 0)
        return self.updates >= architecture.max_updates or 0 < architecture.patience <= in_vain


def find_progress(folder: Path, processes: int) -> Progress | None:
    """Make a run resume from its newest readable checkpoint, and return its progress.

    Remove unreadable checkpoints, and convert the loader's position to `processes` processes.
    Return None if the run starts from scratch.
    """
    for leftover in (*folder.glob("*.part"), folder / LAST):
        leftover.unlink(missing_ok=True)
    for path in last_checkpoints(folder):
        try:
            state = read_checkpoint(path)
        except InputError as error:
            logger.warning("%s; resuming from an earlier one", error)
            path.unlink()
            continue
        repair_best_checkpoint(path, state)
        share_loader(path, state, processes)
        link(path, path.with_name(LAST))
        return Progress(
            updates=state["optimizer_history"][-1]["num_updates"],
            patience=state["extra_state"]["patience"],
        )
    return None


def repair_best_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Ensure that the best checkpoint exists and is intact.

    If a kill came before it got its name, link it. If it cannot be read, replace it by the best of
    the checkpoints from this one on.
    """
    best, extra = path.with_name(BEST), state["extra_state"]
    if "best" not in extra:
        return  # no validation yet
    if extra["val_loss"] != extra["best"]:
        try:
            check_sums(best)
            return
        except InputError as error:
            logger.warning("%s; the best one from %s on replaces it", error, path.name)
        best.unlink(missing_ok=True)
        del extra["best"]
        if extra["val_loss"] is not None:
            extra["best"] = extra["val_loss"]
        write_checkpoint(path, state)
    if "best" in extra:
        link(path, best)


def share_loader(path: Path, state: dict[str, Any], processes: int) -> None:
    """Rewrite a checkpoint for another number of processes, which share the batches equally."""
    extra = state["extra_state"]
    if extra["processes"] != processes:
        batches = extra["train_iterator"]["iterations_in_epoch"] * extra["processes"]
        extra["train_iterator"]["iterations_in_epoch"] = batches // processes
        extra["processes"] = processes
        write_checkpoint(path, state)
