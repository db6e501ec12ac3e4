"""Parallel work on many items, in several processes."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, TypeVar

from neuron_specialization.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)

_inherited: list[Callable[[Any], Any]] = []
"""In a forked process: the function of its pool."""


def parallel_map(
    function: Callable[[Item], Result], items: Iterable[Item], processes: int
) -> list[Result]:
    """Return the results of a function in the order of the items; the first error stops all.

    Items and results must be picklable; the function and its closure are inherited. With one
    process, the calling process does the work; otherwise workers are forked, because a workflow
    script cannot be imported again. Workers die with this process, and with the calling thread.
    """
    if processes == 1:
        return list(map(function, items))
    with ProcessPoolExecutor(
        processes, get_context("fork"), initializer=_start, initargs=(function, os.getpid())
    ) as pool:
        try:
            return list(pool.map(_call_inherited, items))
        except BrokenProcessPool:
            raise InputError(
                "a worker process was killed, most likely because the machine ran out of memory; "
                "use fewer processes (threads, --cores), or a machine with more memory"
            ) from None


def die_with_parent(parent: int) -> None:
    """Kill this process when its parent process ends, or now if `parent` has already ended."""
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        signal.raise_signal(signal.SIGKILL)


def split_round_robin(items: Sequence[Item], shares: int) -> list[list[Item]]:
    """Deal items out in turn to at most `shares` lists; no list is empty."""
    return [list(items[i::shares]) for i in range(min(shares, len(items)))]


def device_of(device: str, process: int) -> str:
    """Return the device of a process: one GPU per process, or the CPU."""
    return f"cuda:{process}" if device == "cuda" else device


def _start(function: Callable[[Any], Any], parent: int) -> None:
    die_with_parent(parent)
    # a fork has none of its parent's OpenMP threads, and would wait for them for ever
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    _inherited.append(function)


def _call_inherited(item: Any) -> Any:
    return _inherited[-1](item)
