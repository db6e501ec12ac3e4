"""The same work on many items, in several processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.parallel import parallel_map

SLEEPING = """
import os, sys, time
from pathlib import Path
from neuron_specialization.parallel import parallel_map

def sleep(item):
    Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(600)

parallel_map(sleep, range(20), 3)
"""


@pytest.mark.parametrize("processes", [1, 3])
def test_results_come_in_the_order_of_the_items(processes: int) -> None:
    factor = 7  # the function is no module's
    assert parallel_map(lambda item: factor * item, range(9), processes) == list(range(0, 63, 7))


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_of_one_item_ends_all(processes: int) -> None:
    def refuse(item: int) -> None:
        raise InputError(f"item {item}")

    with pytest.raises(InputError, match="item 0"):
        parallel_map(refuse, range(3), processes)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_processes_die_with_the_one_that_started_them(tmp_path: Path, end: signal.Signals) -> None:
    parent = subprocess.Popen([sys.executable, "-c", SLEEPING, str(tmp_path)])
    try:
        assert within_seconds(60, lambda: len(list(tmp_path.iterdir())) == 3)
    finally:
        parent.send_signal(end)
        parent.wait()
    workers = [int(path.name) for path in tmp_path.iterdir()]
    try:
        assert within_seconds(10, lambda: not any(map(is_running, workers)))
    finally:
        for worker in filter(is_running, workers):
            os.kill(worker, signal.SIGKILL)


def test_a_process_whose_parent_is_gone_already_dies() -> None:
    program = "from neuron_specialization.parallel import die_with_parent; die_with_parent({})"
    ends = [
        subprocess.run([sys.executable, "-c", program.format(parent)], check=False).returncode
        for parent in (os.getpid(), os.getppid())
    ]
    assert ends == [0, -signal.SIGKILL]


def within_seconds(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def is_running(process: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def end_this_process(_: int) -> None:
    """Die as a process does that the kernel kills for its memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_explained() -> None:
    with pytest.raises(InputError, match="killed, most likely because the machine ran out of mem"):
        parallel_map(end_this_process, [1, 2], 2)


def test_forks_of_a_process_with_threads_compute(project: Path) -> None:
    """Fork after torch has started OpenMP threads, which a fork does not inherit."""
    program = """
import torch
from neuron_specialization.parallel import parallel_map
torch.set_num_threads(2)
def compute(seed):
    x = torch.full((512, 4096), float(seed))
    return float(torch.nn.functional.layer_norm(x.exp(), (4096,)).sum())
compute(1)
print(parallel_map(compute, [1, 2], 2))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == "[0.0, 0.0]\n"
