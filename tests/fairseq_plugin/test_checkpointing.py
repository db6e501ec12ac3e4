"""Runs that are stopped, killed or lack disk space end as if nothing had happened."""

import errno
import os
import shutil
import signal
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from neuron_specialization.errors import InputError, Stopped
from neuron_specialization.fairseq_plugin import checkpointing
from neuron_specialization.fairseq_plugin.checkpointing import last_checkpoints, received
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint, write_checkpoint
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from tests.trained_models import run_training

EPOCH = 38  # updates
NAMED = ["checkpoint_best.pt", "checkpoint_last.pt"]  # fairseq's names for some of them


def at_update(patch: pytest.MonkeyPatch, number: int, act: Callable[[], None]) -> None:
    """Call a function in the middle of an update, counted from 1."""
    original = DirectionsTask.optimizer_step

    def step(self: DirectionsTask, optimizer: object, model: object, update_num: int) -> None:
        if update_num + 1 == number:
            act()
        original(self, optimizer, model, update_num)

    patch.setattr(DirectionsTask, "optimizer_step", step)


def die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_same(one: Path, other: Path) -> None:
    """Assert that two published checkpoints are the same, except for the folders of their runs."""
    ours, theirs = read_checkpoint(one), read_checkpoint(other)
    for state in (ours, theirs):
        settings = state["cfg"]
        for section in (settings["checkpoint"], settings["common"], vars(settings["model"])):
            section.pop("save_dir", None)
            section.pop("tensorboard_logdir", None)
    assert_equal(ours, theirs)


