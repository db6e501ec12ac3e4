"""Translate a split: every sentence, once, in order, through its sub-network."""

import dataclasses
from pathlib import Path

import pytest

from neuron_specialization.fairseq_plugin.decoding import decode
from tests.trained_models import (
    DECODING,
    DIRECTIONS,
    EVALUATION_PAIRS,
    load_task,
    translate,
)


def test_every_sentence_comes_back_in_order(
    learned: Path, binarised: Path, vocabulary: Path, tmp_path: Path
) -> None:
    texts = translate(learned, binarised, vocabulary, tmp_path / "all")
    one = dataclasses.replace(DECODING, max_tokens=1)
    assert len(set(texts["a1-en"].splitlines())) > 5  # otherwise order would prove nothing
    for text in texts.values():
        assert text.count("\n") == EVALUATION_PAIRS
        assert "__" not in text
    # batches of one sentence cannot be out of order
    assert texts == translate(learned, binarised, vocabulary, tmp_path / "one", settings=one)


def test_the_target_tag_is_forced(learned: Path, binarised: Path) -> None:
    model, task = load_task(learned, binarised)
    task.load_dataset("valid")
    hypotheses = decode(model, task, "valid", DECODING, "cpu")
    assert sorted(hypotheses) == list(range(EVALUATION_PAIRS * len(DIRECTIONS)))
    for index, tokens in hypotheses.items():
        target = DIRECTIONS[index // EVALUATION_PAIRS].split("-")[1]
        assert task.target_dictionary[tokens[0]] == f"__{target}__"


def test_a_failure_leaves_no_translations(
    learned: Path,
    binarised: Path,
    vocabulary: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("neuron_specialization.fairseq_plugin.decoding.decode", fail)
    with pytest.raises(MemoryError):
        translate(learned, binarised, vocabulary, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
