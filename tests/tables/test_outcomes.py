"""Outcomes of paired tests in tables: adjustment, counts, marks and their legend."""

from dataclasses import replace

import pandas as pd
import pytest

from neuron_specialization.evaluation.significance import COMPARISON_COLUMNS, cell_name
from neuron_specialization.tables.cells import level_cells
from neuron_specialization.tables.comparisons import (
    CONTROL,
    FIRST,
    PARENT,
    Comparison,
    gather_comparisons,
    with_tests,
)
from neuron_specialization.tables.outcomes import (
    OUTCOME_COLUMNS,
    find_marks,
    judge,
    legend,
    outcomes_text,
    wins_table,
    wins_text,
)

LEVELS = {"de": "high", "nl": "high", "lb": "low"}
PAIRS = ["en-de", "en-nl", "de-en", "nl-en", "en-lb"]
CELLS = {"": level_cells(PAIRS, LEVELS, "en")}
Tests = dict[str, tuple[float, float] | list[tuple[float, float]]]


def comparison(role: str, tests: Tests, means: Tests | None = None) -> Comparison:
    """Return a comparison from (difference, p-value) by direction or cell, or a list by seed."""

    def rows_of(tests: Tests, *, mean: bool) -> pd.DataFrame:
        rows = []
        for name, seeds in tests.items():
            cell = cell_name(CELLS[""][tuple(name.split())]) if mean else ""
            for seed, (difference, p_value) in enumerate(
                seeds if isinstance(seeds, list) else [seeds], start=1
            ):
                place = ("", cell) if mean else (name, "")
                scores = (20 + difference, 20.0, difference - 1, difference + 1)
                rows.append((*place, "bleu", *scores, p_value, "ar:9|seed:1", seed))
        return pd.DataFrame(rows, columns=[*COMPARISON_COLUMNS, "seed"])

    return Comparison(
        label="Ours",
        other={PARENT: "Baseline", CONTROL: "Continued"}[role],
        role=role,
        tests=rows_of(tests, mean=False),
        means=rows_of(means or {}, mean=True),
    )


AGAINST_PARENT = comparison(
    PARENT,
    {
        "en-de": (1, 0.001),
        "en-nl": (2, 0.012),
        "de-en": (-1, 0.003),
        "nl-en": (1, 0.03),
        "en-lb": (0, 0.0001),
    },
    {"High O2M": (1.5, 0.004), "High M2O": (0, 0.9), "All Avg": (0.5, 0.02), "High Avg": (1, 0.3)},
)


def outcomes_of(*comparisons: Comparison, level: float = 0.05) -> pd.DataFrame:
    return judge(comparisons, CELLS, level)


def test_p_values_of_a_family_are_adjusted_and_equal_scores_tie() -> None:
    found = outcomes_of(AGAINST_PARENT)
    assert list(found.columns) == list(OUTCOME_COLUMNS)
    directions = found[found["pair"] != ""].set_index("pair")
    assert directions["adjusted_p"].to_dict() == pytest.approx(
        {"en-lb": 0.0005, "en-de": 0.004, "de-en": 0.009, "en-nl": 0.024, "nl-en": 0.03}
    )
    assert directions["outcome"].to_dict() == {
        **{"en-de": 1, "en-nl": 1, "de-en": -1, "nl-en": 1},
        "en-lb": 0,  # a test may give equal scores any p-value
    }
    strict = outcomes_of(AGAINST_PARENT, level=0.02).set_index("pair")
    assert (strict.loc["en-nl", "outcome"], strict.loc["en-nl", "raw_outcome"]) == (0, 1)


def test_means_are_a_family_of_their_own() -> None:
    found = outcomes_of(AGAINST_PARENT)
    means = found[found["pair"] == ""].set_index(["group", "direction"])
    assert means["adjusted_p"].to_dict() == pytest.approx(
        {
            ("High", "O2M"): 0.016,
            ("High", "M2O"): 0.9,
            ("All", "M2O"): 0.9,  # the same two directions
            ("All", "Avg"): 0.06,
            ("High", "Avg"): 0.6,
        }
    )


def test_results_of_former_versions_have_neither_means_nor_intervals() -> None:
    tests = AGAINST_PARENT.tests.drop(columns=["cell", "low", "high"])
    tests = tests.assign(role=PARENT, other="base")
    (former,) = gather_comparisons([("Ours", tests)], {"base": "Baseline"})
    found = outcomes_of(former)
    pd.testing.assert_series_equal(
        found["outcome"],
        outcomes_of(replace(AGAINST_PARENT, means=AGAINST_PARENT.means[:0]))["outcome"],
    )
    assert found["low"].isna().all()


