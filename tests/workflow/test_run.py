"""Whole runs of the workflow on a few hundred sentences."""

import hashlib
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from neuron_specialization.evaluation.significance import SignificanceSettings, compare_systems
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.methods.adapters import is_adapter
from neuron_specialization.methods.weight_masks import WeightMasks
from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.selection import select_all
from neuron_specialization.neurons.sides import with_pivot
from neuron_specialization.neurons.storage import Counts, Masks
from tests.browser import errors, open_page, wait_until
from tests.workflow.conftest import Snakemake, compile_latex

pytestmark = pytest.mark.slow

# a label and a language's name in the tables of tests/workflow/tiny
HOSTILE = '<img src=x onerror="document.title=1"> $x$ ![a](b) {{ item }}'
CONTINUATIONS = {
    "continued": "Continued baseline",
    "adapter_pair": "Pair adapters",
    "adapter_family": "Family adapters",
    "lass": "LaSS",
    "random": "Random",
    "encoder_only": "Encoder only",
    "decoder_only": "Decoder only",
    "neuron_specialization": "Neuron specialization",
    "shuffled": f"Shuffled {HOSTILE}",
}
SHALLOW = {"shallow": "Shallow", "shallow_specialization": "Shallow, specialized"}
SAME_K = ("neuron_specialization",)
MASKED = {"masked": "Masked, not trained"}
MULTILINGUAL = {"baseline": "Baseline"} | CONTINUATIONS | SHALLOW | MASKED
ZERO_SHOT = ("baseline", "continued", "neuron_specialization", "masked")
BILINGUAL = {"bilingual_high": ["a1-en", "en-a1"], "bilingual_low": ["b1-en", "en-b1"]}


def read_masks(results: Path, system: str) -> Masks:
    """Return the masks of the directions that a system is trained on."""
    return with_pivot(Masks.load(results / f"masks/{system}/seed1.npz"), "en")


def test_the_table_has_every_system(results: Path) -> None:
    table = (results / "tables/test/levels.bleu.md").read_text(encoding="utf-8")
    shown = table.replace("&lt;", "<").replace("\\]", "]")
    for label in MULTILINGUAL.values():
        assert f"| {label} " in shown
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


def test_every_continuation_has_its_paired_tests(results: Path) -> None:
    for system in CONTINUATIONS:
        tests = pd.read_csv(results / f"significance/test/{system}/seed1.csv")
        rivals = set(tests.loc[tests["role"] == "rival", "other"])
        expected = (
            {*CONTINUATIONS} - {system, "continued", "shuffled"} if system in SAME_K else set()
        )
        assert rivals == expected
        means = tests[tests["cell"].notna()]
        assert means[["score", "other_score", "low", "high", "p_value"]].notna().all(axis=None)
        tests = tests[(tests["role"] != "rival") & tests["cell"].isna()]
        others = {"baseline"} if system == "continued" else {"baseline", "continued"}
        others |= {"shuffled"} if system in SAME_K else set()
        assert set(tests["other"]) == others
        shared = [4 + 2 * ({system, other} <= {*ZERO_SHOT}) for other in others]
        assert len(tests) == sum(shared) * 3  # directions, metrics
        sentences = pd.read_parquet(results / f"scores/test/{system}/seed1.parquet")
        assert len(sentences) == 20 * (4 + 2 * (system in ZERO_SHOT)) * 3
    wins = pd.read_csv(results / "tables/test/levels.bleu.wins.csv", keep_default_na=False)
    everything = wins.query("group == 'All' and direction == 'Avg'")
    # shallow has no control, and systems that are not fine-tuned need none
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
    directions |= dict.fromkeys(ZERO_SHOT, sorted([*every, "a1-b1", "b1-a1"]))
    for system, pairs in directions.items():
        folder = results / f"translations/test/{system}/seed1"
        assert sorted(path.stem for path in folder.glob("*.txt")) == pairs
        for path in folder.glob("*.txt"):
            assert path.read_text(encoding="utf-8").count("\n") == 20
        scores = pd.read_csv(results / f"scores/test/{system}/seed1.csv")
        assert len(scores) == len(pairs) * 3
        assert scores["sentences"].eq(20).all()


