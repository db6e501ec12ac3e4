"""Overlap and sparsity of hand-made masks, with exact answers."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuron_specialization.cli.main import main
from neuron_specialization.errors import InputError
from neuron_specialization.neurons.overlap import Overlap, pairwise_iou
from neuron_specialization.neurons.selection import select_all
from neuron_specialization.neurons.sides import with_pivot
from neuron_specialization.neurons.storage import Counts, Masks

ENCODER, DECODER = LAYERS = ("encoder.layers.0", "decoder.layers.0")
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
    directions=("en-a", "en-b", "a-en", "b-en"), layers=LAYERS, mask_LNF=MASK_LNF, provenance={}
)
OVERLAP = Overlap.of(MASKS, "en")
COUNT_LNF = np.random.default_rng(1).integers(0, 99, (4, 2, 50))
COUNTS = Counts(
    directions=MASKS.directions,
    layers=LAYERS,
    sentence_LNF=COUNT_LNF,
    token_LNF=COUNT_LNF[..., ::-1] ** 2,
    provenance={},
)


def some(masks: Masks, rows: list[int]) -> Overlap:
    """Return the overlap of some directions of masks, in their order."""
    directions = tuple(masks.directions[row] for row in rows)
    return Overlap.of(replace(masks, directions=directions, mask_LNF=masks.mask_LNF[rows]), "en")


def test_iou_of_hand_made_masks() -> None:
    first, second = OVERLAP.iou_NLL
    assert (first[0, 1], first[0, 2], first[2, 3], second[2, 3]) == (2 / 4, 3 / 4, 1 / 4, 0)
    assert (first == first.T).all()
    assert (first.diagonal() == 1).all()
    assert np.isnan(second[0, 1])  # 0 / 0


def test_iou_is_exact_for_many_neurons() -> None:
    mask_LNF = np.random.default_rng(1).random((5, 2, 4096)) < 0.8
    expected = (mask_LNF[1, 1] & mask_LNF[3, 1]).sum() / (mask_LNF[1, 1] | mask_LNF[3, 1]).sum()
    assert pairwise_iou(mask_LNF)[1, 1, 3] == expected


def test_sparsity_of_hand_made_masks() -> None:
    assert OVERLAP.sparsity_LN.tolist() == [[0.25, 1], [0.25, 1], [0, 0.75], [0.75, 0.75]]
    assert OVERLAP.sparsity_table().values.tolist()[2:5] == [
        [ENCODER, "m2o", "a", 0],
        [ENCODER, "m2o", "b", 0.75],
        [DECODER, "o2m", "a", 1],
    ]


def test_directions_are_compared_within_their_side_only() -> None:
    table = OVERLAP.table()
    assert table[["side", "a", "b"]].values.tolist() == 2 * [["o2m", "a", "b"], ["m2o", "a", "b"]]
    assert table["iou"].tolist()[:2] == [0.5, 0.25]
    assert np.isnan(table["iou"][2])


@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [3, 1, 0, 2]])
def test_a_matrix_has_the_informative_side_in_the_given_order_of_languages(rows: list[int]) -> None:
    mask_LNF = np.repeat([[[1, 1, 0]], [[1, 0, 0]], [[0, 1, 1]], [[1, 1, 0]]], 2, axis=1) > 0
    for layer, directions in (
        (DECODER, ("en-a", "en-b", "en-c", "a-en")),
        (ENCODER, ("a-en", "b-en", "c-en", "en-a")),
    ):
        masks = replace(MASKS, directions=directions, mask_LNF=mask_LNF)
        overlap = some(masks, rows)
        assert set(overlap.recorded(layer)) == set("abc")
        matrix = overlap.matrix(layer, ["c", "b", "a"])
        assert matrix.tolist() == [[1, 0, 1 / 3], [0, 1, 1 / 2], [1 / 3, 1 / 2, 1]]


def test_unrecorded_directions_and_empty_masks_give_nan() -> None:
    for layer, languages in ((ENCODER, ["a", "z"]), (DECODER, ["a", "b"])):
        matrix = OVERLAP.matrix(layer, languages)
        assert np.isnan(matrix[0, 1])
        assert matrix.diagonal().tolist() == [1, 1]


def test_one_direction_has_no_pairs_but_a_sparsity() -> None:
    assert len(some(MASKS, [0]).sparsity_table()) == 2
    for rows in ([0], []):
        alone = some(MASKS, rows).table()
        assert alone.empty
        assert list(alone) == ["layer", "side", "a", "b", "iou"]


def test_a_direction_without_the_pivot_is_refused() -> None:
    with pytest.raises(InputError, match="direction a-b does not include the pivot, en"):
        Overlap.of(replace(MASKS, directions=("en-a", "a-b", "a-en", "b-en")), "en")


def test_only_directions_with_the_pivot_have_a_side() -> None:
    mixed = replace(MASKS, directions=("en-a", "a-b", "a-en", "b-a"))
    assert with_pivot(mixed, "en").directions == ("en-a", "a-en")
    np.testing.assert_array_equal(with_pivot(mixed, "en").mask_LNF, MASKS.mask_LNF[[0, 2]])
    counts = with_pivot(replace(COUNTS, directions=mixed.directions), "en")
    np.testing.assert_array_equal(counts.token_LNF, COUNTS.token_LNF[[0, 2]])
    np.testing.assert_array_equal(counts.sentence_LNF, COUNTS.sentence_LNF[[0, 2]])
    with pytest.raises(InputError, match="direction en-a does not include the pivot, c"):
        with_pivot(mixed, "c")


def test_the_command_line_says_which_directions_have_no_side(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = replace(MASKS, directions=("en-a", "a-b", "a-en", "b-a"))
    mixed.save(tmp_path / "masks.npz")
    main(["neurons", "sparsity", str(tmp_path / "masks.npz")])
    sides = replace(MASKS, directions=("en-a", "a-en"), mask_LNF=MASKS.mask_LNF[[0, 2]])
    expected = Overlap.of(sides, "en").sparsity_table()
    printed = capsys.readouterr()
    assert printed.out == expected.to_csv(index=False, lineterminator="\n")
    assert "Left out, without en: a-b, b-a" in printed.err + caplog.text


def test_the_command_line_reads_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "masks.npz"
    MASKS.save(path)
    for verb, expected in (("overlap", OVERLAP.table()), ("sparsity", OVERLAP.sparsity_table())):
        main(["neurons", verb, str(path)])
        assert capsys.readouterr().out == expected.to_csv(index=False, lineterminator="\n")


def test_the_command_line_selects_from_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "counts.npz", tmp_path / "out.csv"
    COUNTS.save(path)
    for options, k, counting in (
        ([], 95, "token"),
        (["--k", "50", "--counting", "sentence"], 50, "sentence"),
    ):
        main(["neurons", "sparsity", str(path), *options])
        expected = Overlap.of(select_all(COUNTS, k=k, counting=counting), "en").sparsity_table()
        shown = pd.read_csv(io.StringIO(capsys.readouterr().out), float_precision="round_trip")
        pd.testing.assert_frame_equal(shown, expected)
    main(["neurons", "overlap", str(path), "--out", str(out)])
    assert len(pd.read_csv(out)) == 4


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (None, [], "no such file"),
        (b"PK", [], "not a valid file of counts or masks"),
        (MASKS, ["--k", "50"], "already selected; --k and --counting need counts"),
        (COUNTS, ["--k", "101"], "k is 101.0: it is a percentage"),
        (MASKS, ["--pivot", "xx"], "direction en-a does not include the pivot, xx"),
    ],
)
def test_the_command_line_reports_what_is_wrong(
    tmp_path: Path, content: Masks | Counts | bytes | None, options: list[str], message: str
) -> None:
    path = tmp_path / "file.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        content.save(path)
    with pytest.raises(SystemExit, match=message):
        main(["neurons", "overlap", str(path), *options])
