"""Make corpora of the text of software in Debian packages: parallel strings of many languages.

Test and validation text is the same English in all languages, so that every direction between any
two of them can be tested; training text has nothing like it, in any language.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from neuron_specialization.corpora.corpus_files import TRAIN, pair_name
from neuron_specialization.corpora.software_cleaning import (
    RULES,
    Cleaner,
    count_software_words,
    letters_and_digits,
)
from neuron_specialization.corpora.software_packages import Reader, check_kinds, open_kind
from neuron_specialization.corpora.software_report import (
    TRAINING,
    KindReport,
    warn_of_changes,
    write_software_report,
)
from neuron_specialization.corpora.software_splits import (
    HeldOut,
    HeldOutSplit,
    commonest_translations,
    hold_out,
)
from neuron_specialization.corpora.training_text import write_pairs
from neuron_specialization.errors import InputError
from neuron_specialization.files import emptied_folder
from neuron_specialization.logs import warn
from neuron_specialization.parallel import parallel_map

REPORT = "report.tsv"
PAIRS = ".pairs"
"""Suffix of work files: the number of times that a pair occurs, its English and its translation."""


@dataclass(frozen=True, kw_only=True)
class SoftwareText:
    """Which text of packages to take, and how much of it to hold out."""

    codes: Mapping[str, str]
    """By language, its code in Debian; without the pivot."""
    pivot: str = "en"
    """Name of English."""
    train: tuple[str, ...]
    """Kinds of text to train on."""
    held_out: Mapping[str, HeldOutSplit]
    """The other splits, in the order in which their sentences are chosen."""
    min_words: int = 2
    """Fewest English words of a training pair."""
    contents: Path | None = None
    """Table of the hashes of text that is known (`software_report.warn_of_changes`)."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of text to read."""
        held_out = (split.kind for split in self.held_out.values())
        return tuple(dict.fromkeys((*self.train, *held_out)))


@dataclass(frozen=True, kw_only=True)
class Extract:
    """The English side of the cleaned text of a kind and language; pairs are in a file."""

    report: KindReport
    english: frozenset[str]


def read_packages(settings: SoftwareText, folder: Path, out: Path, processes: int = 1) -> None:
    """Write the splits `{split}.{pair}.{lang}` of the text in packages, and a report.

    Args:
        settings: the text to take.
        folder: where the .deb files are: `PACKAGE.deb`, or the names that apt gives them.
        out: where to write; files are put there when all are complete.
        processes: languages to work on at a time.

    Raises:
        InputError: a package is missing or cannot be read, a language lacks the text of a held-out
            split, or the languages have too little in common. Help that a language lacks is only a
            warning where it is trained on, since not all languages have it.
    """
    check_kinds(settings.train)
    out.mkdir(parents=True, exist_ok=True)
    with emptied_folder(out / ".packages.part") as work:
        opened = {kind: open_kind(kind, folder) for kind in settings.kinds}
        readers = {kind: reader for kind, (reader, _) in opened.items()}
        extract = partial(_extract, settings, readers, work)
        found = parallel_map(extract, settings.codes, processes)
        extracts = dict(zip(settings.codes, found, strict=True))
        _warn_of_absent(settings.train, extracts)
        english = _english_by_kind(settings, extracts)
        held_out = hold_out(settings.held_out, english, settings.train)
        write = partial(_write_language, settings, held_out, extracts, work)
        reports = list(chain.from_iterable(parallel_map(write, settings.codes, processes)))
        for kind, (_, pivot_text) in opened.items():
            if pivot_text:
                reports.append(KindReport.of(kind, settings.pivot, pivot_text, {}))
        write_software_report(work / REPORT, reports)
        if settings.contents:
            warn_of_changes(reports, settings.contents)
        written = [path for path in work.iterdir() if path.suffix != PAIRS]
        for path in sorted(written, key=lambda path: path.name == REPORT):  # the report at the end
            os.replace(path, out / path.name)