def test_the_likelihood_of_references_is_per_token_of_the_text(results: Path) -> None:
    joint, pair = (
        pd.read_csv(results / f"nll/test/{system}/seed1.csv").set_index("pair")
        for system in ("baseline", "bilingual_low")
    )
    assert joint["signature"].unique() == ["nll|tokens:joint"]
    assert pair["signature"].unique() == ["nll|tokens:pair"]
    # 20 updates have learned something: a uniform guess of 200 pieces and tags is 5.3
    assert joint["score"].between(2, np.log(200)).all()
    text = (results / "tables/test/bilingual.nll.md").read_text(encoding="utf-8")
    assert "Tokens are of several vocabularies (joint, pair)" in text
    assert "Tokens are of several" not in (results / "tables/test/levels.nll.md").read_text("utf-8")


def test_directions_pass_through_each_others_masks(results: Path) -> None:
    for system, seed in (
        ("neuron_specialization", 1),
        ("shallow_specialization", 2),
        ("masked", 1),
    ):
        folder = results / f"neurons/{system}/seed{seed}"
        table = pd.read_csv(folder / "cross_masks.csv")
        assert len(table) == 2 * 2 * 2  # sides, directions, masks
        own = table[table["direction"] == table["mask"]].set_index("direction")["nll"]
        scores = pd.read_csv(results / f"nll/test/{system}/seed{seed}.csv").set_index("pair")
        assert own.to_dict() == pytest.approx(scores["score"].loc[own.index].to_dict(), rel=1e-5)
        tests = pd.read_csv(folder / "cross_masks.tests.csv")
        assert tests["excess"].notna().all()
        assert (folder / "cross_masks.o2m.pdf").is_file()
        assert "| en→X " in (folder / "cross_masks.md").read_text(encoding="utf-8")


def test_all_continuations_saw_the_same_batches(results: Path) -> None:
    def batches(run: str) -> list[str]:
        log = (results / f"logs/train_system/{run}.log").read_text(encoding="utf-8")
        return re.findall(r"trained on (\d+ batches, sha256 \w{16})", log)

    found = {name: batches(f"{name}.seed1") for name in CONTINUATIONS}
    assert len(found["continued"]) == 2
    assert found == dict.fromkeys(CONTINUATIONS, found["continued"])
    assert batches("shallow_specialization.seed2") != batches("shallow_specialization.seed1")


def test_the_table_of_runs_shows_that_they_saw_the_same_batches(results: Path) -> None:
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


def test_an_untrained_mask_is_applied_to_the_parent(results: Path) -> None:
    assert not (results / "models/masked").exists()
    masks = [Masks.load(results / f"masks/{name}/seed1.npz") for name in (*MASKED, *SAME_K)]
    np.testing.assert_array_equal(masks[0].mask_LNF, masks[1].mask_LNF)
    for folder in ("translations/test", "scores/test"):
        assert list((results / folder / "masked").iterdir())


def test_shuffled_masks_have_the_sizes_of_the_selected_ones(results: Path) -> None:
    shuffled, selected = (read_masks(results, name).mask_LNF for name in ("shuffled", *SAME_K))
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


