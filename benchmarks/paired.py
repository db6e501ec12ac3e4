"""Times of several ways to do the same thing, in one process, in turn.

Every round runs each side once, forwards in even rounds and backwards in odd ones, so that a
machine that slows down or speeds up meets all alike. The first side is what the others are compared
with, and runs a second time in each round as `A/A`: the ratio of these two is the noise that the
other ratios stand in.

torch is imported where it is needed: a process whose memory is measured may do without.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "benchmarks/results"
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{PROJECT / 'src'}:{PROJECT}"}
PACKAGES = ("torch", "fairseq-fixed", "ctranslate2", "sacrebleu", "sentencepiece", "snakemake")
NOISE = "A/A"
Row = dict[str, float]


def compare(
    sides: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    warm_up: int = 1,
    device: str = "cpu",
    before: Callable[[], object] = lambda: None,
) -> dict[str, Row]:
    """Run the sides in turn and compare each with the first one.

    Args:
        sides: what to time, by name.
        rounds: rounds that count.
        warm_up: rounds before those.
        device: where the sides work; see `timing`.
        before: makes all sides start alike, such as from one seed; not timed.

    Returns:
        For each side and `A/A`: median, lower and upper quartile of its seconds, and of its ratio
        to the first side in the same round.
    """
    first = next(iter(sides))
    order = [*sides.items(), (NOISE, sides[first])]
    seconds: dict[str, list[float]] = {name: [] for name, _ in order}
    finish, clock = timing(device)
    for number in range(-warm_up, rounds):
        for name, run in order if number % 2 == 0 else reversed(order):
            before()
            finish()
            start = clock()
            run()
            finish()
            if number >= 0:
                seconds[name].append(clock() - start)
    return {name: summarise(values, seconds[first]) for name, values in seconds.items()}


def summarise(seconds: list[float], first: list[float]) -> Row:
    """Quartiles of some times, at least two, and of their ratios to others."""
    ratios = [mine / other for mine, other in zip(seconds, first, strict=True)]
    row = {}
    for name, values in (("seconds", seconds), ("ratio", ratios)):
        lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
        row |= {name: median, f"{name}_lower": lower, f"{name}_upper": upper}
    return row


def show(rows: Mapping[str, Row]) -> None:
    """Print what `compare` found."""
    for name, row in rows.items():
        print(
            f"  {name:28} {1000 * row['seconds']:11.2f} ms "
            f"({1000 * row['seconds_lower']:.2f} to {1000 * row['seconds_upper']:.2f})   ratio "
            f"{row['ratio']:.3f} ({row['ratio_lower']:.3f} to {row['ratio_upper']:.3f})",
            flush=True,
        )


def timing(device: str) -> tuple[Callable[[], object], Callable[[], float]]:
    """What waits for the work that a device was given, and the clock to time it with.

    One thread of a CPU is timed by what it computes: other work on the machine makes it wait.
    """
    import torch

    if device.startswith("cuda"):
        return torch.cuda.synchronize, time.perf_counter
    return lambda: None, time.process_time if torch.get_num_threads() == 1 else time.perf_counter


def peak_on_gpu(run: Callable[[], object]) -> int:
    """The most bytes that torch allocates on the GPU beyond what it has already."""
    import torch

    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run()
    return torch.cuda.max_memory_allocated() - before


def make_parser(doc: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """A parser with the options that all benchmarks have; `doc` is that of the benchmark."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--device", default="cpu", help="cpu or cuda (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU (%(default)s)")
    parser.add_argument("--rounds", type=int, default=rounds, help="2 or more (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results/NAME.*.json")
    return parser


def start(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read the options, and make everything random start alike, with the threads asked for."""
    import torch

    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    return options


def run_itself(*arguments: object) -> str:
    """What a benchmark prints in a process of its own, given its name and options."""
    command = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    done = subprocess.run(command, check=True, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    return done.stdout


def conditions(options: argparse.Namespace) -> dict[str, Any]:
    """What the numbers depend on, with all options of the benchmark."""
    import torch

    gpu = options.device.startswith("cuda")
    changes = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(changes, capture_output=True, text=True, cwd=RESULTS, check=False)
    return {
        "device": torch.cuda.get_device_name() if gpu else f"{cpu_name()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{name: found for name in PACKAGES if (found := installed(name))},
        "commit": done.stdout.strip(),
        "options": {
            name: value
            for name, value in vars(options).items()
            if name != "keep" and value is not None
        },
    }


def installed(package: str) -> str | None:
    """The version of a package that is there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def cpu_name() -> str:
    """The processor, as Linux calls it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def keep(name: str, options: argparse.Namespace, results: Mapping[str, Any]) -> None:
    """Write results with their conditions, if the options ask for it; one file per device."""
    if not options.keep:
        return
    import torch

    gpu = options.device.startswith("cuda")
    device = torch.cuda.get_device_name().split()[1].lower() if gpu else "cpu"
    path = RESULTS / f"{name}.{device}.json"
    text = json.dumps(
        {"conditions": conditions(options), "results": results}, indent=1, default=str
    )
    path.write_text(f"{text}\n", encoding="utf-8")
    print(path)
