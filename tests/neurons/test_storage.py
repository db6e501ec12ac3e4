"""Counts and masks on disk."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.neurons.storage import Counts, Masks


def random_masks(num_directions: int, num_layers: int, num_neurons: int) -> Masks:
    shape = (num_directions, num_layers, num_neurons)
    return Masks(
        directions=tuple(f"en-x{i}" for i in range(num_directions)),
        layers=tuple(f"encoder.layers.{i}" for i in range(num_layers)),
        mask_LNF=np.random.default_rng(0).random(shape) < 0.7,
        provenance={"k": 95.0, "counting": "sentence", "checkpoint": "0123"},
    )


@pytest.mark.parametrize("num_neurons", [1, 7, 8, 9, 64])
def test_masks_survive_saving(tmp_path: Path, num_neurons: int) -> None:
    masks = random_masks(3, 2, num_neurons)
    masks.save(tmp_path / "masks.npz")
    loaded = Masks.load(tmp_path / "masks.npz")
    assert (loaded.mask_LNF == masks.mask_LNF).all()
    assert loaded.directions == masks.directions
    assert loaded.layers == masks.layers
    assert loaded.provenance == masks.provenance


@pytest.mark.parametrize(
    ("num_directions", "num_layers", "num_neurons", "num_bytes"),
    [(60, 12, 4096, 368_640), (16, 12, 1024, 24_576)],
)
def test_one_bit_per_neuron(
    tmp_path: Path, num_directions: int, num_layers: int, num_neurons: int, num_bytes: int
) -> None:
    random_masks(num_directions, num_layers, num_neurons).save(tmp_path / "masks.npz")
    with np.load(tmp_path / "masks.npz") as arrays:
        assert arrays["bits"].nbytes == num_bytes
    assert (tmp_path / "masks.npz").stat().st_size < num_bytes + 6000


COUNTS = Counts(
    directions=("en-de", "de-en"),
    layers=("encoder.layers.0", "decoder.layers.0"),
    sentence_LNF=np.arange(12).reshape(2, 2, 3),
    token_LNF=np.arange(12).reshape(2, 2, 3) ** 2,
    num_sentences_L=np.array([20, 11]),
    provenance={"split": "valid", "count_padding": False},
)


def test_counts_survive_saving(tmp_path: Path) -> None:
    COUNTS.save(tmp_path / "counts.npz")
    loaded = Counts.load(tmp_path / "counts.npz")
    assert (loaded.sentence_LNF == COUNTS.sentence_LNF).all()
    assert (loaded.token_LNF == COUNTS.token_LNF).all()
    assert loaded.directions == COUNTS.directions
    assert loaded.num_sentences_L is not None
    assert loaded.num_sentences_L.tolist() == [20, 11]
    assert loaded.provenance == COUNTS.provenance


def test_counts_without_the_number_of_sentences_are_read(tmp_path: Path) -> None:
    older = replace(COUNTS, num_sentences_L=None)
    older.save(tmp_path / "counts.npz")
    assert Counts.load(tmp_path / "counts.npz").num_sentences_L is None
    assert Counts.join([older, COUNTS], COUNTS.directions).num_sentences_L is None
    joined = Counts.join([COUNTS], COUNTS.directions[::-1])
    assert joined.num_sentences_L is not None
    assert joined.num_sentences_L.tolist() == [11, 20]


def test_files_are_the_same_for_the_same_masks(tmp_path: Path) -> None:
    for name in ("one.npz", "two.npz"):
        random_masks(3, 2, 9).save(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


REMEDY = "not a valid file .*; if it is one of the workflow's results, delete it to make it"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:300])


def replace_by_another(path: Path) -> None:
    np.savez(path, something=np.zeros(3))


def replace_by_one_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def break_provenance(path: Path) -> None:
    with np.load(path) as file:
        np.savez(path, **dict(file) | {"provenance": np.array("{")})


def break_compression(path: Path) -> None:
    with np.load(path) as file:
        np.savez_compressed(path, **file)
    Masks.load(path)
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("bits.npy")
    content = bytearray(path.read_bytes())
    start = member.header_offset + 30 + len(member.filename) + 20  # after the zip64 header
    content[start : start + 4] = b"\xff" * 4
    path.write_bytes(content)


def put_pickles(path: Path) -> None:
    with np.load(path) as file:
        np.savez(path, **{name: np.array([{}], dtype=object) for name in file})


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        replace_by_another,
        replace_by_one_array,
        break_provenance,
        break_compression,
        put_pickles,
    ],
)
def test_damage_is_named_with_a_remedy(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = tmp_path / "masks.npz"
    random_masks(3, 2, 64).save(path)
    damage(path)
    with pytest.raises(InputError, match=rf"masks\.npz: {REMEDY}"):
        Masks.load(path)


def test_unreadable_paths_are_named_without_advice_to_delete(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"masks\.npz: no such file"):
        Masks.load(tmp_path / "masks.npz")
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)$"):
        Masks.load(tmp_path)


def test_files_of_another_kind_are_named_as_such(tmp_path: Path) -> None:
    masks, counts = tmp_path / "masks.npz", tmp_path / "counts.npz"
    random_masks(3, 2, 64).save(masks)
    COUNTS.save(counts)
    message = r"counts\.npz: these are activation counts; give a file of neuron masks$"
    with pytest.raises(InputError, match=message):
        Masks.load(counts)
    message = r"masks\.npz: these are neuron masks; give a file of activation counts$"
    with pytest.raises(InputError, match=message):
        Counts.load(masks)


def damaged_arrays() -> dict[str, dict[str, Any]]:
    """Return changes to the arrays of counts that make them invalid."""
    return {
        "fewer directions": {"directions": np.array(["en-a"])},
        "equal directions": {"directions": np.array(["en-a", "en-a"])},
        "fewer layers": {"layers": np.array(["x"])},
        "numbers as labels": {"layers": np.array([1, 2])},
        "labels in two dimensions": {"layers": np.array([["x", "y"]])},
        "another shape": {"token": np.zeros((2, 2, 4), int)},
        "two dimensions": {"sentence": np.zeros((2, 2), int), "token": np.zeros((2, 2), int)},
        "fractions": {"sentence": np.full((2, 2, 3), 0.5)},
        "fewer sentences than a neuron fires in": {"num_sentences": np.array([1, 0])},
        "sentences of one direction": {"num_sentences": np.array([9])},
        "fractions of sentences": {"num_sentences": np.array([1.0, 1.0])},
        "negative counts": {"sentence": np.full((2, 2, 3), -1)},
        "a list as provenance": {"provenance": np.array("[1]")},
        "deep provenance": {"provenance": np.array("[" * 100_000)},
        "no JSON": {"provenance": np.array("{")},
    }


@pytest.mark.parametrize("changes", damaged_arrays().values(), ids=damaged_arrays())
def test_invalid_arrays_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    arrays = {
        "sentence": np.ones((2, 2, 3), int),
        "token": np.ones((2, 2, 3), int),
        "directions": np.array(["en-a", "en-b"]),
        "layers": np.array(["x", "y"]),
        "provenance": np.array("{}"),
    }
    np.savez(tmp_path / "good.npz", **arrays)
    Counts.load(tmp_path / "good.npz")
    np.savez(tmp_path / "bad.npz", **(arrays | changes))
    with pytest.raises(InputError, match=r"bad\.npz: "):
        Counts.load(tmp_path / "bad.npz")


@pytest.mark.parametrize(
    "changes",
    [
        {"bits": np.ones((2, 2, 2), np.uint8)},
        {"bits": np.ones((2, 2, 1), int)},
        {"bits": np.ones((1, 2, 1), np.uint8)},
        {"num_neurons": np.array(9)},
        {"num_neurons": np.array([3])},
        {"num_neurons": np.array("x")},
    ],
)
def test_invalid_masks_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    arrays = {
        "bits": np.ones((2, 2, 1), np.uint8),
        "num_neurons": np.array(3),
        "directions": np.array(["en-a", "en-b"]),
        "layers": np.array(["x", "y"]),
        "provenance": np.array("{}"),
    }
    np.savez(tmp_path / "bad.npz", **(arrays | changes))
    with pytest.raises(InputError, match=r"bad\.npz: "):
        Masks.load(tmp_path / "bad.npz")
