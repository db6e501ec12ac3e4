"""Jobs that rerun after an edit, a changed setting or a move."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from neuron_specialization.methods.weight_masks import WeightMasks
from tests.workflow.conftest import TINY, Snakemake
from tests.workflow.test_plans import planned_jobs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clone(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project and its results that tests may edit."""
    return shutil.copytree(tiny_run, tmp_path_factory.mktemp("clone") / "project")


@pytest.fixture(scope="module")
def results(clone: Path) -> Path:
    """Return the results in the copy."""
    return clone / "results/tiny"


JUDGED = {"make_diagnosis": 1, "judge_claims": 1}
# translation and the jobs that depend on it
TRANSLATED = {
    **dict.fromkeys(("translate_split", "postprocess_outputs", "score_system"), 17),
    **{"compare_systems": 12, "make_table": 9, "draw_scores": 9, "make_setup_table": 1},
    **JUDGED,
}
CROSSED = ("cross_masks", "draw_cross_masks")


def trained(systems: int, setup_tables: int, **others: int) -> dict[str, int]:
    """Return the jobs that rerun if some systems are retrained, with their set-up tables."""
    evaluated = ("translate_split", "postprocess_outputs", "score_references", "score_system")
    evaluated += ("compare_systems",)
    return {
        **dict.fromkeys(("train_system", *evaluated), systems),
        **{"make_table": 9, "draw_scores": 9, "make_setup_table": setup_tables},
        **{"draw_trainings": 1, **others},
    }


def test_a_second_run_has_nothing_to_do(clone: Path, snakemake: Snakemake) -> None:
    assert "Nothing to be done" in snakemake(clone, project=clone).stdout


def test_a_moved_checkout_has_nothing_to_do(clone: Path, snakemake: Snakemake) -> None:
    moved = clone.rename(clone.with_name("moved"))
    try:
        assert "Nothing to be done" in snakemake(moved, project=moved).stdout
    finally:
        moved.rename(clone)


def test_missing_logs_do_not_cause_retraining(
    results: Path, clone: Path, snakemake: Snakemake
) -> None:
    logs = (results / "logs").rename(results / "elsewhere")
    table = ["--dry-run", "--quiet", "rules", "--forcerun", "make_setup_table"]
    try:
        planned = planned_jobs(snakemake(clone, *table, project=clone).stdout)
    finally:
        logs.rename(results / "logs")
    assert planned == {"make_setup_table": 4, "all": 1}


@pytest.mark.parametrize(
    ("module", "jobs"),
    [
        (
            "tables/render.py",
            {
                **dict.fromkeys(("count_parameters", "describe_settings", "draw_trainings"), 1),
                **dict.fromkeys(("measure_neurons", "draw_neurons"), 2),
                **{"make_table": 9, "make_setup_table": 4, "draw_scores": 9, **JUDGED},
                "draw_cross_masks": 4,
            },
        ),
        (
            "evaluation/scoring.py",
            {
                **dict.fromkeys(("score_references", "score_system"), 17),
                **{"compare_systems": 12, "make_table": 9, "draw_scores": 9, **JUDGED},
            },
        ),
        (
            "evaluation/significance.py",
            {"compare_systems": 12, "make_table": 9, "draw_scores": 9, **JUDGED},
        ),
        (
            "neurons/selection.py",
            trained(8, 2, measure_neurons=2, draw_neurons=2, select_neurons=8)
            | dict.fromkeys(CROSSED, 4)
            | JUDGED
            | {"train_system": 7},  # systems of only masks are not trained
        ),
        (
            "fairseq_plugin/decoding.py",
            TRANSLATED | {"score_references": 17} | dict.fromkeys(CROSSED, 4),
        ),
    ],
)
def test_an_edit_reruns_exactly_what_depends_on_it(
    clone: Path, snakemake: Snakemake, module: str, jobs: dict[str, int]
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
            trained(9, 3, count_parameters=1, **dict.fromkeys(CROSSED, 1), **JUDGED),
        ),
        ({"decoding": {"beam": 2}}, TRANSLATED),
        (
            {"architectures": {"tiny": {"fine_tuning": {"max_updates": 3}}}},
            # LaSS is a rival of the specialized system
            trained(1, 2, fine_tune_directions=2) | {"compare_systems": 2} | JUDGED,
        ),
    ],
)
def test_a_setting_reruns_exactly_what_depends_on_it(
    clone: Path,
    snakemake: Snakemake,
    overlay: Callable[[dict], str],
    settings: dict,
    jobs: dict[str, int],
) -> None:
    overlays = (TINY, overlay(settings))
    done = snakemake(clone, "--dry-run", "--quiet", "rules", project=clone, overlays=overlays)
    assert planned_jobs(done.stdout) == jobs | {"describe_settings": 1, "all": 1}


