"""The table of statistics: recorded languages, on the side on which a layer distinguishes them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.statistics import family_means, relation_table
from neuron_specialization.neurons.storage import Masks
from neuron_specialization.settings.languages import Language

LANGUAGES = {
    code: Language(code=code, name=code, family=code[0], script=script)
    for code, script in [("a1", "X"), ("a2", "Y"), ("b1", "Y"), ("b2", "X")]
}
EVERY = [f"en-{code}" for code in LANGUAGES] + [f"{code}-en" for code in LANGUAGES]


def make_overlap(directions: Sequence[str], shift: int = 1) -> Overlap:
    """Make families use different neurons in the decoder, but random ones in the encoder."""
    mask_LNF = np.random.default_rng(1).random((len(EVERY), 2, 40)) < 0.5
    mask_LNF[:, 1] = False
    for row, direction in enumerate(EVERY):
        start = 20 * ("b" in direction) * shift
        mask_LNF[row, 1, start : start + 20 - row] = True
    masks = Masks(
        directions=tuple(directions),
        layers=("encoder.layers.0", "decoder.layers.0"),
        mask_LNF=mask_LNF[[EVERY.index(direction) for direction in directions]],
        provenance={},
    )
    return Overlap.of(masks, "en")


def relate(directions: Sequence[str]) -> pd.DataFrame:
    script_L = np.array([language.script for language in LANGUAGES.values()])
    return relation_table(
        make_overlap(directions),
        make_overlap(directions, shift=0),
        LANGUAGES,
        {"script": (script_L[:, None] != script_L).astype(float)},
        permutations=200,
        seed=1,
    )


def test_each_layer_is_judged_on_its_side_next_to_the_untrained_model() -> None:
    encoder, decoder = relate(EVERY).to_dict("records")
    assert (encoder["side"], decoder["side"]) == ("m2o", "o2m")
    assert decoder["across"] == 0
    assert decoder["gap"] > 0.5
    assert decoder["agreement"] == 1
    assert decoder["p"] == pytest.approx(1 / 3, abs=0.1)  # three partitions into pairs exist
    assert decoder["untrained_gap"] < 0.1
    assert decoder["rho_script"] > 0  # relatives have different scripts here


def test_the_order_of_directions_does_not_matter() -> None:
    mixed = [EVERY[i] for i in (5, 2, 0, 7, 1, 4, 6, 3)]
    pd.testing.assert_frame_equal(relate(EVERY), relate(mixed))


def test_languages_of_one_side_only_are_judged_there() -> None:
    encoder, decoder = relate(["en-a1", "en-a2", "en-b2", "a1-en"]).to_dict("records")
    assert np.isnan(encoder["gap"])
    assert decoder["gap"] > 0


def test_family_means_exclude_the_language_itself() -> None:
    iou_NLL = np.array([[[1, 0.9, 0.2], [0.9, 1, 0.4], [0.2, 0.4, 1]]] * 2)
    overlap = replace(make_overlap(["en-a1", "en-a2", "en-b1"]), iou_NLL=iou_NLL)
    table = family_means(overlap, LANGUAGES)
    means = table.set_index(["layer", "language", "family"])["iou"]["decoder.layers.0"]
    assert means["a1", "a"] == 0.9
    assert means["b1", "a"] == pytest.approx(0.3)
    assert ("b1", "b") not in means.index
    assert list(family_means(make_overlap(["en-a1"]), LANGUAGES)) == list(table)
    assert list(table) == ["layer", "side", "language", "script", "own_family", "family", "iou"]
