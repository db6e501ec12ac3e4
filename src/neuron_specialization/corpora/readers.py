"""Readers of local corpora: aligned text files, TED talks, TSV files and id<TAB>text files.

The pivot's sentence is always the source of a `Line`.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from neuron_specialization.corpora.corpus_files import PairCorpus
from neuron_specialization.corpora.text_lines import count_lines, decode, read_lines
from neuron_specialization.errors import InputError

# TED talks (WIT3): lines that are no text, and tags around lines that are
NO_TEXT = re.compile(rb"<(?:url|talkid|keywords)>")
TAGS = re.compile(rb"</?(?:title|description)>")


class Line(NamedTuple):
    """A sentence pair as read, with its line number or id; None is a side that is not UTF-8."""

    key: int | str
    source: str | None
    target: str | None


def read_corpus(corpus: PairCorpus) -> Iterator[Line]:
    """Read a pair, line by line (format "ids" loads both files).

    Raises InputError at once for a missing file, and while reading for a corpus without lines,
    files of different length, a line with other columns than it must have, a duplicate id, a
    damaged compressed file.
    """
    corpus.check()
    if corpus.format == "tsv":
        return _read_tsv(corpus)
    if corpus.format == "ids":
        return _read_ids(corpus)
    return _read_text(corpus)


def read_id_file(path: Path) -> dict[str, str | None]:
    """Read a file of `id<TAB>text` lines into a dict in file order (None: text is not UTF-8).

    Raises InputError with file and line for a line without exactly one tab, for an id that is not
    valid UTF-8 or was there before, and for a file without lines.
    """
    texts: dict[str, str | None] = {}
    for number, (raw_key, raw_text) in _two_columns(path):
        key = decode(raw_key)
        if key is None:
            raise InputError(f"{path}:{number}: the id is not valid UTF-8")
        if key in texts:
            raise InputError(f"{path}:{number}: the id {key!r} occurs a second time")
        texts[key] = decode(raw_text)
    if not texts:
        raise InputError(f"{path}: empty corpus, the file has no lines")
    return texts


def text_problem(text: str | None) -> str | None:
    """Return what makes a sentence unfit for evaluation, None if nothing does."""
    if text is None:
        return "is not valid UTF-8"
    if not text or text.isspace():
        return "is empty"
    # Tools downstream read in Python's text mode, where this would be the end of a line.
    return "has a carriage return inside" if "\r" in text else None


def locate(corpus: PairCorpus, side: str, key: int | str) -> str:
    """Return `file:line` of a line that `read_corpus` gave; an id is looked up in its file.

    Line numbers count the sentences of all files of a side, and not the header of a TSV file.
    """
    paths = corpus.files[side]
    if isinstance(key, str):
        return f"{paths[0]}:{list(read_id_file(paths[0])).index(key) + 1}"
    for path in paths[:-1]:
        lines = count_lines(path) - corpus.header
        if key <= lines:
            return f"{path}:{key + corpus.header}"
        key -= lines
    return f"{paths[-1]}:{key + corpus.header}"


def _read_text(corpus: PairCorpus) -> Iterator[Line]:
    number = 0
    for paths in zip(corpus.files[corpus.pivot], corpus.files[corpus.lang], strict=True):
        sides = (_sentences(path, corpus.format) for path in paths)
        for source, target in zip_longest(*sides):
            if source is None or target is None:
                raise InputError(f"split {corpus.split!r}: {_lengths(paths, corpus.format)}")
            number += 1
            yield Line(number, decode(source), decode(target))
    if not number:
        names = " and ".join(str(path) for side in corpus.files.values() for path in side)
        raise InputError(f"{names}: empty corpus, the files have no lines")


def _sentences(path: Path, format: str) -> Iterable[bytes]:
    """The lines of a file that are sentences."""
    if format == "text":
        return read_lines(path)
    return (TAGS.sub(b"", line).strip() for line in read_lines(path) if not NO_TEXT.search(line))


def _lengths(paths: tuple[Path, Path], format: str) -> str:
    counts = (f"{path} has {sum(1 for _ in _sentences(path, format))} lines" for path in paths)
    return f"files of different length, {' and '.join(counts)}"


def _read_tsv(corpus: PairCorpus) -> Iterator[Line]:
    number = 0
    for path in corpus.files[corpus.lang]:
        rows = _named_columns(path, corpus) if corpus.header else _two_columns(path)
        for _, (source, target) in rows:
            number += 1
            yield Line(number, decode(source), decode(target))
    if not number:
        names = " and ".join(map(str, corpus.files[corpus.lang]))
        raise InputError(f"{names}: empty corpus, no lines")


def _read_ids(corpus: PairCorpus) -> Iterator[Line]:
    paths = corpus.files[corpus.pivot][0], corpus.files[corpus.lang][0]
    sources, targets = map(read_id_file, paths)
    if sources.keys().isdisjoint(targets):
        raise InputError(f"{paths[0]} and {paths[1]}: empty corpus, the files share no id")
    for key, source in sources.items():
        if key in targets:
            yield Line(key, source, targets[key])


def _two_columns(path: Path) -> Iterator[tuple[int, list[bytes]]]:
    for number, line in enumerate(read_lines(path), start=1):
        columns = line.split(b"\t")
        if len(columns) != 2:
            raise InputError(f"{path}:{number}: {len(columns) - 1} tabs, exactly one is needed")
        yield number, columns


def _named_columns(path: Path, corpus: PairCorpus) -> Iterator[tuple[int, list[bytes]]]:
    """The two columns that the header names after the languages, the pivot's first."""
    lines = enumerate(read_lines(path), start=1)
    names = (decode(next(lines, (1, b""))[1]) or "").split("\t")
    for language in (corpus.pivot, corpus.lang):
        if names.count(language) != 1:
            raise InputError(
                f"{path}:1: the header must name the language {language!r} once, "
                f"it has {', '.join(names)}"
            )
    source, target = names.index(corpus.pivot), names.index(corpus.lang)
    for number, line in lines:
        columns = line.split(b"\t")
        if len(columns) != len(names):
            raise InputError(
                f"{path}:{number}: {len(columns) - 1} tabs, the header has {len(names) - 1}"
            )
        yield number, [columns[source], columns[target]]
