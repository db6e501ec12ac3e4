"""From corpora as they are found to one file per split, pair and side, with a report of counts.

The split named "train" is cleaned and capped; evaluation splits keep every line as it is, so that
scores stay comparable with published ones, and a line that cannot be kept is an error.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from neuron_specialization.corpora import readers, splits
from neuron_specialization.corpora.builtin import evaluation_pairs, training_pairs
from neuron_specialization.corpora.cleaning import COUNTS, Cleaning, cap, clean, new_counts
from neuron_specialization.corpora.readers import Line, LocalCorpus, pair_name
from neuron_specialization.errors import InputError

TRAIN = "train"
REPORT_COLUMNS = ("split", "pair", "read", *COUNTS)
BUILTIN_PATIENCE = 50
"""Most built-in pairs made per pair asked for: they never end, so the search for good ones must."""
WRITE_BUFFER = 1 << 20
"""Bytes; a fifth less time for writing than with Python's default of 8 KiB."""


@dataclass(frozen=True, kw_only=True)
class SplitSource:
    """Where the sentences of one split come from."""

    name: str
    """Name of the split; "train" is the one that is cleaned and capped."""
    format: str
    """One of "builtin", "text", "tsv", "ids" and "held_out" (lines of train's "ids" corpus)."""
    path: str
    """Path template with {pair} or {lang}; "" for splits that are not local."""
    sentences: int
    """Number of sentences of a built-in evaluation split or of a held-out one; else unused."""
    origin: str
    """Where the corpus comes from, told to a user who does not have it."""


@dataclass(frozen=True, kw_only=True)
class _Preparation:
    """What all splits and pairs have in common."""

    corpora: Mapping[str, LocalCorpus]
    """The local corpus of each split that is not built in."""
    held_out: Mapping[str, frozenset[str]]
    """The ids of each held-out split."""
    left_out: frozenset[str]
    """The ids that training must not have: the held-out ones, and others with their text."""
    pivot: str
    """Language that all pairs share."""
    cleaning: Cleaning
    """Rules for training pairs."""
    seed: int
    """Seed of the built-in corpus and of the cap."""


