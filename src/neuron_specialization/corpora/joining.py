"""Text of pairs without the pivot, made of the two prepared pairs that each language has with it.

Only of splits that are evaluated or recorded: the sentences of these are translations of one
another if their pivot sentences are equal.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuron_specialization.corpora.corpus_files import pair_name
from neuron_specialization.corpora.preparation import RAW
from neuron_specialization.corpora.report import LARGE_SHARE, UNPAIRED, of_all
from neuron_specialization.corpora.training_text import write_pairs
from neuron_specialization.corpora.vocabulary import read_sentences
from neuron_specialization.errors import InputError
from neuron_specialization.files import emptied_folder, write_text
from neuron_specialization.logs import warn

COLUMNS = ("split", "pair", "read", "kept", *UNPAIRED, "warnings")


@dataclass(frozen=True, kw_only=True)
class JoinedPair:
    """The number of sentences that two pairs with the pivot share, and of those left out."""

    split: str
    pair: str
    """The languages that are not the pivot."""
    kept: int
    """Sentences of the joined pair."""
    sizes: tuple[int, int]
    """Sentences of the pairs of the first and second language with the pivot."""

    @property
    def unpaired(self) -> tuple[int, int]:
        """Sentences of each language whose pivot sentence the other one lacks."""
        return self.sizes[0] - self.kept, self.sizes[1] - self.kept

    @property
    def warnings(self) -> list[str]:
        """Languages of which a large share is left out."""
        named = zip(self.pair.split("-"), self.unpaired, self.sizes, strict=True)
        return [
            f"{of_all(unpaired, size)} sentences of {language} have no partner: the pivot's "
            "sentences differ"
            for language, unpaired, size in named
            if unpaired > LARGE_SHARE * size
        ]

    def row(self) -> list[str]:
        """Return its row of the report, in the order of COLUMNS."""
        numbers = map(str, (self.sizes[0], self.kept, *self.unpaired))
        return [self.split, self.pair, *numbers, "; ".join(self.warnings)]


def join_pairs(
    split: str,
    pairs: Sequence[str],
    pivot: str,
    outputs: Sequence[Path],
    report: Path,
    *,
    has_raw: bool = False,
) -> None:
    """Write `{split}.{pair}.{lang}` and `raw.{split}.{pair}.{lang}`, and a report.

    Args:
        split: the split.
        pairs: its pairs without the pivot.
        pivot: the language that all prepared pairs share.
        outputs: the files of these pairs, written when all are finished; files of pairs that the
            split lacks are empty.
        report: where to write a row of COLUMNS for each pair: `read` counts the sentences of the
            first language, and is the sum of `kept` and its unpaired ones. The prepared text is in
            the same folder.
        has_raw: whether the prepared text has raw text beside it; otherwise both are the same.

    Raises:
        InputError: the two languages of a pair have no pivot sentence in common.
    """
    folder = report.parent
    with emptied_folder(folder.with_name(f".{folder.name}.{report.stem}.part")) as work:
        found = [join_pair(folder, work, split, pair, pivot, has_raw=has_raw) for pair in pairs]
        for file in outputs:
            (work / file.name).touch()
            (work / file.name).replace(file)
    for each in found:
        for warning in each.warnings:
            warn(f"split {split!r}, pair {each.pair!r}: {warning}")
    lines = [COLUMNS, *(each.row() for each in found)]
    write_text(report, "".join("\t".join(line) + "\n" for line in lines))


def join_pair(
    folder: Path, out: Path, split: str, pair: str, pivot: str, *, has_raw: bool
) -> JoinedPair:
    """Write the text of a pair and its raw text."""
    sides = [pair_name(pivot, language) for language in pair.split("-")]
    first, second = (list(read_sentences(folder / f"{split}.{side}.{pivot}")) for side in sides)
    lines = match_lines(first, second)
    if not lines:
        raise InputError(
            f"split {split!r}, pair {pair!r}: {sides[0]} and {sides[1]} have no sentence of "
            f"{pivot!r} in common, so no sentence has both languages: leave the directions of "
            f"{pair} out, or take both from a corpus of the same sentences"
        )
    raw = f"{RAW}.{split}"
    for name, source in ((split, split), (raw, raw if has_raw else split)):
        texts = [
            list(read_sentences(folder / f"{source}.{side}.{language}"))
            for side, language in zip(sides, pair.split("-"), strict=True)
        ]
        files = [out / f"{name}.{pair}.{language}" for language in pair.split("-")]
        write_pairs([(texts[0][i], texts[1][j]) for i, j in lines], (files[0], files[1]))
    sizes = len(first), len(second)
    return JoinedPair(split=split, pair=pair, kept=len(lines), sizes=sizes)


def match_lines(first: Sequence[str], second: Sequence[str]) -> list[tuple[int, int]]:
    """Return the positions of equal sentences in two texts, in the order of the first.

    Of a sentence that occurs several times, the n-th occurrences belong together. Texts that are
    equal match line by line.
    """
    places = {key: place for place, key in enumerate(number_occurrences(second))}
    numbered = enumerate(number_occurrences(first))
    return [(place, places[key]) for place, key in numbered if key in places]


def number_occurrences(sentences: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield each sentence with the number of times that it occurred before."""
    seen: Counter[str] = Counter()
    for sentence in sentences:
        yield sentence, seen[sentence]
        seen[sentence] += 1