SCORED = {"translate_split", "postprocess_outputs", "score_system", "compare_systems"}
SCORED |= {"score_references"}
SHOWN = {"check_texts", "report_corpora", "make_table", "make_setup_table"}
SHOWN |= {"draw_scores", "describe_settings"}
NEW_TEST = {"prepare_test", "join_tests", "binarise_corpora"} | SCORED | SHOWN


@pytest.fixture
def planned(clone: Path, snakemake: Snakemake, overlay: Callable[[dict], str]) -> Callable:
    """Return a function that returns the rules that some settings plan, without `all`."""

    def plan(settings: dict, folder: Path = clone) -> set[str]:
        arguments = ("--dry-run", "--quiet", "rules")
        overlays = (TINY, overlay(settings))
        done = snakemake(folder, *arguments, project=folder, overlays=overlays)
        assert done.returncode == 0, done.stdout
        return set(planned_jobs(done.stdout)) - {"all"}

    return plan


def test_tests_are_no_inputs_of_training(
    tiny_run: Path,
    planned: Callable,
    snakemake: Snakemake,
    overlay: Callable[[dict], str],
    tmp_path: Path,
) -> None:
    """A cap, a further test split and a corrected letter lead to scores, never to models."""
    own = shutil.copytree(tiny_run, tmp_path / "project")  # as this makes text anew
    splits = [
        {"name": "train", "format": "builtin"},
        {"name": "valid", "format": "builtin", "sentences": 20},
        {"name": "test", "format": "builtin", "sentences": 19},
    ]
    # the diagnosis is of the first split, as are the claims
    new_test = NEW_TEST | {*JUDGED}
    assert planned({"corpora": {"splits": splits}}, own) == new_test | {*CROSSED}
    splits[2]["sentences"] = 20
    splits.append({"name": "own", "format": "text", "path": str(own / "own.{pair}.{lang}")})
    settings = {"corpora": {"splits": splits}, "test_splits": ["test", "own"]}
    for pair in ("en-a1", "en-b1"):
        for language in pair.split("-"):
            (own / f"own.{pair}.{language}").write_text("une lettre\n" * 3, encoding="utf-8")
    assert planned(settings, own) == NEW_TEST
    done = snakemake(own, "corpora", project=own, overlays=(TINY, overlay(settings)))
    assert done.returncode == 0, done.stdout[-5000:]
    made = {"prepare_test", "join_tests", "binarise_corpora", "check_texts", "report_corpora"}
    assert set(planned_jobs(done.stdout)) == made | {"corpora"}
    assert "prepare_test" not in planned(settings, own)
    (own / "own.en-a1.a1").write_text("une letrre\n" * 3, encoding="utf-8")
    assert planned(settings, own) == NEW_TEST


def test_a_language_that_no_direction_uses_changes_no_model(
    clone: Path,
    planned: Callable,
    snakemake: Snakemake,
    overlay: Callable[[dict], str],
    tmp_path: Path,
) -> None:
    """Once a system uses it, the joint models are trained anew, which the plan says."""
    tables = {name: clone / f"tests/workflow/tiny/{name}.tsv" for name in ("languages", "systems")}
    rows = tables["languages"].read_text(encoding="utf-8").splitlines()
    rows.insert(2, "c1\tCevish\tC\tLatin\tlow\t100")
    (tmp_path / "languages.tsv").write_text("\n".join(rows), encoding="utf-8")
    systems = tables["systems"].read_text(encoding="utf-8")
    named = systems.replace("\tall\t", "\ten-a1 en-b1 a1-en b1-en\t")
    (tmp_path / "systems.tsv").write_text(named, encoding="utf-8")
    settings = {"languages": str(tmp_path / "languages.tsv")}
    assert not planned(settings | {"systems": str(tmp_path / "systems.tsv")}) & (
        SCORED | {"prepare_training", "learn_vocabulary", "train_system"}
    )
    overlays = (TINY, overlay(settings))
    done = snakemake(clone, "--dry-run", "--quiet", "rules", project=clone, overlays=overlays)
    assert {"prepare_training", "learn_vocabulary", "train_system"} <= set(
        planned_jobs(done.stdout)
    )
    assert "the joint vocabulary has no c1" in done.stdout


def test_an_additional_k_trains_only_that_k(
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
    once = ("select_neurons", "train_system", "translate_split", "score_references")
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
    assert planned["draw_scores"] == 15
    # tables name the settings, so they are regenerated; nothing else is counted or trained
    assert not {"fine_tune_directions", "train_bilingual", "count_parameters"} & set(planned)


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
