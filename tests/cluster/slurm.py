"""A private SLURM cluster on this machine, without root, GPUs, cgroups or a database."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.slurm_files import PATH, write_files

PACKAGES = "slurmctld slurmd slurm-client munge"
DAEMONS = ["munged", "slurmctld", "slurmd"]
COMMANDS = ["sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun"]
PATIENCE = 300  # seconds, for steps that take a few on an idle machine
KILL_WAIT = 5  # seconds from a job's time-out signal to its end; SLURM's minimum


@dataclass(frozen=True)
class Job:
    """A job that has ended."""

    id: str
    state: str
    """COMPLETED, FAILED, CANCELLED, TIMEOUT, NODE_FAIL ..."""
    partition: str
    resources: str
    """Requested resources, as cpu=1,mem=100M,node=1,billing=1; GPUs are not recorded."""


@dataclass
class Cluster:
    """A running cluster; its nodes are n1, n2 ..."""

    folder: Path
    """Folder of everything it writes, except sockets and the nodes' job files."""
    short: Path
    """Folder of these; the path of a socket has at most 107 bytes."""
    environment: dict[str, str]
    """Variables that its users add to their environment."""
    nodes: list[str]
    daemons: dict[str, subprocess.Popen] = field(default_factory=dict)

    def run(self, *command: str) -> str:
        """Run a SLURM command; return its output."""
        environment = _environment() | self.environment
        options = {"capture_output": True, "text": True, "timeout": PATIENCE, "check": True}
        try:
            return subprocess.run(command, env=environment, **options).stdout
        except subprocess.CalledProcessError as error:
            error.add_note(error.stderr)
            raise

    def states(self) -> dict[str, str]:
        """Return the state of each node: idle, mixed, allocated, down ...; * is unresponsive."""
        lines = self.run("sinfo", "--noheader", "--Node", "--format=%N %T").splitlines()
        return dict(line.split() for line in lines)

    def jobs(self) -> list[Job]:
        """Return ended jobs in the order of their ends; see `wait` about their processes."""
        log = self.folder / "jobs.txt"
        lines = log.read_text().rpartition("\n")[0] if log.exists() else ""
        return [_job(line) for line in lines.splitlines()]

    def wait(self, job_id: str, seconds: float = PATIENCE) -> Job:
        """Wait for the end of a job.

        If SLURM ended it, its processes have only been signalled and may live for `KILL_WAIT`.
        """

        def ended() -> list[Job]:
            return [job for job in self.jobs() if job.id == job_id]

        self.wait_until(ended, f"job {job_id} does not end", seconds)
        return ended()[-1]

    def wait_until(
        self, condition: Callable[[], object], complaint: str, seconds: float = PATIENCE
    ) -> None:
        """Wait for a condition; raise RuntimeError with the tails of the logs if it stays false."""
        end = time.monotonic() + seconds
        while not condition():
            dead = [name for name in self.daemons if not self._alive(name)]
            if dead or time.monotonic() > end:
                logs = sorted((self.folder / "logs").iterdir())
                tails = [f"--- {log.name}\n{_tail(log)}" for log in logs]
                raise RuntimeError("\n".join([f"{complaint}; dead: {dead}", *tails]))
            time.sleep(0.1)

    def processes(self, **variables: str) -> set[int]:
        """Return processes started with the cluster's SLURM_CONF and variables, and descendants."""
        variables["SLURM_CONF"] = self.environment["SLURM_CONF"]
        wanted = {f"{name}={value}".encode() for name, value in variables.items()}
        table = _processes()
        found = {pid for pid, (_, environment) in table.items() if wanted <= environment}
        while below := {pid for pid, (parent, _) in table.items() if parent in found} - found:
            found |= below
        return found

    def start(self) -> None:
        """Start the daemons; return as soon as every node is idle."""
        munge = [f"--socket={self.short}/munge", f"--pid-file={self.short}/munged.pid"]
        munge += [f"--key-file={self.folder}/munge.key", f"--seed-file={self.short}/seed"]
        self._start("munged", "munged", "--foreground", "--force", *munge)
        self.wait_until((self.short / "munge").exists, "munged does not start")
        self._start("slurmctld", "slurmctld", "-D", "-i")
        for node in self.nodes:
            self._start(node, "slurmd", "-D", "-N", node, SLURMD_NODENAME=node)
        self._wait_for_nodes(*self.nodes)

    def kill_node(self, name: str) -> None:
        """Kill a node and all its processes, as in a power cut, without notifying the controller.

        The controller notices in half a minute, or by `scontrol update NodeName=n1 State=DOWN
        Reason=test`; the node's jobs then have the state NODE_FAIL.
        """
        daemon = self.daemons.pop(name)
        self._kill(SLURMD_NODENAME=name)
        daemon.wait()

    def start_node(self, name: str) -> None:
        """Start a killed node again; return when it is idle.

        This takes a minute if the controller has not yet noticed that the node's jobs are dead.
        """
        self._start(name, "slurmd", "-D", "-N", name, SLURMD_NODENAME=name)
        self._wait_for_nodes(name)

    def stop(self) -> None:
        """End all jobs, daemons, and other processes started with the cluster's SLURM_CONF.

        Jobs are cancelled first, and get `KILL_WAIT` and five seconds. Daemons are killed: SLURM's
        may miss SIGTERM, and none has anything to save.
        """
        with suppress(RuntimeError, subprocess.SubprocessError):
            self._cancel_jobs()
        daemons = list(self.daemons.values())
        self.daemons.clear()
        self._kill()
        for daemon in daemons:
            daemon.wait()
        shutil.rmtree(self.short, ignore_errors=True)

    def _start(self, name: str, *command: str, **variables: str) -> None:
        with (self.folder / "logs" / f"{name}.log").open("a") as log:
            self.daemons[name] = subprocess.Popen(
                command,
                env=_environment() | self.environment | variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait_for_nodes(self, *names: str) -> None:
        def idle() -> bool:
            with suppress(subprocess.SubprocessError):
                states = self.states()
                return all(states[name] == "idle" for name in names)
            return False

        self.wait_until(idle, f"not idle: {', '.join(names)}", 2 * PATIENCE)

    def _cancel_jobs(self) -> None:
        if not self._alive("slurmctld"):
            return
        jobs = self.run("squeue", "--noheader", "--format=%A").split()
        if jobs:
            self.run("scancel", *jobs)
            self.wait_until(self._no_jobs, "jobs do not end", KILL_WAIT + 5)

    def _no_jobs(self) -> bool:
        """Return whether only the daemon runs on each live node."""
        return all(
            self.processes(SLURMD_NODENAME=name) == {self.daemons[name].pid}
            for name in self.nodes
            if self._alive(name)
        )

    def _alive(self, name: str) -> bool:
        return name in self.daemons and self.daemons[name].poll() is None

    def _kill(self, **variables: str) -> None:
        """Freeze, then kill, so that no process can report the end of another."""

        def gone() -> bool:
            pids = self.processes(**variables)
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in pids:
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, number)
            return not pids

        self.wait_until(gone, "processes do not end")


