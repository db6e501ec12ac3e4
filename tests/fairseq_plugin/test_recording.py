"""Recorded activations against counts computed here."""

import dataclasses
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from fairseq.data.data_utils_fast import batch_by_size_vec

from neuron_specialization.fairseq_plugin.checkpoints import file_hash
from neuron_specialization.fairseq_plugin.methods import ffn_layers
from neuron_specialization.fairseq_plugin.recording import RecordingSettings, record_activations
from neuron_specialization.neurons.storage import Counts
from tests.trained_models import DIRECTIONS, EVALUATION_PAIRS, LAYERS, load_task, run_training


def record(baseline: Path, binarised: Path, **changes: object) -> Counts:
    names = {field.name for field in dataclasses.fields(RecordingSettings)}
    known = {name: changes.pop(name) for name in names & changes.keys()}
    settings = RecordingSettings(**({"split": "valid", "max_tokens": 200} | known))
    arguments = {"directions": DIRECTIONS, "device": "cpu", "settings": settings}
    return record_activations(checkpoint=baseline, data=binarised, **(arguments | changes))


def count_one_by_one(baseline: Path, binarised: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Return sentence and token counts from batches of one sentence, which have no padding."""
    model, task = load_task(baseline, binarised)
    task.load_dataset("valid")
    dataset = task.dataset("valid")
    layers = list(ffn_layers(model).values())
    sentences = torch.zeros(len(DIRECTIONS), len(layers), 32, dtype=torch.int64)
    tokens = torch.zeros_like(sentences)
    seen: dict[int, torch.Tensor] = {}
    for n, layer in enumerate(layers):
        layer.fc2.register_forward_pre_hook(lambda _, x, n=n: seen.__setitem__(n, x[0][:, 0] > 0))
    with torch.no_grad():
        for index in range(len(dataset)):
            sample = dataset.collater([dataset[index]])
            model(**sample["net_input"])
            for n, active_TF in seen.items():
                tokens[sample["direction"], n] += active_TF.sum(0)
                sentences[sample["direction"], n] += active_TF.any(0)
    return sentences, tokens


def test_counts_equal_the_counts_of_single_sentences(baseline: Path, binarised: Path) -> None:
    counts = record(baseline, binarised)
    sentences, tokens = count_one_by_one(baseline, binarised)
    assert counts.sentence_LNF.tolist() == sentences.tolist()
    assert counts.token_LNF.tolist() == tokens.tolist()
    assert counts.num_sentences_L is not None
    assert counts.num_sentences_L.tolist() == [EVALUATION_PAIRS] * len(DIRECTIONS)
    assert list(counts.layers) == LAYERS
    assert counts.provenance["checkpoint"] == file_hash(baseline)


@pytest.mark.parametrize("max_tokens", [20, 5000])
def test_counts_do_not_depend_on_the_batches(
    baseline: Path, binarised: Path, max_tokens: int
) -> None:
    counts = record(baseline, binarised, max_tokens=max_tokens)
    assert (counts.token_LNF == record(baseline, binarised).token_LNF).all()
    assert (counts.sentence_LNF == record(baseline, binarised).sentence_LNF).all()


def test_counting_padding_adds_to_the_counts_and_depends_on_the_batches(
    baseline: Path, binarised: Path
) -> None:
    without = record(baseline, binarised, max_tokens=5000)
    padded = record(baseline, binarised, max_tokens=5000, count_padding=True)
    alone = record(baseline, binarised, max_tokens=1, count_padding=True)
    assert padded.token_LNF.sum() > without.token_LNF.sum()
    assert (alone.token_LNF == without.token_LNF).all()


def add_cells(counts: torch.Tensor, _: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
    """Add the cells [T, B] in which each neuron is not zero."""
    counts += (inputs[0] != 0).sum(dim=(0, 1))


def count_as_the_official_code(
    baseline: Path, binarised: Path, max_tokens: int
) -> tuple[torch.Tensor, int]:
    """Return the counts of the official recorder, and how many of the cells are padding.

    One direction at a time; sentences by source length, then target length; fairseq's batches of
    a multiple of 8 sentences; every cell [T, B] of the input of fc2 counts if it is not zero.
    """
    counts = torch.zeros(len(DIRECTIONS), len(LAYERS), 32, dtype=torch.int64)
    padding = 0
    for number, direction in enumerate(DIRECTIONS):
        model, task = load_task(baseline, binarised, directions=direction)
        task.load_dataset("valid")
        dataset = task.dataset("valid").pairs[0]
        for n, layer in enumerate(ffn_layers(model).values()):
            layer.fc2.register_forward_pre_hook(partial(add_cells, counts[number, n]))
        order = np.argsort(dataset.tgt_sizes, kind="mergesort")
        order = order[np.argsort(dataset.src_sizes[order], kind="mergesort")]
        lengths = np.maximum(dataset.src_sizes, dataset.tgt_sizes)[order].astype(np.int64)
        # what `batch_by_size` of fairseq 0.12.2 returns, remainder included
        for batch in batch_by_size_vec(order.astype(np.int64), lengths, max_tokens, -1, 8):
            inputs = dataset.collater([dataset[int(i)] for i in batch])["net_input"]
            padding += int(inputs["prev_output_tokens"].eq(task.target_dictionary.pad()).sum())
            with torch.no_grad():
                model(**inputs)
    return counts, padding


@pytest.mark.parametrize("max_tokens", [100, 200, 30_000])
def test_token_counts_with_padding_are_those_of_the_official_code(
    baseline: Path, binarised: Path, max_tokens: int
) -> None:
    official, padding = count_as_the_official_code(baseline, binarised, max_tokens)
    batches = {"max_tokens": max_tokens, "batch_multiple": 8}
    found = record(baseline, binarised, **batches, count_padding=True)
    assert padding > 0
    assert found.token_LNF.tolist() == official.tolist()
    without = record(baseline, binarised, **batches)
    assert without.token_LNF.sum() < official.sum()
    assert found.sentence_LNF.tolist() == without.sentence_LNF.tolist()
    assert found.provenance == without.provenance | batches | {"count_padding": True}


def test_padding_depends_on_the_multiple_of_sentences(baseline: Path, binarised: Path) -> None:
    one, eight = (
        record(baseline, binarised, max_tokens=200, count_padding=True, batch_multiple=multiple)
        for multiple in (1, 8)
    )
    assert (one.token_LNF != eight.token_LNF).any()


def test_processes_that_share_the_directions_count_like_one(
    baseline: Path, binarised: Path
) -> None:
    alone, shared = record(baseline, binarised), record(baseline, binarised, processes=4)
    assert shared.directions == tuple(DIRECTIONS)
    assert (shared.token_LNF == alone.token_LNF).all()
    assert (shared.sentence_LNF == alone.sentence_LNF).all()
    assert shared.provenance == alone.provenance


def test_the_untrained_model_is_the_starting_point_of_training(
    baseline: Path, binarised: Path, tmp_path: Path
) -> None:
    changes = {"learning_rate": 0.0, "max_updates": 1, "validate_every": 1}
    start = run_training(binarised, tmp_path, **changes)
    expected = record(start, binarised)
    found = record(baseline, binarised, untrained=1)
    assert (found.token_LNF == expected.token_LNF).all()
    assert (found.sentence_LNF == expected.sentence_LNF).all()
    assert (found.token_LNF != record(baseline, binarised).token_LNF).any()
    assert (found.token_LNF != record(baseline, binarised, untrained=2).token_LNF).any()
    assert not found.provenance["trained"]