def assert_equal(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, Namespace):
        one, other = vars(one), vars(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        for name in one:
            assert_equal(one[name], other[name])
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    else:
        assert one == other


def run_and_die(data: Path, folder: Path, number: int = 13, **settings: Any) -> Path:
    """Train, and be killed in the middle of an update; return the work folder."""
    with pytest.MonkeyPatch.context() as patch:
        at_update(patch, number, die)
        with pytest.raises(KeyboardInterrupt):
            run_training(data, folder, **settings)
    return folder / "work"


@pytest.fixture(scope="module")
def often(binarised: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run with validations every 5 updates."""
    return run_training(binarised, tmp_path_factory.mktemp("often"), validate_every=5)


@pytest.fixture(scope="module")
def killed_often(binarised: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the work folder of the same run, killed in its 13th update."""
    return run_and_die(binarised, tmp_path_factory.mktemp("killed"), validate_every=5)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1"])
def test_a_signal_saves_and_stops_and_the_next_run_resumes(
    baseline: Path, binarised: Path, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        at_update(patch, 13, lambda: os.kill(os.getpid(), signal.Signals[name]))
        with pytest.raises(Stopped, match="13 updates are saved in"):
            run_training(binarised, tmp_path)
    assert names(tmp_path / "work") == ["checkpoint.10.pt", "checkpoint.13.pt", *NAMED]
    assert not (tmp_path / "checkpoint.pt").exists()
    assert read_checkpoint(tmp_path / "work/checkpoint.13.pt")["extra_state"]["val_loss"] is None
    with pytest.raises(Stopped, match="nothing was started"):
        run_training(binarised, tmp_path)  # the signal is for the process, not for that run
    received.clear()
    published = run_training(binarised, tmp_path)
    assert_same(published, baseline)
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("epochs", [1.5, 2.0])
def test_a_resumed_run_publishes_the_same_bytes(
    binarised: Path, tmp_path: Path, epochs: float
) -> None:
    """Resume in the middle of an epoch, and where an epoch ends with a validation."""
    saved = int(epochs * EPOCH)
    sizes = {"validate_every": saved, "max_updates": saved + 3}
    published = run_training(binarised, tmp_path, **sizes)
    curve = published.with_suffix(".curve.csv")
    expected = [path.read_bytes() for path in (published, curve)]
    published.unlink()
    curve.unlink()
    work = run_and_die(binarised, tmp_path, saved + 2, **sizes)
    assert names(work) == [f"checkpoint.{saved}.pt", *NAMED]
    loader = read_checkpoint(work / f"checkpoint.{saved}.pt")["extra_state"]
    assert (loader["train_iterator"]["iterations_in_epoch"] == 0) == epochs.is_integer()
    run_training(binarised, tmp_path, **sizes)
    assert [path.read_bytes() for path in (published, curve)] == expected


def test_signal_handlers_are_restored_after_training(binarised: Path, tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in checkpointing.STOPS]
    run_training(binarised, tmp_path, max_updates=1, validate_every=1)
    assert [signal.getsignal(number) for number in checkpointing.STOPS] == before


def test_a_kill_after_the_last_update_trains_no_further(
    baseline: Path, binarised: Path, tmp_path: Path
) -> None:
    """fairseq would do one more update before it checks whether it had done them all."""
    die_unpublished(binarised, tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DirectionsTask, "train_step", die)
        die_unpublished(binarised, tmp_path)
    assert_same(run_training(binarised, tmp_path), baseline)


def die_unpublished(data: Path, folder: Path, **settings: Any) -> None:
    """Train to the end, and be killed before the model is published."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neuron_specialization.fairseq_plugin.training.publish_checkpoint", die)
        with pytest.raises(KeyboardInterrupt):
            run_training(data, folder, **settings)


def test_resuming_keeps_patience(binarised: Path, tmp_path: Path) -> None:
    """Train without improvement, so that the run ends after `patience` validations."""
    settings: dict[str, Any] = {
        "learning_rate": 0.0,
        "max_updates": 30,
        "validate_every": 1,
        "patience": 6,
        "dropout": 0.0,
    }
    run_and_die(binarised, tmp_path, 5, **settings)
    published = run_training(binarised, tmp_path, **settings)
    assert read_checkpoint(published)["optimizer_history"][-1]["num_updates"] == 7


def test_an_overflowed_update_is_not_validated_again(binarised: Path, tmp_path: Path) -> None:
    """In half precision, some updates are skipped and leave the model unchanged."""

    def overflow() -> None:
        if not overflowed:
            overflowed.append(True)
            raise OverflowError

    settings: dict[str, Any] = {"learning_rate": 0.0, "patience": 4, "dropout": 0.0}
    overflowed: list[bool] = []
    with pytest.MonkeyPatch.context() as patch:
        at_update(patch, 11, overflow)
        patch.setattr(torch.Tensor, "cuda", torch.Tensor.cpu)  # fairseq overflows on GPUs only
        published = run_training(
            binarised, tmp_path, max_updates=100, validate_every=10, **settings
        )
    assert overflowed
    lines = published.with_suffix(".curve.csv").read_text().splitlines()[1:]
    assert [int(line.split(",")[0]) for line in lines] == [10, 20, 30, 40, 50]
    batches = [int(line.split(",")[3]) for line in lines]
    assert batches[1] > batches[0], "skipped batches were read too"


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_a_damaged_newest_checkpoint_is_skipped_with_a_warning(
    often: Path,
    killed_often: Path,
    binarised: Path,
    tmp_path: Path,
    damage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    work = shutil.copytree(killed_often, tmp_path / "work")
    assert names(work) == ["checkpoint.10.pt", "checkpoint.5.pt", *NAMED]
    newest = work / "checkpoint.10.pt"
    content = bytearray(newest.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 255
    newest.unlink()  # hard links keep their content
    newest.write_bytes({"truncated": content[:5000], "empty": b""}.get(damage, content))
    published = run_training(binarised, tmp_path, validate_every=5)
    assert "resuming from an earlier one" in caplog.text
    assert "checkpoint.10.pt: not a valid fairseq checkpoint" in caplog.text
    assert_same(published, often)


@pytest.mark.parametrize("finished", [False, True])
def test_a_damaged_best_checkpoint_is_replaced_by_the_best_later_one(
    baseline: Path,
    binarised: Path,
    tmp_path: Path,
    finished: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if not finished:
            at_update(patch, 13, die)
        die_unpublished(binarised, tmp_path)
    work = tmp_path / "work"
    newest = last_checkpoints(work)[0]
    state = read_checkpoint(newest)
    state["extra_state"]["best"] -= 1  # simulate a better earlier checkpoint
    write_checkpoint(newest, state)
    (work / "checkpoint_best.pt").unlink()
    (work / "checkpoint_best.pt").write_bytes(b"damaged")
    published = run_training(binarised, tmp_path)
    assert f"the best one from {newest.name} on replaces it" in caplog.text
    expected = read_checkpoint(baseline)
    assert_equal(read_checkpoint(published)["model"], expected["model"])
    assert read_checkpoint(published)["extra_state"]["best"] == expected["extra_state"]["best"]


def test_a_kill_while_the_work_folder_is_removed(
    often: Path, binarised: Path, tmp_path: Path
) -> None:
    """Whichever file is removed last, the rest does not look like a finished run."""
    die_unpublished(binarised, tmp_path, validate_every=5)
    kept = tmp_path / "work"
    whole = names(kept)
    assert whole == ["checkpoint.15.pt", "checkpoint.20.pt", *NAMED]
    for removed in range(1, len(whole)):
        folder = tmp_path / str(removed)
        shutil.copytree(kept, folder / "work")
        with pytest.MonkeyPatch.context() as patch:
            dying_at_file(patch, removed + 1)
            with pytest.raises(KeyboardInterrupt):
                checkpointing.remove_work_folder(folder / "work")
        assert len(names(folder / "work")) == len(whole) - removed
        assert_same(run_training(binarised, folder, validate_every=5), often)


def dying_at_file(patch: pytest.MonkeyPatch, number: int) -> None:
    """Die instead of removing a file, counted from 1."""
    removed = []
    original = os.unlink

    def unlink(*args: Any, **options: Any) -> None:
        removed.append(args)
        if len(removed) == number:
            raise KeyboardInterrupt
        original(*args, **options)

    patch.setattr(os, "unlink", unlink)


def test_partial_files_of_a_kill_are_removed(
    baseline: Path, binarised: Path, tmp_path: Path
) -> None:
    work = run_and_die(binarised, tmp_path)
    (work / "checkpoint.13.pt.part").write_bytes(b"half")
    (work / "checkpoint_best.pt").unlink()  # killed before it was linked
    assert_same(run_training(binarised, tmp_path), baseline)


def test_an_interval_at_the_end_of_an_epoch_is_saved(
    binarised: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """fairseq itself saves none of these."""
    work = run_and_die(binarised, tmp_path, 30, validate_every=1, max_updates=40)
    positions = {
        state["optimizer_history"][-1]["num_updates"]: state["extra_state"]["train_iterator"]
        for state in map(read_checkpoint, last_checkpoints(work))
    }
    assert sorted(positions) == [28, 29]


def test_too_little_disk_space_for_checkpoints_is_refused_beforehand(
    binarised: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("usage", (), {"free": 200_000})
    monkeypatch.setattr("neuron_specialization.files.shutil.disk_usage", lambda _: usage)
    with pytest.raises(InputError, match=r"are needed for its checkpoints, .* has 0\.00"):
        run_training(binarised, tmp_path)


def test_a_disk_that_fills_up_keeps_the_last_checkpoint(
    baseline: Path, binarised: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = "neuron_specialization.fairseq_plugin"
    monkeypatch.setattr(f"{plugin}.training.require_space", lambda *_: None)
    filler = small_disk / "filler"

    def fill() -> None:
        room = os.statvfs(small_disk)
        filler.write_bytes(bytes(room.f_bavail * room.f_frsize - 20_000))

    with pytest.MonkeyPatch.context() as patch:
        at_update(patch, 13, fill)
        with pytest.raises(OSError) as caught:  # noqa: PT011
            run_training(binarised, small_disk)
    assert caught.value.errno == errno.ENOSPC
    assert names(small_disk / "work") == ["checkpoint.10.pt", *NAMED]
    filler.unlink()
    assert_same(run_training(binarised, small_disk), baseline)


class Bomb:
    """An object that runs a program when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mknod, (str(self.path),)


@pytest.mark.parametrize("place", ["parent", "work"])
def test_a_pickle_bomb_does_not_go_off(
    binarised: Path, tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    exploded = tmp_path / "exploded"
    bomb = tmp_path / "parent.pt" if place == "parent" else tmp_path / "work/checkpoint.5.pt"
    bomb.parent.mkdir(exist_ok=True)
    torch.save({"model": {}, "extra_state": Bomb(exploded)}, bomb)
    shutil.copy(bomb, tmp_path / "kept.pt")
    if place == "parent":
        with pytest.raises(InputError, match="not a valid fairseq checkpoint"):
            run_training(binarised, tmp_path, parent=bomb)
    else:
        run_training(binarised, tmp_path, max_updates=1, validate_every=1)
        assert "checkpoint.5.pt: not a valid fairseq checkpoint" in caplog.text
    assert not exploded.exists()
    torch.load(tmp_path / "kept.pt", weights_only=False)
    assert exploded.exists()  # the bomb works
