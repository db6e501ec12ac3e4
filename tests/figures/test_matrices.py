"""Heat maps of source-by-target tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuron_specialization.figures.matrices import (
    MatrixStyle,
    draw_matrices,
    find_limits,
    matrix_data,
    read_matrices,
)
from neuron_specialization.figures.style import paper_style, save_figure

NAN = float("nan")
FAMILIES = {"de": "Germanic", "en": "Germanic", "fr": "Romance"}
TABLE = pd.DataFrame(
    [
        ("en", "Base", "absolute", NAN, 20.0, 22.0, 21.0),
        ("de", "Base", "absolute", 30.0, NAN, 4.0, 17.0),
        ("avg", "Base", "absolute", 30.0, 20.0, 13.0, 19.0),
        ("en", "Ours", "absolute", NAN, 21.0, 22.0, 21.5),
        ("de", "Ours", "absolute", 28.0, NAN, NAN, NAN),
        ("en", "Ours", "delta", NAN, 1.0, 0.0, 0.5),
        ("de", "Ours", "delta", -2.0, NAN, NAN, NAN),
    ],
    columns=["source", "system", "kind", "en", "de", "fr", "avg"],
)
STYLE = MatrixStyle(metric="BLEU", decimals=1, lower_is_better=False)


def test_the_first_system_has_scores_and_others_have_differences() -> None:
    base, ours = read_matrices(TABLE, FAMILIES, "en")
    assert (base.system, base.is_difference) == ("Base", False)
    assert (ours.system, ours.is_difference) == ("Ours", True)
    assert base.languages == ours.languages == ["en", "de", "fr"]
    expected = [[NAN, 20, 22], [30, NAN, 4], [NAN, NAN, NAN]]
    np.testing.assert_array_equal(base.value_LL, expected)
    np.testing.assert_array_equal(ours.value_LL, [[NAN, 1, 0], [-2, NAN, NAN], [NAN] * 3])
    assert find_limits([base]) == (4, 30)
    assert find_limits([ours]) == (-2, 2)
    data = matrix_data([base, ours])
    assert list(data.itertuples(index=False, name=None)) == [
        ("Base", "score", "en", "de", 20),
        ("Base", "score", "en", "fr", 22),
        ("Base", "score", "de", "en", 30),
        ("Base", "score", "de", "fr", 4),
        ("Ours", "difference", "en", "de", 1),
        ("Ours", "difference", "en", "fr", 0),
        ("Ours", "difference", "de", "en", -2),
    ]


@pytest.mark.parametrize("lower_is_better", [False, True])
def test_blue_is_better_and_known_cells_have_numbers(tmp_path: Path, lower_is_better: bool) -> None:
    style = MatrixStyle(metric="x", decimals=1, lower_is_better=lower_is_better)
    with paper_style():
        figure = draw_matrices(read_matrices(TABLE, FAMILIES, "en"), FAMILIES, style)
        base, ours = (axes for axes in figure.axes if axes.get_title())
        assert [text.get_text() for text in base.texts] == ["20.0", "22.0", "30.0", "4.0"]
        assert [text.get_text() for text in ours.texts] == ["1.0", "0.0", "−2.0"]
        red, _, blue, _ = ours.images[0].to_rgba(-2 if not lower_is_better else 2)
        assert red > blue
        assert (ours.get_xlabel(), ours.get_ylabel()) == ("target", "source")
        save_figure(figure, {"pdf": tmp_path / "a.pdf"}, None)
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_a_system_without_any_score_has_an_empty_map() -> None:
    nothing = TABLE.assign(**dict.fromkeys(["en", "de", "fr"], NAN))
    with paper_style():
        figure = draw_matrices(read_matrices(nothing, FAMILIES, "en"), FAMILIES, STYLE)
    assert all(not axes.texts for axes in figure.axes)
