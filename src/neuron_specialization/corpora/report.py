"""The report of corpora as a file: a row for each split and pair."""

import csv
from collections.abc import Iterable
from pathlib import Path

from neuron_specialization.files import write_text

OVERLAPS = ("pivot_in_train", "other_in_train")
"""Columns of the merged report: sentences of each side that are in the pair's training text."""
TOO_MANY_TOKENS = "too_many_tokens"
"""Column of the merged report: kept pairs that training skips, as a model has fewer positions."""
UNPAIRED = ("first_unpaired", "second_unpaired")
"""Columns of pairs without the pivot: sentences of each language whose pivot sentence the other
lacks. Only a report with such pairs has them."""
LARGE_SHARE = 0.1
"""Share of a corpus that may be dropped for one reason without a warning."""


def of_all(part: int, total: int) -> str:
    """Return a part of a total with its percentage."""
    return f"{part:,} of {total:,} ({100 * part / total:.1f} %)"


def merge_reports(
    reports: Iterable[Path], too_long: Iterable[Path], checks: Path | None, out: Path
) -> None:
    """Write the rows of the reports of all parts as one.

    Args:
        reports: the reports.
        too_long: TSV files with the column TOO_MANY_TOKENS for each split and pair that training
            reads; of several vocabularies, each has its own pairs.
        checks: a TSV file with OVERLAPS and warnings, if training text is prepared here.
        out: where to write.
    """
    skipped = {
        (row["split"], row["pair"]): row[TOO_MANY_TOKENS]
        for path in too_long
        for row in read_report(path)
    }
    checked = {(row["split"], row["pair"]): row for row in read_report(checks)} if checks else {}
    rows = [row for path in reports for row in read_report(path)]
    for row in rows:
        key = row["split"], row["pair"]
        found = checked.get(key, {})
        warnings = row.pop("warnings"), found.get("warnings")
        row[TOO_MANY_TOKENS] = skipped.get(key, "0")
        row |= {name: found.get(name, "") for name in OVERLAPS}
        row["warnings"] = "; ".join(filter(None, warnings))
    columns = [name for name in dict.fromkeys(n for row in rows for n in row) if name != "warnings"]
    columns.append("warnings")
    lines = [columns, *([row.get(name, "") for name in columns] for row in rows)]
    write_text(out, "".join("\t".join(line) + "\n" for line in lines))


def read_report(path: Path) -> list[dict[str, str]]:
    """Read the rows of a report."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
