"""A work folder has one owner, even if jobs die."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from neuron_specialization.workflow import work_folders
from neuron_specialization.workflow.work_folders import lock_work_folder, remove_abandoned_work

HOLDER = """
import sys, time
from pathlib import Path
from neuron_specialization.workflow.work_folders import lock_work_folder
with lock_work_folder(Path(sys.argv[1]), Path(sys.argv[2])) as unfinished:
    print(unfinished, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_folders, "POLL", 0.2)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "models" / "work-abc"


def hold(work: Path, project: Path) -> subprocess.Popen:
    """Start a process that holds the folder; return it."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(work), str(work.with_name("out"))],
        env=os.environ | {"PYTHONPATH": str(project / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    assert holder.stdout.readline() == "True\n"
    return holder


def end(holder: subprocess.Popen) -> None:
    holder.kill()
    holder.wait()  # until then it is a zombie, which counts as a live process


def test_the_lock_is_removed_after_work_and_after_an_error(work: Path) -> None:
    with lock_work_folder(work, work.with_name("out")) as unfinished:
        assert unfinished
        assert [path.name for path in work.parent.iterdir()] == ["work-abc.lock"]
    with pytest.raises(KeyError), lock_work_folder(work, work.with_name("out")):
        raise KeyError
    assert not list(work.parent.iterdir())


def test_a_killed_owner_is_recognised_at_once(work: Path, project: Path) -> None:
    holder = hold(work, project)
    end(holder)
    assert work.with_name("work-abc.lock").exists()
    start = time.monotonic()
    with lock_work_folder(work, work.with_name("out")) as unfinished:
        assert unfinished
    assert time.monotonic() - start < 10
    assert not list(work.parent.iterdir())


def test_a_second_job_waits_for_the_first(
    work: Path, project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    holder = hold(work, project)
    work.mkdir()
    threading.Timer(1.5, end, [holder]).start()
    start = time.monotonic()
    with lock_work_folder(work, work.with_name("out")) as unfinished:
        assert unfinished  # the first did not finish
        assert time.monotonic() - start > 1
    assert f"process {holder.pid} of" in caplog.text


def test_nothing_is_left_to_do_if_the_first_job_finished(work: Path, project: Path) -> None:
    holder = hold(work, project)

    def finish() -> None:
        work.with_name("out").write_text("trained")
        end(holder)

    threading.Timer(1.0, finish).start()
    with lock_work_folder(work, work.with_name("out")) as unfinished:
        assert not unfinished
    with lock_work_folder(work, work.with_name("out")) as unfinished:
        assert unfinished  # an old output does not prevent training, because no job was waited for


def test_an_unresponsive_owner_exits_after_another_took_over(
    work: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulate a hanging node that sends no heartbeats."""
    silent = HOLDER.replace(
        "with lock_work_folder",
        "import neuron_specialization.workflow.work_folders as work_folders\n"
        "work_folders.SILENCE = 2.0\nwith lock_work_folder",
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", silent, str(work), str(work.with_name("out"))],
        env=os.environ | {"PYTHONPATH": str(project / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    assert holder.stdout.readline() == "True\n"
    holder.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(work_folders, "SILENCE", 2.0)
    # as on another host, where the process cannot be inspected
    monkeypatch.setattr("filelock._lease.owner_is_stale", lambda *_: False)
    with lock_work_folder(work, work.with_name("out")) as unfinished:
        assert unfinished
        holder.send_signal(signal.SIGCONT)
        _, errors = holder.communicate(timeout=300)
    assert holder.returncode == os.EX_TEMPFAIL
    assert "another job took over" in errors


def test_a_stopped_owner_does_not_write_once_more(
    work: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop an owner between two heartbeats: it finds out when it writes."""
    writing = HOLDER.replace(
        "    time.sleep(600)",
        "    from neuron_specialization.files import write_text\n"
        "    while True: time.sleep(0.02); write_text(Path(sys.argv[2]), 'old')",
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", writing, str(work), str(work.with_name("out"))],
        env=os.environ | {"PYTHONPATH": str(project / "src")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    assert holder.stdout.readline() == "True\n"
    holder.send_signal(signal.SIGSTOP)
    (work.parent / "work-abc.lock").unlink()  # as if it had expired
    with lock_work_folder(work, work.with_name("out")):
        work.with_name("out").write_text("new")
        holder.send_signal(signal.SIGCONT)
        assert holder.wait(timeout=60)
        assert work.with_name("out").read_text() == "new"
        assert work.with_name("work-abc.lock").exists()


def test_only_folders_that_no_job_holds_are_removed(
    work: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    abandoned, output = work.with_name("work-old"), work.with_name("checkpoint.pt")
    for folder in (work, abandoned):
        folder.mkdir(parents=True)
        (folder / "checkpoint.5.pt").write_bytes(bytes(1_500_000))
    output.touch()
    holder = hold(work, project)
    remove_abandoned_work(work.parent)
    assert sorted(path.name for path in work.parent.iterdir()) == [
        "checkpoint.pt",
        "work-abc",
        "work-abc.lock",
    ]
    kept, removed = sorted(capsys.readouterr().out.splitlines())
    assert kept.startswith(f"{work}: kept, process {holder.pid} of")
    assert removed == f"{abandoned}: removed, 1.5 MB"
    end(holder)
    remove_abandoned_work(work.parent)
    assert [path.name for path in work.parent.iterdir()] == ["checkpoint.pt"]
