"""Count the sentence pairs that training skips: those with more tokens than a model has positions.

Axis: S sentence pairs.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from neuron_specialization.corpora.corpus_files import TRAIN
from neuron_specialization.corpora.report import LARGE_SHARE, TOO_MANY_TOKENS, of_all
from neuron_specialization.corpora.shards import shard_folders
from neuron_specialization.corpora.vocabulary import read_tags
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.indexed_files import open_indexed
from neuron_specialization.files import write_text
from neuron_specialization.logs import warn
from neuron_specialization.settings.training import MAX_POSITIONS

TOO_LONG = "too_long.tsv"
"""Name of the report in a folder of binarised corpora."""
FILTERED = (TRAIN, "valid")
"""Splits that training filters by length; other splits are translated whole."""


def report_lengths(folder: Path) -> None:
    """Write `too_long.tsv` into a folder of binarised corpora: a row per split and pair.

    Warn where training skips many pairs; raise InputError where it skips all.
    """
    rows = [("split", "pair", TOO_MANY_TOKENS)]
    for split, pair, count, too_long in count_too_long(folder):
        rows.append((split, pair, str(too_long)))
        found = (
            f"split {split!r}, pair {pair!r}: {of_all(too_long, count)} pairs have more than "
            f"{MAX_POSITIONS} tokens on a side, the tag and the end included"
        )
        advice = "cut long lines (corpora.cleaning.max_words), or use a larger vocabulary"
        if too_long == count:
            raise InputError(f"{found}, so there is nothing to train on; {advice}")
        if too_long > LARGE_SHARE * count:
            warn(f"{found}; training skips them: {advice}")
    write_text(folder / TOO_LONG, "".join("\t".join(row) + "\n" for row in rows))


def count_too_long(folder: Path) -> Iterator[tuple[str, str, int, int]]:
    """Yield the split, pair, number of pairs, and number of too long ones."""
    shards = shard_folders(folder)
    tags = int(any(read_tags(path) for path in shards[0].glob("dict*.txt")))
    names = sorted({path.stem.rpartition(".")[0] for path in shards[0].glob("*.idx")})
    for name in names:
        split, pair = name.split(".")
        if split not in FILTERED:
            continue
        sides = [f"{name}.{language}" for language in pair.split("-")]
        parts = [shard for shard in shards if (shard / f"{sides[0]}.idx").is_file()]
        sizes = [[open_indexed(part / side).sizes_S for side in sides] for part in parts]
        longest_S = np.concatenate([np.maximum(*of_part) for of_part in sizes])
        yield split, pair, len(longest_S), int((longest_S + tags > MAX_POSITIONS).sum())
