"""Lines that cannot be read: counted in training text, an error anywhere else."""

from collections.abc import MutableMapping

from neuron_specialization.errors import InputError

MALFORMED = "malformed"
"""Count of training lines without the right columns, or with an id of another line."""
MOST_SHOWN = 20


class BadLines:
    """Collects the bad lines of a corpus."""

    def __init__(self, counts: MutableMapping[str, int] | None = None):
        """Count bad lines as malformed in `counts`; without it, `check` raises them."""
        self.counts = counts
        self.problems: list[str] = []

    @property
    def is_shown(self) -> bool:
        """Whether the next bad line will be in the message."""
        return len(self.problems) < MOST_SHOWN

    def add(self, problem: str) -> None:
        """Add a bad line: its place, and what is wrong with it."""
        if self.counts is None:
            self.problems.append(problem)
        else:
            self.counts[MALFORMED] += 1

    def check(self, advice: str) -> None:
        """Raise InputError with the first bad lines, if there are any."""
        if self.problems:
            more = len(self.problems) - MOST_SHOWN
            rest = f"; and {more:,} more lines" if more > 0 else ""
            raise InputError(f"{'; '.join(self.problems[:MOST_SHOWN])}{rest}; {advice}")
