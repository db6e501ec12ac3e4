"""Trainings that survive: saved when they must end, resumed from the last whole checkpoint.

fairseq copies checkpoints over each other, so that a kill leaves half of one; saves none at an
interval that ends an epoch; forgets how long it has been patient; and stops by validating once
more. Two of its functions are therefore replaced here, by name, as it calls them.
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
from fairseq.trainer import Trainer
from fairseq_cli import train as training_loop
from torch import distributed

from neuron_specialization.errors import InputError, Stopped
from neuron_specialization.fairseq_plugin.checkpoints import (
    check_sums,
    read_checkpoint,
    write_checkpoint,
)
from neuron_specialization.files import link
from neuron_specialization.settings.training import Architecture

logger = logging.getLogger(__name__)

CHECKPOINTS_KEPT = 2  # last checkpoints: where the newest is damaged, the one before it serves
BEST = "checkpoint_best.pt"
LAST = "checkpoint_last.pt"  # what fairseq resumes from
STOPS = (signal.SIGTERM, signal.SIGUSR1)  # of SLURM before the wall time, of `kill`

validate_and_save = training_loop.validate_and_save
should_stop_early = training_loop.should_stop_early

received: list[signal.Signals] = []
"""The signals to stop that this process was sent."""


@contextmanager
def deferring_signals(pass_on: Callable[[], None] | None = None) -> Iterator[None]:
    """Have a signal to stop wait until the update under way is done.

    One that comes too late for this training stops the next. `pass_on` is called at each signal,
    where other processes train for this one.
    """

    def note(number: int, _: FrameType | None) -> None:
        received.append(signal.Signals(number))
        logger.info("%s: will save and stop after this update", received[-1].name)
        if pass_on:
            pass_on()

    if received:
        raise Stopped("nothing was begun")
    former = {number: signal.signal(number, note) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def validate_save_or_stop(
    config: Any, trainer: Trainer, task: Any, epochs: Any, subsets: list[str], end_of_epoch: bool
) -> tuple[list[float | None], bool]:
    """After each update: what fairseq does, then save and stop where that was asked for.

    Stopping does not validate, so that the best checkpoint is chosen from the same ones as in a
    training that was not stopped. Nor does an update that is left out, its gradients having
    overflowed: fairseq would validate the same model a second time.
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
            distributed.barrier()  # nobody ends before the checkpoint is written
        raise Stopped(f"{updates} updates are saved in {config.checkpoint.save_dir}")
    return losses, finished


def is_stop_wanted(device: torch.device) -> bool:
    """Whether any process of this training was asked to stop."""
    if not distributed.is_initialized():
        return bool(received)
    wanted = torch.tensor(float(bool(received)), device=device)
    distributed.all_reduce(wanted, distributed.ReduceOp.MAX)
    return bool(wanted)


def save_checkpoint(config: Any, trainer: Trainer, epochs: Any, value: float | None) -> str | None:
    """Save the state of a training, whole or not at all; instead of fairseq's.

    Kept are the last two, and the best one: that of the lowest validation loss, or of the highest
    score. The names of the last and of the best are second names of these files, no copies.
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


checkpoint_utils.save_checkpoint = save_checkpoint
training_loop.validate_and_save = validate_save_or_stop


def last_checkpoint(folder: Path, updates: int) -> Path:
    """The checkpoint after so many updates."""
    return folder / f"checkpoint.{updates}.pt"


def last_checkpoints(folder: Path) -> list[Path]:
    """The last checkpoints of a training, the newest first."""
    found = folder.glob("checkpoint.*.pt")
    return sorted(found, key=lambda path: int(path.suffixes[0][1:]), reverse=True)


def remove_work_folder(folder: Path) -> None:
    """Remove the work folder of a training.

    The newest checkpoint goes first, so that what a kill leaves is the folder of a training that
    has not ended yet.
    """
    for path in last_checkpoints(folder):
        path.unlink()
    shutil.rmtree(folder)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Updates that a training had done, its best loss or score, and validations since."""

    updates: int
    patience: dict[str, float]

    def is_finished(self, architecture: Architecture) -> bool:
        """Whether the training would have ended there by itself."""
        in_vain = self.patience.get("num_runs", 0)
        return self.updates >= architecture.max_updates or 0 < architecture.patience <= in_vain


def find_progress(folder: Path, processes: int) -> Progress | None:
    """Have a training resume from its newest checkpoint that can be read.

    Those that cannot are removed. The loader's position is that of one of `processes` processes.
    Returns what the training had reached; None where it starts anew.
    """
    for leftover in (*folder.glob("*.part"), folder / LAST):
        leftover.unlink(missing_ok=True)
    for path in last_checkpoints(folder):
        try:
            check_sums(path)
            state = read_checkpoint(path)
        except InputError as error:
            logger.warning("%s; going on from an earlier one", error)
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
    """Have the best checkpoint be there, and whole.

    Where a kill came before it got its name it is given. Where it cannot be read, the best of
    the checkpoints from this one on takes its place.
    """
    best, extra = path.with_name(BEST), state["extra_state"]
    if "best" not in extra:
        return  # no validation yet
    if extra["val_loss"] != extra["best"]:
        try:
            check_sums(best)
            return
        except InputError as error:
            logger.warning("%s; the best one from %s on takes its place", error, path.name)
        best.unlink(missing_ok=True)
        del extra["best"]
        if extra["val_loss"] is not None:
            extra["best"] = extra["val_loss"]
        write_checkpoint(path, state)
    if "best" in extra:
        link(path, best)


def share_loader(path: Path, state: dict[str, Any], processes: int) -> None:
    """Rewrite a checkpoint for another number of processes; each loads its share of the batches."""
    extra = state["extra_state"]
    if extra["processes"] != processes:
        batches = extra["train_iterator"]["iterations_in_epoch"] * extra["processes"]
        extra["train_iterator"]["iterations_in_epoch"] = batches // processes
        extra["processes"] = processes
        write_checkpoint(path, state)
