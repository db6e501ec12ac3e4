"""Sentence pairs of many directions, in batches of one direction each."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from fairseq.data import (
    AppendTokenDataset,
    Dictionary,
    FairseqDataset,
    LanguagePairDataset,
    PrependTokenDataset,
)
from fairseq.data.data_utils import load_indexed_dataset
from numpy.typing import NDArray

from neuron_specialization.corpora.sampling import draw_epoch, temperature_shares
from neuron_specialization.corpora.vocabulary import TAG, language_file, language_tag
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.batches import spread_evenly, whole_batches
from neuron_specialization.files import allow_open_files

FILES_OF_PAIR = 4
"""Files that stay open for a pair: tokens and index of two sides."""
OPEN_SPLITS = 3
"""Splits that training has open at a time: validation, a shard, and the next one."""
ABSENT = ".none"
"""Suffix of the file that stands for a split which a pair does not have."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Settings of an epoch: sizes are smoothed by temperature (1: unchanged)."""

    temperature: float
    seed: int
    even: bool = False
    """Each direction's batches are at even intervals; otherwise fairseq shuffles all batches."""


class DirectionDataset(FairseqDataset):
    """All directions in one index: each direction's sentence pairs follow the previous ones.

    A training epoch has the same size as the corpora, divided among the directions by
    temperature; without sampling, an epoch has every pair once. A batch never mixes directions,
    and carries the index of its direction as `direction`.
    """

    def __init__(self, pairs: Mapping[str, LanguagePairDataset], sampling: Sampling | None = None):
        super().__init__()
        self.directions = list(pairs)
        self.pairs = list(pairs.values())
        self.sampling = sampling
        self.epoch = 1
        sizes = [len(pair) for pair in self.pairs]
        self.starts = np.concatenate([[0], np.cumsum(sizes)])
        self.source_sizes = np.concatenate([pair.src_sizes for pair in self.pairs])
        self.target_sizes = np.concatenate([pair.tgt_sizes for pair in self.pairs])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __getitem__(self, index: int) -> dict[str, Any]:
        direction = self.direction_of(index)
        sample = self.pairs[direction][index - self.starts[direction]]
        return {**sample, "id": int(index)}

    def direction_of(self, index: int) -> int:
        """Return the direction to which an index belongs."""
        return int(np.searchsorted(self.starts, index, side="right")) - 1

    def collater(self, samples: list[dict[str, Any]]) -> dict[str, Any]:
        """Merge samples of one direction; fairseq sorts them by length, and `id` accordingly."""
        if not samples:
            return {}
        (direction,) = {self.direction_of(sample["id"]) for sample in samples}
        batch = self.pairs[direction].collater(samples)
        # unlike tensors, bytes stay in main memory when the batch moves to a GPU
        return {**batch, "direction": direction, "id_bytes": batch["id"].numpy().tobytes()}

    @property
    def can_reuse_epoch_itr_across_epochs(self) -> bool:
        """False for sampled epochs, which differ, so that their batches are made again."""
        return self.sampling is None

    def set_epoch(self, epoch: int) -> None:
        """Note the epoch; fairseq calls this before making its batches."""
        self.epoch = epoch

    def ordered_indices(self) -> NDArray[np.int64]:
        """Return the epoch's pairs: direction by direction, by source then target length."""
        if self.sampling is None:
            groups = [np.arange(*ends) for ends in pairwise(self.starts)]
        else:
            groups = self.draw(self.sampling)
        sides = [smallest_integers(sizes) for sizes in (self.target_sizes, self.source_sizes)]
        orders = [np.lexsort([side[group] for side in sides]) for group in groups]
        return np.concatenate([group[order] for group, order in zip(groups, orders, strict=True)])

    def draw(self, sampling: Sampling) -> list[NDArray[np.int64]]:
        """Draw a training epoch: each direction's pairs, some more than once, some never."""
        generator = np.random.default_rng([sampling.seed, self.epoch])
        sizes = np.diff(self.starts)
        counts = np.round(temperature_shares(sizes, sampling.temperature) * len(self)).astype(int)
        return [
            start + draw_epoch(size, count, generator)
            for start, size, count in zip(self.starts[:-1], sizes, counts, strict=True)
        ]

    def batch_by_size(
        self,
        indices: NDArray[np.int64],
        max_tokens: int | None = None,
        max_sentences: int | None = None,
        required_batch_size_multiple: int = 1,
    ) -> list[NDArray[np.int64]]:
        """Return batches of at most `max_tokens`, each of one direction.

        `indices` are grouped by direction, as from `ordered_indices`. A sentence that is longer
        gets a separate batch. A batch of more sentences than `required_batch_size_multiple` has a
        multiple of it, except the last of a direction: fairseq 0.12.2 keeps the remainder, later
        versions drop it, which would lose sentences of every direction.
        """
        tokens = self.num_tokens_vec(indices).astype(np.int64)
        too_long = tokens > (max_tokens or np.inf)
        batches = [indices[i : i + 1] for i in np.flatnonzero(too_long)]
        if batches:
            indices, tokens = indices[~too_long], tokens[~too_long]
        # bisection only requires that no direction comes after the next one
        ends = [0, *np.searchsorted(indices, self.starts[1:-1]), len(indices)]
        for start, end in pairwise(ends):
            if start < end:
                group, lengths = indices[start:end], tokens[start:end]
                batches += whole_batches(
                    group, lengths, max_tokens, max_sentences, required_batch_size_multiple
                )
        if self.sampling and self.sampling.even:
            direction_B = np.array([self.direction_of(batch[0]) for batch in batches])
            generator = np.random.default_rng([self.sampling.seed, self.epoch, 1])
            return spread_evenly(batches, direction_B, generator)
        return batches

    def num_tokens(self, index: int) -> int:
        """Return the length of the longer side of a pair, in tokens."""
        return int(max(self.source_sizes[index], self.target_sizes[index]))

    def num_tokens_vec(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the length of the longer side of each pair, in tokens."""
        return np.maximum(self.source_sizes[indices], self.target_sizes[indices])

    def size(self, index: int) -> tuple[int, int]:
        """Return source and target length, in tokens."""
        return int(self.source_sizes[index]), int(self.target_sizes[index])

    def filter_indices_by_size(
        self, indices: NDArray[np.int64], max_sizes: tuple[int, int]
    ) -> tuple[NDArray[np.int64], list[int]]:
        """Split indices into those within the (source, target) lengths and the rest."""
        fits = (self.source_sizes[indices] <= max_sizes[0]) & (
            self.target_sizes[indices] <= max_sizes[1]
        )
        return indices[fits], indices[~fits].tolist()


def smallest_integers(sizes: NDArray[Any]) -> NDArray[Any]:
    """Convert sizes to the smallest type that fits: numpy sorts 16-bit integers in linear time."""
    return sizes.astype(np.min_scalar_type(sizes.max(initial=0)))


def load_dictionary(folder: Path, language: str, *, tags: bool = True) -> Dictionary:
    """Read the fairseq dictionary of a language, or the joint one if it has no separate one.

    `tags`: keep the language tags, which end a joint dictionary.
    """
    return Dictionary.load(io.StringIO(dictionary_text(folder, language, tags=tags)))


def dictionary_text(folder: Path, language: str, *, tags: bool = True) -> str:
    """Return the text that `load_dictionary` reads, without the tags unless they are kept."""
    path = language_file(folder, "dict.txt", language)
    if not path.is_file():
        raise InputError(f"{path}: no such dictionary; binarise the corpora first")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    while not tags and lines and TAG.match(lines[-1]):
        lines.pop()
    return "".join(lines)


def load_directions(
    folder: Path,
    split: str,
    directions: list[str],
    dictionaries: tuple[Dictionary, Dictionary],
    *,
    tags: bool = True,
    source_tag_last: bool = False,
    sampling: Sampling | None = None,
) -> DirectionDataset:
    """Read one split of the binarised corpora in `folder` for all directions.

    `tags` and `source_tag_last` are as in `load_direction`. Each file is open once, for both
    directions of its pair.
    """
    pairs_of = {frozenset(name.split("-")) for name in directions}
    allow_open_files(OPEN_SPLITS * FILES_OF_PAIR * len(pairs_of))
    open_side = cache(partial(load_indexed_dataset, dictionary=None, dataset_impl="mmap"))
    pairs = {
        name: load_direction(
            folder, split, name, dictionaries, open_side, tags=tags, source_tag_last=source_tag_last
        )
        for name in directions
    }
    return DirectionDataset(pairs, sampling)


def load_direction(
    folder: Path,
    split: str,
    direction: str,
    dictionaries: tuple[Dictionary, Dictionary],
    open_side: Callable[[str], FairseqDataset],
    *,
    tags: bool,
    source_tag_last: bool = False,
) -> LanguagePairDataset:
    """Read one direction; with `tags`, add the source tag to sources and the target tag to targets.

    Tags are in front, or the source's last (`source_tag_last`). Both directions of a pair read the
    same files, which are named after the pair.
    """
    source, target = direction.split("-")
    names = (f"{split}.{direction}", f"{split}.{target}-{source}")
    found = [name for name in names if (folder / f"{name}.{source}.idx").is_file()]
    if any((folder / f"{name}{ABSENT}").is_file() for name in names):
        return no_pairs(dictionaries)
    if not found:
        raise InputError(f"{folder}: no binarised {split} corpus for {direction}")
    sides = [open_side(f"{folder / found[0]}.{language}") for language in (source, target)]
    if tags:
        source_tag, target_tag = map(tag_index, dictionaries, (source, target))
        add_source_tag = AppendTokenDataset if source_tag_last else PrependTokenDataset
        sides = [
            add_source_tag(sides[0], source_tag),
            PrependTokenDataset(sides[1], target_tag),
        ]
    return LanguagePairDataset(
        sides[0],
        sides[0].sizes,
        dictionaries[0],
        sides[1],
        sides[1].sizes,
        dictionaries[1],
        left_pad_source=True,
        left_pad_target=False,
    )


def no_pairs(dictionaries: tuple[Dictionary, Dictionary]) -> LanguagePairDataset:
    """Return the corpus of a direction that has no such split."""
    sizes = np.empty(0, dtype=np.int32)
    return LanguagePairDataset([], sizes, dictionaries[0], [], sizes, dictionaries[1])


def tag_index(dictionary: Dictionary, language: str) -> int:
    """Return the dictionary index of a language's tag."""
    tag = language_tag(language)
    if tag not in dictionary:
        raise InputError(f"the dictionary has no tag {tag}; it was made for other languages")
    return int(dictionary.index(tag))
