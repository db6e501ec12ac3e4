"""Batches of one direction, with nothing lost or out of step."""

import os
import resource
from pathlib import Path

import numpy as np
import pytest
from benchmarks.batches import plain_batches, plain_order
from fairseq.data import Dictionary

from neuron_specialization.corpora.sampling import temperature_shares
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.batches import spread_evenly
from neuron_specialization.fairseq_plugin.data import (
    FILES_OF_PAIR,
    OPEN_SPLITS,
    DirectionDataset,
    Sampling,
    load_dictionary,
    load_directions,
    smallest_integers,
)
from tests.trained_models import DIRECTIONS, EVALUATION_PAIRS, TRAIN_PAIRS


@pytest.fixture(scope="module")
def dictionary(binarised: Path) -> Dictionary:
    return load_dictionary(binarised, "en")


@pytest.fixture(scope="module")
def valid(binarised: Path, dictionary: Dictionary) -> DirectionDataset:
    return load_directions(binarised, "valid", DIRECTIONS, (dictionary, dictionary))


def load_train(
    binarised: Path, dictionary: Dictionary, seed: int = 1, *, even: bool = False
) -> DirectionDataset:
    sampling = Sampling(temperature=5, seed=seed, even=even)
    return load_directions(
        binarised, "train", DIRECTIONS, (dictionary, dictionary), sampling=sampling
    )


def test_both_directions_of_a_pair_share_its_open_files(binarised: Path) -> None:
    dictionary = load_dictionary(binarised, "en")
    before = len(os.listdir("/proc/self/fd"))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before + 100, limits[1]))
    data = load_directions(binarised, "valid", DIRECTIONS, (dictionary, dictionary))
    assert len(os.listdir("/proc/self/fd")) - before <= FILES_OF_PAIR * len(DIRECTIONS) / 2
    assert len(data.directions) == len(DIRECTIONS)
    # enough for another split and the next shard, as training opens them
    needed = before + OPEN_SPLITS * FILES_OF_PAIR * len(DIRECTIONS) / 2
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= needed
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_dictionary_has_fairseqs_specials_the_pieces_and_a_tag_per_language(
    dictionary: Dictionary,
) -> None:
    assert len(dictionary) == 300 - 3 + 4 + 4
    assert dictionary.symbols[-4:] == ["__en__", "__a1__", "__b1__", "__b2__"]


def test_tags_lead_both_sides(valid: DirectionDataset, dictionary: Dictionary) -> None:
    for i, direction in enumerate(DIRECTIONS):
        source, target = direction.split("-")
        sample = valid[int(valid.starts[i])]
        assert dictionary[sample["source"][0]] == f"__{source}__"
        assert dictionary[sample["target"][0]] == f"__{target}__"
        assert sample["source"][-1] == sample["target"][-1] == dictionary.eos()


def test_both_directions_read_the_same_files(valid: DirectionDataset) -> None:
    there, back = DIRECTIONS.index("en-b1"), DIRECTIONS.index("b1-en")
    for i in range(EVALUATION_PAIRS):
        forward, backward = valid[int(valid.starts[there]) + i], valid[int(valid.starts[back]) + i]
        assert forward["source"].tolist() == backward["target"].tolist()
        assert forward["target"].tolist() == backward["source"].tolist()


@pytest.mark.parametrize("max_tokens", [20, 100, 5000])
def test_every_sentence_comes_once_in_batches_of_one_direction(
    valid: DirectionDataset, max_tokens: int
) -> None:
    # later versions of fairseq than 0.12.2 would drop 5 of 21 sentences per direction
    batches = valid.batch_by_size(
        valid.ordered_indices(), max_tokens=max_tokens, required_batch_size_multiple=8
    )
    last = {valid.direction_of(batch[0]): n for n, batch in enumerate(batches) if len(batch) > 1}
    for n, batch in enumerate(batches):
        assert len(batch) < 8 or len(batch) % 8 == 0 or n in last.values()
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(valid)))
    for batch in batches:
        assert len({valid.direction_of(i) for i in batch}) == 1
        assert (
            len(batch) == 1
            or valid.num_tokens_vec(np.array(batch)).max() * len(batch) <= max_tokens
        )


def test_ids_follow_their_sentences_through_the_sorting_of_the_collater(
    valid: DirectionDataset,
) -> None:
    start = int(valid.starts[2])
    sample = valid.collater([valid[start + i] for i in range(9)])
    assert sample["direction"] == 2
    assert sorted(sample["id"].tolist()) == list(range(start, start + 9))
    for row, index in zip(sample["net_input"]["src_tokens"], sample["id"], strict=True):
        source = valid[int(index)]["source"]
        assert row[-len(source) :].tolist() == source.tolist()


