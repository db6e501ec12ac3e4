"""Rows: merged scores of systems and seeds."""

import math

import pandas as pd
import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.tables.rows import ScoredRun, gather_rows, merge_scores, number_seeds
from tests.tables.samples import NAN, scored_run, scores_of

SCORES = scores_of({"en-de": 30.0, "de-en": 40.0})


def test_merging_averages_shared_scores_and_collects_the_rest() -> None:
    frames = [
        scores_of({"en-de": 10.0, "de-en": 40.0}),
        scores_of({"en-de": 20.0}),
        scores_of({"en-lb": 5.5, "en-de": 36.0}),
        scores_of({"en-de": 50.0}, "chrf", signature="nw:2"),
    ]
    merged = merge_scores(frames)
    assert list(merged.columns) == list(frames[0].columns)
    assert merged.to_numpy().tolist() == [
        ["en-de", "bleu", 22.0, 9, "tok:13a|version:1", ""],
        ["de-en", "bleu", 40.0, 9, "tok:13a|version:1", ""],
        ["en-lb", "bleu", 5.5, 9, "tok:13a|version:1", ""],
        ["en-de", "chrf", 50.0, 9, "nw:2", ""],
    ]
    assert frames[0]["score"].tolist() == [10.0, 40.0]


def test_order_of_seeds_does_not_matter() -> None:
    # summed one by one, these give 0.6 or 0.6000000000000001 depending on the order
    frames = [scores_of({"en-de": score}) for score in (0.1, 0.2, 0.3)]
    pd.testing.assert_frame_equal(merge_scores(frames), merge_scores(frames[::-1]), rtol=0, atol=0)


def test_merging_one_system_changes_nothing() -> None:
    scores = scores_of({"en-nl": 1 / 3, "en-de": NAN})
    pd.testing.assert_frame_equal(merge_scores([scores]), scores, rtol=0, atol=0)


def test_a_mean_with_a_missing_score_is_missing() -> None:
    frames = [scores_of({"en-de": score}) for score in (30.0, NAN)]
    assert merge_scores(frames)["score"].isna().tolist() == [True]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            SCORES.assign(signature="tok:none"),
            "bleu of 'de-en' cannot be averaged .* differ in signature: tok:13a.* and tok:none;",
        ),
        (
            SCORES.assign(sentences=3),
            "bleu of 'de-en' cannot be averaged .* differ in sentences: 9 and 3;",
        ),
        (pd.concat([SCORES] * 2), "merge have bleu of 'en-de' more than once"),
        (SCORES.drop(columns="sentences"), "merge have no column sentences"),
    ],
)
def test_scores_that_cannot_be_merged(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        merge_scores([SCORES, frame])


def test_systems_of_one_label_are_one_row() -> None:
    high = ScoredRun(system="high", label="Bilingual", seed=1, scores=scores_of({"en-de": 1.0}))
    low = ScoredRun(system="low", label="Bilingual", seed=1, scores=scores_of({"en-lb": 2.0}))
    (row,) = gather_rows([high, low], {"high": 10, "low": 5})
    assert row.scores.set_index("pair")["score"].to_dict() == {"en-de": 1.0, "en-lb": 2.0}
    assert not row.scores_by_seed


@pytest.mark.parametrize(("base", "extra"), [(100, 50), (NAN, NAN)])
def test_parameters_in_addition_to_the_first_row(base: float, extra: float) -> None:
    runs = [scored_run("Base", 0), scored_run("Ours", 1), scored_run("Ours", 2, seed=2)]
    first, second = gather_rows(runs, {"base": base, "ours": 150})
    assert first.extra_parameters is None
    assert second.extra_parameters == extra or math.isnan(extra)
    assert math.isnan(second.extra_parameters) == math.isnan(extra)


def test_seeds_of_a_label_are_distinguished_by_shared_scores() -> None:
    high, low, every = (
        scores_of(dict.fromkeys(pairs, 1.0)) for pairs in (["en-de"], ["en-lb"], ["en-de", "en-lb"])
    )
    frames = [high, low, every, high, low, low.assign(metric="comet"), every]
    assert number_seeds([*["Ours"] * 6, "Base"], frames) == [0, 0, 1, 2, 2, 0, 0]
