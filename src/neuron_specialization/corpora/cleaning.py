"""Clean training corpora: rules that drop sentence pairs, and a count for each rule."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

from neuron_specialization.corpora.bad_lines import MALFORMED
from neuron_specialization.corpora.readers import Line
from neuron_specialization.corpora.text_lines import MAX_CHARACTERS
from neuron_specialization.corpora.words import count_words

INVALID = "invalid_utf8"
RULES = (MALFORMED, INVALID, "empty", "too_long", "ratio", "duplicate")
"""Rules in the order of checking; a pair counts towards the first rule that it breaks."""
COUNTS = (*RULES, "held_out", "over_cap", "kept")
"""Possible outcomes for a pair; the counts of a corpus add up to its number of lines."""


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """Limits for training pairs: `corpora.cleaning` in config/README.md."""

    max_words: int
    max_ratio: float
    drop_duplicates: bool
    max_invalid_utf8: float = 0.01
    """Largest share of pairs that may be dropped because they are not UTF-8."""


def clean(
    lines: Iterable[Line], cleaning: Cleaning, counts: dict[str, int]
) -> Iterator[tuple[str, str]]:
    """Yield the pairs that break no rule, with whitespace normalised to single spaces.

    Update `counts` (by `COUNTS`) as the lines are read: one entry of `RULES` for each dropped
    pair, "kept" for every other pair. Repeated pairs are not detected here.
    """
    for _, source, target in lines:
        if source is None or target is None:
            counts[INVALID] += 1
            continue
        source, target = normalise(source), normalise(target)
        if max(len(source), len(target)) > MAX_CHARACTERS:
            counts["too_long"] += 1
            continue
        if rule := _broken_length_rule(count_words(source), count_words(target), cleaning):
            counts[rule] += 1
            continue
        counts["kept"] += 1
        yield source, target


def digest(source: str, target: str) -> bytes:
    """Return an 8-byte hash of a pair; collisions within a corpus are very unlikely."""
    return blake2b(f"{source}\n{target}".encode(), digest_size=8).digest()


def normalise(text: str) -> str:
    """Return the text with its words separated by single spaces."""
    # The space is the only printable whitespace. Most sentences pass this test, which is cheaper
    # than splitting; zero-width and other invisible characters just take the slower path.
    if text.isprintable() and "  " not in text:
        return text.strip(" ")
    return " ".join(text.split())


def _broken_length_rule(source: int, target: int, cleaning: Cleaning) -> str | None:
    shorter, longer = (source, target) if source < target else (target, source)
    if not shorter:
        return "empty"
    if longer > cleaning.max_words:
        return "too_long"
    return "ratio" if longer / shorter > cleaning.max_ratio else None
