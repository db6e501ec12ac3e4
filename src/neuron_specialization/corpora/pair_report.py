"""What preparation reports on a split and pair: counts of lines, with warnings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from neuron_specialization.corpora.bad_lines import MALFORMED
from neuron_specialization.corpora.cleaning import COUNTS, INVALID, RULES, Cleaning
from neuron_specialization.corpora.report import LARGE_SHARE, of_all
from neuron_specialization.errors import InputError
from neuron_specialization.files import write_text

REPORT_COLUMNS = ("split", "pair", "read", *COUNTS, "warnings")
ADVICE = {
    MALFORMED: "lines without the right columns, or with an id that occurred before",
    INVALID: "convert the files to UTF-8, for instance by iconv -f WINDOWS-1252 -t UTF-8",
    "empty": "a side without text",
    "too_long": "see corpora.cleaning.max_words",
    "ratio": "see corpora.cleaning.max_ratio; are the files aligned line by line?",
    "duplicate": "see corpora.cleaning.drop_duplicates",
}


@dataclass(frozen=True, kw_only=True)
class PairReport:
    """What became of the lines of a split and pair."""

    split: str
    pair: str
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    """The number of lines by outcome, one of COUNTS."""
    warnings: list[str] = field(default_factory=list)

    @property
    def read(self) -> int:
        """The number of lines read."""
        return sum(self.counts.values())

    @property
    def name(self) -> str:
        """The split and pair, for messages."""
        return f"split {self.split!r}, pair {self.pair!r}"

    def row(self) -> list[str]:
        """Return its row of the report, in the order of REPORT_COLUMNS."""
        counts = (str(self.counts[column]) for column in COUNTS)
        return [self.split, self.pair, str(self.read), *counts, "; ".join(self.warnings)]

    def check(self, cleaning: Cleaning) -> None:
        """Warn of rules that drop much.

        Raise InputError if no sentence is left, or too many are not UTF-8.
        """
        invalid = self.counts[INVALID]
        if invalid > cleaning.max_invalid_utf8 * self.read:
            raise InputError(
                f"{self.name}: {of_all(invalid, self.read)} lines are not UTF-8; "
                f"{ADVICE[INVALID]}, or allow it by corpora.cleaning.max_invalid_utf8"
            )
        if not self.counts["kept"]:
            found = ", ".join(f"{column} {self.counts[column]}" for column in COUNTS)
            raise InputError(f"{self.name}: no sentence is left (read {self.read}, {found})")
        self.warnings.extend(large_rules(self.counts, self.read))


def large_rules(counts: Mapping[str, int], read: int) -> Iterator[str]:
    """Yield a warning for each rule that drops a large share of a corpus."""
    for rule in RULES:
        if counts[rule] > LARGE_SHARE * read:
            yield f"the rule {rule} drops {of_all(counts[rule], read)} lines ({ADVICE[rule]})"


def write_report(path: Path, reports: Iterable[PairReport]) -> None:
    """Write the rows of all splits and pairs."""
    rows = [REPORT_COLUMNS, *(report.row() for report in reports)]
    write_text(path, "".join("\t".join(row) + "\n" for row in rows))