def missing_programs() -> list[str]:
    """Return the programs that a cluster needs and this machine lacks."""
    return [name for name in DAEMONS + COMMANDS if shutil.which(name, path=PATH) is None]


def start_cluster(folder: Path) -> Cluster:
    """Start a cluster in a new folder; the nodes' CPUs, memory and GPUs need not exist."""
    for name in ("logs", "state", "bin"):
        (folder / name).mkdir(parents=True)
    short = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    environment = {"SLURM_CONF": f"{folder}/slurm.conf", "PATH": f"{folder}/bin:{PATH}"}
    cluster = Cluster(folder, short, environment, ["n1", "n2"])
    try:
        write_files(folder, short, cluster.nodes, kill_wait=KILL_WAIT)
        cluster.start()
    except BaseException:
        cluster.stop()
        raise
    return cluster


def _environment() -> dict[str, str]:
    """Return the environment without the variables of another SLURM that may run this job."""
    of_slurm = re.compile("S(LURM|BATCH|RUN|ALLOC|CANCEL|CONTROL|INFO|QUEUE)")
    return {name: value for name, value in os.environ.items() if not of_slurm.match(name)}


def _processes() -> dict[int, tuple[int, set[bytes]]]:
    """Return the parent and initial environment of each process of this user."""
    table = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            environment = set((folder / "environ").read_bytes().split(b"\0"))
            table[int(folder.name)] = (parent, environment)
    return table


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def _job(line: str) -> Job:
    """Parse a line of the log, in which values may contain blanks."""
    found = dict(re.findall(r"(\w+)=(.*?)(?= [A-Z]\w+=|\s*$)", line))
    return Job(
        id=found["JobId"],
        state=found["JobState"],
        partition=found["Partition"],
        resources=found["Tres"],
    )
