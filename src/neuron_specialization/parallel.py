"""The same work on many items, in several processes."""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_processes(
    function: Callable[[Item], Result], items: Iterable[Item], processes: int
) -> list[Result]:
    """The results of a function in the order of the items; an error of one ends all.

    The function and the items must be picklable. One process is this one; others are forks of it,
    as a script of the workflow cannot be imported a second time.
    """
    if processes == 1:
        return list(map(function, items))
    with ProcessPoolExecutor(processes, mp_context=get_context("fork")) as pool:
        return list(pool.map(function, items))
