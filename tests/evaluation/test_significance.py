"""Paired tests on stored statistics of sentences."""

import os
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.metrics import mean_statistics
from neuron_specialization.evaluation.scoring import score_texts, sentence_table
from neuron_specialization.evaluation.significance import (
    COMPARISON_COLUMNS,
    SignificanceSettings,
    compare_systems,
)

WORDS = ["the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "and", "then", "it", "rains"]


def sentences_of(seed: int, count: int = 40) -> list[str]:
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, size=9)) for _ in range(count)]


def spoil(sentences: list[str], every: int) -> list[str]:
    """Replace words in every `every`-th sentence."""
    return [
        sentence.replace("the", "a").replace("cat", "dog") if i % every == 0 else sentence
        for i, sentence in enumerate(sentences)
    ]


REFERENCES = sentences_of(1)
GOOD, POOR = spoil(REFERENCES, 10), spoil(REFERENCES, 2)
FACTORIES = {"bleu": lambda: BLEU(tokenize="13a"), "chrf": lambda: CHRF(word_order=2)}


def scored(hypotheses: list[str], pair: str = "en-de", metrics=("bleu", "chrf")) -> pd.DataFrame:
    return sentence_table([score_texts(pair, metric, hypotheses, REFERENCES) for metric in metrics])


def settings(test: str, samples: int = 200, seed: int = 12345) -> SignificanceSettings:
    return SignificanceSettings(test=test, samples=samples, seed=seed)


@pytest.mark.parametrize("seed", [12345, 7])
def test_the_bootstrap_equals_sacrebleus_own_test_on_the_text(seed: int) -> None:
    found = compare_systems(scored(GOOD), scored(POOR), settings("bootstrap", seed=seed))
    assert list(found.columns) == list(COMPARISON_COLUMNS)
    for metric, rows in found.groupby("metric"):
        with patch.dict(os.environ, SACREBLEU_SEED=str(seed)):
            own = PairedTest(
                [("poor", POOR), ("good", GOOD)],
                {"m": FACTORIES[metric]()},
                references=[REFERENCES],
                test_type="bs",
                n_samples=200,
            )
            _, results = own()
        ((_, (poor, good)),) = [item for item in results.items() if item[0] != "System"]
        assert rows["p_value"].item() == good.p_value
        assert rows["score"].item() == good.score
        assert rows["other_score"].item() == poor.score
        assert rows["test"].item() == f"bs:200|seed:{seed}"


def test_randomisation_is_near_sacrebleus_own_test() -> None:
    """It draws other swaps: the two p-values differ by what chance leaves of 20,000 trials."""
    nearly = spoil(REFERENCES, 3)
    found = compare_systems(scored(nearly), scored(POOR), settings("randomisation", 20_000))
    for metric, rows in found.groupby("metric"):
        own = PairedTest(
            [("poor", POOR), ("nearly", nearly)],
            {"m": FACTORIES[metric]()},
            references=[REFERENCES],
            test_type="ar",
            n_samples=5_000,
        )
        ((_, (_, result)),) = [item for item in own()[1].items() if item[0] != "System"]
        assert rows["p_value"].item() == pytest.approx(result.p_value, abs=0.03)
        assert 0.005 < result.p_value < 0.6
        assert rows["test"].item() == "ar:20000|seed:12345"


def test_every_swap_of_a_few_sentences_is_counted() -> None:
    """Three sentences, all better by one unit: of 8 swaps only two are as far apart."""
    ones = np.ones(3)
    mine, other = (
        pd.DataFrame({"pair": "en-de", "metric": "comet", "statistics": list(each)})
        for each in (mean_statistics(ones + 1), mean_statistics(ones))
    )
    found = compare_systems(mine, other, settings("randomisation", 40_000))
    assert found["p_value"].item() == pytest.approx(2 / 8, abs=0.01)


def test_a_system_and_itself_differ_by_chance_only() -> None:
    found = compare_systems(scored(GOOD), scored(GOOD), settings("randomisation"))
    assert (found["p_value"] == 1).all()
    assert (found[["low", "high"]] == 0).all(axis=None)


def test_the_interval_is_of_the_difference() -> None:
    generator = np.random.default_rng(3)
    gain = generator.normal(1, 2, size=400)
    base = generator.normal(80, 9, size=400)
    mine, other = (
        pd.DataFrame({"pair": "en-de", "metric": "comet", "statistics": list(each)})
        for each in (mean_statistics(base + gain), mean_statistics(base))
    )
    found = compare_systems(mine, other, settings("randomisation"))
    half = 1.96 * gain.std() / 20
    assert found["low"].item() == pytest.approx(gain.mean() - half, abs=0.03)
    assert found["high"].item() == pytest.approx(gain.mean() + half, abs=0.03)


