"""The workflow on SLURM, with and without failures."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from tests.cluster.slurm import Cluster
from tests.conftest import PROJECT
from tests.workflow.conftest import TINY, write_overlay

pytestmark = pytest.mark.slow

OVERLAYS = (TINY, "tests/cluster/config.yaml")
PROFILES = ("profiles/slurm", "tests/cluster/my_cluster")
ENVIRONMENT = {"MY_CLUSTER": str(PROJECT / PROFILES[1]), "PYTHONDONTWRITEBYTECODE": "1"}
HOUR = 3600
SHORT = {"architectures": {"tiny": {"max_updates": 6, "validate_every": 3}}}
Start = Callable[..., subprocess.Popen]


def launch(
    cluster: Cluster, folder: Path, *arguments: str, overlays: tuple[str, ...] = OVERLAYS
) -> subprocess.Popen:
    """Start Snakemake in a folder, as on a login node; its output goes to `log` there."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "snakemake", *arguments, "--directory", str(folder)]
    for profile in PROFILES:
        command += ["--profile", profile]
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            [*command, "--configfile", *overlays],
            cwd=PROJECT,
            env=os.environ | cluster.environment | ENVIRONMENT,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=heed_interrupts,
        )


def heed_interrupts() -> None:
    """Handle Ctrl-C, which a shell's background commands, such as the tests, may ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def start(cluster: Cluster) -> Iterator[Start]:
    """Yield `launch`; end its processes and jobs after the test."""
    started: list[subprocess.Popen] = []

    def begin(folder: Path, *arguments: str, **options: tuple[str, ...]) -> subprocess.Popen:
        started.append(launch(cluster, folder, *arguments, **options))
        return started[-1]

    yield begin
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for job in cluster.run("squeue", "--noheader", "--format=%A").split():
        cluster.run("scancel", job)


def finish(process: subprocess.Popen, folder: Path) -> str:
    """Wait for a run to end successfully; return its log."""
    code = process.wait(timeout=HOUR)
    log = (folder / "log").read_text(encoding="utf-8")
    assert code == 0, log[-5000:]
    return log


@pytest.fixture(scope="module")
def undisturbed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an undisturbed run."""
    folder = tmp_path_factory.mktemp("undisturbed")
    finish(launch(cluster, folder), folder)
    return folder


