"""Check prepared text: tests within training text, shifted lines, swapped columns, copied sides."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuron_specialization.corpora.cleaning import normalise
from neuron_specialization.corpora.corpus_files import TRAIN
from neuron_specialization.corpora.report import OVERLAPS, of_all
from neuron_specialization.corpora.vocabulary import read_sentences
from neuron_specialization.files import write_text
from neuron_specialization.parallel import parallel_map

COLUMNS = ("split", "pair", *OVERLAPS, "warnings")
MUCH_OVERLAP = 0.01
"""Share of a split's sentences within training text that causes a warning."""
MANY_COPIES = 0.1
"""Share of pairs with two equal sides that causes a warning."""
SAMPLE, WINDOW = 20_000, 100
"""Lines that are checked for swaps and shifts, and lines of a window within them."""
SHIFTED = 0.3
"""How much better the lengths of two sides correlate if one side is moved by a line."""

Files = tuple[Path, Path]
"""The pivot's side of a pair and the other side."""


@dataclass(frozen=True, kw_only=True)
class CheckedText:
    """What is found in the text of a split and pair."""

    split: str
    pair: str
    size: int
    """The number of pairs."""
    in_train: tuple[int, ...] = ()
    """Sentences of each side that are in the pair's training text, too; empty for that itself."""
    copies: int = 0
    """Pairs with equal sides."""
    shifted: int = 0
    """The first line of a place where one side seems to be a line behind; 0 for none."""
    words: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
    """The words of each side in a sample."""


def check_texts(
    texts: Mapping[str, Mapping[str, Files]], processes: int = 1
) -> list[tuple[CheckedText, list[str]]]:
    """Check the text of each pair in each split; return what is found, with warnings."""
    found = parallel_map(partial(check_pair, texts), list(texts), processes)
    checked = [text for of_pair in found for text in of_pair]
    pivot_words = Counter(word for text in checked for word in text.words[0])
    return [(text, list(find_warnings(text, pivot_words))) for text in checked]


def write_checks(checked: Sequence[tuple[CheckedText, Sequence[str]]], out: Path) -> None:
    """Write what is found, a row of COLUMNS for each split and pair."""
    rows = [
        (text.split, text.pair, *map(str, text.in_train or ("", "")), "; ".join(warnings))
        for text, warnings in checked
    ]
    write_text(out, "".join("\t".join(row) + "\n" for row in [COLUMNS, *rows]))


def check_pair(texts: Mapping[str, Mapping[str, Files]], pair: str) -> list[CheckedText]:
    """Check the text of a pair in every split; read its training text once for all of them."""
    splits = texts[pair]
    tests = {
        name: [[normalise(line) for line in read_sentences(path)] for path in files]
        for name, files in splits.items()
        if name != TRAIN
    }
    known = [
        sentences_within(path, {line for test in tests.values() for line in test[side]})
        for side, path in enumerate(splits[TRAIN])
    ]
    in_train = {
        name: tuple(sum(line in of for line in text) for text, of in zip(test, known, strict=True))
        for name, test in tests.items()
    }
    return [check_text(name, pair, files, in_train.get(name, ())) for name, files in splits.items()]


def sentences_within(path: Path, wanted: set[str]) -> set[str]:
    """Return the wanted sentences that are lines of a file."""
    return {line for line in read_sentences(path) if line in wanted}


def check_text(split: str, pair: str, files: Files, in_train: tuple[int, ...]) -> CheckedText:
    """Check the text of a pair in one split."""
    size = copies = 0
    for source, target in zip(*map(read_sentences, files), strict=True):
        size += 1
        copies += source == target
    samples = [list(islice(read_sentences(path), SAMPLE)) for path in files]
    words = [frozenset(word.lower() for line in side for word in line.split()) for side in samples]
    return CheckedText(
        split=split,
        pair=pair,
        size=size,
        in_train=in_train,
        copies=copies,
        shifted=find_shift(*(np.array([len(line) for line in side]) for side in samples)),
        words=(words[0], words[1]),
    )


def find_shift(source_N: NDArray[np.int64], target_N: NDArray[np.int64]) -> int:
    """Return the first line (from 1) of a window where one side seems a line behind; 0 if none.

    There the lengths of the two sides correlate better if one of them is moved by a line.
    Axis: N lines.
    """
    for start in range(0, len(source_N) - WINDOW + 1, WINDOW):
        source, target = source_N[start : start + WINDOW], target_N[start : start + WINDOW]
        aligned = correlation(source, target)
        shifted = max(correlation(source[1:], target[:-1]), correlation(source[:-1], target[1:]))
        if shifted > max(0.5, aligned + SHIFTED):
            return start + 1
    return 0


def correlation(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Return Pearson's correlation; 0 if one side does not vary."""
    if not one.std() or not other.std():
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def find_warnings(text: CheckedText, pivot_words: Mapping[str, int]) -> Iterator[str]:
    """Yield what seems wrong with a text.

    `pivot_words` has the number of texts, this one included, that have a word on the pivot's side.
    """
    for side, count in zip(text.pair.split("-"), text.in_train, strict=False):
        if count > MUCH_OVERLAP * text.size:
            yield (
                f"{of_all(count, text.size)} sentences of {side} are in the training text, too "
                "(drawn by every_nth: set by_text: true; otherwise remove them from there)"
            )
    if text.copies > MANY_COPIES * text.size:
        yield f"{of_all(text.copies, text.size)} pairs have two equal sides: are they translated?"
    if text.shifted:
        yield (
            f"one side seems to be a line behind the other from about line {text.shifted}: is a "
            "line missing there?"
        )
    if is_swapped(text, pivot_words):
        yield "the two sides seem to be swapped: the pivot's side has the words of the other texts'"


def is_swapped(text: CheckedText, pivot_words: Mapping[str, int]) -> bool:
    """Return whether other texts have this one's other side, rather than its pivot side, as pivot.

    Words of both sides, such as names and numbers, show nothing.
    """
    pivot, other = text.words[0] - text.words[1], text.words[1] - text.words[0]
    known = sum(pivot_words[word] > 1 for word in pivot)
    foreign = sum(word in pivot_words for word in other)
    return foreign * len(pivot) > known * len(other)