def prepare_corpora(
    *,
    sources: Sequence[SplitSource],
    folder: Path,
    pivot: str,
    max_pairs: Mapping[str, int | None],
    cleaning: Cleaning,
    seed: int,
    out: Path,
) -> None:
    """Read all splits of all pairs; write `{out}/{split}.{pair}.{lang}` and `{out}/report.tsv`.

    `max_pairs` has an entry for each language but the pivot: the most training pairs, None for
    all. Local files lie below `folder`. The report has a row of `REPORT_COLUMNS` for each split
    and pair; the counts after "read" add up to it. Files appear in `out` when all are finished.

    Raises InputError, before anything is read, for settings that do not fit together and for
    missing files; then for what `read_corpus` and `choose_held_out` find, for an evaluation line
    that cannot be used, and for a split and pair of which no sentence is left.
    """
    problems = list(_find_problems(sources, pivot, max_pairs))
    if problems:
        raise InputError("; ".join(problems))
    preparation = _plan(sources, folder, pivot, list(max_pairs), cleaning, seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as name:
        work = Path(name)
        rows = [
            _prepare_pair(preparation, source, lang, limit, work)
            for source in sources
            for lang, limit in max_pairs.items()
        ]
        report = "".join("\t".join(row) + "\n" for row in [REPORT_COLUMNS, *rows])
        (work / "report.tsv").write_text(report, encoding="utf-8", newline="\n")
        out.mkdir(exist_ok=True)
        for file in sorted(work.iterdir()):
            file.replace(out / file.name)


def _find_problems(
    sources: Sequence[SplitSource], pivot: str, max_pairs: Mapping[str, int | None]
) -> Iterator[str]:
    names = [source.name for source in sources]
    if len(set(names)) < len(names):
        yield f"splits {', '.join(names)}: a name occurs twice"
    if not max_pairs or pivot in max_pairs:
        yield f"languages {list(max_pairs)}: give one or more, all different from pivot {pivot!r}"
    for lang, limit in max_pairs.items():
        if limit is not None and limit < 1:
            yield f"language {lang!r}: at most {limit} training pairs, must be at least 1"
    formats = {source.name: source.format for source in sources}
    for source in sources:
        if source.name == TRAIN:
            yield from _find_train_problems(source, max_pairs)
        else:
            yield from _find_evaluation_problems(source, formats.get(TRAIN))


def _find_train_problems(source: SplitSource, max_pairs: Mapping[str, int | None]) -> Iterator[str]:
    if source.format == "held_out":
        yield f"split {TRAIN!r}: only evaluation splits can be held out"
    uncapped = [lang for lang, limit in max_pairs.items() if limit is None]
    if source.format == "builtin" and uncapped:
        yield (
            f"split {TRAIN!r}: the built-in corpus has no end, say how many training pairs to "
            f"make for {', '.join(uncapped)}"
        )


def _find_evaluation_problems(source: SplitSource, train_format: str | None) -> Iterator[str]:
    if source.format == "builtin" and source.name not in ("valid", "test"):
        yield f"split {source.name!r}: the built-in splits are train, valid and test"
    if source.format == "held_out" and train_format != "ids":
        yield (
            f"split {source.name!r}: held out of split {TRAIN!r}, which must have format 'ids' "
            f"and has {train_format!r}"
        )
    if source.format in ("builtin", "held_out") and source.sentences < 1:
        yield f"split {source.name!r}: {source.sentences} sentences, must be at least 1"


def _plan(
    sources: Sequence[SplitSource],
    folder: Path,
    pivot: str,
    languages: Sequence[str],
    cleaning: Cleaning,
    seed: int,
) -> _Preparation:
    corpora = {
        source.name: LocalCorpus(
            split=source.name,
            format=source.format,
            path=source.path,
            folder=folder,
            pivot=pivot,
            origin=source.origin,
        )
        for source in sources
        if source.format not in ("builtin", "held_out")
    }
    for corpus in corpora.values():
        readers.check_corpus(corpus, languages)
    sizes = {source.name: source.sentences for source in sources if source.format == "held_out"}
    for split in sizes:
        corpora[split] = corpora[TRAIN]
    ids = splits.find_common_ids(corpora[TRAIN], languages) if sizes else []
    held_out = splits.choose_held_out(ids, sizes, seed)
    texts = readers.read_id_file(corpora[TRAIN].file(pivot, pivot)) if sizes else {}
    return _Preparation(
        corpora=corpora,
        held_out=held_out,
        left_out=splits.find_repetitions(held_out.values(), texts),
        pivot=pivot,
        cleaning=cleaning,
        seed=seed,
    )


def _prepare_pair(
    preparation: _Preparation, source: SplitSource, lang: str, limit: int | None, work: Path
) -> list[str]:
    """Write the two files of a split and pair, return its row of the report."""
    pair = pair_name(preparation.pivot, lang)
    paths = [work / f"{source.name}.{pair}.{side}" for side in (preparation.pivot, lang)]
    counts = new_counts()
    if source.name == TRAIN:
        _write_pairs(_train_pairs(preparation, source, lang, limit, counts), paths)
        cap(paths, counts, limit, preparation.seed)
    else:
        counts["kept"] = _write_pairs(_evaluation_pairs(preparation, source, lang), paths)
    row = {"split": source.name, "pair": pair, "read": sum(counts.values()), **counts}
    if not counts["kept"]:
        found = ", ".join(f"{column} {row[column]}" for column in REPORT_COLUMNS[2:])
        raise InputError(f"split {source.name!r}, pair {pair!r}: no sentence is left ({found})")
    return [str(row[column]) for column in REPORT_COLUMNS]


def _train_pairs(
    preparation: _Preparation,
    source: SplitSource,
    lang: str,
    limit: int | None,
    counts: dict[str, int],
) -> Iterator[tuple[str, str]]:
    if source.format == "builtin" and limit is not None:
        yield from _make_train_pairs(preparation, lang, limit, counts)
        return
    lines = readers.read_corpus(preparation.corpora[TRAIN], lang)
    if preparation.left_out:
        lines = splits.leave_out(lines, preparation.left_out, counts)
    yield from clean(lines, preparation.cleaning, counts)


def _make_train_pairs(
    preparation: _Preparation, lang: str, limit: int, counts: dict[str, int]
) -> Iterator[tuple[str, str]]:
    made = islice(training_pairs(lang, preparation.seed), BUILTIN_PATIENCE * limit)
    lines = (Line(number, *pair) for number, pair in enumerate(made, start=1))
    yield from islice(clean(lines, preparation.cleaning, counts), limit)
    if counts["kept"] < limit:
        found = ", ".join(f"{rule} {counts[rule]}" for rule in COUNTS)
        raise InputError(
            f"split {TRAIN!r}, pair {pair_name(preparation.pivot, lang)!r}: gave up looking for "
            f"{limit} built-in pairs ({found}); ask for fewer or clean less strictly"
        )


def _evaluation_pairs(
    preparation: _Preparation, source: SplitSource, lang: str
) -> Iterable[tuple[str, str]]:
    if source.format == "builtin":
        return evaluation_pairs(lang, source.name, source.sentences, preparation.seed)
    corpus = preparation.corpora[source.name]
    return splits.read_evaluation(corpus, lang, preparation.held_out.get(source.name))


def _write_pairs(pairs: Iterable[tuple[str, str]], paths: Sequence[Path]) -> int:
    written = 0
    with (
        paths[0].open("w", WRITE_BUFFER, encoding="utf-8", newline="\n") as source_file,
        paths[1].open("w", WRITE_BUFFER, encoding="utf-8", newline="\n") as target_file,
    ):
        for source, target in pairs:
            source_file.write(f"{source}\n")
            target_file.write(f"{target}\n")
            written += 1
    return written
