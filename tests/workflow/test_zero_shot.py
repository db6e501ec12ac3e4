"""Directions without the pivot, in the run of the tiny dataset."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuron_specialization.neurons.storage import Masks

pytestmark = pytest.mark.slow


def test_zero_shot_directions_go_through_composed_masks(results: Path) -> None:
    masks = Masks.load(results / "masks/neuron_specialization/seed1.npz")
    of = dict(zip(masks.directions, masks.mask_LNF, strict=True))
    np.testing.assert_array_equal(of["a1-b1"], [of["a1-en"][0], of["en-b1"][1]])
    np.testing.assert_array_equal(of["b1-a1"], [of["b1-en"][0], of["en-a1"][1]])
    nll = {
        system: pd.read_csv(results / f"nll/test/{system}/seed1.csv").set_index("pair")["score"]
        for system in ("baseline", "masked")
    }
    # the same model: masks make the difference
    assert (nll["masked"] != nll["baseline"])[["a1-b1", "b1-a1"]].all()


def test_text_without_the_pivot_is_joined_and_scored(results: Path) -> None:
    corpora = results / "corpora"
    for side in ("a1", "b1"):
        text = (corpora / f"test.en-{side}.{side}").read_text(encoding="utf-8")
        assert (corpora / f"test.a1-b1.{side}").read_text(encoding="utf-8") == text
    outputs = results / "outputs/test/baseline/seed1/a1-b1"
    assert (outputs / "test-src.txt").read_bytes() == (corpora / "test.en-a1.a1").read_bytes()
    assert (outputs / "test-ref.txt").read_bytes() == (corpora / "test.en-b1.b1").read_bytes()
    report = pd.read_csv(corpora / "report.tsv", sep="\t").set_index(["split", "pair"])
    row = report.loc[("test", "a1-b1")]
    assert row[["read", "kept", "first_unpaired", "second_unpaired"]].tolist() == [20, 20, 0, 0]


def test_the_matrix_has_every_source_and_target(results: Path) -> None:
    scores = pd.read_csv(results / "scores/test/masked/seed1.csv").query("metric == 'chrf'")
    score_of = scores.set_index("pair")["score"]
    table = pd.read_csv(results / "tables/test/matrix.chrf.csv")
    masked = table[(table["system"] == "Masked, not trained") & (table["kind"] == "absolute")]
    by_source = masked.set_index("source")
    assert by_source.index.tolist() == ["en", "a1", "b1", "avg", "without en"]
    for pair, score in score_of.items():
        source, target = pair.split("-")
        assert by_source.loc[source, target] == pytest.approx(score)
    assert by_source.loc["avg", "avg"] == pytest.approx(score_of.mean())
    assert by_source.loc["without en", "avg"] == pytest.approx(score_of[["a1-b1", "b1-a1"]].mean())
    text = (results / "tables/test/matrix.chrf.md").read_text(encoding="utf-8")
    assert "Zero-shot: the masks are composed" in text
    assert "Left out" not in text
    assert "not from or into en: a1-b1" in (results / "tables/test/levels.chrf.md").read_text(
        "utf-8"
    )
    drawn = pd.read_csv(results / "figures/test/matrix.chrf.csv")
    assert len(drawn) == 4 * 6
    assert (results / "figures/test/matrix.chrf.png").read_bytes().startswith(b"\x89PNG")
