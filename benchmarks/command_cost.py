"""Time and memory of a command with all that it starts."""

import os
import shlex
import statistics
import sys
import time
from pathlib import Path

import psutil

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
INTERVAL = 0.2  # seconds between two looks at the memory
Row = dict[str, float]


def measure(command: list[str], work: Path) -> Row:
    """Seconds of a command, and the peak memory of its processes in MB."""
    start, peak = time.perf_counter(), 0
    with (work / "log").open("a") as log:
        process = psutil.Popen(command, cwd=work, stdout=log, stderr=log, env=ENVIRONMENT)
        while process.poll() is None:
            peak = max(peak, tree_memory(process))
            time.sleep(INTERVAL)
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"{shlex.join(command)}\n{(work / 'log').read_text()[-3000:]}")
    return {"seconds": seconds, "peak_mb": peak / 1e6}


def tree_memory(process: psutil.Process) -> int:
    """Bytes of a process and what it started; a page that several have counts once."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_full_info().pss
        except psutil.Error:  # it has just ended
            continue
    return total


def summarise(rows: list[Row], pairs: int) -> Row:
    """A command on its share of so many pairs, over several rounds."""
    seconds = [row["seconds"] for row in rows]
    median = statistics.median(seconds)
    return {
        "median": median,
        "lowest": min(seconds),
        "highest": max(seconds),
        "pairs_per_second": rows[0]["share"] * pairs / median,
        "peak_mb": max(row["peak_mb"] for row in rows),
    }
