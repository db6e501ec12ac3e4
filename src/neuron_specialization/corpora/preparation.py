"""Prepare corpora: write one file per split, pair and side, and a report of counts.

The split named "train" is cleaned and capped; evaluation splits keep every line, so that scores
stay comparable with published ones, and a line that cannot be kept is an error. On request, the
text before tokenisation is kept too.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from neuron_specialization.corpora import readers
from neuron_specialization.corpora.bad_lines import BadLines
from neuron_specialization.corpora.builtin import evaluation_pairs
from neuron_specialization.corpora.cleaning import Cleaning
from neuron_specialization.corpora.corpus_files import (
    EVERY_NTH,
    NONE,
    TRAIN,
    Codes,
    PairCorpus,
    SplitSource,
    find_corpus,
    pair_name,
)
from neuron_specialization.corpora.held_out import (
    choose_held_out,
    find_common_ids,
    find_repetitions,
    leave_out,
    read_evaluation,
)
from neuron_specialization.corpora.pair_report import PairReport, write_report
from neuron_specialization.corpora.readers import Line
from neuron_specialization.corpora.split_checks import find_problems
from neuron_specialization.corpora.tokenisation import tokenised, written_in_latin
from neuron_specialization.corpora.training_text import (
    TrainingText,
    write_pairs,
    write_training_text,
)
from neuron_specialization.errors import InputError
from neuron_specialization.files import emptied_folder
from neuron_specialization.logs import warn
from neuron_specialization.parallel import parallel_map

RAW = "raw"
"""Prefix of the names of files with evaluation text before tokenisation."""


@dataclass(frozen=True, kw_only=True)
class _Preparation:
    """Settings that all pairs share."""

    sources: Sequence[SplitSource]
    """The splits."""
    codes: Codes
    """The names of languages in other corpora."""
    held_out: Mapping[str, frozenset[str]]
    """The ids of each held-out split."""
    left_out: frozenset[str]
    """Ids excluded from training: the held-out ones, and others with the same text."""
    raw: Sequence[str]
    """Splits whose text before tokenisation is kept too."""
    pivot: str
    """Language that all pairs share."""
    cleaning: Cleaning
    """Rules for training pairs."""
    seed: int
    """Seed of the built-in corpus and of the cap."""
    work: Path
    """Folder to write to."""

    def read_from(self, source: SplitSource, lang: str) -> SplitSource:
        """Return the source of a split and pair; a held-out split is read from train's."""
        if source.format == "held_out":
            source = next(split for split in self.sources if split.name == TRAIN)
        return source.of(lang)

    def corpus(self, source: SplitSource, lang: str) -> PairCorpus:
        """Find the input files of a split and pair."""
        return find_corpus(self.read_from(source, lang), self.pivot, lang, self.codes)

    def files(self, name: str, lang: str) -> tuple[Path, Path]:
        """Return the two output files of a split and pair."""
        stem = self.work / f"{name}.{pair_name(self.pivot, lang)}"
        return Path(f"{stem}.{self.pivot}"), Path(f"{stem}.{lang}")


def prepare_corpora(
    *,
    sources: Sequence[SplitSource],
    codes: Codes,
    pivot: str,
    max_pairs: Mapping[str, int | None],
    cleaning: Cleaning,
    seed: int,
    report: Path,
    raw: Sequence[str] = (),
    processes: int = 1,
) -> None:
    """Read all splits of all pairs; write files named `{split}.{pair}.{lang}` and a report.

    Args:
        sources: the splits.
        codes: by language, values of the placeholders in the splits' paths.
        pivot: the language that all pairs share.
        max_pairs: by language (without the pivot), the maximum of training pairs; None for all.
        cleaning: rules for training pairs.
        seed: seed of the built-in corpus and of the cap.
        report: where to write the report; the text is written into the same folder, and all
            files appear when all are finished.
        raw: splits for which `raw.{split}.{pair}.{lang}` is written too, with the text before
            tokenisation.
        processes: number of languages to work on at a time.

    The report has a row of `REPORT_COLUMNS` for each split and pair; the counts after "read" add up
    to it. Its warnings are shown on the console, too. Memory use does not depend on the size of
    the training corpus, unless it has ids.

    Raise InputError, before anything is read, if settings are incompatible or files are missing;
    later if `read_corpus` or `choose_held_out` raises it, an evaluation line cannot be used, or a
    split and pair has no sentence left or too many that are not UTF-8.
    """
    problems = list(find_problems(sources, pivot, max_pairs))
    if problems:
        raise InputError("; ".join(problems))
    out = report.parent
    with emptied_folder(out.with_name(f".{out.name}.{report.stem}.part")) as work:
        held_out, left_out = _hold_out(sources, pivot, list(max_pairs), codes, seed)
        preparation = _Preparation(
            sources=sources,
            codes=codes,
            held_out=held_out,
            left_out=left_out,
            raw=raw,
            pivot=pivot,
            cleaning=cleaning,
            seed=seed,
            work=work,
        )
        found = parallel_map(partial(_prepare_pair, preparation), max_pairs.items(), processes)
        rows = [row for of_split in zip(*found, strict=True) for row in of_split]
        write_report(work / report.name, rows)
        for row in rows:
            for warning in row.warnings:
                warn(f"{row.name}: {warning}")
        out.mkdir(exist_ok=True)
        for file in sorted(work.iterdir()):
            file.replace(out / file.name)


