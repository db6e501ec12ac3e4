"""A run that is killed again and again ends as one that was left alone."""

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
EARLIEST = 3.0  # of the seconds of processor time after which a run may be killed
SEED = 1

# what differs between any two runs: logs, benchmarks, events and Table 4 hold times, and events are
# named by the process that wrote them
OF_ITS_RUN = {"logs", "benchmarks", "tensorboard"}
TIMES = "table4"
STALE = re.compile(r"\.lock|\.part$|\.tmp$|^work-")


class Run:
    """Runs of the workflow in one folder, one after the other."""

    def __init__(self, project: Path, folder: Path, overlays: Sequence[str]):
        self.folder = folder
        self.project = project
        self.settings = [str(project / overlay) for overlay in overlays]
        self.output = folder / "output.txt"
        folder.mkdir()

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen]:
        """Snakemake, of which no process is left at the end, however it comes."""
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
        """Run Snakemake to its end."""
        with self.running(*arguments) as snakemake:
            assert snakemake.wait() == 0, self.said()[-5000:]

    def kill_after(self, seconds: float, *, saved: bool) -> str:
        """Run Snakemake and kill all its processes; returns what they did.

        Args:
            seconds: of processor time, all processes together, which other work on the machine
                stretches little. At the latest it is killed when half of its steps are done.
            saved: wait longer where no training has a checkpoint to resume from yet.
        """
        with self.running() as snakemake:
            while not self.is_half_done() and (
                processor_time(self.processes()) < seconds or (saved and not self.checkpoints())
            ):
                assert snakemake.poll() is None, self.said()[-5000:]
                time.sleep(0.2)
        deadline = time.monotonic() + 10
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert self.processes() == []
        return self.jobs()

    def processes(self) -> list[psutil.Process]:
        """All processes of the runs in this folder, whoever is their parent."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):  # it has just ended, or is another user's
                if process.environ().get("CHAOS") == str(self.folder):
                    found.append(process)
        return found

    def said(self) -> str:
        """The output of the last run."""
        return self.output.read_text(encoding="utf-8")

    def is_half_done(self) -> bool:
        """Whether the last run has done half of the steps that it had to do."""
        done = re.findall(r"^(\d+) of (\d+) steps", self.said(), re.M)
        return bool(done) and 2 * int(done[-1][0]) >= int(done[-1][1])

    def checkpoints(self) -> list[Path]:
        """The checkpoints of trainings that have not ended."""
        return list(self.folder.glob("results/*/models/**/work-*/**/checkpoint.*.pt"))

    def jobs(self) -> str:
        """What the jobs do that the last run had begun but not finished."""
        begun = dict(re.findall(r"^Job (\d+): (.+)", self.said(), re.M))
        finished = re.findall(r"^Finished jobid: (\d+)", self.said(), re.M)
        return "; ".join(begun[job] for job in begun if job not in finished) or "no job"

    def results(self) -> Path:
        """The folder of the dataset."""
        (results,) = (self.folder / "results").iterdir()
        return results

    def digests(self) -> dict[str, str]:
        """The hash of each file of the results that is not of its run alone."""
        files = [path for path in self.results().rglob("*") if path.is_file()]
        names = {path.relative_to(self.results()): path for path in files}
        return {
            str(name): hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in names.items()
            if not OF_ITS_RUN & set(name.parts) and name.stem != TIMES
        }

    def stale(self) -> list[Path]:
        """What a killed run leaves, here and in Snakemake's own folder."""
        found = [path for path in self.results().rglob("*") if STALE.search(path.name)]
        for name in ("locks", "incomplete"):
            found += (self.folder / ".snakemake" / name).rglob("*")
        return found

    def resumed(self) -> dict[str, int]:
        """The trainings that went on from a checkpoint of their own, with its updates."""
        found = {}
        for path in sorted(self.results().glob("logs/*/*.log")):
            text = path.read_text(encoding="utf-8")
            for updates in re.findall(r"Loaded checkpoint \S+ \(epoch \d+ @ ([1-9]\d*) up", text):
                found[f"{path.parent.name}/{path.stem}"] = int(updates)
        return found


def processor_time(processes: Sequence[psutil.Process]) -> float:
    """Seconds that some processes have taken, with those of theirs that have ended."""
    seconds = 0.0
    for process in processes:
        with suppress(psutil.Error):
            times = process.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def processor_time_of_ended() -> float:
    """Seconds that the ended processes which this one has started have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(
    project: Path, folder: Path, overlays: Sequence[str], *, kills: int, share: float
) -> None:
    """Run a dataset undisturbed, and elsewhere with kills; compare what comes out.

    A kill is a SIGKILL to Snakemake and all its jobs, at a moment drawn between the first seconds
    and a share of what the undisturbed run takes, but before half of what is left is done; the
    first one waits for a training's first checkpoint. Then comes what a user would do: unlock,
    and the same command again. After the last kill it runs to its end.

    Compared byte by byte is every file of the results: corpora, vocabularies, binarised corpora,
    models, activations, masks, translations, outputs, scores, significance, tables and figures,
    all but logs, benchmarks, TensorBoard's events and the table of times. No file may be there in
    one folder alone. No lock or unfinished file is left, Snakemake finds nothing to do, and at
    least one training, by its log, went on from its own checkpoint.
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
    assert "Nothing to be done" in killed.said()


def test_four_kills_change_nothing(project: Path, tmp_path: Path) -> None:
    compare(project, tmp_path, (TINY, CHAOS), kills=4, share=0.4)


@pytest.mark.long
def test_ten_kills_change_nothing_of_the_built_in_corpus(project: Path, tmp_path: Path) -> None:
    compare(project, tmp_path, (), kills=10, share=0.2)