def test_lass_keeps_the_weights_that_its_row_specifies(results: Path) -> None:
    parts = [WeightMasks.load(results / f"weight_masks/lass/seed1/{i}-of-2.npz") for i in (1, 2)]
    masks = WeightMasks.join(parts)
    assert sorted(masks.directions) == ["a1-en", "b1-en", "en-a1", "en-b1"]
    assert "decoder.output_projection.weight" in masks.shapes  # as its row specifies
    size = math.prod(masks.shapes["encoder.layers.0.fc1.weight"])
    kept = np.unpackbits(masks.bits["encoder.layers.0.fc1.weight"], axis=1).sum(axis=1)
    assert (kept == size - size * 7 // 10).all()


def test_adapters_are_stored_alone(results: Path) -> None:
    state = read_checkpoint(results / "models/adapter_family/seed1/checkpoint.pt")
    assert all(map(is_adapter, state["model"]))
    assert {tensor.size(0) for tensor in state["model"].values()} == {4}  # two families, two sides


def test_parameters_match_the_checkpoints(results: Path) -> None:
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
    masks = read_masks(results, "neuron_specialization")
    held = (counts.token_LNF * masks.mask_LNF).sum(-1) / counts.token_LNF.sum(-1)
    assert (held >= 0.95).all()
    assert masks.provenance["k"] == 95
    assert masks.provenance["checkpoint"] == counts.provenance["checkpoint"]


def test_every_kind_of_mask_matches_its_row(results: Path) -> None:
    masks = {
        name: read_masks(results, name)
        for name in ("random", "encoder_only", "decoder_only", "neuron_specialization")
    }
    both = masks["neuron_specialization"]
    assert (masks["random"].mask_LNF.sum(-1) == 22).all()  # 70 % of 32
    assert masks["encoder_only"].layers == ("encoder.layers.0",)
    assert masks["decoder_only"].layers == ("decoder.layers.0",)
    assert (masks["encoder_only"].mask_LNF == both.mask_LNF[:, :1]).all()
    by_sentence = masks["decoder_only"]
    assert by_sentence.provenance["counting"] == "sentence"
    assert (by_sentence.mask_LNF.sum(-1) == both.mask_LNF[:, 1:].sum(-1)).all()
    assert (by_sentence.mask_LNF != both.mask_LNF[:, 1:]).any()


NEURONS = "neurons/baseline/seed1/token.k95"


def test_figures_have_the_numbers_of_the_counts(results: Path) -> None:
    counts = Counts.load(results / "activations/baseline/seed1.npz")
    overlap = Overlap.of(select_all(counts, k=95, counting="token"), "en")
    written = pd.read_csv(results / NEURONS / "overlap.csv", float_precision="round_trip")
    pd.testing.assert_frame_equal(written, overlap.table())
    for name, layer in (("figure1", "decoder.layers.0"), ("figure7", "encoder.layers.0")):
        path = results / NEURONS / f"{name}.csv"
        data = pd.read_csv(path, index_col="language", float_precision="round_trip")
        expected = overlap.matrix(layer, ["a1", "b1"])
        assert data.loc["a1", "b1"] == data.loc["b1", "a1"] == expected[0, 1]
    for name in ("figure1", "figure2", "figure5", "figure6", "figure7", "figure8", "dendrograms"):
        assert (results / NEURONS / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (results / NEURONS / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_relations_include_the_untrained_model(results: Path) -> None:
    relations = pd.read_csv(results / NEURONS / "relations.csv")
    assert relations["layer"].tolist() == ["encoder.layers.0", "decoder.layers.0"]
    assert relations["across"].between(0, 1).all()
    assert relations["untrained_across"].ne(relations["across"]).any()
    text = (results / NEURONS / "relations.md").read_text(encoding="utf-8")
    assert "No family has two languages" in text


def test_null_comparisons_of_the_run_are_rarely_significant(results: Path) -> None:
    """Two systems whose sentences are swapped at random do not differ.

    Few sentences, many of them equal, leave few values of p: there is no lower bound.
    """
    generator = np.random.default_rng(6)
    own, other = (
        pd.read_parquet(results / f"scores/test/{system}/seed1.parquet")
        for system in ("neuron_specialization", "continued")
    )
    settings = SignificanceSettings(test="randomisation", samples=499, seed=2)
    p_values = []
    for _ in range(40):
        swapped = generator.random(len(own)) < 0.5
        mixed = [
            first.assign(statistics=first["statistics"].where(~swapped, second["statistics"]))
            for first, second in ((own, other), (other, own))
        ]
        p_values += compare_systems(*mixed, settings)["p_value"].tolist()
    assert len(p_values) >= 300
    assert np.mean(np.array(p_values) < 0.05) <= 0.07


def test_claims_are_judged_by_the_run(results: Path) -> None:
    claims = pd.read_csv(results / "tables/claims.csv", keep_default_na=False)
    verdicts = claims.groupby("claim")["verdict"].first()
    assert verdicts["No extra parameters"] == "confirmed"
    reasons = claims.set_index(["claim", "metric"])["reason"]
    assert "converged red" in reasons["Gain over the continued baseline, all directions", "bleu"]
    assert {"bleu", "chrf", "nll"} <= set(claims["metric"])
    assert set(verdicts) <= {"confirmed", "contradicted", "not shown", "cannot be shown here"}
    text = (results / "tables/claims.md").read_text(encoding="utf-8")
    assert "Cannot be shown here: lines of the diagnosis" in text


def test_the_main_tables_quote_the_diagnosis(results: Path) -> None:
    table = pd.read_csv(results / "tables/diagnosis.csv", keep_default_na=False)
    status = table.set_index(["line", "part"])["status"]
    assert status["converged", ""] == "red"  # after 20 updates
    assert status["interference", "high"] in ("green", "red")
    assert status["restart", "updates"] == "green"
    assert not status[["further training", "neurons", "sparsity"]].eq("unknown").any()
    red = table.loc[table["status"] == "red", "reason"]
    for metric in ("bleu", "chrf"):
        text = (results / f"tables/test/levels.{metric}.md").read_text(encoding="utf-8")
        assert text.count("Red in this run's diagnosis") == len(red)
        assert all(reason in text for reason in red)
    other = (results / "tables/test/bilingual.bleu.md").read_text(encoding="utf-8")
    assert "diagnosis" not in other


def test_sparsity_is_explained_for_both_ways_of_counting(results: Path) -> None:
    token, sentence = (
        pd.read_csv(results / f"neurons/baseline/seed1/{name}.k95/activity.csv")
        for name in ("token", "sentence")
    )
    shared = ["layer", "side", "always", "never"]
    pd.testing.assert_frame_equal(token[shared], sentence[shared])
    assert len(token) == 2 * 2
    assert token["always"].between(0, 1).all()
    assert (sentence["sparsity"] <= token["sparsity"]).all()
    text = (results / NEURONS / "relations.md").read_text(encoding="utf-8")
    assert "Counts of sentences saturate" in text


def test_efficiency_comes_from_the_jobs(results: Path) -> None:
    table = pd.read_csv(results / "tables/table4.csv", index_col="system")
    assert set(table.index) == {*MULTILINGUAL, *BILINGUAL}
    masks = results / "masks/neuron_specialization/seed1.npz"
    assert table.loc["neuron_specialization", "stored_bytes"] == masks.stat().st_size
    assert table.loc["lass", "identification_seconds"] > 0
    assert (
        table.loc["random", "identification_seconds"]
        < table.loc["encoder_only", "identification_seconds"]
    )
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
    assert shown.startswith(f"b1 Borun {HOSTILE}, B, Cyrillic")
    assert float(shown.split()[-1]) == pytest.approx(expected, abs=5e-5)


def test_the_report_opens_without_network_or_errors(
    results: Path, tiny_run: Path, snakemake: Snakemake, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    done = snakemake(tiny_run, "--report", str(path), project=tiny_run)
    assert done.returncode == 0, done.stdout[-5000:]

    def shows(page: webdriver.Chrome, *texts: str) -> bool:
        body = page.find_element(By.TAG_NAME, "body").text
        return all(text in body for text in texts)

    with open_page(path) as page:
        wait_until(lambda: page.find_elements(By.CSS_SELECTOR, ".first-page svg"))
        assert shows(page, "BLEU on tiny, test: levels", f"Shuffled {HOSTILE}")
        assert not page.find_elements(By.CSS_SELECTOR, ".first-page img")
        assert page.title != "1"
        for category, items in {
            "Neurons": ["Explorer", "Families", "Figure 1: first decoder layer", "Dendrograms"],
            "Scores": ["levels", "bilingual"],
            "Diagnosis": ["Diagnosis"],
            "Set-up": ["Table 4: efficiency", "Table 5: languages", "Settings"],
        }.items():
            page.refresh()
            wait_until(lambda: shows(page, "Read the gains against the continued baseline"))
            page.find_element(By.XPATH, f"//span[text()='{category}']").click()
            wait_until(lambda items=items: shows(page, *items))
        assert errors(page) == []


def test_work_folders_are_removed_and_logs_exist(results: Path) -> None:
    assert not list(results.glob("models/**/work*"))
    assert not list(results.glob("weight_masks/**/work*"))
    trained = MULTILINGUAL.keys() - MASKED.keys()
    for system in trained | BILINGUAL.keys():
        folder = results / f"models/{system}/seed1/tensorboard"
        assert list(folder.rglob("events.out.tfevents.*"))
    for system in trained:
        assert (results / f"logs/train_system/{system}.seed1.log").stat().st_size
