"""The report of software's text: a row for each kind of text and language."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from neuron_specialization.corpora.software_cleaning import RULES
from neuron_specialization.corpora.software_packages import KINDS, LEFT_OUT, KindText
from neuron_specialization.errors import InputError
from neuron_specialization.files import write_text
from neuron_specialization.logs import warn
from neuron_specialization.settings.rows import read_cells

TRAINING = ("few_words", "held_out", "near_held_out", "same_translation", "other_kind", "train")
"""What becomes of the cleaned pairs of a kind that is trained on; the counts add up to "kept"."""
COUNTS = (*LEFT_OUT, "raw", *RULES, "kept", "several_translations", *TRAINING)
"""Counts of pairs; "raw" is the sum of the rules and "kept", and several_translations is the number
of English strings with more than one."""
REPORT_COLUMNS = ("kind", "language", "package", "version", "licence", "sha256", *COUNTS)


@dataclass(frozen=True, kw_only=True)
class KindReport:
    """What became of the text of a kind and language."""

    kind: str
    lang: str
    package: str
    version: str
    licence: str
    sha256: str
    """Hash of the files read."""
    counts: Counter[str]
    """By COUNTS; absent where a step does not apply."""

    @classmethod
    def of(cls, kind: str, lang: str, text: KindText, counts: Mapping[str, int]) -> "KindReport":
        """Return the report of a text as read and cleaned."""
        return cls(
            kind=kind,
            lang=lang,
            package=text.package,
            version=text.version,
            licence=text.licence,
            sha256=text.sha256,
            counts=Counter({**text.left_out, **counts}),
        )

    def row(self) -> list[str]:
        """Return its row of the report, in the order of REPORT_COLUMNS."""
        origin = [self.kind, self.lang, self.package, self.version, self.licence, self.sha256]
        return [*origin, *(str(self.counts.get(name, "")) for name in COUNTS)]


def warn_of_changes(reports: Iterable[KindReport], contents: Path) -> None:
    """Warn of text that differs from the text of a table, since counts and scores may differ.

    Args:
        reports: the text that was read.
        contents: a table with a row per `kind` and `language`, and the `version` and `sha256`. A
            package's own hash would say less: updates repack the same text.
    """
    columns, lines = read_cells(contents)
    if not {"kind", "language", "version", "sha256"} <= {*columns}:
        raise InputError(f"{contents}: the header must have kind, language, version and sha256")
    known = {(row["kind"], row["language"]): row for _, row in lines}
    for report in reports:
        row = known.get((report.kind, report.lang))
        if row is None:
            warn(f"{report.package}: {report.kind} in {report.lang} are not in {contents}")
        elif row["sha256"] != report.sha256:
            warn(
                f"{report.package} {report.version}: the {report.kind} in {report.lang} differ "
                f"from version {row['version']} in {contents}: counts and scores may differ, too"
            )


def write_software_report(path: Path, reports: Iterable[KindReport]) -> None:
    """Write the rows of all kinds and languages, sorted."""
    ordered = sorted(reports, key=lambda report: (KINDS.index(report.kind), report.lang))
    rows = [REPORT_COLUMNS, *(report.row() for report in ordered)]
    write_text(path, "".join("\t".join(row) + "\n" for row in rows))
