"""Test helpers: prepare small corpora, and learn vocabularies from them."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from neuron_specialization.corpora.cleaning import Cleaning
from neuron_specialization.corpora.corpus_files import SplitSource, find_corpus, read_split
from neuron_specialization.corpora.preparation import prepare_corpora
from neuron_specialization.corpora.readers import read_corpus
from neuron_specialization.corpora.vocabulary import VocabularySettings, learn_vocabulary

LENIENT = Cleaning(max_words=1000, max_ratio=1000, drop_duplicates=False, max_invalid_utf8=1)
STRICT = Cleaning(max_words=6, max_ratio=2, drop_duplicates=True, max_invalid_utf8=1)
IDS = "{lang}.tsv"


def source(name: str, format: str, *path: str, **settings: object) -> SplitSource:
    """Return a split as read from the configuration, with paths relative to the test's folder."""
    split = {"name": name, "format": format, "path": path, "origin": "the attic", **settings}
    return read_split(split, {"": Path()})


def within(split: SplitSource, folder: Path) -> SplitSource:
    """Return the same split with its files in a folder."""
    exceptions = {lang: replace(other, folder=folder) for lang, other in split.exceptions.items()}
    return replace(split, folder=folder, exceptions=exceptions)


TEXT, TSV = source("train", "text", "{pair}.{lang}"), source("train", "tsv", "{pair}.tsv")
VALID = source("valid", "text", "valid.{lang}")
HELD_OUT = [
    source("train", "ids", IDS),
    source("valid", "held_out", sentences=3),
    source("test", "held_out", sentences=4),
]


def fill(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a folder; return the folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def prepare(
    folder: Path,
    sources: Sequence[SplitSource],
    *,
    max_pairs: Mapping[str, int | None] | None = None,
    cleaning: Cleaning = LENIENT,
    seed: int = 1,
    out: str = "out",
    codes: Mapping[str, Mapping[str, str]] | None = None,
    raw: Sequence[str] = (),
    processes: int = 1,
) -> dict[str, str]:
    """Prepare corpora in `folder/results/out`; return the text of each file there."""
    prepare_corpora(
        sources=[within(split, folder) for split in sources],
        codes=codes or {},
        pivot="en",
        max_pairs={"de": None} if max_pairs is None else max_pairs,
        cleaning=cleaning,
        seed=seed,
        report=folder / "results" / out / "report.tsv",
        raw=raw,
        processes=processes,
    )
    return {p.name: p.read_bytes().decode() for p in (folder / "results" / out).iterdir()}


def report(files: Mapping[str, str]) -> dict[tuple[str, str], dict[str, int]]:
    rows = list(csv.DictReader(files["report.tsv"].splitlines(), delimiter="\t"))
    for row in rows:
        del row["warnings"]
    return {
        (row.pop("split"), row.pop("pair")): {column: int(n) for column, n in row.items()}
        for row in rows
    }


def warnings(files: Mapping[str, str]) -> list[str]:
    """Return the warnings of the report."""
    rows = csv.DictReader(files["report.tsv"].splitlines(), delimiter="\t")
    return [row["warnings"] for row in rows if row["warnings"]]


def id_file(lang: str, numbers: Sequence[int]) -> str:
    return "".join(f"v{n}\t{lang} sentence v{n}\n" for n in numbers)


def read(
    folder: Path, format: str, *path: str, **settings: object
) -> list[tuple[int | str, str | None, str | None]]:
    split = within(source("train", format, *path, **settings), folder)
    return [tuple(line) for line in read_corpus(find_corpus(split, "en", "de", {}))]


def learn(lines: Iterable[str], tags: Sequence[str], folder: Path, **changes: object) -> None:
    """Learn `spm.model` and `dict.txt` in a folder."""
    values = {"model_type": "unigram", "size": 150, "character_coverage": 1.0, "temperature": 2}
    settings = VocabularySettings(**{**values, "max_sentences": 1000, "seed": 1, **changes})
    folder.mkdir(exist_ok=True)
    learn_vocabulary(lines, tags, settings, folder / "spm.model", folder / "dict.txt")
