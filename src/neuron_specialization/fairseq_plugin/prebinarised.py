"""Use corpora that were binarised elsewhere, unchanged.

Axis: T tokens of a sentence.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuron_specialization.corpora.corpus_files import TRAIN
from neuron_specialization.corpora.existing_vocabulary import read_dictionary
from neuron_specialization.corpora.shards import shard_folders
from neuron_specialization.corpora.vocabulary import FAIRSEQ_TOKENS, language_file
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.indexed_files import IndexedFile, open_indexed

SAMPLE = 1000  # sentences to check per file
END = FAIRSEQ_TOKENS.index("</s>")


@dataclass(frozen=True, kw_only=True)
class PairFiles:
    """Both sides of a pair in one split and shard: each language's files without their suffix."""

    shard: Path
    sides: dict[str, str]


def use_binarised(
    found: Path,
    folder: Path,
    *,
    pairs: Sequence[str],
    splits: Sequence[str],
    vocabulary: Path,
) -> None:
    """Link binarised corpora into a folder of the same layout, with our dictionaries.

    Args:
        found: folder of fairseq's binarised corpora and their dictionaries, sharded or not;
            training data is in all shards, other splits are in the first. Nothing is copied.
        folder: folder for the links; it is created.
        pairs: pairs that are needed, such as `en-de`; files may be named `de-en`.
        splits: splits that are needed.
        vocabulary: folder of our dictionaries, which begin with the entries of the dictionaries
            in `found`; their language tags may follow.

    Raise InputError, and link nothing, if a file is missing, damaged, truncated or belongs to
    another dictionary, or if the two sides of a pair differ in length.
    """
    shards = shard_folders(found)
    files = [
        find_pair(shard, split, pair)
        for pair in pairs
        for split in splits
        for shard in (shards if split == TRAIN else shards[:1])
    ]
    sizes = check_dictionaries(shards[0], vocabulary, files)
    for each in files:
        check_pair(each, sizes)
    for shard in shards:
        target = folder / shard.relative_to(found)
        target.mkdir(parents=True)
        for dictionary in vocabulary.glob("dict*.txt"):
            shutil.copy(dictionary, target)
    for each in files:
        for name in each.sides.values():
            for file in (f"{name}.bin", f"{name}.idx"):
                target = folder / each.shard.relative_to(found) / file
                target.symlink_to((each.shard / file).absolute())


def find_pair(shard: Path, split: str, pair: str) -> PairFiles:
    """Return the files of a pair in one split and shard, whichever language is named first."""
    languages = pair.split("-")
    names = [f"{split}.{'-'.join(order)}" for order in (languages, languages[::-1])]
    for name in names:
        if any((shard / f"{name}.{language}.idx").is_file() for language in languages):
            return PairFiles(
                shard=shard, sides={language: f"{name}.{language}" for language in languages}
            )
    raise InputError(
        f"{shard / names[0]}.{languages[0]}.idx: no such file, nor {names[1]}.{languages[0]}.idx; "
        f"add the binarised {split} corpus of {pair}, or omit the pair"
    )


def check_dictionaries(found: Path, vocabulary: Path, files: Iterable[PairFiles]) -> dict[str, int]:
    """Return the size of each language's dictionary, including fairseq's special tokens.

    Raise InputError if our dictionary does not begin with its entries.
    """
    known: dict[tuple[bytes, Path], int] = {}
    sizes: dict[str, int] = {}
    for language in dict.fromkeys(language for each in files for language in each.sides):
        theirs, ours = (language_file(place, "dict.txt", language) for place in (found, vocabulary))
        key = theirs.read_bytes() if theirs.is_file() else b"", ours
        if key not in known:  # fairseq writes one file per language, all the same
            known[key] = check_dictionary(theirs, ours)
        sizes[language] = known[key]
    return sizes


def check_dictionary(theirs: Path, ours: Path) -> int:
    """Return the size of a dictionary, after checking that ours begins with its entries."""
    expected, tokens = read_dictionary(ours), read_dictionary(theirs)
    for number, token in enumerate(tokens):
        other = expected[number] if number < len(expected) else "nothing"
        if token != other:
            raise InputError(
                f"{theirs}, line {number + 1}: {token}, but the vocabulary {ours} has {other}; "
                "specify this file as the dictionary of the vocabulary"
            )
    return len(tokens) + len(FAIRSEQ_TOKENS)


def check_pair(files: PairFiles, sizes: dict[str, int]) -> None:
    """Raise InputError if a pair's files are damaged, or differ in dictionary or length."""
    sides = {language: open_indexed(files.shard / name) for language, name in files.sides.items()}
    for language, side in sides.items():
        check_tokens(files.shard / files.sides[language], side, sizes[language])
    lengths = [len(side.sizes_S) for side in sides.values()]
    if len(set(lengths)) > 1:
        counts = " and ".join(
            f"{name} has {length}"
            for name, length in zip(files.sides.values(), lengths, strict=True)
        )
        raise InputError(
            f"{files.shard}: the two sides differ in their number of sentences, {counts}; "
            "copy both again"
        )


def check_tokens(prefix: Path, side: IndexedFile, size: int) -> None:
    """Raise InputError if a checked sentence has tokens beyond the dictionary, or no end."""
    count = len(side.sizes_S)
    for number in np.unique(np.linspace(0, count - 1, min(SAMPLE, count), dtype=int)):
        tokens_T = side.sentence(int(number))
        if not len(tokens_T) or tokens_T[-1] != END:
            raise InputError(
                f"{prefix}.bin: sentence {number + 1} does not end in </s>; binarise the corpus "
                "with fairseq-preprocess, which ends every sentence so"
            )
        if tokens_T.max() >= size:
            raise InputError(
                f"{prefix}.bin: sentence {number + 1} has a token {tokens_T.max()}, the dictionary "
                f"has {size}; use the dictionary that the corpus was binarised with"
            )
