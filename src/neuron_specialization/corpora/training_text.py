"""Write the training corpus of a pair: clean it, drop repetitions, and cap it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from neuron_specialization.corpora import deduplication
from neuron_specialization.corpora.builtin import training_pairs
from neuron_specialization.corpora.cleaning import COUNTS, Cleaning, clean, digest
from neuron_specialization.corpora.deduplication import WRITE_BUFFER
from neuron_specialization.corpora.readers import Line
from neuron_specialization.errors import InputError

BUILTIN_PATIENCE = 50
"""Maximum number of built-in pairs tried per pair requested: their stream is endless."""


@dataclass(frozen=True, kw_only=True)
class TrainingText:
    """Settings and output files of the training corpus of a pair."""

    lang: str
    """The language that is not the pivot."""
    limit: int | None
    """Maximum number of pairs, None for all."""
    cleaning: Cleaning
    """Cleaning rules."""
    seed: int
    """Seed of the built-in corpus and of the choice if there are too many pairs."""
    files: tuple[Path, Path]
    """Output files of the two sides."""
    nth: Sequence[tuple[int, tuple[Path, Path]]]
    """Other splits: n to move every n-th good pair there, and the files of the split."""
    by_text: Sequence[int] = ()
    """Positions in `nth` of splits none of whose sentences may be in the training corpus."""


def write_training_text(
    text: TrainingText, lines: Iterable[Line] | None, counts: dict[str, int]
) -> list[int]:
    """Write the training corpus of a pair, and the splits that take every nth of its pairs.

    Without `lines`, use the built-in corpus. Add the outcome of each line to `counts`. Return the
    number of pairs in each of the other splits.
    """
    if lines is None:
        write_pairs(_make_pairs(text, counts), text.files)
        fate_P = deduplication.new_fates(_work_file(text, "fates"), counts["kept"])
    else:
        fate_P = _write_cleaned(text, lines, counts)
    moved = [
        deduplication.move_every_nth(fate_P, every, deduplication.KEPT + number)
        for number, (every, _) in enumerate(text.nth, start=1)
    ]
    _count_dropped(counts, "held_out", sum(moved))
    if text.by_text:
        fates = {deduplication.KEPT + 1 + number for number in text.by_text}
        _count_dropped(counts, "held_out", deduplication.drop_same_text(text.files, fate_P, fates))
    if text.limit is not None:
        over = deduplication.cap(fate_P, counts["kept"], text.limit, text.seed)
        _count_dropped(counts, "over_cap", over)
    if len(fate_P) > counts["kept"]:
        others = {deduplication.KEPT + n: files for n, (_, files) in enumerate(text.nth, start=1)}
        deduplication.deal(text.files, fate_P, others)
    for name in ("fates", "digests"):
        _work_file(text, name).unlink(missing_ok=True)
    return moved


def write_pairs(pairs: Iterable[tuple[str, str]], files: Sequence[Path]) -> int:
    """Write the two sides of pairs; return the number of pairs."""
    written = 0
    with (
        files[0].open("w", WRITE_BUFFER, encoding="utf-8", newline="\n") as source_file,
        files[1].open("w", WRITE_BUFFER, encoding="utf-8", newline="\n") as target_file,
    ):
        for source, target in pairs:
            source_file.write(f"{source}\n")
            target_file.write(f"{target}\n")
            written += 1
    return written


def _write_cleaned(
    text: TrainingText, lines: Iterable[Line], counts: dict[str, int]
) -> deduplication.Fates:
    """Write all pairs that pass cleaning; return their fates, with repetitions dropped."""
    pairs = clean(lines, text.cleaning, counts)
    digests = _work_file(text, "digests")
    if text.cleaning.drop_duplicates:
        with digests.open("wb", WRITE_BUFFER) as file:
            write_pairs(_write_digests(pairs, file.write), text.files)
    else:
        write_pairs(pairs, text.files)
    fate_P = deduplication.new_fates(_work_file(text, "fates"), counts["kept"])
    if text.cleaning.drop_duplicates:
        _count_dropped(counts, "duplicate", deduplication.drop_repetitions(fate_P, digests))
    return fate_P


def _write_digests(
    pairs: Iterable[tuple[str, str]], write: Callable[[bytes], Any]
) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        write(digest(*pair))
        yield pair


def _count_dropped(counts: dict[str, int], reason: str, dropped: int) -> None:
    counts[reason] += dropped
    counts["kept"] -= dropped


def _work_file(text: TrainingText, name: str) -> Path:
    return text.files[1].with_name(f"{text.files[1].name}.{name}")


def _make_pairs(text: TrainingText, counts: dict[str, int]) -> Iterator[tuple[str, str]]:
    """Yield the requested number of pairs of the built-in corpus."""
    limit = text.limit or 0
    made = islice(training_pairs(text.lang, text.seed), BUILTIN_PATIENCE * limit)
    lines = (Line(number, *pair) for number, pair in enumerate(made, start=1))
    good = clean(lines, text.cleaning, counts)
    if text.cleaning.drop_duplicates:
        good = _drop_repeated(good, counts)
    yield from islice(good, limit)
    if counts["kept"] < limit:
        found = ", ".join(f"{rule} {counts[rule]}" for rule in COUNTS)
        raise InputError(
            f"split 'train', language {text.lang!r}: gave up looking for "
            f"{limit} built-in pairs ({found}); ask for fewer or clean less strictly"
        )


def _drop_repeated(
    pairs: Iterable[tuple[str, str]], counts: dict[str, int]
) -> Iterator[tuple[str, str]]:
    seen: set[bytes] = set()
    for pair in pairs:
        key = digest(*pair)
        if key in seen:
            _count_dropped(counts, "duplicate", 1)
            continue
        seen.add(key)
        yield pair
