"""The private SLURM does what tests on it rely on."""

import subprocess
import time
from pathlib import Path

import pytest

from tests.cluster.slurm import Cluster, start_cluster

pytestmark = pytest.mark.slow


def submit(cluster: Cluster, script: str, *options: str) -> tuple[str, Path]:
    """Submit a shell script; returns the job's id and the file of its output."""
    output = str(cluster.folder / "output-%j.txt")
    options = (*options, "--parsable", "--no-requeue", f"--output={output}", "--wrap", script)
    job = cluster.run("sbatch", *options).strip()
    return job, Path(output.replace("%j", job))


def first_line(cluster: Cluster, output: Path) -> str:
    """Wait for the first line of an output."""
    cluster.wait_until(lambda: output.exists() and "\n" in output.read_text(), "no output")
    return output.read_text().splitlines()[0]


def test_two_nodes_are_idle(cluster: Cluster) -> None:
    cluster.wait_until(lambda: cluster.states() == {"n1": "idle", "n2": "idle"}, "not idle")


def test_a_job_is_recorded(cluster: Cluster) -> None:
    options = "--job-name=a b", "--time=7", "--partition=gpu", "--nodelist=n2", "--mem=200"
    job, _ = submit(cluster, "exit 3", *options)
    ended = cluster.wait(job)
    assert (ended.name, ended.state, ended.exit_code) == ("a b", "FAILED", "3:0")
    assert (ended.partition, ended.minutes, ended.nodes) == ("gpu", "7", "n2")
    assert "mem=200M" in ended.resources.split(",")
    assert ended.start <= ended.end
    assert ended in cluster.jobs()


def test_jobs_at_the_same_time_have_gpus_of_their_own(cluster: Cluster) -> None:
    script = "echo $CUDA_VISIBLE_DEVICES; sleep 600"
    jobs = [submit(cluster, script, "--gpus=2", "--nodelist=n2") for _ in range(2)]
    first, second = (set(first_line(cluster, output).split(",")) for _, output in jobs)
    assert len(first) == len(second) == 2
    assert first | second == {"0", "1", "2", "3"}
    cluster.run("scancel", *(job for job, _ in jobs))
    assert {cluster.wait(job).state for job, _ in jobs} == {"CANCELLED"}


def test_a_job_above_its_memory_is_killed(cluster: Cluster) -> None:
    script = r"x=$(head --bytes=300M /dev/zero | tr '\0' x); sleep 600"
    job, output = submit(cluster, script, "--mem=100")
    assert cluster.wait(job).state == "FAILED"
    assert "exceeded memory limit" in output.read_text()


def test_a_job_at_its_wall_time_is_told_then_killed(cluster: Cluster) -> None:
    """This takes up to half a minute: SLURM looks for such jobs twice a minute."""
    script = "trap 'echo told' TERM; while true; do date +%s; sleep 0.1; done"
    job, output = submit(cluster, script)
    first_line(cluster, output)
    cluster.run("scontrol", "update", f"JobId={job}", "EndTime=now")
    assert cluster.wait(job).state == "TIMEOUT"
    cluster.wait_until(lambda: not cluster.processes(SLURM_JOB_ID=job), "not killed")
    _, told, after = output.read_text().partition("told\n")
    seconds = [int(line) for line in after.splitlines() if line.isdecimal()]
    assert told
    assert abs(seconds[-1] - seconds[0] - cluster.kill_wait) <= 2


def test_jobs_of_a_dead_node_fail(cluster: Cluster) -> None:
    job, output = submit(cluster, "echo; sleep 600", "--nodelist=n2")
    first_line(cluster, output)
    cluster.kill_node("n2")
    assert not cluster.processes(SLURMD_NODENAME="n2")
    time.sleep(1)
    assert cluster.run("squeue", "--noheader", f"--jobs={job}", "--format=%T") == "RUNNING\n"
    cluster.run("scontrol", "update", "NodeName=n2", "State=DOWN", "Reason=test")
    assert cluster.wait(job).state == "NODE_FAIL"
    assert cluster.states()["n2"] == "down"
    cluster.start_node("n2")
    assert cluster.run("srun", "--nodelist=n2", "printenv", "SLURMD_NODENAME") == "n2\n"


def test_srun_finds_its_cluster_without_the_variable(cluster: Cluster) -> None:
    job, output = submit(cluster, "unset SLURM_CONF; srun echo found")
    assert cluster.wait(job).state == "COMPLETED"
    assert output.read_text() == "found\n"


def test_what_can_never_run_is_refused(cluster: Cluster) -> None:
    for option in ("--time=61", "--mem=9000", "--gpus-per-node=5", "--partition=x"):
        with pytest.raises(subprocess.CalledProcessError):
            submit(cluster, "true", option)


def test_a_stopped_cluster_leaves_nothing_and_others_alone(
    cluster: Cluster, tmp_path: Path
) -> None:
    folder = tmp_path / "longer-than-a-path-of-a-socket-may-be".ljust(120, "-")
    other = start_cluster(folder, nodes=1, gpus=0)
    job, output = submit(other, "trap '' TERM; echo; while true; do sleep 0.1; done")
    submit(other, "true", "--cpus-per-task=8")
    first_line(other, output)
    assert other.processes(SLURM_JOB_ID=job)
    other.stop()
    other.stop()
    assert [job.state for job in other.jobs()] == ["CANCELLED"] * 2
    assert not other.processes()
    assert not other.short.exists()
    assert cluster.run("srun", "echo", "up") == "up\n"
