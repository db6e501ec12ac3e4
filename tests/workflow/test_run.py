"""Whole runs of the workflow on a few hundred sentences."""

import hashlib
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from selenium import webdriver
from selenium.webdriver.common.by import By

from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.methods.adapters import is_adapter
from neuron_specialization.methods.weight_masks import WeightMasks
from neuron_specialization.neurons.neuron_tables import (
    iou_matrix,
    overlap_table,
    select_all,
)
from neuron_specialization.neurons.storage import Counts, Masks
from neuron_specialization.workflow.packed_results import merge, pack
from tests.browser import errors, open_page, wait_until
from tests.fairseq_plugin.external_checkpoints import as_official
from tests.workflow.conftest import TINY, Snakemake, compile_latex
from tests.workflow.test_plan import planned_jobs

pytestmark = pytest.mark.slow

PARTS = (
    "Snakefile",
    "rules",
    "config",
    "scripts",
    "src",
    "envs",
    "profiles",
    "report",
    "tests/workflow/tiny",
)

CONTINUATIONS = {
    "continued": "Continued baseline",
    "adapter_pair": "Pair adapters",
    "adapter_family": "Family adapters",
    "lass": "LaSS",
    "random": "Random",
    "encoder_only": "Encoder only",
    "decoder_only": "Decoder only",
    "neuron_specialization": "Neuron specialization",
    "shuffled": "Shuffled",
}
SHALLOW = {"shallow": "Shallow", "shallow_specialization": "Shallow, specialized"}
SAME_K = ("neuron_specialization",)
MASKED = {"masked": "Masked, not trained"}
MULTILINGUAL = {"baseline": "Baseline"} | CONTINUATIONS | SHALLOW | MASKED
BILINGUAL = {"bilingual_high": ["a1-en", "en-a1"], "bilingual_low": ["b1-en", "en-b1"]}


