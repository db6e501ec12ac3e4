"""The same work on many items, in several processes."""

import ctypes
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)

_inherited: list[Callable[[Any], Any]] = []
"""In a fork: the function of its pool."""


def parallel_map(
    function: Callable[[Item], Result], items: Iterable[Item], processes: int
) -> list[Result]:
    """The results of a function in the order of the items; an error of one ends all.

    The items and results must be picklable; the function is inherited with all that it holds. One
    process is this one; others are forks of it, as a script of the workflow cannot be imported a
    second time. They die with this one, and with the thread that calls.
    """
    if processes == 1:
        return list(map(function, items))
    with ProcessPoolExecutor(
        processes, get_context("fork"), initializer=_start, initargs=(function, os.getpid())
    ) as pool:
        return list(pool.map(_call_inherited, items))


def die_with_parent(parent: int) -> None:
    """Have this process killed when `parent`, which started it, ends, or now if it has ended."""
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        signal.raise_signal(signal.SIGKILL)


def split_round_robin(items: Sequence[Item], shares: int) -> list[list[Item]]:
    """Share items out in turn, to at most so many; none is empty."""
    return [list(items[i::shares]) for i in range(min(shares, len(items)))]


def device_of(device: str, process: int) -> str:
    """The device of a process: its own GPU, or the CPU."""
    return f"cuda:{process}" if device == "cuda" else device


def _start(function: Callable[[Any], Any], parent: int) -> None:
    die_with_parent(parent)
    _inherited.append(function)


def _call_inherited(item: Any) -> Any:
    return _inherited[-1](item)
