"""The off-target rate: planted wrong languages, what cannot be scored, paired tests."""

from pathlib import Path

import numpy as np
import pytest

from neuron_specialization.evaluation.language_identifier import LanguageIdentifier
from neuron_specialization.evaluation.metrics import axis_label
from neuron_specialization.evaluation.off_target import (
    describe_error,
    off_target_score,
    score_off_target,
)
from neuron_specialization.evaluation.scoring import sentence_table
from neuron_specialization.evaluation.significance import SignificanceSettings, compare_systems

TEXTS = {
    "en": ["the cat sat on the mat", "it rains in the city today", "nobody knows why"],
    "de": ["die Katze saß auf der Matte", "es regnet heute in der Stadt", "niemand weiß warum"],
    "nl": ["de kat zat op de mat", "het regent vandaag in de stad", "niemand weet waarom"],
}
IDENTIFIER = LanguageIdentifier(TEXTS)


def write_outputs(folder: Path, pair: str, hypotheses: list[str], references: list[str]) -> None:
    (folder / pair).mkdir(parents=True)
    for name, lines in (("sys", hypotheses), ("ref", references)):
        (folder / pair / f"test-{name}.txt").write_text("".join(f"{x}\n" for x in lines), "utf-8")


def test_a_copy_of_the_source_and_another_language_are_found(tmp_path: Path) -> None:
    en, de, nl = TEXTS.values()
    write_outputs(tmp_path, "en-de", [de[0], en[1], nl[2]], de)
    write_outputs(tmp_path, "nl-de", de, de)  # without the pivot
    write_outputs(tmp_path, "de-en", [en[0], "", "..."], en)
    scores, identified = score_off_target(
        tmp_path, ["en-de", "nl-de", "en-nl", "de-en"], "test", IDENTIFIER
    )
    rates = {score.pair: score.score for score in scores}
    assert rates == pytest.approx({"en-de": 200 / 3, "nl-de": 0, "de-en": 200 / 3})
    assert scores[0].score_N == [0, 100, 100]
    assert scores[0].statistics_NS.tolist() == [[0, 1], [100, 1], [100, 1]]
    assert scores[0].signature == (
        "identifier:characters 1-4|languages:3|sentences:3|errors on references:up to 1 %"
    )
    counts = identified.set_index(["pair", "language"])["hypotheses"].to_dict()
    assert counts == {
        **{("en-de", language): 1 for language in TEXTS},
        ("nl-de", "de"): 3,
        ("de-en", "en"): 1,
        ("de-en", "(none)"): 2,
    }
    assert identified.groupby("pair")["percent"].sum().tolist() == pytest.approx([100] * 3)


def test_what_cannot_be_scored_says_why(tmp_path: Path) -> None:
    write_outputs(tmp_path, "en-lb", ["d'Kaz"], ["d'Kaz"])
    (tmp_path / "en-de").mkdir()
    (tmp_path / "en-de/test_comet.txt").write_text("x\tscore: 0.8\n")
    scores, identified = score_off_target(tmp_path, ["en-lb", "en-de"], "test", IDENTIFIER)
    assert np.isnan([score.score for score in scores]).all()
    assert [s.note for s in scores] == ["the identifier was not trained on lb", "no text"]
    assert identified.empty


def test_references_that_are_misjudged_make_a_direction_unreliable(tmp_path: Path) -> None:
    write_outputs(tmp_path, "en-de", TEXTS["de"], TEXTS["nl"])
    ((score,), _) = score_off_target(tmp_path, ["en-de"], "test", IDENTIFIER)
    assert score.score == 0
    assert score.signature.endswith("|errors on references:100.0 %, over 5 %, so unreliable")
    assert [describe_error(n) for n in (0, 1, 1.1, 5)] == ["up to 1 %"] * 2 + ["up to 5 %"] * 2


def test_systems_are_compared_by_their_wrong_sentences() -> None:
    assert axis_label("off_target") == "off-target rate (lower is better)"
    ours, theirs, same = (
        sentence_table([off_target_score("en-de", ["en"] * n + ["de"] * (100 - n), "")])
        for n in (5, 30, 5)
    )
    settings = SignificanceSettings(test="randomisation", samples=1000, seed=1)
    (test,) = compare_systems(ours, theirs, settings).itertuples()
    assert (test.score, test.other_score) == (5, 30)
    assert test.p_value < 0.01
    assert test.low < -25 < test.high < 0
    (test,) = compare_systems(ours, same, settings).itertuples()
    assert test.p_value == 1
