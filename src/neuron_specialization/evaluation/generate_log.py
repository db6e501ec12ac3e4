"""Logs of fairseq-generate: sources, references and hypotheses by sentence number."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.foreign_marks import join_subwords, without_tags
from neuron_specialization.files import read_text

# Source, target and hypothesis; fairseq's detokenised text (D) and token scores (P) are unused.
_ENTRY = re.compile(r"([STH])-(\d+)(?:\t|$)")
_LAST_LINE = re.compile(r"^(?:\S.*\| )?Generate \S+ with beam=", re.MULTILINE)
_FIELDS = {"S": 1, "T": 1, "H": 2}  # tabs before the text: a hypothesis follows its score
_KINDS = {"S": "source", "T": "reference", "H": "hypothesis"}


@dataclass(frozen=True, kw_only=True)
class GenerateLog:
    """The sentences of a log in order of number, without language tags and subword units."""

    numbers: list[int]
    """Numbers of the sentences in the data, from 0; there may be gaps."""
    sources: list[str]
    """Sources."""
    references: list[str]
    """References as fairseq read them, with `<<unk>>` for unknown tokens."""
    hypotheses: list[str]
    """Best hypotheses."""
    source_tags: set[str]
    """Languages of the removed tags of sources."""
    note: str = ""
    """What makes the log doubtful."""


def read_generate_log(path: Path) -> GenerateLog:
    """Read a log, whose sentences may be in any order.

    Raises InputError, naming file and line, if a number occurs twice, a line lacks fields, a
    sentence lacks its source, reference or hypothesis, or the log is cut short.
    """
    texts: dict[str, dict[int, str]] = {kind: {} for kind in _KINDS}
    lines: dict[int, int] = {}
    for line, kind, number, text in _entries(path):
        if number in texts[kind]:
            raise InputError(
                f"{path}, line {line}: a second {_KINDS[kind]} of sentence {number} "
                f"({kind}-{number}); give the log of one run, with the best hypothesis only"
            )
        texts[kind][number] = text
        lines[number] = line
    _check_complete(path, texts, lines)
    numbers = sorted(lines)
    # tags go first: joined pieces would take them in
    (sources, source_tags), (references, _), (hypotheses, _) = (
        without_tags([texts[kind][n] for n in numbers], always=kind == "S") for kind in "STH"
    )
    sources, references, hypotheses = join_subwords([sources, references, hypotheses])
    return GenerateLog(
        numbers=numbers,
        sources=sources,
        references=references,
        hypotheses=hypotheses,
        source_tags=source_tags,
        note=_check_length(path, numbers),
    )


def _check_length(path: Path, numbers: list[int]) -> str:
    """Return a note if sentences or the last line are missing; raise InputError if both are."""
    expected, complete = numbers[-1] + 1, bool(_LAST_LINE.search(read_text(path)))
    gaps = f"{len(numbers)} of at least {expected} sentences (by their numbers)"
    if complete:
        return f"{path.name} has {gaps}" if len(numbers) < expected else ""
    if len(numbers) < expected:
        raise InputError(
            f"{path}: cut short, it has {gaps} and lacks the last line of fairseq-generate "
            "('Generate test with beam='); translate again, or give the whole log"
        )
    return f"{path.name} may be cut short: it lacks the last line of fairseq-generate"


def _entries(path: Path) -> Iterator[tuple[int, str, int, str]]:
    """Yield line, kind, number and text of every source, reference and hypothesis."""
    for line, content in enumerate(read_text(path).split("\n"), start=1):
        match = _ENTRY.match(content)
        if not match:
            continue
        kind, number = match[1], int(match[2])
        fields = content.split("\t", _FIELDS[kind])
        if len(fields) <= _FIELDS[kind]:
            raise InputError(
                f"{path}, line {line}: {kind}-{number} has {len(fields)} fields separated by "
                f"tabs, must have {_FIELDS[kind] + 1}; is the log cut off?"
            )
        yield line, kind, number, fields[-1].removesuffix("\r")


def _check_complete(path: Path, texts: dict[str, dict[int, str]], lines: dict[int, int]) -> None:
    if not lines:
        raise InputError(f"{path}: no line of a source, reference or hypothesis (S-, T-, H-)")
    for number in sorted(lines):
        for kind, noun in _KINDS.items():
            if number not in texts[kind]:
                raise InputError(
                    f"{path}, line {lines[number]}: sentence {number} has no {noun} "
                    f"({kind}-{number}); is the log cut off?"
                )
