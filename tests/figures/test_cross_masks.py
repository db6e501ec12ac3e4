"""The heat map of a cross-mask matrix: rows are directions, white is no difference."""

import numpy as np
import pytest

from neuron_specialization.figures.cross_masks import languages_by_family, make_cross_masks
from neuron_specialization.figures.style import paper_style
from neuron_specialization.neurons.cross_masks import CrossMasks

FAMILIES = {"b1": "B", "a1": "A", "b2": "B"}
NLL_LL = np.array([[2.0, 2.1, 2.5], [3.4, 3.0, 2.9], [1.2, 1.3, 1.0]])


def matrix(size: int = 3) -> CrossMasks:
    languages = tuple(languages_by_family(FAMILIES))[:size]
    return CrossMasks(side="o2m", languages=languages, nll_LL=NLL_LL[:size, :size])


def test_cells_are_the_excess_over_the_own_mask() -> None:
    with paper_style():
        figure, data = make_cross_masks(matrix(), FAMILIES, "en")
    axes = figure.axes[0]
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["b1", "b2", "a1"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("direction", "mask of")
    assert axes.get_title() == "Masks of other directions, en→X"
    image = axes.images[0]
    expected = np.array([[0, 0.1, 0.5], [0.4, 0, -0.1], [0.2, 0.3, 0]])
    assert image.get_array().data == pytest.approx(expected)
    assert data.iloc[:, 1:].to_numpy() == pytest.approx(expected)
    assert data["language"].to_list() == data.columns[1:].to_list() == ["b1", "b2", "a1"]
    assert image.get_clim() == pytest.approx((-0.5, 0.5))
    numbers = {(text.get_position(), text.get_text()) for text in axes.texts}
    assert ((2, 0), ".50") in numbers
    assert ((2, 1), "−.10") in numbers


def test_the_worst_mask_is_red_and_a_better_one_blue() -> None:
    figure, _ = make_cross_masks(matrix(), FAMILIES, "en")
    image = figure.axes[0].images[0]
    worse, none, better = (image.to_rgba(value)[:3] for value in (0.4, 0.0, -0.4))
    assert worse[0] > worse[2]
    assert better[0] < better[2]
    assert min(none) > 0.9


def test_a_side_with_one_direction_says_so() -> None:
    figure, data = make_cross_masks(matrix(1), FAMILIES, "en")
    assert figure.texts[0].get_text() == "en→X has one direction: no masks of others."
    assert len(data) == 1
