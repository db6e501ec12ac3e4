"""Hold out English strings that are unlike one another, and find training strings like them.

Software repeats itself: a random choice of test strings leaves near-copies of one in twelve in the
training text. Strings are compared by the 5-character sequences of their reduced text.

Axes: H held-out strings (or candidates).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from neuron_specialization.corpora.software_cleaning import PLACEHOLDER, count_software_words
from neuron_specialization.errors import InputError

GRAM = 5
"""Characters of a sequence."""
CANDIDATE_WORDS = (4, 40)
"""Fewest and most words of a held-out string."""
SENTENCE = re.compile(r"[A-Z].*[.?!]", re.DOTALL)
LIKE_HELD_OUT = 0.6
"""Jaccard similarity above which two strings are not both held out."""
LIKE_TRAIN = 0.8
"""Jaccard similarity to a held-out string above which a string is not trained on."""
CONTAINED, CONTAINED_GRAMS = 0.9, 15
"""Share of a held-out string's sequences with which another one contains it, if it has enough."""
NOT_WORDS = re.compile(r"[\W_]+")
DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Similarity:
    """How like a string is to each string of an index."""

    jaccard_H: NDArray[np.float64]
    """Shared sequences as a share of all sequences of the two strings."""
    contained_H: NDArray[np.float64]
    """Shared sequences as a share of the indexed string's; 0 if it has few."""
    containing_H: NDArray[np.float64]
    """Shared sequences as a share of the other string's; 0 if it has few."""


class GramIndex:
    """Finds the strings that share 5-character sequences with another string."""

    def __init__(self, strings: Sequence[str]) -> None:
        places: dict[str, list[int]] = defaultdict(list)
        sizes = []
        for place, string in enumerate(strings):
            found = grams(string)
            sizes.append(len(found))
            for gram in found:
                places[gram].append(place)
        self.size_H = np.array(sizes, dtype=np.int64)
        self.places = {gram: np.array(found) for gram, found in places.items()}

    def compare(self, string: str) -> Similarity:
        """Return how like a string is to each indexed one."""
        own = grams(string)
        places = [self.places[gram] for gram in own if gram in self.places]
        count = len(self.size_H)
        found = np.concatenate(places) if places else np.empty(0, dtype=np.int64)
        shared_H = np.bincount(found, minlength=count)
        return Similarity(
            jaccard_H=shared_H / (self.size_H + len(own) - shared_H),
            contained_H=np.where(self.size_H < CONTAINED_GRAMS, 0.0, shared_H / self.size_H),
            containing_H=shared_H / len(own) * (len(own) >= CONTAINED_GRAMS),
        )


def grams(string: str) -> frozenset[str]:
    """Return the 5-character sequences of a string's reduced text; a shorter text is one."""
    text = reduce_text(string)
    last = max(1, len(text) - GRAM + 1)
    return frozenset(text[start : start + GRAM] for start in range(last))


def reduce_text(string: str) -> str:
    """Return a string in lower case, without what templates fill in and without punctuation."""
    text = PLACEHOLDER.sub("x", string).lower()
    return " ".join(NOT_WORDS.sub(" ", DIGIT.sub("0", text)).split())


def is_candidate(string: str) -> bool:
    """Return whether an English string is a sentence that may be held out."""
    fewest, most = CANDIDATE_WORDS
    return SENTENCE.fullmatch(string) is not None and fewest <= count_software_words(string) <= most


def choose_unlike(candidates: Iterable[str], count: int, taken: Sequence[str] = ()) -> list[str]:
    """Choose strings of which none is like another one, or like one that is taken already.

    The order is by SHA-256 of the string: neither alphabetical nor a matter of a seed.

    Args:
        candidates: strings to choose from.
        count: how many to choose.
        taken: strings chosen before; the result has none of them.

    Raises:
        InputError: there are fewer such strings.
    """
    ordered = sorted(set(candidates), key=lambda string: sha256(string.encode()).digest())
    index = GramIndex(ordered)
    free_H = np.ones(len(ordered), dtype=bool)
    for string in taken:
        free_H &= ~_like(index.compare(string))
    chosen: list[str] = []
    for place, string in enumerate(ordered):
        if len(chosen) == count:
            break
        if free_H[place]:
            chosen.append(string)
            free_H &= ~_like(index.compare(string))
    if len(chosen) < count:
        raise InputError(
            f"{count} sentences are to be held out, but only {len(chosen)} of {len(ordered)} "
            "English sentences that all languages translate are unlike one another; hold out "
            "fewer, or leave out the languages that translate least"
        )
    return chosen


def near_held_out(held_out: Sequence[str], strings: Iterable[str]) -> Iterator[str]:
    """Yield the strings that equal, resemble or contain a held-out one: train on none of them."""
    index = GramIndex(held_out)
    same = frozenset(held_out)
    for string in strings:
        similarity = index.compare(string)
        if (
            string in same
            or (similarity.jaccard_H > LIKE_TRAIN).any()
            or (similarity.contained_H >= CONTAINED).any()
        ):
            yield string


def _like(similarity: Similarity) -> NDArray[np.bool_]:
    return (similarity.jaccard_H > LIKE_HELD_OUT) | (similarity.containing_H >= CONTAINED)