def _hold_out(
    sources: Sequence[SplitSource], pivot: str, languages: Sequence[str], codes: Codes, seed: int
) -> tuple[Mapping[str, frozenset[str]], frozenset[str]]:
    """Check files; return the ids of each held-out split, and all ids excluded from training."""
    corpora = {
        source.name: [
            find_corpus(source, pivot, lang, codes)
            for lang in languages
            if source.of(lang).format not in ("builtin", "held_out", EVERY_NTH, NONE)
        ]
        for source in sources
    }
    for corpus in (corpus for split in corpora.values() for corpus in split):
        corpus.check()
    sizes = {source.name: source.sentences for source in sources if source.format == "held_out"}
    if not sizes:
        return {}, frozenset()
    ids = find_common_ids(corpora[TRAIN])
    held_out = choose_held_out(ids, sizes, seed)
    texts = readers.read_id_files(corpora[TRAIN][0].files[pivot], BadLines(Counter()))
    return held_out, find_repetitions(held_out.values(), texts)


def _prepare_pair(preparation: _Preparation, language: tuple[str, int | None]) -> list[PairReport]:
    """Write the files of all splits of a pair; return their reports."""
    lang, limit = language
    pair = pair_name(preparation.pivot, lang)
    reports = {
        name: PairReport(split=name, pair=pair)
        for name in (source.name for source in preparation.sources)
    }
    for source in preparation.sources:
        if source.name == TRAIN:
            counts = {name: report.counts for name, report in reports.items()}
            _prepare_training(preparation, source, lang, limit, counts)
        elif source.of(lang).format == NONE:
            _leave_empty(preparation, source.name, lang)
        elif source.of(lang).format != EVERY_NTH:
            reports[source.name].counts["kept"] = _prepare_evaluation(preparation, source, lang)
    for source in preparation.sources:
        if source.of(lang).format != NONE:
            reports[source.name].check(preparation.cleaning)
    return list(reports.values())


def _prepare_training(
    preparation: _Preparation,
    source: SplitSource,
    lang: str,
    limit: int | None,
    counts: Mapping[str, dict[str, int]],
) -> None:
    """Write train, and the splits that take every nth pair of it."""
    nth = [split.of(lang) for split in preparation.sources if split.of(lang).format == EVERY_NTH]
    text = TrainingText(
        lang=lang,
        limit=limit,
        cleaning=preparation.cleaning,
        seed=preparation.seed,
        files=preparation.files(TRAIN, lang),
        nth=[(split.every, preparation.files(split.name, lang)) for split in nth],
        by_text=[number for number, split in enumerate(nth) if split.by_text],
    )
    if source.format == "builtin":
        moved = write_training_text(text, None, counts[TRAIN])
    else:
        split, pair = source.of(lang), pair_name(preparation.pivot, lang)
        lines = readers.read_corpus(preparation.corpus(source, lang), counts[TRAIN])
        lines = leave_out(lines, preparation.left_out, counts[TRAIN])
        lines = tokenised(written_in_latin(lines, split, pair), split, pair)
        moved = write_training_text(text, lines, counts[TRAIN])
    for split, pairs in zip(nth, moved, strict=True):
        counts[split.name]["kept"] = pairs


def _leave_empty(preparation: _Preparation, split: str, lang: str) -> None:
    """Write empty files for a language without a split: tools know from them that it has none."""
    for name in (split, f"{RAW}.{split}"):
        if name == split or split in preparation.raw:
            write_pairs([], preparation.files(name, lang))


def _prepare_evaluation(preparation: _Preparation, source: SplitSource, lang: str) -> int:
    """Write an evaluation split, and its raw text if requested; return the number of pairs."""
    files = preparation.files(source.name, lang)
    raw = preparation.files(f"{RAW}.{source.name}", lang)
    keeps_raw = source.name in preparation.raw
    if source.format == "builtin":
        pairs = evaluation_pairs(lang, source.name, source.sentences, preparation.seed)
        for paths in [files, *([raw] if keeps_raw else [])]:
            write_pairs(pairs, paths)
        return len(pairs)
    found = read_evaluation(preparation.corpus(source, lang), preparation.held_out.get(source.name))
    first = list(found)[: source.sentences or None]
    numbered = (Line(number, *pair) for number, pair in enumerate(first, start=1))
    split, pair = preparation.read_from(source, lang), pair_name(preparation.pivot, lang)
    lines = list(written_in_latin(numbered, split, pair))
    if keeps_raw:
        write_pairs(_texts(lines), raw)
    return write_pairs(_texts(tokenised(lines, split, pair)), files)


def _texts(lines: Iterable[Line]) -> Iterator[tuple[str, str]]:
    return ((str(line.source), str(line.target)) for line in lines)
