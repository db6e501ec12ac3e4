"""Readers of local corpora: aligned text files, source<TAB>target files and id<TAB>text files.

Every corpus is centred on a pivot language: the pair of language `de` is `en-de`, and the pivot's
sentence is always the source of a `Line`. Files are read as bytes and split on "\\n" only, because
Python's text mode would also break lines at a lone "\\r" and put the two sides out of step.
"""

import gzip
import io
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from neuron_specialization.errors import InputError

PLACEHOLDERS = {"text": "{lang}", "tsv": "{pair}", "ids": "{lang}"}
"""The local formats, each with the placeholder without which all sides or pairs share a file."""


class Line(NamedTuple):
    """A sentence pair as read, with its line number or id; None is a side that is not UTF-8."""

    key: int | str
    source: str | None
    target: str | None


@dataclass(frozen=True, kw_only=True)
class LocalCorpus:
    """Where the files of one split lie and how they are written."""

    split: str
    """Name of the split, for messages."""
    format: str
    """One of "text", "tsv" and "ids"."""
    path: str
    """Path template below `folder`: {pair} is e.g. "en-de", {lang} the language of the side."""
    folder: Path
    """Folder that `path` is relative to."""
    pivot: str
    """Language that all pairs share."""
    origin: str
    """Where the corpus comes from, told to a user who does not have it."""

    def file(self, lang: str, side: str) -> Path:
        """Return the file of one side (`lang` or the pivot) of the pair of `lang`."""
        path = self.path.replace("{pair}", pair_name(self.pivot, lang))
        return self.folder / path.replace("{lang}", side)


def pair_name(pivot: str, lang: str) -> str:
    """Return the name of a corpus pair, the pivot first."""
    return f"{pivot}-{lang}"


def check_corpus(corpus: LocalCorpus, languages: Sequence[str]) -> None:
    """Raise an InputError on an unknown format, a template without its placeholder, no file."""
    if corpus.format not in PLACEHOLDERS:
        raise InputError(
            f"split {corpus.split!r}: unknown format {corpus.format!r}, "
            f"local corpora are one of {', '.join(PLACEHOLDERS)}"
        )
    placeholder = PLACEHOLDERS[corpus.format]
    if placeholder not in corpus.path:
        raise InputError(
            f"split {corpus.split!r}: the path {corpus.path!r} needs {placeholder} "
            f"(format {corpus.format!r})"
        )
    for lang in languages:
        for side in (corpus.pivot, lang):
            _require_file(corpus, lang, side)


def read_corpus(corpus: LocalCorpus, lang: str) -> Iterator[Line]:
    """Read the pair of the pivot and `lang`, line by line (format "ids" loads both files).

    Raises InputError at once for what `check_corpus` finds, and while reading for a corpus without
    lines, files of different length, a line without exactly one tab, a duplicate id, a damaged
    gzip file.
    """
    check_corpus(corpus, [lang])
    if corpus.format == "text":
        return _read_text(corpus, lang)
    return _read_tsv(corpus, lang) if corpus.format == "tsv" else _read_ids(corpus, lang)


def read_id_file(path: Path) -> dict[str, str | None]:
    """Read a file of `id<TAB>text` lines into a dict in file order (None: text is not UTF-8).

    Raises InputError with file and line for a line without exactly one tab, for an id that is not
    valid UTF-8 or was there before, and for a file without lines.
    """
    texts: dict[str, str | None] = {}
    for number, (raw_key, raw_text) in enumerate(_read_columns(path), start=1):
        key = _decode(raw_key)
        if key is None:
            raise InputError(f"{path}:{number}: the id is not valid UTF-8")
        if key in texts:
            raise InputError(f"{path}:{number}: the id {key!r} occurs a second time")
        texts[key] = _decode(raw_text)
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


def locate(corpus: LocalCorpus, lang: str, side: str, key: int | str) -> str:
    """Return `file:line` of a line that `read_corpus` gave; an id is looked up in its file."""
    path = corpus.file(lang, side)
    if isinstance(key, int):
        return f"{path}:{key}"
    return f"{path}:{list(read_id_file(path)).index(key) + 1}"


def _read_text(corpus: LocalCorpus, lang: str) -> Iterator[Line]:
    paths = corpus.file(lang, corpus.pivot), corpus.file(lang, lang)
    number = 0
    for number, (source, target) in enumerate(zip_longest(*map(_read_lines, paths)), start=1):
        if source is None or target is None:
            counts = " and ".join(f"{path} has {_count_lines(path)} lines" for path in paths)
            raise InputError(f"split {corpus.split!r}: files of different length, {counts}")
        yield Line(number, _decode(source), _decode(target))
    if not number:
        raise InputError(f"{paths[0]} and {paths[1]}: empty corpus, the files have no lines")


def _read_tsv(corpus: LocalCorpus, lang: str) -> Iterator[Line]:
    path = corpus.file(lang, lang)
    number = 0
    for number, (source, target) in enumerate(_read_columns(path), start=1):
        yield Line(number, _decode(source), _decode(target))
    if not number:
        raise InputError(f"{path}: empty corpus, the file has no lines")


def _read_ids(corpus: LocalCorpus, lang: str) -> Iterator[Line]:
    paths = corpus.file(lang, corpus.pivot), corpus.file(lang, lang)
    sources, targets = map(read_id_file, paths)
    if sources.keys().isdisjoint(targets):
        raise InputError(f"{paths[0]} and {paths[1]}: empty corpus, the files share no id")
    for key, source in sources.items():
        if key in targets:
            yield Line(key, source, targets[key])


def _require_file(corpus: LocalCorpus, lang: str, side: str) -> None:
    path = corpus.file(lang, side)
    if not path.is_file():
        raise InputError(
            f"{path}: no such file (split {corpus.split!r}, language {side!r}, "
            f"pair {pair_name(corpus.pivot, lang)!r}). The corpus comes from: {corpus.origin}"
        )


def _read_columns(path: Path) -> Iterator[list[bytes]]:
    for number, line in enumerate(_read_lines(path), start=1):
        columns = line.split(b"\t")
        if len(columns) != 2:
            raise InputError(f"{path}:{number}: {len(columns) - 1} tabs, exactly one is needed")
        yield columns


def _read_lines(path: Path) -> Iterator[bytes]:
    try:
        with _open(path) as file:
            if file.read(len(BOM_UTF8)) != BOM_UTF8:
                file.seek(0)
            for line in file:
                yield line.removesuffix(b"\n").removesuffix(b"\r")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: damaged gzip file ({error}), fetch it again") from error


def _open(path: Path) -> BinaryIO:
    if path.suffix != ".gz":
        return path.open("rb")
    # A GzipFile's own iterator runs in Python; the buffer around it finds the lines in C.
    return io.BufferedReader(cast(io.RawIOBase, gzip.open(path, "rb")))


def _count_lines(path: Path) -> int:
    return sum(1 for _ in _read_lines(path))


def _decode(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None
