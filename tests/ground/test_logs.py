"""Logs of jobs that fail."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from neuron_specialization.files import atomic_write, write_text

JOB = """
import errno, os, sys
from neuron_specialization.errors import InputError
from neuron_specialization.logs import log_to
with log_to(sys.argv[1]):
    print("from Python")
    os.system("echo from a program")
    raise {error}
"""


@pytest.mark.parametrize(
    ("error", "message", "traceback"),
    [
        ("InputError('train.de, line 3: empty')", "error: train.de, line 3: empty", False),
        ("OSError(errno.ENOSPC, 'No space left on device', 'a.pt')", "the disk is full", False),
        (
            "OSError(errno.EROFS, 'Read-only', 'a.pt')",
            "make the folder writable",
            False,
        ),
        ("PermissionError(errno.EACCES, 'Denied', 'a.pt')", "make the file readable", False),
        ("OSError(errno.ENOENT, 'No such file', 'a.pt')", "No such file", True),
        ("KeyError('a bug')", "a bug", True),
    ],
)
def test_users_get_messages_and_bugs_keep_tracebacks(
    tmp_path: Path, project: Path, error: str, message: str, traceback: bool
) -> None:
    log = tmp_path / "job.log"
    done = subprocess.run(
        [sys.executable, "-c", JOB.format(error=error), str(log)],
        env={"PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    text = log.read_text(encoding="utf-8")
    assert done.returncode == 1
    assert message in text
    assert "from Python" in text
    assert "from a program" in text
    assert ("Traceback" in text) == traceback
    assert not done.stdout + done.stderr


def test_warnings_are_in_the_log_and_on_the_console(tmp_path: Path, project: Path) -> None:
    job = "import sys\nfrom neuron_specialization.logs import log_to, warn\n"
    job += "with log_to(sys.argv[1]):\n    print('only in the log')\n    warn('en-de loses half')"
    done = subprocess.run(
        [sys.executable, "-c", job, str(tmp_path / "job.log")],
        env={"PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "warning: en-de loses half\n"
    log = (tmp_path / "job.log").read_text(encoding="utf-8")
    assert sorted(log.splitlines()) == ["only in the log", "warning: en-de loses half"]


def test_files_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_text(path, "old\n")

    def fail() -> None:
        with atomic_write(path) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old\n"
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for target in ("there/old.csv", "there/new.csv"):
        link = tmp_path / "link.csv"
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        write_text(link, "new\n")
        assert link.is_symlink()
        assert (tmp_path / target).read_text() == "new\n"
    assert len(list(tmp_path.rglob("*"))) == 4


def test_what_is_no_file_is_written_to_and_stays(tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to(os.devnull)
    write_text(link, "lost\n")
    assert Path(os.devnull).is_char_device()
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "text\n")
    reader.join(timeout=10)
    assert found == ["text\n"]
    assert pipe.is_fifo()
    assert link.is_symlink()
