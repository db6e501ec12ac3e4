"""Read local corpora: aligned text files, TED talks, TSV files and id<TAB>text files.

The pivot's sentence is always the source of a `Line`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import NamedTuple

from neuron_specialization.corpora.bad_lines import BadLines
from neuron_specialization.corpora.corpus_files import PairCorpus
from neuron_specialization.corpora.text_lines import MAX_CHARACTERS, decode, read_lines
from neuron_specialization.corpora.tsv_files import read_columns
from neuron_specialization.errors import InputError

CORRECT = "correct these lines"
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


def read_corpus(corpus: PairCorpus, counts: dict[str, int] | None = None) -> Iterator[Line]:
    """Read a pair line by line (format "ids" loads both sides into memory).

    With `counts`, bad lines are left out and counted as "malformed": lines with the wrong columns,
    and ids that are repeated or not UTF-8. Without, they raise InputError after the last line.

    Raise InputError immediately for a missing file, and while reading for a corpus without lines,
    files of different length, or a damaged compressed file.
    """
    corpus.check()
    bad = BadLines(counts)
    if corpus.split.format == "tsv":
        return _read_tsv(corpus, bad)
    if corpus.split.format == "ids":
        return _read_ids(corpus, bad)
    return _read_text(corpus)


def read_id_files(paths: Sequence[Path], bad: BadLines) -> dict[str, str | None]:
    """Read files of `id<TAB>text` lines into an ordered dict (None: text is not UTF-8).

    A line without exactly one tab is bad, and so is an id that is not UTF-8 or occurred before in
    any of the files.
    """
    texts: dict[str, str | None] = {}
    for path in paths:
        for number, line in enumerate(read_lines(path), start=1):
            raw_key, *fields = line.split(b"\t")
            key = decode(raw_key)
            if len(fields) != 1:
                bad.add(f"{path}:{number}: {len(fields)} tabs, exactly one is needed")
            elif key is None:
                bad.add(f"{path}:{number}: the id is not valid UTF-8")
            elif key in texts:
                bad.add(f"{path}:{number}: the id {key!r} occurs a second time")
            else:
                texts[key] = decode(fields[0])
    bad.check(CORRECT)
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
            is_header = corpus.has_header and number == 1
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


def _read_tsv(corpus: PairCorpus, bad: BadLines) -> Iterator[Line]:
    number = 0
    for path in corpus.files[corpus.lang]:
        header = corpus.has_header
        for source, target in read_columns(path, corpus.columns, header=header, bad=bad):
            number += 1
            yield Line(number, decode(source), decode(target))
    bad.check(CORRECT)
    if not number:
        raise InputError(f"{_names(corpus.files[corpus.lang])}: empty corpus, no lines")


def _read_ids(corpus: PairCorpus, bad: BadLines) -> Iterator[Line]:
    sources = read_id_files(corpus.files[corpus.pivot], bad)
    targets = read_id_files(corpus.files[corpus.lang], bad)
    if sources.keys().isdisjoint(targets):
        names = _names(chain.from_iterable(corpus.files.values()))
        raise InputError(f"{names}: empty corpus, the two sides share no id")
    for key, source in sources.items():
        if key in targets:
            yield Line(key, source, targets[key])