def tables(folder: Path) -> dict[str, bytes]:
    """Return all tables except the one with times."""
    found = sorted((folder / "results/tiny/tables").rglob("*.*"))
    assert found
    kept = [path for path in found if path.stem != "table4"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


def model(folder: Path, system: str) -> Path:
    return folder / f"results/tiny/models/{system}/seed1/checkpoint.pt"


def training_log(folder: Path, system: str) -> str:
    path = folder / f"results/tiny/logs/train_system/{system}.seed1.log"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def test_a_run_requests_gpus_and_retries_with_more_memory(
    cluster: Cluster, undisturbed: Path
) -> None:
    jobs = cluster.jobs()
    assert {job.partition for job in jobs} == {"cpu", "gpu"}
    memory = {(job.state, re.search(r"mem=(\d+)M", job.resources)[1]) for job in jobs}
    assert {state for state, mb in memory if mb == "300"} == {"FAILED"}
    assert ("COMPLETED", "4000") in memory
    table = undisturbed / "results/tiny/tables/test/levels.bleu.md"
    assert "Neuron specialization" in table.read_text(encoding="utf-8")


def test_a_run_with_failures_ends_with_the_same_tables(
    cluster: Cluster, undisturbed: Path, start: Start, tmp_path: Path
) -> None:
    run = start(tmp_path)
    time_out(cluster, tmp_path, "baseline")
    lose_node(cluster, tmp_path, "continued")
    run = run_twice_at_once(cluster, tmp_path, "neuron_specialization", run, start)
    interrupt(cluster, tmp_path, run)
    finish(start(tmp_path), tmp_path)
    assert tables(tmp_path) == tables(undisturbed)
    for system in ("baseline", "continued", "neuron_specialization"):
        found, expected = (
            read_checkpoint(model(f, system))["model"] for f in (tmp_path, undisturbed)
        )
        for name, value in expected.items():
            assert torch.equal(found[name], value), name
    results = tmp_path / "results"
    assert not [p for p in results.rglob("*") if re.search(r"^work-|\.(lock|part)$", p.name)]


def work_of(folder: Path, system: str) -> list[Path]:
    """Return the checkpoints of an unfinished run."""
    return list(model(folder, system).parent.glob("work-*/checkpoint.*.pt"))


def job_of(cluster: Cluster, folder: Path, system: str) -> tuple[str, str]:
    """Return the number and node of the job that trains a system, once it has a checkpoint."""
    cluster.wait_until(lambda: work_of(folder, system), f"no checkpoint of {system}", HOUR)
    lines = cluster.run("squeue", "--noheader", "--states=R", "--format=%A %N %k").splitlines()
    (line,) = [line for line in lines if f"train_system_wildcards_{system}_" in line]
    job, node, _ = line.split(maxsplit=2)
    return job, node


def resumed(folder: Path, system: str) -> bool:
    return bool(
        re.search(r"Loaded checkpoint \S+ \(epoch \d+ @ [1-9]", training_log(folder, system))
    )


def time_out(cluster: Cluster, folder: Path, system: str) -> None:
    """End a job's wall time: it saves, and the next job resumes."""
    job, _ = job_of(cluster, folder, system)
    (training,) = filter(is_training, cluster.processes(SLURM_JOB_ID=job))
    os.kill(training, signal.SIGSTOP)  # SLURM checks the time rarely: do not end first
    cluster.run("scontrol", "update", f"JobId={job}", "EndTime=now")
    cluster.wait_until(lambda: was_signalled(training), "no signal", 600)
    with suppress(ProcessLookupError):
        os.kill(training, signal.SIGCONT)
    cluster.wait_until(lambda: "stopped: " in training_log(folder, system), "no stop", 600)
    cluster.wait_until(lambda: resumed(folder, system), f"{system} does not resume", HOUR)


def lose_node(cluster: Cluster, folder: Path, system: str) -> None:
    """Kill the node of a run: another node resumes it."""
    job, node = job_of(cluster, folder, system)
    cluster.kill_node(node)
    cluster.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
    assert cluster.wait(job).state == "NODE_FAIL"
    cluster.start_node(node)
    cluster.wait_until(lambda: resumed(folder, system), f"{system} does not resume", HOUR)


def run_twice_at_once(
    cluster: Cluster, folder: Path, system: str, run: subprocess.Popen, start: Start
) -> subprocess.Popen:
    """Kill Snakemake but not its jobs, and submit the same run again from a second Snakemake.

    The second job waits for the first, and then has nothing to do.
    """
    job, _ = job_of(cluster, folder, system)
    (training,) = filter(is_training, cluster.processes(SLURM_JOB_ID=job))
    os.kill(training, signal.SIGSTOP)  # so that it still runs when the second starts
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert start(folder, "--unlock").wait(timeout=600) == 0
    again = start(folder)
    held = "is held by another job"
    cluster.wait_until(lambda: held in training_log(folder, system), "it does not wait", 600)
    os.kill(training, signal.SIGCONT)
    assert cluster.wait(job, HOUR).state == "COMPLETED"
    cluster.wait_until(model(folder, system).exists, "no model", 300)
    log = training_log(folder, system)
    assert "fairseq-train" not in log, log
    return again


def is_training(pid: int) -> bool:
    with suppress(OSError):
        return b"train_system.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def was_signalled(pid: int) -> bool:
    """Return whether SIGTERM is pending for a stopped process, or SLURM continued or ended it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return True
    (pending,) = re.findall(r"^ShdPnd:\s*(\w+)", status, re.M)
    return "State:\tT" not in status or bool(int(pending, 16) >> (signal.SIGTERM - 1) & 1)


def interrupt(cluster: Cluster, folder: Path, run: subprocess.Popen) -> None:
    """Send Ctrl-C: Snakemake cancels its jobs and ends."""
    translations = folder / "results/tiny/logs/translate_split"
    cluster.wait_until(lambda: list(translations.glob("*neuron*")), "no translation", HOUR)
    run.send_signal(signal.SIGINT)
    assert run.wait(timeout=600) == 1
    cluster.wait_until(lambda: not cluster.run("squeue", "--noheader"), "jobs live on")


def test_two_nodes_train_as_one_process(start: Start, tmp_path: Path) -> None:
    short = write_overlay(tmp_path / "short.yaml", SHORT)
    target = "results/tiny/models/baseline/seed1/checkpoint.pt"
    resources = ["mpi=srun", "nodes=2", "tasks_per_node=2", "gpu=4", "mem_mb=3000", "runtime=20"]
    spread = [f"train_system:{resource}" for resource in resources]
    runs = {}
    for name, arguments in (("one", []), ("two", ["--set-resources", *spread])):
        overlays = (*OVERLAYS, short)
        runs[tmp_path / name] = start(tmp_path / name, target, *arguments, overlays=overlays)
    for folder, run in runs.items():
        finish(run, folder)
    assert "training on 4 devices" in training_log(tmp_path / "two", "baseline")
    one, two = (read_checkpoint(model(tmp_path / name, "baseline")) for name in ("one", "two"))
    for name, value in one["model"].items():
        torch.testing.assert_close(two["model"][name], value, rtol=1e-3, atol=1e-4)