def test_trials_of_a_direction_depend_on_no_other_direction() -> None:
    chosen = settings("randomisation")
    alone = compare_systems(scored(GOOD), scored(POOR), chosen)
    both = compare_systems(
        pd.concat([scored(POOR, "de-en"), scored(GOOD)]),
        pd.concat([scored(GOOD, "de-en"), scored(POOR)]),
        chosen,
    )
    ours = both[both["pair"] == "en-de"].reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, alone)


PAIRS = ("en-de", "de-en", "nl-en")
CELL = (("en-de",), ("de-en", "nl-en"))


def test_a_mean_has_a_test_of_its_own() -> None:
    """Three differences too small to be significant alone are so together."""
    generator = np.random.default_rng(11)
    tables = []
    for shift in (0.6, 0.0):
        rows = [
            pd.DataFrame(
                {
                    "pair": pair,
                    "metric": "comet",
                    "statistics": list(mean_statistics(80 + noise + shift)),
                }
            )
            for pair, noise in zip(PAIRS, generator.normal(0, 2.4, (3, 100)), strict=True)
        ]
        tables.append(pd.concat(rows))
    found = compare_systems(
        *tables, settings("randomisation", 2000), 1, [CELL, (("en-xx", "x-y"),)]
    )
    (mean,) = found[found["cell"] != ""].to_dict("records")
    single = found[found["cell"] == ""].set_index("pair")
    for name in ("score", "other_score"):
        by_pair = single[name]
        half = (by_pair["de-en"] + by_pair["nl-en"]) / 2
        assert mean[name] == pytest.approx((by_pair["en-de"] + half) / 2)
    assert mean["cell"] == "en-de | de-en nl-en"
    assert mean["p_value"] < single["p_value"].min()
    assert mean["low"] < mean["score"] - mean["other_score"] < mean["high"]


def test_the_bootstrap_tests_no_means() -> None:
    both = [pd.concat([scored(each), scored(each, "de-en")]) for each in (GOOD, POOR)]
    found = compare_systems(*both, settings("bootstrap", 10), 1, [(("en-de", "de-en"),)])
    assert (found["cell"] == "").all()


def test_two_processes_test_like_one() -> None:
    tables = [pd.concat([scored(each), scored(each, "de-en")]) for each in (GOOD, POOR)]
    both = [compare_systems(*tables, settings("randomisation"), n) for n in (1, 2)]
    pd.testing.assert_frame_equal(*both)


def test_comet_is_tested_on_the_mean() -> None:
    generator = np.random.default_rng(0)
    base = generator.normal(80, 5, size=60)

    def comet(scores: np.ndarray) -> pd.DataFrame:
        statistics = list(mean_statistics(scores))
        return pd.DataFrame({"pair": "en-de", "metric": "comet", "statistics": statistics})

    better = compare_systems(comet(base + 1), comet(base), settings("randomisation"))
    assert better["score"].item() == pytest.approx((base + 1).mean())
    assert better["p_value"].item() < 0.01  # every sentence is better by 1
    noise = generator.normal(0, 5, size=60)
    noise -= noise.mean() - 0.01
    same = compare_systems(comet(base + noise), comet(base), settings("randomisation"))
    assert same["p_value"].item() > 0.05


def test_only_shared_directions_and_metrics_are_tested() -> None:
    mine = pd.concat([scored(GOOD), scored(GOOD, "de-en", ["bleu"])])
    other = scored(POOR, metrics=["bleu"])
    found = compare_systems(mine, other, settings("bootstrap", 10))
    assert found[["pair", "metric"]].to_numpy().tolist() == [["en-de", "bleu"]]
    assert compare_systems(mine, other[:0], settings("bootstrap", 10)).empty


def test_systems_with_other_sentences_are_refused() -> None:
    with pytest.raises(InputError, match="bleu of 'en-de': 40 sentences of one system, 39 of the"):
        compare_systems(scored(GOOD), scored(POOR)[:-1].iloc[:39], settings("bootstrap", 10))


@pytest.mark.parametrize("metric", ["bleu", "chrf", "tokenised_bleu", "bleu_raw"])
@pytest.mark.parametrize("reverse", [True, False])
def test_the_same_number_of_other_sentences_is_refused(metric: str, reverse: bool) -> None:
    references = [" ".join(WORDS[: 1 + i % 12]) for i in range(40)]
    others = references[::-1] if reverse else [*references[:20], *references[21:], "the end"]
    mine, other = (
        sentence_table([score_texts("en-de", metric, texts, texts)])
        for texts in (references, others)
    )
    first = 1 if reverse else 21
    message = rf"{metric} of 'en-de': the references .* \(the first: {first}\) .*score both against"
    with pytest.raises(InputError, match=message):
        compare_systems(mine, other, settings("bootstrap", 10))
