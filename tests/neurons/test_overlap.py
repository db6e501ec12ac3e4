"""Overlap and sparsity of hand-made masks, with exact answers."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuron_specialization.cli.main import main
from neuron_specialization.errors import InputError
from neuron_specialization.neurons.neuron_tables import (
    iou_matrix,
    overlap_table,
    select_all,
    side_of,
    sparsity_table,
)
from neuron_specialization.neurons.overlap import pairwise_iou, sparsity
from neuron_specialization.neurons.storage import Counts, Masks

DIRECTIONS = ("en-a", "en-b", "a-en", "b-en")
MASK_LNF = np.array(
    [
        [[1, 1, 1, 0], [0, 0, 0, 0]],
        [[0, 1, 1, 1], [0, 0, 0, 0]],
        [[1, 1, 1, 1], [1, 0, 0, 0]],
        [[1, 0, 0, 0], [0, 1, 0, 0]],
    ],
    dtype=bool,
)
MASKS = Masks(
    directions=DIRECTIONS,
    layers=("encoder.layers.0", "decoder.layers.0"),
    mask_LNF=MASK_LNF,
    provenance={},
)


def test_iou_of_hand_made_masks() -> None:
    first, second = pairwise_iou(MASK_LNF)
    assert first[0, 1] == 2 / 4
    assert first[0, 2] == 3 / 4
    assert first[2, 3] == 1 / 4
    assert second[2, 3] == 0
    assert (first == first.T).all()
    assert (first.diagonal() == 1).all()
    assert np.isnan(second[0, 1])  # nothing in common of nothing


def test_iou_is_exact_for_many_neurons() -> None:
    mask_LNF = np.random.default_rng(1).random((5, 2, 4096)) < 0.8
    expected = (mask_LNF[1, 1] & mask_LNF[3, 1]).sum() / (mask_LNF[1, 1] | mask_LNF[3, 1]).sum()
    assert pairwise_iou(mask_LNF)[1, 1, 3] == expected


def test_sparsity_of_hand_made_masks() -> None:
    assert sparsity(MASK_LNF).tolist() == [[0.25, 1], [0.25, 1], [0, 0.75], [0.75, 0.75]]
    table = sparsity_table(MASKS, "en")
    row = table[(table["layer"] == "encoder.layers.0") & (table["side"] == "m2o")]
    assert dict(zip(row["language"], row["sparsity"], strict=True)) == {"a": 0, "b": 0.75}


def test_directions_are_compared_within_their_side_only() -> None:
    table = overlap_table(MASKS, "en")
    assert table[["side", "a", "b"]].values.tolist() == 2 * [["o2m", "a", "b"], ["m2o", "a", "b"]]
    assert table["iou"].tolist()[:2] == [0.5, 0.25]
    assert np.isnan(table["iou"][2])


def test_a_matrix_has_the_order_of_its_languages_and_not_of_the_masks() -> None:
    masks = Masks(
        directions=("en-a", "en-b", "en-c"),
        layers=("decoder.layers.0",),
        mask_LNF=np.array([[[1, 1, 0]], [[1, 0, 0]], [[0, 1, 1]]], dtype=bool),
        provenance={},
    )
    mixed = Masks(
        directions=masks.directions[::-1],
        layers=masks.layers,
        mask_LNF=masks.mask_LNF[::-1],
        provenance={},
    )
    expected = [[1, 0, 1 / 3], [0, 1, 1 / 2], [1 / 3, 1 / 2, 1]]
    for each in (masks, mixed):
        matrix = iou_matrix(overlap_table(each, "en"), "decoder.layers.0", "o2m", ["c", "b", "a"])
        assert matrix.tolist() == expected


def test_a_pair_that_was_not_recorded_is_no_number() -> None:
    matrix = iou_matrix(overlap_table(MASKS, "en"), "encoder.layers.0", "o2m", ["a", "z"])
    assert np.isnan(matrix[0, 1])


def test_one_direction_has_no_pairs_but_a_sparsity() -> None:
    alone = Masks(directions=("en-a",), layers=MASKS.layers, mask_LNF=MASK_LNF[:1], provenance={})
    assert overlap_table(alone, "en").empty
    assert len(sparsity_table(alone, "en")) == 2


@pytest.mark.parametrize(("k", "kept"), [(0, 0), (70, 2), (95, 2), (100, 4)])
@pytest.mark.parametrize("counting", ["sentence", "token"])
def test_any_k_and_way_of_counting_without_a_forward_pass(k: int, kept: int, counting: str) -> None:
    one, other = np.array([[[5, 5, 0, 0]]]), np.array([[[0, 0, 5, 5]]])
    counts = Counts(
        directions=("en-a",),
        layers=("decoder.layers.0",),
        sentence_LNF=one,
        token_LNF=other,
        provenance={},
    )
    masks = select_all(counts, k=k, counting=counting)
    assert masks.mask_LNF.sum() == kept
    if kept == 2:
        assert (
            masks.mask_LNF[0, 0].tolist()
            == ({"sentence": one, "token": other}[counting] > 0)[0, 0].tolist()
        )


def test_a_direction_without_the_pivot_is_refused() -> None:
    with pytest.raises(InputError, match="direction a-b has no side in the pivot, en"):
        side_of("a-b", "en")


def test_tables_keep_their_columns_when_they_are_empty() -> None:
    empty = Masks(directions=(), layers=(), mask_LNF=np.zeros((0, 0, 4), dtype=bool), provenance={})
    assert list(overlap_table(empty, "en")) == ["layer", "side", "a", "b", "iou"]
    assert isinstance(sparsity_table(empty, "en"), pd.DataFrame)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> pd.DataFrame:
    main([str(argument) for argument in arguments])
    return pd.read_csv(io.StringIO(capsys.readouterr().out), float_precision="round_trip")


def test_the_command_line_reads_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "masks.npz"
    MASKS.save(path)
    pd.testing.assert_frame_equal(
        run(capsys, "neurons", "overlap", path), overlap_table(MASKS, "en")
    )
    pd.testing.assert_frame_equal(
        run(capsys, "neurons", "sparsity", path), sparsity_table(MASKS, "en")
    )


def test_the_command_line_selects_from_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count_LNF = np.random.default_rng(1).integers(0, 99, (4, 2, 50))
    counts = Counts(
        directions=DIRECTIONS,
        layers=MASKS.layers,
        sentence_LNF=count_LNF,
        token_LNF=count_LNF**2,
        provenance={},
    )
    path, out = tmp_path / "counts.npz", tmp_path / "out.csv"
    counts.save(path)
    for options, k, counting in (
        ([], 95, "sentence"),
        (["--k", "50", "--counting", "token"], 50, "token"),
    ):
        expected = sparsity_table(select_all(counts, k=k, counting=counting), "en")
        pd.testing.assert_frame_equal(run(capsys, "neurons", "sparsity", path, *options), expected)
    main(["neurons", "overlap", str(path), "--out", str(out)])
    assert len(pd.read_csv(out)) == 4


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (None, [], "no such file"),
        (b"PK", [], "not a whole file of counts or masks"),
        ("masks", ["--k", "50"], "selected already; --k and --counting need counts"),
        ("counts", ["--k", "101"], "k is 101.0: it is a percentage"),
        ("masks", ["--pivot", "xx"], "direction en-a has no side in the pivot, xx"),
    ],
)
def test_the_command_line_says_what_is_wrong(
    tmp_path: Path, content: str | bytes | None, options: list[str], message: str
) -> None:
    path = tmp_path / "file.npz"
    if content == "masks":
        MASKS.save(path)
    elif content == "counts":
        shape = (1, 1, 4)
        Counts(
            directions=("en-a",),
            layers=("decoder.layers.0",),
            sentence_LNF=np.ones(shape, dtype=np.int64),
            token_LNF=np.ones(shape, dtype=np.int64),
            provenance={},
        ).save(path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(SystemExit, match=message):
        main(["neurons", "overlap", str(path), *options])
