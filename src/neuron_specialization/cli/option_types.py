"""Numeric option types of the subcommands; bad values are rejected before any work starts."""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import TypeVar

Number = TypeVar("Number", int, float)


def number(
    read: Callable[[str], Number], allowed: Callable[[Number], bool], words: str
) -> Callable[[str], Number]:
    """Return an option type for argparse; `words` describe the allowed values."""

    def convert(text: str) -> Number:
        try:
            value = read(text)
        except ValueError:
            value = None
        if value is None or not allowed(value):
            raise ArgumentTypeError(f"'{text}' is not {words}")
        return value

    return convert


positive_int = number(int, lambda n: n > 0, "a whole number above 0")
natural = number(int, lambda n: n >= 0, "a whole number, 0 or more")
finite = number(float, math.isfinite, "a number")
not_negative = number(float, lambda x: 0 <= x < math.inf, "a number, 0 or more")
probability = number(float, lambda x: 0 < x < 1, "a number between 0 and 1")
