"""Resampled scores, Holm's adjustment, and the level and power of the paired test."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from neuron_specialization.evaluation.corpus_scores import resampled_scores
from neuron_specialization.evaluation.metrics import corpus_score, make_metric
from neuron_specialization.evaluation.outputs import read_outputs
from neuron_specialization.evaluation.resampling import holm, swap_trials, two_sided_p
from neuron_specialization.evaluation.scoring import score_texts
from neuron_specialization.evaluation.significance import SignificanceSettings, compare_systems
from tests.evaluation.released import PUBLISHED, RELEASED_PAIRS, needs_outputs

Pair = tuple[NDArray[Any], NDArray[Any]]
"""The statistics of two systems' sentences, [N, S] each."""
WORDS = [f"{a}{b}{c}" for a in "bdfgklmn" for b in "aeiou" for c in ("r", "st", "n", "lly")]
LEVEL = 0.05


def make_sentences(generator: np.random.Generator, count: int) -> list[list[str]]:
    return [
        list(generator.choice(WORDS, size=length))
        for length in generator.integers(4, 18, size=count)
    ]


def worsen(sentences: list[list[str]], generator: np.random.Generator, share: float) -> list[str]:
    """Replace a share of the words by others."""
    texts = []
    for words in sentences:
        wrong = generator.random(len(words)) < share
        others = generator.integers(len(WORDS), size=len(words))
        texts.append(
            " ".join(
                WORDS[other] if bad else word
                for word, bad, other in zip(words, wrong, others, strict=True)
            )
        )
    return texts


def statistics(metric: str, hypotheses: list[str], references: list[str]) -> NDArray[Any]:
    found = score_texts("en-de", metric, hypotheses, references).statistics_NS
    assert found is not None
    return found


@cache
def made_up(metric: str, direction: int, better: float = 0.0) -> Pair:
    """Two systems with correlated errors; the first replaces `better` fewer words than the other.

    Of 200 sentences, 30 % of whose words are wrong in both systems.
    """
    generator = np.random.default_rng([7, direction])
    sentences = make_sentences(generator, 200)
    shared = [text.split() for text in worsen(sentences, generator, 0.2)]
    references = [" ".join(words) for words in sentences]
    first, second = (
        statistics(metric, worsen(shared, generator, share), references)
        for share in (0.1 - better, 0.1)
    )
    return first, second


def swap_labels(pair: Pair, generator: np.random.Generator) -> Pair:
    """Give the two outputs of each sentence to two systems at random: they do not differ."""
    swapped_N1 = generator.integers(2, size=(len(pair[0]), 1)).astype(bool)
    return np.where(swapped_N1, pair[1], pair[0]), np.where(swapped_N1, pair[0], pair[1])


def p_value(metric: str, pair: Pair, seed: int, trials: int = 999) -> float:
    scorer: Any = make_metric(metric)
    own, other = (corpus_score(scorer, each) for each in pair)
    rng = np.random.default_rng(seed)
    (difference_T,) = swap_trials([scorer], [pair[0]], [pair[1]], trials=trials, rng=rng)
    return two_sided_p(own - other, difference_T)


# ---- scores ----


@pytest.mark.parametrize("metric", ["bleu", "chrf", "tokenised_bleu"])
def test_resampled_scores_equal_sacrebleus(metric: str) -> None:
    generator = np.random.default_rng(2)
    full, _ = made_up(metric, 0)
    scorer: Any = make_metric(metric)
    rows = [full.sum(axis=0), np.zeros(full.shape[1], dtype=int)]
    # single sentences lack matches, and some lack 4-grams
    rows += [*full[:60], *(full[generator.integers(200, size=3)].sum(axis=0) for _ in range(60))]
    short = statistics(metric, ["bar", "bar ben", ""], ["bar", "ben", "bar ben"])
    rows += [*short, short.sum(axis=0)]
    expected = [float(scorer._compute_score_from_stats(row.tolist()).score) for row in rows]
    assert resampled_scores(scorer, np.array(rows)) == pytest.approx(expected, abs=1e-9)
    assert len({round(score) for score in expected}) > 20


def test_the_mean_of_sentences_is_a_ratio() -> None:
    scores = resampled_scores(make_metric("comet"), np.array([[170.0, 2.0], [30.0, 1.0]]))
    assert scores.tolist() == [85, 30]


