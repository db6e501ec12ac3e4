"""Paired tests on stored statistics, and their use in tables."""

import os
from dataclasses import replace
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
from neuron_specialization.tables.cells import level_cells
from neuron_specialization.tables.comparisons import (
    CONTROL,
    FIRST,
    PARENT,
    Comparison,
    find_marks,
    legend,
    outcomes,
    wins_table,
    wins_text,
    with_tests,
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


@pytest.mark.parametrize(("test", "short"), [("bootstrap", "bs"), ("randomisation", "ar")])
@pytest.mark.parametrize("seed", [12345, 7])
def test_results_equal_sacrebleus_own_test_on_the_text(test: str, short: str, seed: int) -> None:
    found = compare_systems(scored(GOOD), scored(POOR), settings(test, seed=seed))
    assert list(found.columns) == list(COMPARISON_COLUMNS)
    for metric, rows in found.groupby("metric"):
        with patch.dict(os.environ, SACREBLEU_SEED=str(seed)):
            own = PairedTest(
                [("poor", POOR), ("good", GOOD)],
                {"m": FACTORIES[metric]()},
                references=[REFERENCES],
                test_type=short,
                n_samples=200,
            )
            _, results = own()
        ((_, (poor, good)),) = [item for item in results.items() if item[0] != "System"]
        assert rows["p_value"].item() == good.p_value
        assert rows["score"].item() == good.score
        assert rows["other_score"].item() == poor.score
        assert rows["test"].item() == f"{short}:200|seed:{seed}"


def test_two_processes_test_like_one() -> None:
    both = [compare_systems(scored(GOOD), scored(POOR), settings("bootstrap"), n) for n in (1, 2)]
    pd.testing.assert_frame_equal(*both)


def test_comet_is_tested_on_the_mean() -> None:
    generator = np.random.default_rng(0)
    base = generator.normal(80, 5, size=60)

    def comet(scores: np.ndarray) -> pd.DataFrame:
        statistics = list(mean_statistics(scores))
        return pd.DataFrame({"pair": "en-de", "metric": "comet", "statistics": statistics})

    better = compare_systems(comet(base + 1), comet(base), settings("bootstrap"))
    assert better["score"].item() == pytest.approx((base + 1).mean())
    assert better["p_value"].item() < 0.01  # every sentence is better by 1
    noise = generator.normal(0, 5, size=60)
    noise -= noise.mean() - 0.01
    same = compare_systems(comet(base + noise), comet(base), settings("bootstrap"))
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


# ---- wins, losses, ties and marks ----

LEVELS = {"de": "high", "nl": "high", "lb": "low"}
PAIRS = ["en-de", "en-nl", "de-en", "nl-en", "en-lb"]


def comparison(role: str, **tests: tuple[float, float]) -> Comparison:
    """Return a comparison from (difference, p-value) by direction, or a list with one per seed."""
    rows = [
        (pair.replace("_", "-"), "bleu", 20 + difference, 20.0, p_value, "bs:200|seed:1")
        for pair, seeds in tests.items()
        for difference, p_value in (seeds if isinstance(seeds, list) else [seeds])
    ]
    return Comparison(
        label="Ours",
        other={PARENT: "Baseline", CONTROL: "Continued"}[role],
        role=role,
        tests=pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS)),
    )


PARENT_TESTS = comparison(
    PARENT, en_de=(1, 0.01), en_nl=(2, 0.049), de_en=(-1, 0.01), nl_en=(1, 0.05), en_lb=(0, 0.001)
)
CONTROL_TESTS = comparison(CONTROL, en_de=(1, 0.2), en_nl=(2, 0.3), de_en=(-1, 0.01), nl_en=(-1, 0))


def test_a_difference_counts_below_the_level_and_equal_scores_tie() -> None:
    assert outcomes(PARENT_TESTS, "bleu", 0.05) == {
        "en-de": [1],
        "en-nl": [1],
        "de-en": [-1],
        "nl-en": [0],  # not below the level
        "en-lb": [0],  # sacreBLEU gives a system against itself its smallest p-value
    }
    assert outcomes(PARENT_TESTS, "chrf", 0.05) == {}


