"""Cleaning of training corpora: rules that drop sentence pairs, and a count for each rule."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import compress
from pathlib import Path
from random import Random

from neuron_specialization.corpora.readers import Line

RULES = ("invalid_utf8", "empty", "too_long", "ratio", "duplicate")
"""The rules in the order they are tried; a pair counts for the first one that it breaks."""
COUNTS = (*RULES, "held_out", "over_cap", "kept")
"""What can become of a pair that was read: the counts of a corpus add up to its lines."""


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """Which sentence pairs are good enough to train on."""

    max_words: int
    """Most whitespace-separated words on either side."""
    max_ratio: float
    """Most words of the longer side per word of the shorter side."""
    drop_duplicates: bool
    """Whether a pair identical to an earlier one, on both sides, is dropped."""


def new_counts() -> dict[str, int]:
    """Return a zero for every entry of `COUNTS`."""
    return dict.fromkeys(COUNTS, 0)


def clean(
    lines: Iterable[Line], cleaning: Cleaning, counts: dict[str, int]
) -> Iterator[tuple[str, str]]:
    """Yield the pairs that break no rule, whitespace normalised to single spaces.

    `counts` (from `new_counts`) is added to as the lines are read: one entry of `RULES` for each
    dropped pair, "kept" for each other one.
    """
    seen: set[bytes] = set()
    for _, source, target in lines:
        if source is None or target is None:
            counts["invalid_utf8"] += 1
            continue
        source, source_words = _normalise(source)
        target, target_words = _normalise(target)
        rule = _broken_length_rule(source_words, target_words, cleaning)
        if rule is not None:
            counts[rule] += 1
            continue
        if cleaning.drop_duplicates:
            digest = blake2b(f"{source}\n{target}".encode(), digest_size=16).digest()
            if digest in seen:
                counts["duplicate"] += 1
                continue
            seen.add(digest)
        counts["kept"] += 1
        yield source, target


def cap(paths: Sequence[Path], counts: dict[str, int], max_pairs: int | None, seed: int) -> None:
    """Keep a random `max_pairs` of the "kept" pairs in the aligned files `paths`, in their order.

    The others are dropped from the files and counted as "over_cap"; None keeps all. The pairs stay
    on disk: one byte per pair is in memory, and for a moment the sampled indices.
    """
    kept = counts["kept"]
    if max_pairs is None or kept <= max_pairs:
        return
    chosen = bytearray(kept)
    for index in Random(seed).sample(range(kept), max_pairs):
        chosen[index] = 1
    for path in paths:
        _keep_lines(path, chosen)
    counts["over_cap"] += kept - max_pairs
    counts["kept"] = max_pairs


def _keep_lines(path: Path, chosen: bytearray) -> None:
    part = path.with_name(f"{path.name}.part")
    with path.open("rb") as every, part.open("wb") as few:
        few.writelines(compress(every, chosen))
    part.replace(path)


def _normalise(text: str) -> tuple[str, int]:
    """Return the text with its words separated by single spaces, and their number."""
    # No whitespace but the space is printable. Most sentences pass this test, which is cheaper
    # than taking them apart; zero-width and other invisible characters only take the longer way.
    if text.isprintable() and "  " not in text:
        text = text.strip(" ")
        return text, text.count(" ") + 1 if text else 0
    words = text.split()
    return " ".join(words), len(words)


def _broken_length_rule(source: int, target: int, cleaning: Cleaning) -> str | None:
    shorter, longer = (source, target) if source < target else (target, source)
    if not shorter:
        return "empty"
    if longer > cleaning.max_words:
        return "too_long"
    return "ratio" if longer / shorter > cleaning.max_ratio else None
