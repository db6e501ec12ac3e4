"""Cells: the directions that each averages, and the means."""

import pandas as pd
import pytest

from neuron_specialization.tables.cells import average, language_cells, level_cells
from tests.tables.samples import NAN

LEVELS = {"de": "high", "es": "high", "nl": "high", "sv": "medium", "lb": "low", "gu": "low"}
LEVELS |= {"oc": ""}
SMALL = {"en-de": 30.0, "en-nl": 20.0, "de-en": 40.0, "nl-en": 31.0, "en-sv": 10.0, "sv-en": 15.0}
SMALL |= {"en-oc": 4.0, "oc-en": 6.0}


def by_level(values: dict[str, float], pivot: str = "en") -> pd.Series:
    return average(pd.Series(values), level_cells(values, LEVELS, pivot))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (
            SMALL,
            {"High": (25.0, 35.5, 30.25), "Med": (10.0, 15.0, 12.5), "All": (16.0, 23.0, 19.5)},
        ),
        # languages without a level count only in All
        ({"en-oc": 4.0, "oc-en": 6.0}, {"All": (4.0, 6.0, 5.0)}),
        # only one side: no other cells, and no average
        ({"en-lb": 3.0}, {"Low": (3.0,), "All": (3.0,)}),
    ],
)
def test_means_by_level(scores: dict[str, float], expected: dict[str, tuple[float, ...]]) -> None:
    result = by_level(scores)
    assert list(result.index.names) == ["group", "direction"]
    assert list(result.items()) == [
        ((group, side), mean)
        for group, means in expected.items()
        for side, mean in zip(("O2M", "M2O", "Avg"), means, strict=False)
    ]


def test_any_language_can_be_the_pivot() -> None:
    result = by_level({"de-nl": 3.0, "nl-de": 5.0}, pivot="de")
    assert result["High"].to_dict() == {"O2M": 3.0, "M2O": 5.0, "Avg": 4.0}


def test_a_missing_score_empties_its_cells_and_no_others() -> None:
    result = by_level({**SMALL, "en-nl": NAN})
    missing = [cell for cell, value in result.items() if pd.isna(value)]
    assert missing == [("High", "O2M"), ("High", "Avg"), ("All", "O2M"), ("All", "Avg")]


def test_order_of_directions_does_not_matter() -> None:
    # summed one by one, these give 0.6 or 0.6000000000000001 depending on the order
    scores = {"en-de": 0.1, "en-nl": 0.2, "en-sv": 0.3, "de-en": 7.0}
    turned = {pair: scores[pair] for pair in ("en-sv", "en-nl", "de-en", "en-de")}
    pd.testing.assert_series_equal(by_level(turned), by_level(scores), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("languages", "averages"),
    [
        (["de"], ["avg"]),
        (["de", "es"], ["avg"]),
        (["oc"], ["avg"]),
        (["lb", "gu", "sv", "de"], ["high", "med", "low", "avg"]),
        (["sv", "lb"], ["med", "low", "avg"]),
        # a language has no level: the average of the others differs from the overall one
        (["de", "oc", "es"], ["high", "avg"]),
    ],
)
def test_columns_are_ordered_languages_and_levels_unless_only_one_occurs(
    languages: list[str], averages: list[str]
) -> None:
    blocks = language_cells(languages, LEVELS, "en")
    assert list(blocks) == ["O2M", "M2O"]
    for cells in blocks.values():
        assert list(cells) == [(name, "") for name in [*languages, *averages]]
    assert blocks["M2O"]["avg", ""] == (tuple(f"{language}-en" for language in languages),)


def test_a_language_without_a_test_has_a_column_but_is_in_no_average() -> None:
    blocks = language_cells(["de", "nl", "sv"], LEVELS, "en", untested=["nl"])
    assert blocks["O2M"] == {
        ("de", ""): (("en-de",),),
        ("nl", ""): (("en-nl",),),
        ("sv", ""): (("en-sv",),),
        ("high", ""): (("en-de",),),
        ("med", ""): (("en-sv",),),
        ("avg", ""): (("en-de", "en-sv"),),
    }
