"""The report of software's text: a row for each kind of text and language."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from neuron_specialization.corpora.software_cleaning import RULES
from neuron_specialization.corpora.software_packages import KINDS, LEFT_OUT, KindText
from neuron_specialization.files import write_text

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


def write_software_report(path: Path, reports: Iterable[KindReport]) -> None:
    """Write the rows of all kinds and languages, sorted."""
    ordered = sorted(reports, key=lambda report: (KINDS.index(report.kind), report.lang))
    rows = [REPORT_COLUMNS, *(report.row() for report in ordered)]
    write_text(path, "".join("\t".join(row) + "\n" for row in rows))
