"""The tests of cross-mask matrices as text."""

import pandas as pd

from neuron_specialization.tables.cross_masks import cross_mask_notes, cross_mask_text
from tests.tables.samples import NAN

NAMES = ("own", "other", "excess", "p", "within", "across", "gap", "p_families")


def make_tests() -> pd.DataFrame:
    rows = [
        ("o2m", 9, 4.9701, 4.9699, -0.0002, 0.004, 0.0, 0.25, 0.25, 0.031),
        ("m2o", 1, *(8 * [NAN])),
    ]
    return pd.DataFrame(rows, columns=["side", "directions", *NAMES])


def test_differences_have_a_sign_unless_they_are_rounded_to_zero() -> None:
    text = cross_mask_text(make_tests(), "en")
    shown = ["4.970", "4.970", "0.000", "0.0040", "0.000", "+0.250", "+0.250", "0.03"]
    assert text.rows == (("en→X", "9", *shown), ("X→en", "1", *(8 * ["–"])))
    assert [name for _, name in text.columns] == [
        *("own", "other", "excess", "p", "within", "across", "gap", "p")
    ]


def test_notes_name_sides_without_others() -> None:
    *_, last = cross_mask_notes(make_tests(), "en")
    assert last == "Fewer than two directions, so nothing to compare: X→en"
    assert len(cross_mask_notes(make_tests()[:1], "en")) == 4
