"""What Snakemake itself takes while jobs wait: with its limit of jobs per second, and without.

    python -m benchmarks scheduling [--jobs 200] [--seconds 0.5] [--files 30] [--json FILE]

Both sides run as many jobs, each of which sleeps, and differ by `rules/scheduling.smk`, which the
project's Snakefile includes. The first side runs twice in each round: the ratio of the two is the
noise. Printed are processor seconds of Snakemake with its jobs, and seconds from start to end.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

LIFTED = Path(__file__).parents[1] / "rules/scheduling.smk"
SIDES = {"limit": False, "limit again": False, "lifted": True}
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


def run(lifted: bool, args: argparse.Namespace) -> Times:
    """One run in a new folder: processor seconds, and seconds from start to end."""
    command = [sys.executable, "-m", "snakemake", "--cores", str(args.cores), "--quiet", "all"]
    with tempfile.TemporaryDirectory() as folder:
        settings = {"jobs": args.jobs, "seconds": args.seconds, "files": args.files}
        write_snakefile(Path(folder), lifted=lifted, **settings)
        before, start = os.times(), time.perf_counter()
        subprocess.run(command, cwd=folder, check=True)
        seconds, after = time.perf_counter() - start, os.times()
    user = after.children_user - before.children_user
    system = after.children_system - before.children_system
    return {"processor_seconds": user + system, "seconds": seconds}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=0.5, help="that each job sleeps")
    parser.add_argument("--files", type=int, default=30, help="that each job reads")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rounds = [
        {name: run(lifted, args) for name, lifted in SIDES.items()} for _ in range(args.rounds)
    ]
    report: dict[str, object] = {
        **{name: getattr(args, name) for name in ("jobs", "seconds", "files", "cores", "rounds")},
        "snakemake": version("snakemake"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
    }
    for measured in ("processor_seconds", "seconds"):
        for name in SIDES:
            values = [each[name][measured] for each in rounds]
            ratios = [each[name][measured] / each["limit"][measured] for each in rounds]
            spread = {"median": statistics.median(values), "all": values, "ratios": ratios}
            report[f"{name}: {measured}"] = spread
            print(
                f"{name:12} {statistics.median(values):7.1f} {measured:18} "
                f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) of limit"
            )
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
