"""Several processes of one run stop and end together, and resume where another number stopped."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from neuron_specialization.errors import InputError, Stopped
from neuron_specialization.fairseq_plugin.checkpointing import last_checkpoints, received
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from tests.fairseq_plugin.test_checkpointing import at_update
from tests.ground.test_parallel import is_running, within_seconds
from tests.trained_models import STILL, run_training


def test_another_number_of_processes_resumes_where_one_stopped(
    baseline: Path, binarised: Path, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        at_update(patch, 13, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(Stopped):
            run_training(binarised, tmp_path, **STILL)
    received.clear()
    expected = run_training(binarised, tmp_path / "one", **STILL)
    published = run_training(binarised, tmp_path, **STILL, processes=2)
    ours, theirs = read_checkpoint(published), read_checkpoint(expected)
    for name, value in theirs["model"].items():
        torch.testing.assert_close(ours["model"][name], value, rtol=1e-3, atol=1e-4)
    assert ours["extra_state"]["val_loss"] == pytest.approx(theirs["extra_state"]["val_loss"], 1e-3)


JOB = """
import sys
from pathlib import Path
from neuron_specialization.logs import job_errors
from neuron_specialization.files import held_locks
from tests.trained_models import run_training
with job_errors():
    data, folder = map(Path, sys.argv[1:])
    held_locks.update((path, path.read_text()) for path in folder.glob("*.lock"))
    run_training(data, folder, processes=2, validate_every=2, max_updates=100_000)
"""


def start_job(data: Path, folder: Path, project: Path) -> subprocess.Popen:
    """Start an endless run with two processes, and wait for its first checkpoint."""
    with (folder / "log").open("w") as log:
        job = subprocess.Popen(
            [sys.executable, "-c", JOB, str(data), str(folder)],
            cwd=project,
            env=os.environ | {"PYTHONPATH": f"{project / 'src'}:{project}"},
            stdout=log,
            stderr=log,
        )
    assert within_seconds(120, lambda: bool(last_checkpoints(folder / "work")))
    return job


def test_processes_stop_together_with_a_message(
    binarised: Path, tmp_path: Path, project: Path
) -> None:
    """Signal only the process that started them, as in a job."""
    job = start_job(binarised, tmp_path, project)
    job.send_signal(signal.SIGTERM)
    code, log = job.wait(timeout=600), (tmp_path / "log").read_text()
    assert code == os.EX_TEMPFAIL, log[-3000:]
    assert "run the same command again to resume" in log
    assert "Traceback" not in log
    last = last_checkpoints(tmp_path / "work")[0]
    assert read_checkpoint(last)["extra_state"]["processes"] == 2


def test_an_error_in_one_process_ends_all(
    binarised: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    parent = tmp_path / "parent.pt"
    torch.save({"model": {}}, parent)
    with pytest.raises(InputError, match="a training process ended with code 1"):
        run_training(binarised, tmp_path, processes=2, parent=parent)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_processes_die_with_the_job_that_started_them(
    binarised: Path, tmp_path: Path, project: Path
) -> None:
    """Another job can then take its lock, so no process may still write to the folder."""
    job = start_job(binarised, tmp_path, project)
    children = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()
    assert len(children) == 2
    job.kill()
    job.wait()
    assert within_seconds(10, lambda: not any(map(is_running, map(int, children))))


def test_processes_write_nothing_after_another_job_took_over(
    binarised: Path, tmp_path: Path, project: Path
) -> None:
    lock = tmp_path / "work.lock"
    lock.write_text("mine")
    job = start_job(binarised, tmp_path, project)
    lock.write_text("another's")
    assert job.wait(timeout=120)
    assert f"{lock} no longer belongs to this job" in (tmp_path / "log").read_text()
    written = {path: path.stat().st_mtime for path in (tmp_path / "work").glob("*.pt")}
    assert max(written.values()) <= lock.stat().st_mtime


def test_gpus_share_an_update_evenly(binarised: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"3 GPUs cannot share evenly.* one of 1, 2 \(`gpus`"):
        run_training(binarised, tmp_path, processes=3)
