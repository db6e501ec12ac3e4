"""Logs of fairseq-generate: sources, references and hypotheses by sentence number."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from neuron_specialization.errors import InputError
from neuron_specialization.files import read_text

# Source, target and hypothesis; fairseq's detokenised text (D) and token scores (P) are unused.
_ENTRY = re.compile(r"([STH])-(\d+)(?:\t|$)")
_SOURCE_TAG = re.compile(r"^__\w+?__(?: |$)")
_FIELDS = {"S": 1, "T": 1, "H": 2}  # tabs before the text: a hypothesis follows its score
_KINDS = {"S": "source", "T": "reference", "H": "hypothesis"}
_WORD_BEGINNING = "▁"


@dataclass(frozen=True, kw_only=True)
class GenerateLog:
    """The sentences of a log in order of number, with SentencePiece undone."""

    numbers: list[int]
    """Numbers of the sentences in the data, from 0; there may be gaps."""
    sources: list[str]
    """Sources, without their language tag."""
    references: list[str]
    """References as fairseq read them, with `<<unk>>` for unknown tokens."""
    hypotheses: list[str]
    """Best hypotheses."""


def read_generate_log(path: Path) -> GenerateLog:
    """Read a log, whose sentences may be in any order.

    Raises InputError, naming file and line, if a number occurs twice, a line lacks fields, or a
    sentence lacks its source, reference or hypothesis.
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
    sources, references, hypotheses = ([texts[kind][n] for n in numbers] for kind in "STH")
    return GenerateLog(
        numbers=numbers,
        sources=[_SOURCE_TAG.sub("", source, count=1) for source in sources],
        references=references,
        hypotheses=hypotheses,
    )


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
        text = fields[-1].removesuffix("\r")
        if _WORD_BEGINNING in text:  # otherwise fairseq has undone SentencePiece
            text = text.replace(" ", "").replace(_WORD_BEGINNING, " ").strip()
        yield line, kind, number, text


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