def test_wins_losses_and_ties_of_every_cell() -> None:
    wins = wins_table(outcomes_of(AGAINST_PARENT, level=0.02), CELLS, 0.02)
    counts = {
        (row.group, row.direction): (row.wins, row.losses, row.ties, row.raw_wins, row.raw_losses)
        for row in wins.itertuples()
    }
    assert counts == {
        ("High", "O2M"): (1, 0, 1, 2, 0),
        ("High", "M2O"): (0, 1, 1, 0, 1),
        ("High", "Avg"): (1, 1, 2, 2, 1),
        ("Low", "O2M"): (0, 0, 1, 0, 0),
        ("All", "O2M"): (1, 0, 2, 2, 0),
        ("All", "M2O"): (0, 1, 1, 0, 1),
        ("All", "Avg"): (1, 1, 3, 2, 1),
    }
    assert list(wins["chance"]) == pytest.approx([0.02, 0.02, 0.04, 0.01, 0.03, 0.02, 0.05])
    text = wins_text(wins)
    assert text.labels == ("System", "Against")
    assert text.rows[0][:4] == ("Ours", "Baseline", "1/0/1 (2/0, 0.02)", "0/1/1 (0/1, 0.02)")


def test_a_direction_is_marked_by_its_test_and_a_mean_by_its_own() -> None:
    control = comparison(
        CONTROL,
        {"en-de": (1, 0.3), "en-nl": (2, 0.3), "en-lb": (-1, 0.001)},
        {"High O2M": (-1, 0.01)},
    )
    assert find_marks(outcomes_of(AGAINST_PARENT, control), CELLS) == {
        ("", "Ours", ("High", "O2M")): "†‡↓",
        ("", "Ours", ("Low", "O2M")): "‡↓",
    }


def test_all_seeds_and_their_interval_must_agree_for_a_mark() -> None:
    place = ("", "Ours", ("Low", "O2M"))

    def marks_of(*seeds: tuple[float, float]) -> dict[object, str]:
        return find_marks(outcomes_of(comparison(PARENT, {"en-lb": list(seeds)})), CELLS)

    assert marks_of((1, 0.001), (1.1, 0.001), (0.9, 0.001)) == {place: "†"}
    assert marks_of((1, 0.001), (1.1, 0.001), (0.9, 0.2)) == {}
    assert marks_of((1, 0.001), (1.1, 0.001), (-0.9, 0.001)) == {}
    # the mean of 0.1, 0.2 and 3 is not clearly above 0
    assert marks_of((0.1, 0.001), (0.2, 0.001), (3, 0.001)) == {}


def test_a_seed_without_a_test_leaves_a_cell_unmarked() -> None:
    tests = {"en-de": [(1, 0.001), (1, 0.001)], "en-lb": [(1, 0.001)]}
    assert not find_marks(outcomes_of(comparison(PARENT, tests)), CELLS)


def test_every_test_is_listed_with_its_interval() -> None:
    text = outcomes_text(outcomes_of(AGAINST_PARENT), 2)
    cells = {row[2]: row for row in text.rows}
    assert cells["en-nl"] == (
        *("Ours", "Baseline", "en-nl", "1", "22.00", "20.00", "+2.00", "+1.00", "+3.00"),
        *("0.0120", "0.0240", "win"),
    )
    assert cells["High O2M"][-3:] == ("0.0040", "0.0160", "win")
    assert cells["de-en"][-1] == "loss"


def test_the_legend_explains_marks_adjustment_and_tests() -> None:
    control = comparison(CONTROL, {"en-de": (1, 0.3)})
    marks, counts, tests = legend([AGAINST_PARENT, control], 0.05)
    assert "† than the system it continues from, ‡ than the continued baseline" in marks
    assert "p < 0.05 after Holm's adjustment over all directions" in marks
    assert "in brackets wins/losses without adjustment" in counts
    assert "ar:9|seed:1 (ar: approximate randomisation)" in tests
    assert "‡" not in legend([AGAINST_PARENT], 0.05)[0]
    assert "in every seed" not in marks
    seeded = comparison(PARENT, {"en-de": [(1, 0.3), (1, 0.3)]})
    assert "in every seed, and by the 95 % interval over seeds" in legend([seeded], 0.05)[0]
    boot = replace(AGAINST_PARENT, tests=AGAINST_PARENT.tests.assign(test="bs:9|seed:1"))
    assert "calls about 10 % of null comparisons significant" in legend([boot], 0.05)[2]
    assert legend([], 0.05) == []


def test_the_legend_names_the_first_row_if_nothing_is_continued() -> None:
    first = replace(AGAINST_PARENT, role=FIRST, other="{Base}")
    assert ": † than {Base}; p < 0.05" in legend([first], 0.05)[0]
    assert set(find_marks(outcomes_of(first), CELLS).values()) == {"†"}


def test_comparisons_without_tests_in_a_metric_are_left_out() -> None:
    control = comparison(CONTROL, {"en-de": (1, 0.3)})
    chrf = replace(control, tests=control.tests.assign(metric="chrf"))
    both = replace(AGAINST_PARENT, tests=pd.concat([AGAINST_PARENT.tests, chrf.tests]))
    (found,) = with_tests([both, chrf], "bleu")
    pd.testing.assert_frame_equal(found.tests, AGAINST_PARENT.tests)
    assert with_tests([both, chrf], "comet") == []
