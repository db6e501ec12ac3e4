"""Tables of existing outputs: no training, no corpora, some directions missing."""

import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from neuron_specialization.evaluation.scoring import read_scores
from tests.conftest import DATA
from tests.evaluation.released import (
    PUBLISHED,
    RELEASED_PAIRS,
    needs_outputs,
    needs_scores,
    write_released,
)
from tests.evaluation.tiny_comet import build_encoder, build_model
from tests.workflow.conftest import Snakemake, compile_latex, write_overlay
from tests.workflow.test_plans import planned_jobs

pytestmark = [pytest.mark.slow, needs_outputs, needs_scores]

CONFIG = "config/published.yaml"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the released scores of both systems and three raw logs, without one direction."""
    folder = tmp_path_factory.mktemp("published")
    write_released(folder)
    for pair in RELEASED_PAIRS:
        shutil.copy(PUBLISHED / pair / "generate-test.txt", folder / "mT-big" / pair)
    shutil.rmtree(folder / "mT-big-NS" / "sd-en")
    return folder


@pytest.fixture(scope="module")
def overlay(outputs: Path) -> str:
    """Write a configuration that names the outputs and raw references; return its path."""
    settings = {
        "imported_outputs": str(outputs),
        "raw_references": {"test": f"{DATA}/flores/{{lang}}.txt"},
    }
    return write_overlay(outputs / "overlay.yaml", settings)


@pytest.fixture(scope="module")
def results(overlay: str, snakemake: Snakemake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the shipped configuration; return its results."""
    folder = tmp_path_factory.mktemp("run")
    done = snakemake(folder, overlays=(CONFIG, overlay))
    assert done.returncode == 0, done.stdout[-5000:]
    return folder / "results/published"


def test_tables_against_raw_references_need_raw_references(
    snakemake: Snakemake, outputs: Path, overlay: str, tmp_path: Path
) -> None:
    """The shipped configuration names a folder that does not exist."""
    alone = write_overlay(tmp_path / "alone.yaml", {"imported_outputs": str(outputs)})
    planned = [
        planned_jobs(snakemake(tmp_path, "-n", "--quiet", "rules", overlays=(CONFIG, *more)).stdout)
        for more in ([alone], [overlay])
    ]
    assert [jobs["make_table"] for jobs in planned] == [3, 5]


def test_text_and_scores_are_the_authors(results: Path) -> None:
    for pair in RELEASED_PAIRS:
        for name in ("src", "ref", "sys"):
            ours = results / f"outputs/test/mt_big/seed1/{pair}/test-{name}.txt"
            assert ours.read_bytes() == (PUBLISHED / pair / f"test-{name}.txt").read_bytes()
    scores = read_scores(results / "scores/test/mt_big/seed1.csv")
    computed = scores[scores["pair"].isin(RELEASED_PAIRS) & scores["metric"].isin(["bleu", "chrf"])]
    assert len(computed) == 6
    assert computed["sentences"].eq(2009).all()
    assert computed["note"].eq("").all()  # the released score files agree to the printed digit
    others = scores[~scores["pair"].isin(RELEASED_PAIRS)]
    assert others["note"].str.startswith("finished score of test_").all()
    assert len(others) == 57 * 3


@pytest.mark.parametrize(("metric", "table"), [("chrf", 7), ("comet", 8), ("bleu", 2)])
def test_tables_are_compared_with_the_papers(results: Path, metric: str, table: int) -> None:
    text = (results / f"tables/test/levels.{metric}.md").read_text(encoding="utf-8")
    assert f"### Comparison with the paper's Table {table}" in text
    assert "Ours has no outputs: sd-en" in text
    assert "| Ours   |      0 % |" in text
    csv = pd.read_csv(results / f"tables/test/levels.{metric}.csv").set_index(["system", "kind"])
    ours = csv.loc[("Ours", "delta")]
    assert math.isnan(ours["low_m2o"])  # not a mean over fewer directions
    assert math.isnan(ours["all_avg"])
    assert not math.isnan(ours["high_avg"])


def test_the_raw_references_have_a_column_and_tables(results: Path) -> None:
    scores = read_scores(results / "scores/test/mt_big/seed1.csv").set_index(["pair", "metric"])
    kannada = scores["score"]["en-kn"]
    # the released references split Kannada words into pieces, many of which are correct
    assert kannada["bleu"] > 34
    assert kannada["bleu_raw"] < 2
    assert abs(scores["score"]["oc-en", "bleu_raw"] - 36.3) < 1
    text = (results / "tables/test/levels.bleu.md").read_text(encoding="utf-8")
    assert "Raw O2M" in text
    assert "mT-big has no raw references: en-nl" in text
    assert (results / "tables/test/levels.chrf_raw.tex").is_file()


