"""Compare ways to do the same thing: run them in turn, print ratios, write results.

Every round runs each side once, forwards in even rounds and backwards in odd ones, so that a
machine that slows down or speeds up affects all sides alike. The first side is the reference, and
runs a second time in each round as `A/A`: the ratio of these two is the noise of the others.

torch is imported where it is needed, so that processes whose memory is measured can do without.
"""

import argparse
import importlib.metadata
import json
import logging
import os
import platform
import statistics
import subprocess
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

PROJECT = Path(__file__).parents[1]
PACKAGES = ("torch", "fairseq-fixed", "ctranslate2", "sacrebleu", "sentencepiece", "snakemake")
NOISE = "A/A"
Row = dict[str, float]
Sides = Mapping[str, Callable[[], object]]
Result = TypeVar("Result")


def compare(
    sides: Sides,
    *,
    rounds: int,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
    before: Callable[[], object] = lambda: None,
) -> dict[str, Row]:
    """Run the sides in turn, compare each with the first one and print the result.

    Args:
        sides: what to time, by name.
        rounds: rounds that count, at least two.
        warm_up: rounds before those.
        clock: returns seconds; see `clock_of`.
        before: makes all sides start alike, such as from one seed; not timed.

    Returns:
        For each side and `A/A`: median, lower and upper quartile of its seconds, and of its ratio
        to the first side in the same round.
    """
    first = next(iter(sides))
    order = [*sides.items(), (NOISE, sides[first])]
    seconds: dict[str, list[float]] = {name: [] for name, _ in order}
    for number in range(-warm_up, rounds):
        for name, run in order if number % 2 == 0 else reversed(order):
            before()
            start = clock()
            run()
            if number >= 0:
                seconds[name].append(clock() - start)
    rows = {name: summarise(values, seconds[first]) for name, values in seconds.items()}
    for name, row in rows.items():
        print(
            f"  {name:28} {1000 * row['seconds']:11.2f} ms "
            f"({1000 * row['seconds_lower']:.2f} to {1000 * row['seconds_upper']:.2f})   ratio "
            f"{row['ratio']:.3f} ({row['ratio_lower']:.3f} to {row['ratio_upper']:.3f})",
            flush=True,
        )
    return rows


def summarise(seconds: list[float], first: list[float]) -> Row:
    """Return the quartiles of some times and of their ratios to the times of the first side."""
    ratios = [mine / other for mine, other in zip(seconds, first, strict=True)]
    row = {}
    for name, values in (("seconds", seconds), ("ratio", ratios)):
        lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
        row |= {name: median, f"{name}_lower": lower, f"{name}_upper": upper}
    return row


def clock_of(device: str) -> Callable[[], float]:
    """Return the clock for work on a device.

    On a GPU it waits for all work that was given to it. One thread of a CPU is timed by its
    processor time, as other work on the machine makes it wait.
    """
    import torch

    def clock_of_gpu() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    if device.startswith("cuda"):
        return clock_of_gpu
    return time.process_time if torch.get_num_threads() == 1 else time.perf_counter


def in_process(run: Callable[..., Result], *arguments: object) -> Result:
    """Run a function of a module in a new process, with its own start-up and memory."""
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=be_quiet) as pool:
        return pool.submit(run, *arguments).result()


def be_quiet() -> None:
    """Ignore what fairseq, hydra and torch log and warn of."""
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)


def make_parser(doc: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks have; `doc` is the benchmark's."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--device", default="cpu", help="cpu or cuda (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU (%(default)s)")
    parser.add_argument("--rounds", type=int, default=rounds, help="2 or more (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results/NAME.*.json")
    return parser


def start(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the options, set the threads of this process and of those it starts, and the seed."""
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    return options


def keep(name: str, options: argparse.Namespace, results: Mapping[str, Any]) -> None:
    """Print the conditions; write them with the results if the options ask for it."""
    import torch

    gpu = torch.cuda.get_device_name() if options.device.startswith("cuda") else None
    found = conditions(options, gpu or f"{cpu_name()}, {os.cpu_count()} cores")
    print(found)
    if options.keep:
        device = gpu.split()[1].lower() if gpu else "cpu"
        path = PROJECT / f"benchmarks/results/{name}.{device}.json"
        text = json.dumps({"conditions": found, "results": results}, indent=1, default=str)
        path.write_text(f"{text}\n", encoding="utf-8")
        print(path)


def conditions(options: argparse.Namespace, device: str) -> dict[str, Any]:
    """Return what the numbers depend on, with all options of the benchmark."""
    describe = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(describe, capture_output=True, text=True, cwd=PROJECT, check=False)
    given = {name: value for name, value in vars(options).items() if value is not None}
    return {
        "device": device,
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{
            each.name: each.version
            for each in importlib.metadata.distributions()
            if each.name in PACKAGES
        },
        "commit": done.stdout.strip(),
        "options": given,
    }


def cpu_name() -> str:
    """Return the name of the processor as Linux gives it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
