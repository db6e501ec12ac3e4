"""Translation of a split: every sentence, once, in order, through its sub-network."""

from pathlib import Path

import numpy as np
import pytest

from neuron_specialization.fairseq_plugin.decoding import decode, translate_split
from neuron_specialization.fairseq_plugin.models import load_model
from neuron_specialization.neurons.storage import Masks
from neuron_specialization.settings.decoding import DecodingSettings
from neuron_specialization.settings.training import DirectionFiles
from tests.trained_models import DIRECTIONS, EVALUATION_PAIRS

SETTINGS = DecodingSettings(beam=2, length_penalty=1.0, max_len_a=0, max_len_b=8, max_tokens=100)


def translate(
    learned: Path, binarised: Path, vocabulary: Path, folder: Path, **changes: object
) -> None:
    folder.mkdir(exist_ok=True)
    arguments = {
        "checkpoint": learned,
        "files": DirectionFiles(),
        "data": binarised,
        "split": "valid",
        "vocabulary": vocabulary,
        "settings": SETTINGS,
        "outputs": {name: folder / f"{name}.txt" for name in DIRECTIONS},
        "device": "cpu",
    }
    translate_split(**(arguments | changes))


def read(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


def test_every_sentence_comes_back_in_order(
    learned: Path, binarised: Path, vocabulary: Path, tmp_path: Path
) -> None:
    translate(learned, binarised, vocabulary, tmp_path / "all")
    one = SETTINGS.__class__(**{**vars(SETTINGS), "max_tokens": 1})
    translate(learned, binarised, vocabulary, tmp_path / "one", settings=one)
    texts = read(tmp_path / "all")
    assert len(set(texts["a1-en.txt"].splitlines())) > 5  # else order would prove nothing
    assert sorted(texts) == sorted(f"{name}.txt" for name in DIRECTIONS)
    for text in texts.values():
        assert text.count("\n") == EVALUATION_PAIRS
        assert "__" not in text
    # batches of one sentence cannot be out of order
    assert texts == read(tmp_path / "one")


def test_the_target_tag_is_forced(learned: Path, binarised: Path) -> None:
    overrides = {"data": str(binarised), "directions": ",".join(DIRECTIONS), "masks": ""}
    model, task = load_model(learned, overrides)
    task.load_dataset("valid")
    hypotheses = decode(model, task, "valid", SETTINGS, "cpu")
    assert sorted(hypotheses) == list(range(EVALUATION_PAIRS * len(DIRECTIONS)))
    for index, tokens in hypotheses.items():
        target = DIRECTIONS[index // EVALUATION_PAIRS].split("-")[1]
        assert task.target_dictionary[tokens[0]] == f"__{target}__"


def test_masks_change_the_translations(
    learned: Path, binarised: Path, vocabulary: Path, tmp_path: Path
) -> None:
    masks = Masks(
        directions=tuple(DIRECTIONS),
        layers=tuple(f"{stack}.layers.{i}" for stack in ("encoder", "decoder") for i in range(2)),
        mask_LNF=np.zeros((len(DIRECTIONS), 4, 32), dtype=bool),
        provenance={},
    )
    masks.save(tmp_path / "none.npz")
    Masks(**{**vars(masks), "mask_LNF": ~masks.mask_LNF}).save(tmp_path / "all.npz")
    translate(learned, binarised, vocabulary, tmp_path / "dense")
    for name in ("all", "none"):
        files = DirectionFiles(masks=tmp_path / f"{name}.npz")
        translate(learned, binarised, vocabulary, tmp_path / name, files=files)
    assert read(tmp_path / "dense") == read(tmp_path / "all")
    assert read(tmp_path / "dense") != read(tmp_path / "none")


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
