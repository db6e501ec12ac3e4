"""Verdicts of the diagnosis: a number beside its limit, and the reason in a sentence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neuron_specialization.evaluation.csv_tables import read_table

GREEN, RED, UNKNOWN, SHOWN = "green", "red", "unknown", "shown"
"""Statuses; SHOWN has no limit."""
AT_MOST, AT_LEAST = "at most", "at least"
TOLERANCE = 1e-9
"""Relative rounding error that does not break a limit."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A bound that a number must keep."""

    side: str
    """AT_MOST or AT_LEAST."""
    bound: float

    def __str__(self) -> str:
        return f"{self.side} {self.bound:g}"

    def is_kept(self, value: float) -> bool:
        """Return whether a number is on the right side of the bound, or on it."""
        if math.isclose(value, self.bound, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            return True
        return value < self.bound if self.side == AT_MOST else value > self.bound


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A row of the diagnosis, with the columns of its CSV file."""

    line: str
    """The question, e.g. `power`."""
    part: str
    """The level, stack, layer or metric that it is about."""
    value: float
    """NaN if unknown."""
    unit: str
    limit: str
    """"" if the number is only shown."""
    status: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """A row of the diagnosis before it is answered."""

    line: str
    part: str
    unit: str
    limit: Limit | None = None
    if_red: str = ""
    """The consequence of a broken limit, which completes the reason."""

    def answer(self, value: float, reason: str) -> Verdict:
        """Return the verdict on a number; the reason is a sentence without its full stop."""
        if self.limit is None:
            return self._verdict(value, SHOWN, reason)
        if self.limit.is_kept(value):
            return self._verdict(value, GREEN, reason)
        return self._verdict(value, RED, f"{reason}: {self.if_red}")

    def unknown(self, lacking: str, remedy: str) -> Verdict:
        """Return the verdict if the run lacks something."""
        return self._verdict(math.nan, UNKNOWN, f"{lacking}; {remedy}")

    def _verdict(self, value: float, status: str, reason: str) -> Verdict:
        return Verdict(
            line=self.line,
            part=self.part,
            value=value,
            unit=self.unit,
            limit="" if self.limit is None else str(self.limit),
            status=status,
            reason=f"{reason}.",
        )


def at_most(bound: float) -> Limit:
    """Return an upper bound."""
    return Limit(side=AT_MOST, bound=bound)


def at_least(bound: float) -> Limit:
    """Return a lower bound."""
    return Limit(side=AT_LEAST, bound=bound)


def show(value: float, decimals: int | None = None) -> str:
    """Return a number with its decimals, by default 2, or 4 if 2 would hide it."""
    if decimals is None:
        decimals = 4 if 0 < abs(value) < 0.01 else 2
    return f"{value:,.{decimals}f}".replace("-", "−")


def mean_of(values: Sequence[object]) -> str:
    """Return words for several seeds, "" for one."""
    return f", mean of {len(values)} seeds" if len(values) > 1 else ""


def name_of(line: str, part: str) -> str:
    """Return the name of a row: `power, bleu`."""
    return f"{line}, {part}" if part else line


def quote_red(diagnosis: Path) -> list[str]:
    """Return a footer line for each broken limit of a diagnosis (CSV), none if all are kept."""
    table = read_table(diagnosis, ["value"])
    red = table[table["status"] == RED]
    return [
        f"Red in this run's diagnosis: {name_of(row.line, row.part)}. {row.reason}"
        for row in red.itertuples()
    ]
