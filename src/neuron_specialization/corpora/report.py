"""The report of prepared corpora: a row of counts for each split and pair, with warnings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from neuron_specialization.corpora.bad_lines import MALFORMED
from neuron_specialization.corpora.cleaning import COUNTS, INVALID, RULES, Cleaning
from neuron_specialization.errors import InputError
from neuron_specialization.files import write_text

REPORT_COLUMNS = ("split", "pair", "read", *COUNTS, "warnings")
OVERLAPS = ("pivot_in_train", "other_in_train")
"""Sentences of each side that are in the training text of their pair, too."""
LARGE_SHARE = 0.1
"""Share of a corpus that one rule may drop without a warning."""
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


def of_all(part: int, total: int) -> str:
    """Return a part of a total with its percentage."""
    return f"{part:,} of {total:,} ({100 * part / total:.1f} %)"


def write_report(path: Path, reports: Iterable[PairReport]) -> None:
    """Write the rows of all splits and pairs."""
    rows = [REPORT_COLUMNS, *(report.row() for report in reports)]
    write_text(path, "".join("\t".join(row) + "\n" for row in rows))


def merge_reports(reports: Iterable[Path], checks: Path | None, out: Path) -> None:
    """Write the rows of the reports of all parts as one, with what the text checks found."""
    rows = [row for path in reports for row in read_table(path)]
    if checks:
        found = {(row["split"], row["pair"]): row for row in read_table(checks)}
        for row in rows:
            check = found[row["split"], row["pair"]]
            row |= {name: check[name] for name in OVERLAPS}
            row["warnings"] = "; ".join(filter(None, (row.pop("warnings"), check["warnings"])))
    columns = list(rows[0])
    text = ["\t".join(columns), *("\t".join(row[name] for name in columns) for row in rows)]
    write_text(out, "".join(f"{line}\n" for line in text))


def read_table(path: Path) -> list[dict[str, str]]:
    """Read the rows of a report."""
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]