def test_a_system_ties_with_itself() -> None:
    tests = compare_systems(scored(GOOD), scored(GOOD), settings("bootstrap"))
    assert (tests["p_value"] < 0.01).all()
    itself = Comparison(label="a", other="b", role=PARENT, tests=tests)
    assert outcomes(itself, "bleu", 0.05) == {"en-de": [0]}


def test_wins_losses_and_ties_of_every_cell() -> None:
    cells = level_cells(PAIRS, LEVELS, "en")
    wins = wins_table([PARENT_TESTS], {"": cells}, "bleu", 0.05)
    counts = {
        (row.group, row.direction): (row.wins, row.losses, row.ties) for row in wins.itertuples()
    }
    assert counts == {
        ("High", "O2M"): (2, 0, 0),
        ("High", "M2O"): (0, 1, 1),
        ("High", "Avg"): (2, 1, 1),
        ("Low", "O2M"): (0, 0, 1),
        ("All", "O2M"): (2, 0, 1),
        ("All", "M2O"): (0, 1, 1),
        ("All", "Avg"): (2, 1, 2),
    }
    text = wins_text(wins)
    assert text.labels == ("System", "Against")
    assert text.rows == (
        ("Ours", "Baseline", "2/0/0", "0/1/1", "2/1/1", "0/0/1", "2/0/1", "0/1/1", "2/1/2"),
    )


def test_a_cell_is_marked_if_all_its_directions_agree() -> None:
    cells = level_cells(PAIRS, LEVELS, "en")
    marks = find_marks([PARENT_TESTS, CONTROL_TESTS], {"": cells}, "bleu", 0.05)
    assert marks == {
        ("", "Ours", ("High", "O2M")): "†",
        ("", "Ours", ("High", "M2O")): "‡↓",
        ("", "Ours", ("All", "M2O")): "‡↓",  # the same two directions
    }


def test_an_untested_direction_leaves_a_cell_unmarked() -> None:
    cells = level_cells(["en-de", "en-nl"], LEVELS, "en")
    assert not find_marks([comparison(PARENT, en_de=(1, 0.01))], {"": cells}, "bleu", 0.05)


def test_every_seed_counts() -> None:
    cells = level_cells(["en-de"], LEVELS, "en")
    mixed = comparison(PARENT, en_de=[(1, 0.01), (1, 0.2)])
    first = wins_table([mixed], {"": cells}, "bleu", 0.05).iloc[0]
    assert (first["wins"], first["ties"]) == (1, 1)
    assert not find_marks([mixed], {"": cells}, "bleu", 0.05)
    alike = comparison(PARENT, en_de=[(1, 0.01), (2, 0.02)])
    assert find_marks([alike], {"": cells}, "bleu", 0.05)["", "Ours", ("High", "O2M")] == "†"


def test_the_legend_explains_the_marks() -> None:
    meaning, tests = legend([PARENT_TESTS, CONTROL_TESTS], 0.05)
    assert "† than the system it continues from, ‡ than the continued baseline" in meaning
    assert "p < 0.05" in meaning
    assert "bs:200|seed:1" in tests
    assert "‡" not in legend([PARENT_TESTS], 0.05)[0]
    assert legend([], 0.05) == []


def test_the_legend_names_the_first_row_if_nothing_is_continued() -> None:
    first = replace(PARENT_TESTS, role=FIRST, other="{Base}")
    assert "cell: † than {Base}; p < 0.05" in legend([first], 0.05)[0]
    cells = level_cells(["en-de"], LEVELS, "en")
    assert set(find_marks([first], {"": cells}, "bleu", 0.05).values()) == {"†"}


def test_comparisons_without_tests_in_a_metric_are_left_out() -> None:
    chrf = replace(CONTROL_TESTS, tests=CONTROL_TESTS.tests.assign(metric="chrf"))
    both = replace(PARENT_TESTS, tests=pd.concat([PARENT_TESTS.tests, chrf.tests]))
    (found,) = with_tests([both, chrf], "bleu")
    pd.testing.assert_frame_equal(found.tests, PARENT_TESTS.tests)
    assert with_tests([both, chrf], "comet") == []