def test_a_batch_cannot_mix_directions(valid: DirectionDataset) -> None:
    with pytest.raises(ValueError, match="unpack"):
        valid.collater([valid[0], valid[len(valid) - 1]])


def test_an_epoch_follows_the_temperature(binarised: Path, dictionary: Dictionary) -> None:
    train = load_train(binarised, dictionary)
    direction = np.searchsorted(train.starts, train.ordered_indices(), side="right") - 1
    sizes = np.array([*TRAIN_PAIRS.values()] * 2)
    expected = temperature_shares(sizes, 5) * sizes.sum()
    assert np.abs(np.bincount(direction) - expected).max() <= 0.5


def test_an_epoch_depends_only_on_seed_and_epoch(binarised: Path, dictionary: Dictionary) -> None:
    def draw(seed: int, epoch: int) -> list[int]:
        train = load_train(binarised, dictionary, seed)
        train.set_epoch(epoch)
        np.random.random()  # the global generator must not matter
        return train.ordered_indices().tolist()

    assert draw(1, 1) == draw(1, 1)
    assert draw(1, 1) != draw(1, 2)
    assert draw(1, 1) != draw(2, 1)


def test_even_batches_bring_all_directions_into_each_update(
    binarised: Path, dictionary: Dictionary
) -> None:
    def batches(seed: int, epoch: int, even: bool = True) -> list[list[int]]:
        train = load_train(binarised, dictionary, seed, even=even)
        train.set_epoch(epoch)
        return [batch.tolist() for batch in train.batch_by_size(train.ordered_indices(), 60)]

    epoch = batches(1, 1)
    assert sorted(epoch) == sorted(batches(1, 1, even=False))
    assert epoch == batches(1, 1)
    assert len({str(batches(*drawn)) for drawn in ((1, 1), (1, 2), (2, 1))}) == 3
    train = load_train(binarised, dictionary)
    directions = [train.direction_of(batch[0]) for batch in epoch]
    for size in (2 * len(DIRECTIONS), 4 * len(DIRECTIONS)):
        updates = [directions[i : i + size] for i in range(0, len(epoch) - size + 1, size)]
        assert len(updates) > 3
        assert all(set(update) == set(range(len(DIRECTIONS))) for update in updates)


def test_directions_of_equal_size_take_turns() -> None:
    batches = [np.array([n]) for n in range(30)]
    order = spread_evenly(batches, np.arange(30) // 10, np.random.default_rng(1))
    directions = [int(batch[0]) // 10 for batch in order]
    assert directions == 10 * directions[:3]
    assert sorted(directions[:3]) == [0, 1, 2]
    assert [int(batch[0]) for batch in order if batch[0] < 10] != list(range(10))


@pytest.mark.parametrize("split", ["train", "valid"])
def test_batches_equal_batches_of_sentences_taken_one_by_one(
    binarised: Path, dictionary: Dictionary, split: str
) -> None:
    sampling = Sampling(temperature=5, seed=1) if split == "train" else None
    data = load_directions(
        binarised, split, DIRECTIONS, (dictionary, dictionary), sampling=sampling
    )
    drawn = np.concatenate(data.draw(sampling)) if sampling else np.arange(len(data))
    assert data.ordered_indices().tolist() == plain_order(data, drawn)
    for max_tokens, max_sentences in ((15, None), (100, None), (400, 7), (None, 5)):
        batches = data.batch_by_size(data.ordered_indices(), max_tokens, max_sentences)
        expected = plain_batches(data, drawn, max_tokens, max_sentences)
        assert [batch.tolist() for batch in batches] == expected


def test_lengths_need_not_fit_in_two_bytes() -> None:
    for largest, itemsize in ((200, 1), (40_000, 2), (70_000, 4)):
        sizes = smallest_integers(np.array([3, largest, 5]))
        assert (sizes.tolist(), sizes.itemsize) == ([3, largest, 5], itemsize)


def test_unknown_corpora_and_tags_are_named(binarised: Path, dictionary: Dictionary) -> None:
    with pytest.raises(InputError, match="no binarised valid corpus for en-c1"):
        load_directions(binarised, "valid", ["en-c1"], (dictionary, dictionary))
    with pytest.raises(InputError, match=r"nowhere.dict\.txt: no such dictionary"):
        load_dictionary(Path("nowhere"), "en")
