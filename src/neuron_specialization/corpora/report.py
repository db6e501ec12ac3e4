"""The report of corpora as a file: a row for each split and pair."""

import csv
from collections.abc import Iterable
from pathlib import Path

from neuron_specialization.files import write_text

TOO_MANY_TOKENS = "too_many_tokens"
"""Column of the merged report: kept pairs that training skips, as a model has fewer positions."""
LARGE_SHARE = 0.1
"""Share of a corpus that may be dropped for one reason without a warning."""


def of_all(part: int, total: int) -> str:
    """Return a part of a total with its percentage."""
    return f"{part:,} of {total:,} ({100 * part / total:.1f} %)"


def merge_reports(reports: Iterable[Path], too_long: Iterable[Path], out: Path) -> None:
    """Write the rows of the reports of all parts as one.

    Args:
        reports: the reports.
        too_long: TSV files with the column TOO_MANY_TOKENS for each split and pair that training
            reads; of several vocabularies, each has its own pairs.
        out: where to write.
    """
    skipped = {
        (row["split"], row["pair"]): row[TOO_MANY_TOKENS]
        for path in too_long
        for row in read_report(path)
    }
    rows = [row for path in reports for row in read_report(path)]
    for row in rows:
        warnings = row.pop("warnings")
        row[TOO_MANY_TOKENS] = skipped.get((row["split"], row["pair"]), "0")
        row["warnings"] = warnings
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    write_text(out, "".join("\t".join(line) + "\n" for line in lines))


def read_report(path: Path) -> list[dict[str, str]]:
    """Read the rows of a report."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
