"""How often neurons fire, and how many are masked: exact small cases."""

from dataclasses import replace

import numpy as np

from neuron_specialization.neurons.activity import COLUMNS, activity_table
from neuron_specialization.neurons.storage import Counts, Masks

LABELS = {"directions": ("en-a", "a-en", "en-b"), "layers": ("encoder.layers.0",)}
SENTENCE_LNF = np.array([[[10, 10, 0, 3]], [[1, 1, 1, 1]], [[20, 10, 19, 1]]])
COUNTS = Counts(
    **LABELS,
    sentence_LNF=SENTENCE_LNF,
    token_LNF=SENTENCE_LNF * 2,
    num_sentences_L=np.array([10, 30, 20]),
    provenance={},
)
MASKS = Masks(
    **LABELS,
    mask_LNF=np.array([[[1, 1, 0, 0]], [[1, 1, 1, 1]], [[1, 0, 1, 0]]], dtype=bool),
    provenance={},
)


def test_activity_of_hand_made_counts_and_masks() -> None:
    table = activity_table(COUNTS, MASKS, "en")
    assert tuple(table) == COLUMNS
    out, into = table.to_dict("records")
    # en-a: two neurons fire always and one never; en-b: one always
    expected = {"always": 3 / 8, "never": 1 / 8, "masked": 1 / 4, "differing": 1 / 2}
    assert out == {"layer": "encoder.layers.0", "side": "o2m", **expected, "sparsity": 1 / 2}
    nothing = dict.fromkeys(("always", "never", "masked", "differing", "sparsity"), 0)
    assert into == {"layer": "encoder.layers.0", "side": "m2o", **nothing}


def test_every_sentence_is_unknown_without_their_number() -> None:
    table = activity_table(replace(COUNTS, num_sentences_L=None), MASKS, "en")
    assert table["always"].isna().all()
    known = activity_table(COUNTS, MASKS, "en").drop(columns="always")
    assert table.drop(columns="always").equals(known)
