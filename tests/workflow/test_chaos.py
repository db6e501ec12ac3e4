"""A run that is killed repeatedly ends like an undisturbed one."""

import hashlib
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.workflow.conftest import TINY

pytestmark = pytest.mark.slow

CHAOS = "tests/workflow/chaos/config.yaml"
EARLIEST = 3.0  # seconds of processor time before a run may be killed
SEED = 1
LONGEST = 7200  # seconds of a run; it fails rather than hangs

# files that differ between any two runs: logs, benchmarks, events and Table 4 contain times, and
# events are named by the process that wrote them
VARYING = {"logs", "benchmarks", "tensorboard"}
TIMES = "table4"
STALE = re.compile(r"\.lock|\.part$|\.tmp$|^work-")


class Run:
    """Consecutive runs of the workflow in one folder."""

    def __init__(self, project: Path, folder: Path, overlays: Sequence[str]):
        self.folder = folder
        self.project = project
        self.settings = [str(project / overlay) for overlay in overlays]
        self.output = folder / "output.txt"
        folder.mkdir()

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen]:
        """Yield a running Snakemake; kill any processes left at the end."""
        command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2"]
        command += ["--directory", str(self.folder)]
        if self.settings:
            command += ["--configfile", *self.settings]
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "CHAOS": str(self.folder)}
        with self.output.open("w", encoding="utf-8") as output:
            snakemake = subprocess.Popen(
                command,
                cwd=self.project,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        try:
            yield snakemake
        finally:
            if snakemake.poll() is None:
                os.killpg(snakemake.pid, signal.SIGKILL)
                snakemake.wait()

    def finish(self, *arguments: str) -> None:
        """Run Snakemake to completion."""
        with self.running(*arguments) as snakemake:
            assert snakemake.wait(timeout=LONGEST) == 0, self.log()[-5000:]

    def kill_after(self, seconds: float, *, saved: bool) -> str:
        """Run Snakemake and kill all its processes; return the jobs that it had begun.

        Args:
            seconds: processor time of all processes, which other work on the machine hardly
                affects. It is killed earlier once half of its steps are done.
            saved: wait longer if no run has a checkpoint to resume from yet.
        """
        with self.running() as snakemake:
            while not self.is_half_done() and (
                processor_time(self.processes()) < seconds or (saved and not self.checkpoints())
            ):
                assert snakemake.poll() is None, self.log()[-5000:]
                time.sleep(0.2)
        deadline = time.monotonic() + 10
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert self.processes() == []
        return self.jobs()

    def processes(self) -> list[psutil.Process]:
        """Return all processes of the runs in this folder, whatever their parent."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):  # it has just ended, or is another user's
                if process.environ().get("CHAOS") == str(self.folder):
                    found.append(process)
        return found

    def log(self) -> str:
        """Return the output of the last run."""
        return self.output.read_text(encoding="utf-8")

    def is_half_done(self) -> bool:
        """Return whether the last run has done half of its steps."""
        done = re.findall(r"^(\d+) of (\d+) steps", self.log(), re.M)
        return bool(done) and 2 * int(done[-1][0]) >= int(done[-1][1])

    def checkpoints(self) -> list[Path]:
        """Return the checkpoints of unfinished runs."""
        return list(self.folder.glob("results/*/models/**/work-*/**/checkpoint.*.pt"))

    def jobs(self) -> str:
        """Return the messages of the jobs that the last run had begun but not finished."""
        begun = dict(re.findall(r"^Job (\d+): (.+)", self.log(), re.M))
        finished = re.findall(r"^Finished jobid: (\d+)", self.log(), re.M)
        return "; ".join(begun[job] for job in begun if job not in finished) or "no job"

    def results(self) -> Path:
        """Return the results of the dataset."""
        (results,) = (self.folder / "results").iterdir()
        return results

    def digests(self) -> dict[str, str]:
        """Return the hash of each result file that is equal in all runs."""
        files = [path for path in self.results().rglob("*") if path.is_file()]
        names = {path.relative_to(self.results()): path for path in files}
        return {
            str(name): hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in names.items()
            if not VARYING & set(name.parts) and name.stem != TIMES
        }

    def stale(self) -> list[Path]:
        """Return files that a killed run leaves, in the results and in Snakemake's folder."""
        found = [path for path in self.results().rglob("*") if STALE.search(path.name)]
        for name in ("locks", "incomplete"):
            found += (self.folder / ".snakemake" / name).rglob("*")
        return found

    def resumed(self) -> dict[str, int]:
        """Return the runs that resumed from a checkpoint, with its number of updates."""
        found = {}
        for path in sorted(self.results().glob("logs/*/*.log")):
            text = path.read_text(encoding="utf-8")
            for updates in re.findall(r"Loaded checkpoint \S+ \(epoch \d+ @ ([1-9]\d*) up", text):
                found[f"{path.parent.name}/{path.stem}"] = int(updates)
        return found


def processor_time(processes: Sequence[psutil.Process]) -> float:
    """Return the processor seconds of some processes, including their ended children."""
    seconds = 0.0
    for process in processes:
        with suppress(psutil.Error):
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def processor_time_of_ended() -> float:
    """Return the processor seconds of this process's ended children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(
    project: Path, folder: Path, overlays: Sequence[str], *, kills: int, share: float
) -> None:
    """Run a dataset undisturbed, and elsewhere with kills; compare the results.

    A kill is a SIGKILL to Snakemake and all its jobs, at a moment drawn between the first seconds
    and a share of the undisturbed run's time, but before half of the remaining steps are done; the
    first kill waits for a first checkpoint. Then, as a user would, unlock and run the same command
    again. After the last kill it runs to completion.

    Every file of the results is compared byte by byte: corpora, vocabularies, binarised corpora,
    models, activations, masks, translations, outputs, scores, significance, tables and figures,
    but not logs, benchmarks, TensorBoard's events and the table of times. Both folders must have
    the same files. No lock or unfinished file may remain, Snakemake must find nothing to do, and
    the logs must show that at least one run resumed from its checkpoint.
    """
    undisturbed = Run(project, folder / "undisturbed", overlays)
    began, needed = time.monotonic(), processor_time_of_ended()
    undisturbed.finish()
    duration, needed = time.monotonic() - began, processor_time_of_ended() - needed

    killed = Run(project, folder / "killed", overlays)
    draw = random.Random(SEED)
    began = time.monotonic()
    for kill in range(1, kills + 1):
        moment = draw.uniform(EARLIEST, share * needed)
        jobs = killed.kill_after(moment, saved=kill == 1)
        at = time.monotonic() - began
        print(f"kill {kill} at {at:.0f} s, {moment:.0f} s of processor time: {jobs}", flush=True)
        killed.finish("--unlock")
    killed.finish()
    seconds = time.monotonic() - began
    resumed = killed.resumed()
    print(f"{kills} kills; undisturbed {duration:.0f} s, killed {seconds:.0f} s", flush=True)
    print(f"resumed at updates: {resumed}", flush=True)

    expected, found = undisturbed.digests(), killed.digests()
    assert {name.split("/")[0] for name in expected} >= {"translations", "scores", "tables"}
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []
    assert killed.stale() == []
    assert resumed
    killed.finish("--dry-run")
    assert "Nothing to be done" in killed.log()


def test_four_kills_change_nothing(project: Path, tmp_path: Path) -> None:
    compare(project, tmp_path, (TINY, CHAOS), kills=4, share=0.4)


@pytest.mark.long
def test_ten_kills_change_nothing_on_the_built_in_corpus(project: Path, tmp_path: Path) -> None:
    compare(project, tmp_path, (), kills=10, share=0.2)
