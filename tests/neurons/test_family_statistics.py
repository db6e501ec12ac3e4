"""The table of statistics: languages that were recorded, on the side that tells them apart."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from neuron_specialization.neurons.family_statistics import (
    dead_layers,
    family_means,
    p_value,
    relation_notes,
    relation_table,
    relation_text,
)
from neuron_specialization.neurons.neuron_tables import overlap_table
from neuron_specialization.neurons.storage import Masks
from neuron_specialization.settings.languages import Language

LANGUAGES = {
    code: Language(code=code, name=code, family=code[0], script=script)
    for code, script in [("a1", "X"), ("a2", "Y"), ("b1", "Y"), ("b2", "X")]
}
LAYERS = ("encoder.layers.0", "decoder.layers.0")


def make_masks(directions: Sequence[str], shift: int = 1) -> Masks:
    """Families use different neurons in the decoder, nothing but chance in the encoder."""
    mask_LNF = np.random.default_rng(1).random((len(directions), 2, 40)) < 0.5
    for row, direction in enumerate(directions):
        family = direction.replace("en", "").strip("-")[0]
        start = 20 * "ab".index(family) * shift
        mask_LNF[row, 1] = False
        mask_LNF[row, 1, start : start + 20 - row] = True
    return Masks(directions=tuple(directions), layers=LAYERS, mask_LNF=mask_LNF, provenance={})


def relate(directions: Sequence[str]) -> pd.DataFrame:
    script_L = np.array([language.script for language in LANGUAGES.values()])
    return relation_table(
        overlap_table(make_masks(directions), "en"),
        overlap_table(make_masks(directions, shift=0), "en"),
        {code: language.family for code, language in LANGUAGES.items()},
        {"script": (script_L[:, None] != script_L).astype(float)},
        layers=LAYERS,
        permutations=200,
        seed=1,
    )


EVERY = [f"en-{code}" for code in LANGUAGES] + [f"{code}-en" for code in LANGUAGES]


def test_each_layer_is_judged_on_its_side_beside_the_untrained_model() -> None:
    encoder, decoder = relate(EVERY).to_dict("records")
    assert (encoder["side"], decoder["side"]) == ("m2o", "o2m")
    assert decoder["across"] == 0
    assert decoder["gap"] > 0.5
    assert decoder["agreement"] == 1
    assert decoder["p"] == pytest.approx(1 / 3, abs=0.1)  # there are three partitions into twos
    assert decoder["untrained_gap"] < 0.1
    assert decoder["rho_script"] > 0  # relatives have other scripts here


def test_the_order_of_directions_says_nothing() -> None:
    mixed = [EVERY[i] for i in (5, 2, 0, 7, 1, 4, 6, 3)]
    masks, other = make_masks(EVERY), make_masks(EVERY)
    order = [EVERY.index(direction) for direction in mixed]
    other = Masks(
        directions=tuple(mixed), layers=LAYERS, mask_LNF=masks.mask_LNF[order], provenance={}
    )
    families = {code: language.family for code, language in LANGUAGES.items()}
    tables = [
        relation_table(
            overlap_table(each, "en"),
            overlap_table(each, "en"),
            families,
            {},
            layers=LAYERS,
            permutations=50,
            seed=1,
        )
        for each in (masks, other)
    ]
    pd.testing.assert_frame_equal(*tables)


def test_languages_of_one_side_only_are_judged_there() -> None:
    encoder, decoder = relate(["en-a1", "en-a2", "en-b2", "a1-en"]).to_dict("records")
    assert np.isnan(encoder["gap"])
    assert decoder["gap"] > 0


@pytest.mark.parametrize(
    ("directions", "message"),
    [
        (["en-a1"], "No layer has the neurons of two languages"),
        (["en-a1", "en-b1"], "No family has two languages"),
        (["en-a1", "en-a2"], "All languages are of one family"),
    ],
)
def test_what_cannot_be_compared_is_said(directions: list[str], message: str) -> None:
    table = relate(directions)
    assert table["layer"].tolist() == list(LAYERS)
    assert message in " ".join(relation_notes(table))
    text = relation_text(table, "en")
    assert text.rows[1][:2] == ("Decoder layer 1", "en→X")
    assert "–" in text.rows[1]


def test_all_that_can_be_compared_has_no_excuse() -> None:
    assert not [note for note in relation_notes(relate(EVERY)) if "nothing to compare" in note]


def test_dead_layers_are_named() -> None:
    masks = make_masks(EVERY)
    masks.mask_LNF[:, 0] = False
    masks.mask_LNF[0, 1] = False
    first, second = dead_layers(masks)
    assert first == ("Encoder layer 1 has no neuron of en-a1, en-a2, en-b1 and 5 more: none fired.")
    assert second == "Decoder layer 1 has no neuron of en-a1: none fired."


def test_family_means_leave_a_language_itself_out() -> None:
    overlap = pd.DataFrame(
        [
            ("d", "o2m", "a1", "a2", 0.9),
            ("d", "o2m", "a1", "b1", 0.2),
            ("d", "o2m", "a2", "b1", 0.4),
        ],
        columns=["layer", "side", "a", "b", "iou"],
    )
    means = family_means(overlap, LANGUAGES).set_index(["language", "family"])["iou"]
    assert means["a1", "a"] == 0.9
    assert means["b1", "a"] == pytest.approx(0.3)
    assert ("b1", "b") not in means.index
    assert list(family_means(overlap[:0], LANGUAGES)) == [
        *("layer", "side", "language", "script", "own_family", "family", "iou")
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(np.nan, "–"), (0.0001, "0.0001"), (0.0036, "0.0036"), (0.5, "0.50")]
)
def test_p_values_for_people(value: float, text: str) -> None:
    assert p_value(value) == text
