"""The likelihood of references as scores: per token, in files, and in paired tests."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.likelihood_scores import likelihood_score
from neuron_specialization.evaluation.metrics import axis_label
from neuron_specialization.evaluation.scoring import (
    Score,
    read_scores,
    score_texts,
    sentence_table,
    write_scores,
)
from neuron_specialization.evaluation.significance import SignificanceSettings, compare_systems

TOKENS_N = np.arange(40) % 7 + 1
SETTINGS = SignificanceSettings(test="bootstrap", samples=200, seed=1)


def score(shift: float = 0.0, tokens_N: np.ndarray = TOKENS_N) -> Score:
    """Return a direction in which every token has a likelihood of about exp(-2 - shift)."""
    noise_N = np.random.default_rng(1).normal(0, 0.1, len(tokens_N))
    return likelihood_score("en-de", (2 + shift + noise_N) * tokens_N, tokens_N, "joint")


def test_a_score_is_a_mean_over_tokens() -> None:
    found = likelihood_score("en-de", np.array([1.0, 8.0]), np.array([1, 2]), "pair")
    assert found.score == 3  # not 2.5, the mean of the sentences
    assert found.score_N == [1, 4]
    assert (found.metric, found.sentences) == ("nll", 2)
    assert found.signature == "nll|tokens:pair"


def test_axes_say_that_lower_is_better() -> None:
    assert axis_label("nll") == "nll (lower is better)"
    assert axis_label("bleu_raw") == "BLEU (raw references)"


def test_scores_are_appended_to_those_of_the_text(tmp_path: Path) -> None:
    own = {"sentences": tmp_path / "a.parquet", "corpus": tmp_path / "a.csv"}
    joined = {"sentences": tmp_path / "b.parquet", "corpus": tmp_path / "b.csv"}
    write_scores([score()], **own)
    bleu = score_texts("en-de", "bleu", ["a b c d"], ["a b c d"])
    write_scores([bleu], **joined, appended=tuple(own.values()))
    scores = read_scores(joined["corpus"]).set_index("metric")["score"]
    assert scores.to_dict() == {"bleu": bleu.score, "nll": score().score}
    sentences = pd.read_parquet(joined["sentences"])
    assert sentences["metric"].value_counts().to_dict() == {"bleu": 1, "nll": 40}
    assert np.stack(sentences["statistics"][1:])[:, 1].tolist() == TOKENS_N.tolist()


def test_two_systems_are_compared_by_their_means() -> None:
    ours, theirs = (sentence_table([score(shift)]) for shift in (0, 0.2))
    (test,) = compare_systems(ours, theirs, SETTINGS).itertuples()
    assert (test.score, test.other_score) == pytest.approx((score().score, score(0.2).score))
    assert test.p_value < 0.01


def test_references_of_other_tokens_are_not_compared() -> None:
    ours, theirs = (sentence_table([score(tokens_N=n)]) for n in (TOKENS_N, TOKENS_N[::-1].copy()))
    with pytest.raises(InputError, match=r"nll of 'en-de': the references of .* differ in length"):
        compare_systems(ours, theirs, SETTINGS)