def _english_by_kind(
    settings: SoftwareText, extracts: Mapping[str, Mapping[str, Extract]]
) -> dict[str, dict[str, frozenset[str]]]:
    return {
        kind: {lang: found[kind].english for lang, found in extracts.items() if kind in found}
        for kind in settings.kinds
    }


def _extract(
    settings: SoftwareText, readers: Mapping[str, Reader], work: Path, lang: str
) -> dict[str, Extract]:
    """Read and clean the text of a language; write its pairs into work files."""
    extracts = {}
    for kind, read in readers.items():
        code = settings.codes[lang]
        text = read(code)
        if text is None:
            continue
        counts = Counter(dict.fromkeys(("raw", *RULES), 0))
        pairs = Cleaner(language=code, release=text.release).clean(text.strings, counts)
        with _pairs_file(work, kind, lang).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{n}\t{source}\t{target}\n" for (source, target), n in pairs.items())
        translations = Counter(source for source, _ in pairs)
        counts["several_translations"] = sum(n > 1 for n in translations.values())
        counts["kept"] = len(pairs)
        report = KindReport.of(kind, lang, text, counts)
        extracts[kind] = Extract(report=report, english=frozenset(translations))
    return extracts


def _warn_of_absent(kinds: Sequence[str], extracts: Mapping[str, Mapping[str, Extract]]) -> None:
    for kind in kinds:
        absent = [lang for lang, found in extracts.items() if kind not in found]
        if absent:
            names = ", ".join(absent)
            warn(f"no text of the kind {kind} in {names}: no such package, or not fetched")


def _write_language(
    settings: SoftwareText,
    held_out: HeldOut,
    extracts: Mapping[str, Mapping[str, Extract]],
    work: Path,
    lang: str,
) -> list[KindReport]:
    """Write the splits of a language; return the rows of its report."""
    reports = {kind: extract.report for kind, extract in extracts[lang].items()}
    tested = set()
    for split, held in settings.held_out.items():
        if lang in held.languages:
            pairs = _read_pairs(_pairs_file(work, held.kind, lang))
            references = commonest_translations(pairs, held_out.splits[split])
            write_pairs(references, _split_files(settings, work, split, lang))
            tested |= {letters_and_digits(reference) for _, reference in references}
    seen: set[tuple[str, str]] = set()
    with_text = [kind for kind in settings.train if kind in reports]
    kept = (
        pair
        for kind in with_text
        for pair in _training_pairs(settings, held_out, tested, seen, reports[kind], work)
    )
    if not write_pairs(kept, _split_files(settings, work, TRAIN, lang)):
        raise InputError(
            f"language {lang!r}: no training pair is left of the kinds "
            f"{', '.join(settings.train)}; choose more kinds, or leave the language out"
        )
    return list(reports.values())


def _training_pairs(
    settings: SoftwareText,
    held_out: HeldOut,
    tested: set[str],
    seen: set[tuple[str, str]],
    report: KindReport,
    work: Path,
) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a kind and language to train on; count all in the report."""
    report.counts.update(dict.fromkeys(TRAINING, 0))
    for _, source, target in _read_pairs(_pairs_file(work, report.kind, report.lang)):
        if count_software_words(source) < settings.min_words:
            report.counts["few_words"] += 1
        elif source in held_out.sentences:
            report.counts["held_out"] += 1
        elif source in held_out.near:
            report.counts["near_held_out"] += 1
        elif letters_and_digits(target) in tested:
            report.counts["same_translation"] += 1
        elif (source, target) in seen:
            report.counts["other_kind"] += 1
        else:
            seen.add((source, target))
            report.counts[TRAIN] += 1
            yield source, target


def _read_pairs(path: Path) -> Iterator[tuple[int, str, str]]:
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            count, source, target = line.removesuffix("\n").split("\t")
            yield int(count), source, target


def _pairs_file(work: Path, kind: str, lang: str) -> Path:
    return work / f"{kind}.{lang}{PAIRS}"


def _split_files(settings: SoftwareText, work: Path, split: str, lang: str) -> list[Path]:
    pair = pair_name(settings.pivot, lang)
    return [work / f"{split}.{pair}.{side}" for side in (settings.pivot, lang)]
