"""What Snakemake does while jobs wait."""

import subprocess
import sys
from pathlib import Path

from benchmarks.scheduling import write_snakefile

JOBS = 24


def looks(folder: Path, *options: str, lifted: bool) -> int:
    """How often a run of some jobs looks for the next one."""
    folder.mkdir()
    write_snakefile(folder, lifted=lifted, jobs=JOBS, seconds=0.4)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--verbose", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stderr.count("Resources before job selection")


def test_snakemake_looks_for_the_next_job_when_one_ends_and_at_no_other_time(
    tmp_path: Path,
) -> None:
    assert looks(tmp_path / "lifted", lifted=True) <= JOBS + 2
    # where this fails Snakemake has mended it, and rules/scheduling.smk can go
    assert looks(tmp_path / "plain", lifted=False) > JOBS + 2


def test_a_limit_of_jobs_that_was_asked_for_stays(tmp_path: Path) -> None:
    assert looks(tmp_path / "asked", "--max-jobs-per-timespan=24/1s", lifted=True) > JOBS + 2
