"""Held-out splits of software's text: the same English in all languages, with nothing like it left.

The text is held out by its English, since one string has several keys.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from neuron_specialization.corpora.near_duplicates import (
    choose_unlike,
    is_candidate,
    near_held_out,
)
from neuron_specialization.errors import InputError


@dataclass(frozen=True, kw_only=True)
class HeldOutSplit:
    """The sentences to hold out of a kind of text."""

    kind: str
    sentences: int
    """Their number."""
    languages: tuple[str, ...]
    """The languages that they are translated to."""


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The English that is not trained on."""

    splits: Mapping[str, Sequence[str]]
    """The sentences of each split."""
    sentences: frozenset[str]
    """The sentences of all splits."""
    near: frozenset[str]
    """Strings of the training text that are like one of the sentences, or equal to it."""


def hold_out(
    held_out: Mapping[str, HeldOutSplit],
    english: Mapping[str, Mapping[str, frozenset[str]]],
    train: Collection[str],
) -> HeldOut:
    """Choose the sentences of all splits, and find what is like them in the training text.

    Args:
        held_out: by split; no sentence is like one of a split before.
        english: by kind of text, the English strings of each language that has such text.
        train: kinds of text to train on.

    Raises:
        InputError: a language lacks such text, or all have too few sentences in common.
    """
    splits: dict[str, Sequence[str]] = {}
    chosen: list[str] = []
    for split, held in held_out.items():
        found = english[held.kind]
        place = f"split {split!r}, kind of text {held.kind!r}"
        if absent := [lang for lang in held.languages if lang not in found]:
            raise InputError(
                f"{place}: no such text in {', '.join(absent)}; give these languages "
                "`{format: none}` among the split's exceptions"
            )
        common = common_strings([found[lang] for lang in held.languages])
        try:
            splits[split] = choose_unlike(filter(is_candidate, common), held.sentences, chosen)
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
        chosen.extend(splits[split])
    strings = {string for kind in train for found in english[kind].values() for string in found}
    near = frozenset(near_held_out(chosen, strings))
    return HeldOut(splits=splits, sentences=frozenset(chosen), near=near)


def common_strings(languages: Sequence[frozenset[str]]) -> frozenset[str]:
    """Return the strings that all languages have."""
    return reduce(frozenset.intersection, languages) if languages else frozenset()


def commonest_translations(
    pairs: Iterable[tuple[int, str, str]], sentences: Iterable[str]
) -> list[tuple[str, str]]:
    """Return sentences with their commonest translation; of equally common ones, the first.

    Args:
        pairs: how often a pair occurs, its English and its translation.
        sentences: English sentences, each of which has a translation.
    """
    best = dict.fromkeys(sentences, (0, ""))
    for count, english, translation in pairs:
        if english in best and count > best[english][0]:
            best[english] = (count, translation)
    return [(english, translation) for english, (_, translation) in best.items()]
