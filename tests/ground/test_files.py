"""Files appear whole, and are written by one process at a time."""

import multiprocessing
import re
import subprocess
import sys
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from neuron_specialization.errors import InputError, Stopped
from neuron_specialization.files import atomic_folder, atomic_write, held_locks, link, write_text

FORK = multiprocessing.get_context("fork")


def hold_file(path: Path, started: Event, finish: Event) -> None:
    """Write a file slowly."""
    with atomic_write(path) as partial:
        partial.write_text("first")
        started.set()
        finish.wait(60)


def hold_folder(path: Path, started: Event, finish: Event) -> None:
    """Fill a folder slowly."""
    with atomic_folder(path) as partial:
        (partial / "a").write_text("first")
        started.set()
        finish.wait(60)


@pytest.mark.parametrize("hold", [hold_file, hold_folder])
def test_a_second_writer_is_refused(tmp_path: Path, hold: object) -> None:
    started, finish = FORK.Event(), FORK.Event()
    writer = FORK.Process(target=hold, args=(tmp_path / "out", started, finish))
    writer.start()
    started.wait(60)
    second = atomic_write if hold is hold_file else atomic_folder
    with (
        pytest.raises(InputError, match=r"out\.part: another process is writing it"),
        second(tmp_path / "out") as partial,
    ):
        (partial / "b").write_text("second")
    finish.set()
    writer.join()
    out = tmp_path / "out"
    assert (out if hold is hold_file else out / "a").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_remains_of_a_killed_writer_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "out.part").write_text("half")
    write_text(tmp_path / "out", "whole")
    (tmp_path / "folder.part/deep").mkdir(parents=True)
    (tmp_path / "folder.part/link").symlink_to(tmp_path / "out")
    with atomic_folder(tmp_path / "folder") as partial:
        assert list(partial.iterdir()) == []
    assert (tmp_path / "out").read_text() == "whole"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "out"]


@pytest.mark.parametrize("content", ["another's", None])
def test_a_job_that_lost_its_lock_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    lock, out, new = (tmp_path / name for name in ("lock", "out", "new"))
    lock.write_text("mine")
    monkeypatch.setitem(held_locks, lock, "mine")
    write_text(out, "old")
    write_text(new, "new")
    lock.unlink()
    if content:
        lock.write_text(content)
    with pytest.raises(Stopped, match=r"lock no longer belongs to this job"):
        write_text(out, "new")
    with pytest.raises(Stopped):
        link(new, out)
    with pytest.raises(Stopped), atomic_folder(tmp_path / "folder"):
        pass
    assert out.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} - {"lock"} == {"out", "new"}


OPEN_MANY = """
import resource, sys
from neuron_specialization.files import allow_open_files
resource.setrlimit(resource.RLIMIT_NOFILE, (64, int(sys.argv[1])))
allow_open_files(300)
files = [open("/dev/null") for _ in range(300)]
"""


def test_the_limit_of_open_files_is_raised_as_far_as_allowed() -> None:
    """With 70 languages, the usual limit of 1,024 was reached at the start of an epoch."""

    def run(hard: int) -> subprocess.CompletedProcess:
        command = [sys.executable, "-c", OPEN_MANY, str(hard)]
        return subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)

    assert run(hard=500).returncode == 0
    found = run(hard=200).stderr
    assert re.search(r"InputError: 4\d\d files must be open at a time, but the limit is 200", found)