@pytest.fixture(scope="module")
def clone(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project that tests may edit."""
    folder = tmp_path_factory.mktemp("clone")
    for part in PARTS:
        source = project / part
        copy = shutil.copytree if source.is_dir() else shutil.copy
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        copy(source, folder / part)
    return folder


@pytest.fixture(scope="module")
def results(clone: Path, snakemake: Snakemake) -> Path:
    """The results of a run in the copy."""
    done = snakemake(clone, project=clone)
    assert done.returncode == 0, done.stdout[-5000:]
    return clone / "results/tiny"


def test_the_table_has_every_system(results: Path) -> None:
    table = (results / "tables/test/levels.bleu.md").read_text(encoding="utf-8")
    for label in MULTILINGUAL.values():
        assert f"| {label} " in table
    assert "tok:13a" in table
    latex = (results / "tables/test/levels.chrf.tex").read_text(encoding="utf-8")
    assert latex.count("toprule") == 3  # scores; wins, losses and ties; gains over seeds
    csv = pd.read_csv(results / "tables/test/levels.bleu.csv").set_index("kind")
    assert len(csv) == 3 * len(MULTILINGUAL)
    assert csv.loc[["absolute", "delta"]].filter(regex="high|low|all").notna().all(axis=None)
    several = csv.loc["deviation"].set_index("system").filter(regex="high|low|all").notna()
    assert several.all(axis=1).to_dict() == {
        label: label in SHALLOW.values() for label in MULTILINGUAL.values()
    }


def test_every_continuation_is_tested_against_parent_control_and_chance(results: Path) -> None:
    for system in CONTINUATIONS:
        tests = pd.read_csv(results / f"significance/test/{system}/seed1.csv")
        others = {"baseline"} if system == "continued" else {"baseline", "continued"}
        others |= {"shuffled"} if system in SAME_K else set()
        assert set(tests["other"]) == others
        assert len(tests) == len(others) * 4 * 2  # directions, metrics
        sentences = pd.read_parquet(results / f"scores/test/{system}/seed1.parquet")
        assert len(sentences) == 20 * 4 * 2
    wins = pd.read_csv(results / "tables/test/levels.bleu.wins.csv", keep_default_na=False)
    everything = wins.query("group == 'All' and direction == 'Avg'")
    # shallow has no control, and what is not trained on needs none
    assert len(everything) == 1 + 2 * (len(CONTINUATIONS) - 1) + len(SAME_K) + len(MASKED) + 1
    count = everything[["wins", "losses", "ties"]].sum(axis=1)
    assert sorted(set(count)) == [4, 8]  # directions, of one seed or two


def test_the_bilingual_table_has_a_column_per_language(results: Path) -> None:
    csv = pd.read_csv(results / "tables/test/bilingual.chrf.csv")
    assert list(csv["system"].unique()) == [
        "Bilingual",
        "Baseline",
        "Continued baseline",
        "Neuron specialization",
    ]
    assert csv[["a1", "b1", "high", "low", "avg"]].notna().all(axis=None)
    scores = [
        pd.read_csv(results / f"scores/test/{system}/seed1.csv").query("metric == 'chrf'")
        for system in BILINGUAL
    ]
    by_pair = pd.concat(scores).set_index("pair")["score"]
    first = csv.query("system == 'Bilingual' and kind == 'absolute' and direction == 'o2m'")
    assert first["a1"].item() == by_pair["en-a1"]
    assert first["b1"].item() == by_pair["en-b1"]


def test_the_latex_of_every_table_compiles(results: Path, tmp_path: Path) -> None:
    compile_latex(results, tmp_path)


def test_every_direction_has_a_line_per_sentence_and_a_score(results: Path) -> None:
    every = ["a1-en", "b1-en", "en-a1", "en-b1"]
    directions = dict.fromkeys(MULTILINGUAL, every) | BILINGUAL
    for system, pairs in directions.items():
        folder = results / f"translations/test/{system}/seed1"
        assert sorted(path.stem for path in folder.glob("*.txt")) == pairs
        for path in folder.glob("*.txt"):
            assert path.read_text(encoding="utf-8").count("\n") == 20
        scores = pd.read_csv(results / f"scores/test/{system}/seed1.csv")
        assert len(scores) == len(pairs) * 2
        assert scores["sentences"].eq(20).all()


def test_all_continuations_saw_the_same_batches(results: Path) -> None:
    def batches(training: str) -> list[str]:
        log = (results / f"logs/train_system/{training}.log").read_text(encoding="utf-8")
        return re.findall(r"trained on (\d+ batches, sha256 \w{16})", log)

    found = {name: batches(f"{name}.seed1") for name in CONTINUATIONS}
    assert len(found["continued"]) == 2
    assert found == dict.fromkeys(CONTINUATIONS, found["continued"])
    assert batches("shallow_specialization.seed2") != batches("shallow_specialization.seed1")


def test_the_table_of_trainings_shows_that_they_saw_the_same_batches(results: Path) -> None:
    table = pd.read_csv(results / "tables/trainings.csv", keep_default_na=False)
    seen = {
        (system, seed): list(rows["sha256"])
        for (system, seed), rows in table.groupby(["system", "seed"])
    }
    assert len(seen) == 1 + len(CONTINUATIONS) + 2 * len(SHALLOW)
    same = {tuple(seen[label, 1]) for label in CONTINUATIONS.values()}
    assert len(same) == 1
    text = (results / "tables/trainings.md").read_text(encoding="utf-8")
    assert "| Neuron specialization" in text
    assert (results / "figures/trainings.png").stat().st_size > 1000


def test_a_mask_without_training_is_the_parent_through_it(results: Path) -> None:
    assert not (results / "models/masked").exists()
    masks = [Masks.load(results / f"masks/{name}/seed1.npz") for name in (*MASKED, *SAME_K)]
    np.testing.assert_array_equal(masks[0].mask_LNF, masks[1].mask_LNF)
    for folder in ("translations/test", "scores/test"):
        assert list((results / folder / "masked").iterdir())


def test_shuffled_masks_have_the_sizes_of_the_selected_ones(results: Path) -> None:
    shuffled, selected = (
        Masks.load(results / f"masks/{name}/seed1.npz").mask_LNF for name in ("shuffled", *SAME_K)
    )
    np.testing.assert_array_equal(shuffled.sum(axis=-1), selected.sum(axis=-1))
    assert not np.array_equal(shuffled, selected)


def test_gains_over_seeds_are_drawn_against_the_continued_baseline(results: Path) -> None:
    gains = pd.read_csv(results / "tables/test/levels.chrf.gains.csv", keep_default_na=False)
    cells = gains.query("group == 'All' and direction == 'Avg'").set_index(["system", "against"])
    assert cells.loc[("Shallow, specialized", "Shallow"), "seeds"] == 2
    shown = pd.read_csv(results / "figures/test/gains.chrf.csv")
    assert set(shown["against"]) == {"Continued baseline"}
    assert set(shown["system"]) == set(CONTINUATIONS.values()) - {"Continued baseline"}


def test_a_continuation_starts_from_the_parent_of_its_seed(results: Path) -> None:
    masks = [
        Masks.load(results / f"masks/shallow_specialization/seed{seed}.npz") for seed in (1, 2)
    ]
    for seed, mask in enumerate(masks, start=1):
        parent = results / f"models/shallow/seed{seed}/checkpoint.pt"
        digest = hashlib.sha256(parent.read_bytes()).hexdigest()[:16]
        assert mask.provenance["checkpoint"] == digest
        log = results / f"logs/train_system/shallow_specialization.seed{seed}.log"
        assert f"--finetune-from-model {parent.relative_to(results.parents[1])}" in log.read_text()
    table = pd.read_csv(results / "tables/test/levels.bleu.csv")
    scores = [
        pd.read_csv(results / f"scores/test/shallow/seed{seed}.csv").query("metric == 'bleu'")
        for seed in (1, 2)
    ]
    mean = sum(frame.set_index("pair")["score"] for frame in scores) / 2
    row = table.query("system == 'Shallow' and kind == 'absolute'")
    assert row["high_o2m"].item() == pytest.approx(mean["en-a1"])


def test_lass_keeps_what_its_row_says(results: Path) -> None:
    parts = [WeightMasks.load(results / f"weight_masks/lass/seed1/{i}-of-2.npz") for i in (1, 2)]
    masks = WeightMasks.join(parts)
    assert sorted(masks.directions) == ["a1-en", "b1-en", "en-a1", "en-b1"]
    assert "decoder.output_projection.weight" in masks.shapes  # as its row says
    size = math.prod(masks.shapes["encoder.layers.0.fc1.weight"])
    kept = np.unpackbits(masks.bits["encoder.layers.0.fc1.weight"], axis=1).sum(axis=1)
    assert (kept == size - size * 7 // 10).all()


def test_adapters_are_stored_alone(results: Path) -> None:
    state = read_checkpoint(results / "models/adapter_family/seed1/checkpoint.pt")
    assert all(map(is_adapter, state["model"]))
    assert {tensor.size(0) for tensor in state["model"].values()} == {4}  # two families, two sides


def test_parameters_are_those_of_the_checkpoints(results: Path) -> None:
    table = pd.read_csv(results / "tables/parameters.csv", index_col="system")

    def stored(path: str) -> int:
        model = read_checkpoint(results / "models" / path)["model"]
        tied = "decoder.output_projection.weight"
        return sum(
            value.numel()
            for name, value in model.items()
            if name != tied and re.search("weight|bias", name)
        )

    for system in ("baseline", "lass", "shallow"):
        assert table.loc[system, "total"] == stored(f"{system}/seed1/checkpoint.pt")
    for system in ("adapter_pair", "adapter_family"):
        assert table.loc[system, "added"] == stored(f"{system}/seed1/checkpoint.pt")
        assert table.loc[system, "trainable"] == table.loc[system, "added"]
    found = {path.name: path for path in (results / "models/bilingual_low").rglob("*.pt")}
    assert sorted(found) == ["b1-en.pt", "en-b1.pt"]
    total = sum(stored(str(path.relative_to(results / "models"))) for path in found.values())
    assert table.loc["bilingual_low", "total"] == total


def test_masks_come_from_the_baselines_counts(results: Path) -> None:
    counts = Counts.load(results / "activations/baseline/seed1.npz")
    masks = Masks.load(results / "masks/neuron_specialization/seed1.npz")
    held = (counts.sentence_LNF * masks.mask_LNF).sum(-1) / counts.sentence_LNF.sum(-1)
    assert (held >= 0.95).all()
    assert masks.provenance["k"] == 95
    assert masks.provenance["checkpoint"] == counts.provenance["checkpoint"]


def test_every_kind_of_mask_is_what_its_row_says(results: Path) -> None:
    masks = {
        name: Masks.load(results / f"masks/{name}/seed1.npz")
        for name in ("random", "encoder_only", "decoder_only", "neuron_specialization")
    }
    both = masks["neuron_specialization"]
    assert (masks["random"].mask_LNF.sum(-1) == 22).all()  # 70 % of 32
    assert masks["encoder_only"].layers == ("encoder.layers.0",)
    assert masks["decoder_only"].layers == ("decoder.layers.0",)
    assert (masks["encoder_only"].mask_LNF == both.mask_LNF[:, :1]).all()
    assert masks["decoder_only"].provenance["counting"] == "token"


NEURONS = "neurons/baseline/seed1/sentence.k95"


def test_figures_have_the_numbers_of_the_counts(results: Path) -> None:
    counts = Counts.load(results / "activations/baseline/seed1.npz")
    overlap = overlap_table(select_all(counts, k=95, counting="sentence"), "en")
    written = pd.read_csv(results / NEURONS / "overlap.csv", float_precision="round_trip")
    pd.testing.assert_frame_equal(written, overlap)
    for name, layer, side in (
        ("figure1", "decoder.layers.0", "o2m"),
        ("figure7", "encoder.layers.0", "m2o"),
    ):
        path = results / NEURONS / f"{name}.csv"
        data = pd.read_csv(path, index_col="language", float_precision="round_trip")
        expected = iou_matrix(overlap, layer, side, ["a1", "b1"])
        assert data.loc["a1", "b1"] == data.loc["b1", "a1"] == expected[0, 1]
    for name in ("figure1", "figure2", "figure5", "figure6", "figure7", "figure8", "dendrograms"):
        assert (results / NEURONS / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (results / NEURONS / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_relations_stand_beside_those_of_the_untrained_model(results: Path) -> None:
    relations = pd.read_csv(results / NEURONS / "relations.csv")
    assert relations["layer"].tolist() == ["encoder.layers.0", "decoder.layers.0"]
    assert relations["across"].between(0, 1).all()
    assert relations["untrained_across"].ne(relations["across"]).any()
    text = (results / NEURONS / "relations.md").read_text(encoding="utf-8")
    assert "No family has two languages" in text


def test_efficiency_comes_from_the_jobs(results: Path) -> None:
    table = pd.read_csv(results / "tables/table4.csv", index_col="system")
    assert set(table.index) == {*MULTILINGUAL, *BILINGUAL}
    masks = results / "masks/neuron_specialization/seed1.npz"
    assert table.loc["neuron_specialization", "stored_bytes"] == masks.stat().st_size
    assert table.loc["lass", "finding_seconds"] > 0
    assert table.loc["random", "finding_seconds"] < table.loc["encoder_only", "finding_seconds"]
    assert table.drop(MASKED)["training_tokens_per_second"].gt(0).all()
    assert table.loc["adapter_pair", "added_percent"] == pytest.approx(100 * 2880 / 12160)
    models = pd.read_csv(results / "tables/table6.csv", index_col="system")
    assert models.loc["shallow", ["d_ff", "layers"]].tolist() == [16, 1]
    assert pd.read_csv(results / "tables/table5.csv")["pairs"].tolist() == [300, 100]


def test_the_explorer_shows_the_overlap_of_the_table(results: Path) -> None:
    overlap = pd.read_csv(results / NEURONS / "overlap.csv")
    expected = overlap.query("layer == 'decoder.layers.0' and side == 'o2m'")["iou"].item()
    with open_page(results / "neurons/baseline/seed1/explorer.html") as page:
        wait_until(lambda: page.find_elements(By.CSS_SELECTOR, "body[data-ready]"))
        shown = page.find_element(By.ID, "similar").text
        assert errors(page) == []
    assert shown.startswith("b1 Borun, B, Cyrillic")
    assert float(shown.split()[-1]) == pytest.approx(expected, abs=5e-5)


def test_the_report_opens_without_network_or_errors(
    results: Path, clone: Path, snakemake: Snakemake, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    done = snakemake(clone, "--report", str(path), project=clone)
    assert done.returncode == 0, done.stdout[-5000:]

    def says(page: webdriver.Chrome, *texts: str) -> bool:
        body = page.find_element(By.TAG_NAME, "body").text
        return all(text in body for text in texts)

    with open_page(path) as page:
        for category, items in {
            "Neurons": ["Explorer", "Families", "Figure 1: first decoder layer", "Dendrograms"],
            "Scores": ["levels", "bilingual"],
            "Set-up": ["Table 4: efficiency", "Table 5: languages", "Configuration and versions"],
        }.items():
            page.refresh()
            wait_until(lambda: says(page, "The continued baseline is the control"))
            page.find_element(By.XPATH, f"//span[text()='{category}']").click()
            wait_until(lambda items=items: says(page, *items))
        assert errors(page) == []


def test_one_more_k_trains_that_k_only(
    results: Path,
    clone: Path,
    snakemake: Snakemake,
    overlay: Callable[[dict], str],
    tmp_path: Path,
) -> None:
    copy = shutil.copytree(clone, tmp_path / "copy")
    settings = {
        "analysis": {"sweep": {"system": "neuron_specialization", "k": [50]}},
        "tables": {"bilingual": {"layout": "languages", "figure": "figure3"}},
    }
    overlays = (TINY, overlay(settings))
    done = snakemake(copy, project=copy, overlays=overlays)
    assert done.returncode == 0, done.stdout[-5000:]
    once = ("select_neurons", "train_system", "translate_split", "score_system")
    assert {name: planned_jobs(done.stdout)[name] for name in once} == dict.fromkeys(once, 1)
    own = copy / "results/tiny"
    sweep = pd.read_csv(own / "figures/test/figure4.bleu.csv")
    assert sweep["k"].tolist()[:4] == [50, 50, 95, 95]
    assert sweep["k"].isna().sum() == 2  # the continued baseline, both sides
    scores = {
        name: pd.read_csv(own / f"scores/test/{name}/seed1.csv").query("metric == 'bleu'")
        for name in ("baseline", "neuron_specialization")
    }
    difference = scores["neuron_specialization"]["score"] - scores["baseline"]["score"]
    o2m = difference[scores["baseline"]["pair"].str.startswith("en-")].mean()
    shown = sweep.query("k == 95 and side == 'o2m'")["improvement"].item()
    assert shown == pytest.approx(o2m)
    bars = pd.read_csv(own / "figures/test/figure3.bleu.csv")
    assert set(bars["system"]) == {"Baseline", "Continued baseline", "Neuron specialization"}
    settings["analysis"]["sweep"]["k"] = [50, 80.5]
    overlays = (TINY, overlay(settings))
    done = snakemake(copy, "-n", "--quiet", "rules", project=copy, overlays=overlays)
    planned = planned_jobs(done.stdout)
    assert {name: planned[name] for name in once} == dict.fromkeys(once, 1)
    assert planned["draw_sweep"] == 2
    # tables name the settings, so they are made anew; nothing else is counted or trained
    assert not {"fine_tune_directions", "train_bilingual", "count_parameters"} & set(planned)


def test_work_folders_are_gone_and_logs_are_there(results: Path) -> None:
    assert not list(results.glob("models/**/work*"))
    assert not list(results.glob("weight_masks/**/work*"))
    trained = MULTILINGUAL.keys() - MASKED.keys()
    for system in trained | BILINGUAL.keys():
        folder = results / f"models/{system}/seed1/tensorboard"
        assert list(folder.rglob("events.out.tfevents.*"))
    for system in trained:
        assert (results / f"logs/train_system/{system}.seed1.log").stat().st_size


def test_packed_results_are_enough_for_tables_and_figures(
    results: Path, clone: Path, snakemake: Snakemake, tmp_path: Path
) -> None:
    """As where seeds were run elsewhere: nothing is trained, recorded or translated again."""
    pack(results, tmp_path / "packed.zip", small=True)
    assert (tmp_path / "packed.zip").stat().st_size < 1e6
    settings, table = "results/tiny/settings.json", "results/tiny/tables/test/levels.bleu.md"
    assert snakemake(tmp_path, settings, project=clone).returncode == 0
    assert merge(tmp_path / "packed.zip", tmp_path / "results/tiny")
    done = snakemake(tmp_path, "merged", project=clone)
    assert done.returncode == 0, done.stdout[-5000:]
    made = set(planned_jobs(done.stdout))
    assert not made & {"train_system", "record_activations", "translate_split", "score_system"}
    assert not made & {"prepare_corpora", "train_bilingual", "fine_tune_directions"}
    assert {"make_table", "draw_gains", "draw_neurons"} <= made
    one, other = ((folder / table).read_text(encoding="utf-8") for folder in (clone, tmp_path))
    assert one == other


# all that is written as a table, and what is drawn from it
TABLES = {"make_table": 4} | dict.fromkeys(
    ("count_parameters", "describe_languages", "describe_models", "measure_efficiency"), 1
)
TABLES |= {"measure_neurons": 1, "draw_neurons": 1, "draw_gains": 2}
TABLES |= {"describe_trainings": 1, "draw_trainings": 1}
# what any change of settings concerns
SETTINGS = {"describe_settings": 1, "measure_efficiency": 1}


def test_a_second_run_has_nothing_to_do(results: Path, clone: Path, snakemake: Snakemake) -> None:
    assert "Nothing to be done" in snakemake(clone, project=clone).stdout


def test_a_checkout_that_is_moved_has_nothing_to_do(
    results: Path, clone: Path, snakemake: Snakemake
) -> None:
    moved = clone.rename(clone.with_name("moved"))
    try:
        assert "Nothing to be done" in snakemake(moved, project=moved).stdout
    finally:
        moved.rename(clone)


def test_nothing_is_trained_again_for_its_log(
    results: Path, clone: Path, snakemake: Snakemake
) -> None:
    logs = (results / "logs").rename(results / "elsewhere")
    table = ["--dry-run", "--quiet", "rules", "--forcerun", "measure_efficiency"]
    try:
        planned = planned_jobs(snakemake(clone, *table, project=clone).stdout)
    finally:
        logs.rename(results / "logs")
    assert planned == {"measure_efficiency": 1, "all": 1}


@pytest.mark.parametrize(
    ("module", "jobs"),
    [
        ("tables/render.py", TABLES | {"describe_settings": 1}),
        (
            "evaluation/scoring.py",
            {"score_system": 17, "compare_systems": 12, "make_table": 4, "draw_gains": 2},
        ),
        ("evaluation/significance.py", {"compare_systems": 12, "make_table": 4, "draw_gains": 2}),
        (
            "neurons/selection.py",
            {
                **dict.fromkeys(("measure_neurons", "draw_neurons", "make_explorer"), 1),
                "measure_efficiency": 1,
                "select_neurons": 8,
                "train_system": 7,
                "translate_split": 8,
                "postprocess_outputs": 8,
                "score_system": 8,
                "compare_systems": 8,
                "make_table": 4,
                "draw_gains": 2,
                "describe_trainings": 1,
                "draw_trainings": 1,
            },
        ),
        (
            "fairseq_plugin/decoding.py",
            {
                "translate_split": 17,
                "postprocess_outputs": 17,
                "score_system": 17,
                "compare_systems": 12,
                "make_table": 4,
                "draw_gains": 2,
                "measure_efficiency": 1,
            },
        ),
    ],
)
def test_an_edit_reruns_exactly_what_depends_on_it(
    results: Path, clone: Path, snakemake: Snakemake, module: str, jobs: dict[str, int]
) -> None:
    path = clone / "src/neuron_specialization" / module
    original = path.read_text(encoding="utf-8")
    path.write_text(original + "# edited\n", encoding="utf-8")
    done = snakemake(clone, "--dry-run", "--quiet", "rules", project=clone)
    path.write_text(original, encoding="utf-8")
    assert planned_jobs(done.stdout) == jobs | {"all": 1}


@pytest.mark.parametrize(
    ("settings", "jobs"),
    [
        (
            {"architectures": {"tiny": {"continuation": {"max_updates": 9}}}},
            {
                "train_system": 9,
                "translate_split": 9,
                "postprocess_outputs": 9,
                "score_system": 9,
                "compare_systems": 9,
                "count_parameters": 1,
                "make_table": 4,
                "draw_gains": 2,
                "describe_trainings": 1,
                "draw_trainings": 1,
                "describe_models": 1,
                **SETTINGS,
            },
        ),
        (
            {"decoding": {"beam": 2}},
            {
                "translate_split": 17,
                "postprocess_outputs": 17,
                "score_system": 17,
                "compare_systems": 12,
                "make_table": 4,
                "draw_gains": 2,
                **SETTINGS,
            },
        ),
        (
            {"architectures": {"tiny": {"fine_tuning": {"max_updates": 3}}}},
            {
                "fine_tune_directions": 2,
                "train_system": 1,
                "translate_split": 1,
                "postprocess_outputs": 1,
                "score_system": 1,
                "compare_systems": 1,
                "make_table": 4,
                "draw_gains": 2,
                "describe_trainings": 1,
                "draw_trainings": 1,
                **SETTINGS,
            },
        ),
    ],
)
def test_a_setting_reruns_exactly_what_depends_on_it(
    results: Path,
    clone: Path,
    snakemake: Snakemake,
    overlay: Callable[[dict], str],
    settings: dict,
    jobs: dict[str, int],
) -> None:
    overlays = (TINY, overlay(settings))
    done = snakemake(clone, "--dry-run", "--quiet", "rules", project=clone, overlays=overlays)
    assert planned_jobs(done.stdout) == jobs | {"all": 1}


def test_the_same_seed_gives_the_same_scores(
    results: Path, snakemake: Snakemake, tmp_path: Path
) -> None:
    systems = ("adapter_pair", "lass", "neuron_specialization", "bilingual_low")
    scores = [f"scores/test/{system}/seed1.csv" for system in systems]
    done = snakemake(tmp_path, *(f"results/tiny/{path}" for path in scores))
    assert done.returncode == 0, done.stdout[-5000:]
    for path in scores:
        assert (tmp_path / "results/tiny" / path).read_bytes() == (results / path).read_bytes()


def test_a_killed_shard_keeps_the_fine_tunes_it_had_finished(
    results: Path, clone: Path, tmp_path: Path
) -> None:
    shutil.copytree(results, tmp_path / "results/tiny")
    shutil.rmtree(tmp_path / "results/tiny/weight_masks")
    output = "results/tiny/weight_masks/lass/seed1/1-of-1.npz"
    command = [sys.executable, "-m", "snakemake", output, "--cores", "1", "--nolock"]
    command += ["--directory", str(tmp_path), "--set-scatter", "fine_tunes=1"]
    command += ["--rerun-triggers", "input", "--configfile", str(clone / TINY)]
    killed = subprocess.Popen(command, cwd=clone, start_new_session=True)
    for _ in range(600):
        finished = list((tmp_path / output).parent.glob("work-*/*.npz"))
        if finished:
            break
        time.sleep(0.1)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    before = {path.name: path.read_bytes() for path in finished}
    assert 1 <= len(before) < 4
    subprocess.run(command, cwd=clone, check=True)
    log = tmp_path / "results/tiny/logs/fine_tune_directions/lass.seed1.1-of-1.log"
    directions = re.findall(r"fairseq-train .* --directions (\S+) ", log.read_text("utf-8"))
    assert not {f"{direction}.npz" for direction in directions} & set(before)
    assert len(WeightMasks.load(tmp_path / output).directions) == 4


OWN_SYSTEMS = """\
system\tlabel\tmethod\tparent\tarchitecture\tcheckpoint\tdirections\tk\tfolder\tparameters
baseline\tBaseline\tmultilingual\t\ttiny\t{checkpoint}\tall\t\t\t
neuron_specialization\tOurs\tneuron_specialization\tbaseline\t\t\tall\t95\t\t
elsewhere\tElsewhere\timported\t\t\t\tall\t\telsewhere\t12345
"""


def test_a_checkpoint_from_elsewhere_and_outputs_from_elsewhere_in_one_table(
    results: Path, snakemake: Snakemake, overlay: Callable[[dict], str], tmp_path: Path
) -> None:
    """The baseline comes in the official repository's form; what follows is as if trained here."""
    state = read_checkpoint(results / "models/baseline/seed1/checkpoint.pt")
    as_official(state, linear_layers=8)
    torch.save(state, tmp_path / "official.pt")
    vocabulary = results / "vocabularies/joint"
    for pair in ("en-a1", "a1-en"):
        folder = tmp_path / "imported/elsewhere" / pair
        shutil.copytree(results / "outputs/test/adapter_pair/seed1" / pair, folder)
    systems = OWN_SYSTEMS.format(checkpoint=tmp_path / "official.pt")
    (tmp_path / "systems.tsv").write_text(systems, encoding="utf-8")
    settings = {
        "systems": str(tmp_path / "systems.tsv"),
        "vocabulary": {
            "model": str(vocabulary / "spm.model"),
            "dictionary": str(vocabulary / "dict.txt"),
        },
        "imported_outputs": str(tmp_path / "imported"),
        "significance": {"samples": 50},
    }
    done = snakemake(tmp_path, overlays=(TINY, overlay(settings)))
    assert done.returncode == 0, done.stdout[-5000:]
    own = tmp_path / "results/tiny"
    masks = [Masks.load(f / "masks/neuron_specialization/seed1.npz") for f in (own, results)]
    assert (masks[0].mask_LNF == masks[1].mask_LNF).all()
    for system in ("baseline", "neuron_specialization"):
        for pair in ("en-a1", "b1-en"):
            path = f"translations/test/{system}/seed1/{pair}.txt"
            assert (own / path).read_bytes() == (results / path).read_bytes()
    text = (own / "tables/test/levels.bleu.md").read_text(encoding="utf-8")
    assert "Elsewhere has no outputs: en-b1, b1-en" in text
    table = pd.read_csv(own / "tables/test/levels.bleu.csv").set_index(["system", "kind"])
    pairs = pd.read_csv(results / "scores/test/adapter_pair/seed1.csv")
    expected = pairs.query("metric == 'bleu' and pair == 'en-a1'")["score"].item()
    assert table.loc[("Elsewhere", "absolute"), "high_o2m"] == expected
    assert math.isnan(table.loc[("Elsewhere", "absolute"), "low_o2m"])
    parameters = pd.read_csv(own / "tables/parameters.csv", index_col="system")["total"]
    assert (
        parameters["baseline"]
        == pd.read_csv(results / "tables/parameters.csv", index_col="system")["total"]["baseline"]
    )
    assert parameters["elsewhere"] == 12345


def test_bad_corpora_stop_the_run_with_a_message_and_leave_nothing(
    snakemake: Snakemake, overlay: Callable[[dict], str], tmp_path: Path
) -> None:
    splits = [
        {"name": "train", "format": "text", "path": "train.{pair}.{lang}", "origin": "my own"},
        {"name": "valid", "format": "builtin", "sentences": 20},
        {"name": "test", "format": "builtin", "sentences": 20},
    ]
    settings = overlay({"corpora": {"folder": str(tmp_path), "splits": splits}})
    done = snakemake(tmp_path, overlays=(TINY, settings))
    assert done.returncode != 0
    assert "train.en-a1.en" in done.stdout
    assert "my own" in done.stdout
    assert "Traceback" not in done.stdout.split("Logfile")[-1]
    assert not list((tmp_path / "results/tiny/corpora").glob("*"))
