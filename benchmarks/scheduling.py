"""What Snakemake itself takes while jobs wait: with its limit of jobs per second, and without.

    python -m benchmarks scheduling [--jobs 200] [--seconds 0.5] [--files 30] [--keep]

Both sides run as many jobs, each of which sleeps, and differ by `rules/scheduling.smk`, which the
project's Snakefile includes. The first side runs twice in each round: the ratio of the two is the
noise. Printed are processor seconds of Snakemake with its jobs, and seconds from start to end.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.paired import NOISE, keep, make_parser, show, summarise

LIFTED = Path(__file__).parents[1] / "rules/scheduling.smk"
SIDES = {"limit": False, NOISE: False, "lifted": True}
Times = dict[str, float]

SNAKEFILE = """
{include}

FILES = expand("input{{number}}.txt", number=range({files}))

rule all:
    input: expand("job{{job}}.txt", job=range({jobs}))

rule first:
    output: FILES
    shell: "touch {{output}}"

rule wait:
    input: FILES
    output: "job{{job}}.txt"
    shell: "sleep {seconds}; touch {{output}}"
"""


def write_snakefile(
    folder: Path, *, lifted: bool, jobs: int, seconds: float, files: int = 1
) -> None:
    """Jobs that sleep and are all ready at once, under the default limit or without it."""
    include = f'include: "{LIFTED}"' if lifted else ""
    text = SNAKEFILE.format(include=include, jobs=jobs, seconds=seconds, files=files)
    (folder / "Snakefile").write_text(text)


def run(lifted: bool, options: argparse.Namespace) -> Times:
    """One run in a new folder: processor seconds, and seconds from start to end."""
    command = [sys.executable, "-m", "snakemake", "--cores", str(options.cores), "--quiet", "all"]
    with tempfile.TemporaryDirectory() as folder:
        settings = {"jobs": options.jobs, "seconds": options.seconds, "files": options.files}
        write_snakefile(Path(folder), lifted=lifted, **settings)
        before, start = os.times(), time.perf_counter()
        subprocess.run(command, cwd=folder, check=True)
        seconds, after = time.perf_counter() - start, os.times()
    user = after.children_user - before.children_user
    system = after.children_system - before.children_system
    return {"processor seconds": user + system, "seconds": seconds}


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=3)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=0.5, help="that each job sleeps")
    parser.add_argument("--files", type=int, default=30, help="that each job reads")
    parser.add_argument("--cores", type=int, default=2)
    options = parser.parse_args()
    rounds = [
        {name: run(lifted, options) for name, lifted in SIDES.items()}
        for _ in range(options.rounds)
    ]
    results = {}
    for clock in ("processor seconds", "seconds"):
        times = {name: [each[name][clock] for each in rounds] for name in SIDES}
        results[clock] = {name: summarise(each, times["limit"]) for name, each in times.items()}
        print(clock)
        show(results[clock])
    keep("scheduling", options, results)


if __name__ == "__main__":
    main()