def test_large_counts_stay_exact() -> None:
    """float32 cannot tell 2^24 from 2^24 + 1."""
    big = 2**24
    own, other = np.array([[big + 1, 1.0], [0.0, 1.0]]), np.array([[big, 1.0], [0.0, 1.0]])
    (found,) = swap_trials(
        [make_metric("comet")], [own], [other], trials=20, rng=np.random.default_rng(0)
    )
    assert set(found.tolist()) == {0.5, -0.5}


# ---- Holm ----


def test_holm_multiplies_by_the_tests_that_are_left() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.02, 0.9]) == pytest.approx([1.0, 0.06, 1.0])
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


# ---- level and power ----


def check_level(p_values: list[float]) -> None:
    assert len(p_values) >= 300
    assert 0.03 <= np.mean(np.array(p_values) < LEVEL) <= 0.07


@pytest.mark.parametrize("metric", ["bleu", "chrf"])
def test_null_comparisons_and_families_of_them_are_rarely_significant(metric: str) -> None:
    generator = np.random.default_rng(1)
    families = [
        [
            p_value(metric, swap_labels(made_up(metric, direction), generator), direction)
            for direction in range(12)
        ]
        for _ in range(150)
    ]
    check_level([p for family in families for p in family])
    assert np.mean([min(holm(family)) < LEVEL for family in families]) <= 0.07


def test_sacrebleus_bootstrap_calls_too_many_null_comparisons_significant() -> None:
    """The reason why it is not the default, and what the legend of tables says of it."""
    generator = np.random.default_rng(1)
    chosen = SignificanceSettings(test="bootstrap", samples=300, seed=1)
    p_values = []
    for _ in range(40):
        pairs = [swap_labels(made_up("chrf", direction), generator) for direction in range(12)]
        tables = [
            pd.concat(
                pd.DataFrame({"pair": f"en-x{i}", "metric": "chrf", "statistics": list(pair[side])})
                for i, pair in enumerate(pairs)
            )
            for side in (0, 1)
        ]
        p_values += compare_systems(*tables, chosen)["p_value"].tolist()
    assert np.mean(np.array(p_values) < LEVEL) > 0.07


def test_means_of_null_comparisons_are_rarely_significant() -> None:
    generator = np.random.default_rng(5)
    chosen = SignificanceSettings(test="randomisation", samples=499, seed=3)
    names = [f"en-x{i}" for i in range(4)]
    p_values = []
    for _ in range(300):
        pairs = [swap_labels(made_up("chrf", direction), generator) for direction in range(4)]
        tables = [
            pd.concat(
                pd.DataFrame({"pair": name, "metric": "chrf", "statistics": list(pair[side])})
                for name, pair in zip(names, pairs, strict=True)
            )
            for side in (0, 1)
        ]
        found = compare_systems(*tables, chosen, 1, [(tuple(names[:2]), tuple(names[2:]))])
        p_values += found.loc[found["cell"] != "", "p_value"].tolist()
    check_level(p_values)


@pytest.mark.parametrize("metric", ["bleu", "chrf"])
def test_a_planted_difference_is_found(metric: str) -> None:
    found = {
        better: np.mean(
            [p_value(metric, made_up(metric, 100 + i, better), i) < LEVEL for i in range(40)]
        )
        for better in (0.01, 0.03, 0.06)
    }
    assert found[0.01] < found[0.03] < found[0.06]
    assert found[0.06] > 0.9


# ---- the same on the authors' outputs ----


@cache
def released_pair(metric: str, direction: str) -> Pair:
    """Return the paper's baseline, and the same outputs without a tenth of their words."""
    generator = np.random.default_rng(4)
    outputs = read_outputs(PUBLISHED / direction, "test")
    assert outputs is not None
    fewer = [
        " ".join(word for word in text.split() if generator.random() < 0.9)
        for text in outputs.hypotheses
    ]
    full, reduced = (
        statistics(metric, texts, outputs.references) for texts in (outputs.hypotheses, fewer)
    )
    return full, reduced


@needs_outputs
@pytest.mark.parametrize("metric", ["bleu", "chrf"])
def test_null_comparisons_of_released_outputs_are_rarely_significant(metric: str) -> None:
    generator = np.random.default_rng(9)
    check_level(
        [
            p_value(metric, swap_labels(released_pair(metric, direction), generator), seed)
            for direction in RELEASED_PAIRS
            for seed in range(200)
        ]
    )