def test_the_latex_of_every_table_compiles(results: Path, tmp_path: Path) -> None:
    compile_latex(results / "tables", tmp_path)


def test_a_second_run_has_nothing_to_do(results: Path, overlay: str, snakemake: Snakemake) -> None:
    done = snakemake(results.parents[1], overlays=(CONFIG, overlay))
    assert "Nothing to be done" in done.stdout


def test_comet_with_a_local_model_that_is_loaded_once(
    outputs: Path, results: Path, overlay: str, snakemake: Snakemake, tmp_path: Path
) -> None:
    model = build_model(tmp_path / "tiny-comet", build_encoder(tmp_path / "encoder"))
    shutil.copytree(results, tmp_path / "results/published")
    few = outputs / "few/mT-big"  # 2009 sentences would take a while
    for pair in RELEASED_PAIRS[:2]:
        (few / pair).mkdir(parents=True)
        for name in ("src", "ref", "sys"):
            lines = (PUBLISHED / pair / f"test-{name}.txt").read_text("utf-8").split("\n")[:40]
            (few / pair / f"test-{name}.txt").write_text("\n".join(lines) + "\n", "utf-8")
    settings = {
        "imported_outputs": str(outputs / "few"),
        "raw_references": {"test": "nowhere/{lang}.txt"},
        "comet": {"model": str(model), "offline": True, "batch_size": 16},
    }
    settings = write_overlay(tmp_path / "comet.yaml", settings)
    target = "results/published/scores/test/mt_big/seed1"
    done = snakemake(tmp_path, f"{target}.csv", overlays=(CONFIG, overlay, settings))
    assert done.returncode == 0, done.stdout[-5000:]
    scores = read_scores(tmp_path / f"{target}.csv").query("metric == 'comet'")
    assert scores["pair"].tolist() == ["en-de", "en-kn"]
    assert scores["signature"].str.startswith("model:tiny-comet|version:2.2.7").all()
    sentences = pd.read_parquet(tmp_path / f"{target}.parquet").query("metric == 'comet'")
    assert len(sentences) == 80
    means = sentences.groupby("pair")["score"].mean()
    assert scores.set_index("pair")["score"].to_dict() == pytest.approx(means.to_dict())
    assert sentences["score"].nunique() > 10


def test_without_a_model_the_column_has_a_note_and_other_steps_run(
    outputs: Path, overlay: str, snakemake: Snakemake, tmp_path: Path
) -> None:
    shutil.copytree(outputs / "mT-big", tmp_path / "in/mT-big")
    for path in (tmp_path / "in/mT-big").glob("*/test_comet.txt"):
        if path.parent.name in RELEASED_PAIRS:
            path.unlink()
    settings = write_overlay(
        tmp_path / "comet.yaml",
        {
            "imported_outputs": str(tmp_path / "in"),
            "comet": {"model": "nowhere/model.ckpt"},
            "test_splits": ["test"],
        },
    )
    target = "results/published/scores/test/mt_big/seed1.csv"
    done = snakemake(tmp_path, target, overlays=(CONFIG, overlay, settings))
    assert done.returncode == 0, done.stdout[-5000:]
    scores = read_scores(tmp_path / target).set_index(["pair", "metric"])
    missing = scores.loc[("en-kn", "comet")]
    assert math.isnan(missing["score"])
    assert "nowhere/model.ckpt" in missing["note"]
    assert scores.loc[("de-en", "comet"), "note"] == "finished score of test_comet.txt"
    assert scores.loc[("en-kn", "bleu"), "score"] == pytest.approx(34.2206, abs=1e-4)


def test_a_short_hypothesis_file_stops_the_run_and_is_named(
    outputs: Path, overlay: str, snakemake: Snakemake, tmp_path: Path
) -> None:
    pair = tmp_path / "in/mT-big/en-de"
    pair.mkdir(parents=True)
    for name in ("src", "ref", "sys"):
        shutil.copy(PUBLISHED / "en-de" / f"test-{name}.txt", pair)
    lines = (pair / "test-sys.txt").read_text("utf-8").split("\n")
    (pair / "test-sys.txt").write_text("\n".join(lines[1:]), "utf-8")
    settings = write_overlay(tmp_path / "o.yaml", {"imported_outputs": str(tmp_path / "in")})
    target = "results/published/scores/test/mt_big/seed1.csv"
    done = snakemake(tmp_path, target, overlays=(CONFIG, overlay, settings))
    assert done.returncode != 0
    assert "has 2009 lines but" in done.stdout
    assert "test-sys.txt has 2008" in done.stdout
    assert not (tmp_path / "results/published/outputs/test/mt_big").exists()
