"""Compare implementations: run them in turn, print ratios, write results.

Every round runs each side once, in forward order in even rounds and in reverse order in odd ones,
so that changes in machine speed affect all sides alike. The first side is the reference; it runs
again in each round as `A/A`, and the ratio of these two shows the noise of the other ratios.

torch is imported locally, so that processes whose memory is measured can avoid it.
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
    """Run the sides in turn, compare each with the first and print the results.

    Args:
        sides: functions to time, by name.
        rounds: rounds that count, at least two.
        warm_up: rounds before these.
        clock: returns seconds; see `clock_of`.
        before: called before each side, for example to set a seed; not timed.

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
    """Return the quartiles of times and of their ratios to the times of the first side."""
    ratios = [mine / other for mine, other in zip(seconds, first, strict=True)]
    row = {}
    for name, values in (("seconds", seconds), ("ratio", ratios)):
        lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
        row |= {name: median, f"{name}_lower": lower, f"{name}_upper": upper}
    return row


def clock_of(device: str) -> Callable[[], float]:
    """Return the clock for work on a device.

    On a GPU it waits for all pending work. A single CPU thread is timed by processor time, because
    other work on the machine delays it.
    """
    import torch

    def clock_of_gpu() -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    if device.startswith("cuda"):
        return clock_of_gpu
    return time.process_time if torch.get_num_threads() == 1 else time.perf_counter


def in_process(run: Callable[..., Result], *arguments: object) -> Result:
    """Run a module-level function in a new process, with separate start-up and memory."""
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=be_quiet) as pool:
        return pool.submit(run, *arguments).result()


def be_quiet() -> None:
    """Silence logs and warnings of fairseq, hydra and torch."""
    warnings.simplefilter("ignore")
    logging.disable(logging.INFO)


def make_parser(doc: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """Return a parser with the common options; `doc` is the benchmark's docstring."""
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--device", default="cpu", help="cpu or cuda (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (%(default)s)")
    parser.add_argument("--rounds", type=int, default=rounds, help="2 or more (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="write benchmarks/results/NAME.*.json")
    return parser


def start(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the options; set the seed, and the threads of this process and its children."""
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    return options


def keep(name: str, options: argparse.Namespace, results: Mapping[str, Any]) -> None:
    """Print the conditions; with `--keep`, write them with the results."""
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
    """Return the conditions that the numbers depend on, with all options."""
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
    """Return the name of the processor as reported by Linux."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
