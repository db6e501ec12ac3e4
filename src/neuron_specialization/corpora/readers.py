"""Read local corpora: aligned text files, TED talks, TSV files and id<TAB>text files.

The pivot's sentence is always the source of a `Line`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import NamedTuple

from neuron_specialization.corpora.corpus_files import PairCorpus
from neuron_specialization.corpora.text_lines import MAX_CHARACTERS, decode, read_lines
from neuron_specialization.errors import InputError

# TED talks (WIT3, IWSLT 2011 to 2017): lines without text, and tags around lines with text
NO_TEXT = re.compile(
    rb"<(?:url|talkid|keywords)>"
    rb"|^\s*</?(?:doc|speaker|reviewer|translator|mteval|srcset|refset|tstset|hl|p)\b"
    rb"|^\s*<[?!]"
)
TAGS = re.compile(rb"</?(?:title|description|seg)(?:\s[^<>]*)?>")


class Line(NamedTuple):
    """A sentence pair as read, with its number or id; None marks a side that is not UTF-8."""

    key: int | str
    source: str | None
    target: str | None


def read_corpus(corpus: PairCorpus) -> Iterator[Line]:
    """Read a pair line by line (format "ids" loads both sides into memory).

    Raise InputError immediately for a missing file, and while reading for a corpus without lines,
    files of different length, a line with the wrong columns, a duplicate id, or a damaged
    compressed file.
    """
    corpus.check()
    if corpus.split.format == "tsv":
        return _read_tsv(corpus)
    if corpus.split.format == "ids":
        return _read_ids(corpus)
    return _read_text(corpus)


def read_id_files(paths: Sequence[Path]) -> dict[str, str | None]:
    """Read files of `id<TAB>text` lines into an ordered dict (None: text is not UTF-8).

    Raise InputError with file and line for a line without exactly one tab, and for an id that is
    not valid UTF-8 or occurred before in any of the files; also for files without lines.
    """
    texts: dict[str, str | None] = {}
    for path in paths:
        for number, (raw_key, raw_text) in _two_columns(path):
            key = decode(raw_key)
            if key is None:
                raise InputError(f"{path}:{number}: the id is not valid UTF-8")
            if key in texts:
                raise InputError(f"{path}:{number}: the id {key!r} occurs a second time")
            texts[key] = decode(raw_text)
    if not texts:
        raise InputError(f"{_names(paths)}: empty corpus, no lines")
    return texts


def text_problem(text: str | None) -> str | None:
    """Describe why a sentence is unusable for evaluation; return None if it is usable."""
    if text is None:
        return "is not valid UTF-8"
    if not text or text.isspace():
        return "is empty"
    if len(text) > MAX_CHARACTERS:
        return f"has {len(text):,} characters, more than {MAX_CHARACTERS:,}"
    # Downstream tools read in Python's text mode, which would end the line here.
    return "has a carriage return inside" if "\r" in text else None


def locate(corpus: PairCorpus, side: str, key: int | str) -> str:
    """Return `file:line` of a sentence from `read_corpus`, by its number or id."""
    places = _sentence_places(corpus, side)
    if isinstance(key, str):
        start = f"{key}\t".encode()
        return next(place for place, line in places if line.startswith(start))
    place, _ = next(islice(places, key - 1, None))
    return place


def _sentence_places(corpus: PairCorpus, side: str) -> Iterator[tuple[str, bytes]]:
    """Yield `file:line` and the line for each sentence of a side."""
    for path in corpus.files[side]:
        for number, line in enumerate(read_lines(path), start=1):
            is_header = corpus.split.format == "tsv" and corpus.split.header and number == 1
            if not is_header and _has_text(line, corpus.split.format):
                yield f"{path}:{number}", line


def _read_text(corpus: PairCorpus) -> Iterator[Line]:
    number, form = 0, corpus.split.format
    for paths in zip(corpus.files[corpus.pivot], corpus.files[corpus.lang], strict=True):
        for source, target in zip_longest(*(_sentences(path, form) for path in paths)):
            if source is None or target is None:
                lengths = " and ".join(
                    f"{path} has {sum(1 for _ in _sentences(path, form))} lines" for path in paths
                )
                raise InputError(
                    f"split {corpus.split.name!r}: files of different length, {lengths}"
                )
            number += 1
            yield Line(number, decode(source), decode(target))
    if not number:
        names = _names(chain.from_iterable(corpus.files.values()))
        raise InputError(f"{names}: empty corpus, no lines")


def _sentences(path: Path, format: str) -> Iterable[bytes]:
    """Return the lines of a file that are sentences."""
    if format == "text":
        return read_lines(path)
    return (TAGS.sub(b"", line).strip() for line in read_lines(path) if _has_text(line, format))


def _has_text(line: bytes, format: str) -> bool:
    """Return whether a line is a sentence; TED talks have metadata lines between them."""
    return format != "wit3" or not NO_TEXT.search(line)


def _names(paths: Iterable[Path]) -> str:
    return " and ".join(map(str, paths))


def _read_tsv(corpus: PairCorpus) -> Iterator[Line]:
    number = 0
    for path in corpus.files[corpus.lang]:
        rows = _named_columns(path, corpus) if corpus.split.header else _two_columns(path)
        for _, (source, target) in rows:
            number += 1
            yield Line(number, decode(source), decode(target))
    if not number:
        raise InputError(f"{_names(corpus.files[corpus.lang])}: empty corpus, no lines")


def _read_ids(corpus: PairCorpus) -> Iterator[Line]:
    sources = read_id_files(corpus.files[corpus.pivot])
    targets = read_id_files(corpus.files[corpus.lang])
    if sources.keys().isdisjoint(targets):
        names = _names(chain.from_iterable(corpus.files.values()))
        raise InputError(f"{names}: empty corpus, the two sides share no id")
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
    """Yield the two columns whose header is a language of the pair, the pivot's first."""
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
        yield number, [_unquoted(columns[source]), _unquoted(columns[target])]


def _unquoted(field: bytes) -> bytes:
    """Unquote a field that is quoted because it contains quotation marks; keep other fields."""
    if not (field.startswith(b'"') and field.endswith(b'"')):
        return field
    inside = field[1:-1]
    all_doubled = b'"' in inside and b'"' not in inside.replace(b'""', b"")
    return inside.replace(b'""', b'"') if all_doubled else field
