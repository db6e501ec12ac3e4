"""The experiment at a tiny size, with the commands of docs/findings.md."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from neuron_specialization.neurons.storage import Counts, Masks
from tests.workflow.conftest import Snakemake

pytestmark = pytest.mark.slow

OVERLAYS = (
    "config/experiment.yaml",
    "config/experiment_cpu.yaml",
    "tests/workflow/experiment/config.yaml",
)
SEEDS = (1, 2)
OURS = "Neuron specialization"
# systems with both seeds here; the others have only the first
COMPARED = ("baseline", "continued", "neuron_specialization")
COMPARED += ("long_baseline", "long_continued", "long_specialization")


def stop_while_training(project: Path, folder: Path, overlays: tuple[str, ...]) -> str:
    """Stop a run as `timeout` does, once a system has a checkpoint; return the output.

    The stopped system has not finished training.
    """
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--directory", str(folder)]
    command += ["--configfile", *(str(project / overlay) for overlay in overlays)]
    with (folder / "output.txt").open("w+", encoding="utf-8") as output:
        run = subprocess.Popen(
            command, cwd=project, stdout=output, stderr=output, start_new_session=True
        )
        while not list(folder.glob("results/*/models/long_baseline/*/work-*/checkpoint.*.pt")):
            assert run.poll() is None, (folder / "output.txt").read_text(encoding="utf-8")
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGTERM)
        assert run.wait(timeout=600) != 0
        output.seek(0)
        return output.read()


@pytest.fixture(scope="module")
def results(
    data_folder: Path,
    project: Path,
    snakemake: Snakemake,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return the results of two commands, the first of which was stopped."""
    folder = tmp_path_factory.mktemp("experiment")
    systems = pd.read_csv(project / "config/experiment/systems_cpu.tsv", sep="\t", dtype=str)
    systems = systems[~systems["system"].str.startswith("longest")].copy()  # two lengths are enough
    few = systems["system"].isin(COMPARED)
    systems["seed"] = few.map({True: " ".join(map(str, SEEDS)), False: str(SEEDS[0])})
    systems.to_csv(folder / "systems.tsv", sep="\t", index=False)
    mine = folder / "mine.yaml"
    mine.write_text(f"systems: {folder}/systems.tsv\ncorpora: {{folder: {data_folder}}}\n")
    overlays = (*OVERLAYS, str(mine))
    stop_while_training(project, folder, overlays)
    done = snakemake(folder, overlays=overlays)
    assert done.returncode == 0, done.stdout[-5000:]
    return folder / "results/experiment_tiny"


def test_a_stopped_run_resumed(results: Path) -> None:
    logs = [path.read_text(encoding="utf-8") for path in results.glob("logs/train_system/long_b*")]
    assert any("Loaded checkpoint" in log for log in logs)
    assert not list(results.glob("models/*/*/work-*"))


def test_held_out_verses_are_not_trained_on(results: Path) -> None:
    report = pd.read_csv(results / "corpora/report.tsv", sep="\t").set_index(["split", "pair"])
    assert report.loc[("train", "en-de"), "kept"] == 400
    assert report.loc[("flores", "en-de"), "kept"] == 10
    english = {
        split: set((results / f"corpora/{split}.en-ru.en").read_text(encoding="utf-8").split("\n"))
        for split in ("valid", "test")
    }
    for pair in ("de", "sv", "ru", "cs"):
        text = (results / f"corpora/train.en-{pair}.en").read_text(encoding="utf-8")
        assert not set(text.split("\n")[:-1]) & (english["valid"] | english["test"])


def test_all_continuations_of_a_baseline_saw_the_same_batches(results: Path) -> None:
    table = pd.read_csv(results / "tables/trainings.csv", keep_default_na=False)
    continued = table[table["parent"] != ""]
    seen = continued.groupby(["parent", "seed", "system"])["sha256"].agg("".join)
    assert len(seen) == 10 + 2
    different = seen.groupby(["parent", "seed"]).nunique()
    assert len(different) == 2 * len(SEEDS)
    assert different.eq(1).all()
    assert set(table["metric"]) == {"chrf"}


def test_gains_are_against_the_continued_baseline_of_each_length(results: Path) -> None:
    for split in ("test", "flores"):
        gains = pd.read_csv(results / f"tables/{split}/levels.chrf.gains.csv")
        control = gains[(gains["role"] == "control") & (gains["group"] == "All")]
        against = control.groupby("against")["system"].agg(set)
        assert OURS in against["Continued baseline"]
        assert against["Long continued baseline"] == {f"Long, {OURS.lower()}"}
        assert gains["half_width"].notna().eq(gains["seeds"] > 1).all()
        assert control[control["system"] == OURS]["seeds"].eq(len(SEEDS)).all()
        assert (results / f"figures/{split}/gains.chrf.pdf").is_file()


def test_neurons_are_compared_with_the_same_number_drawn_at_random(results: Path) -> None:
    gains = pd.read_csv(results / "tables/test/levels.chrf.gains.csv")
    against = gains[gains["role"] == "shuffled"].groupby("system")["against"].agg(set)
    assert against.to_dict() == {
        OURS: {"Shuffled neurons"},
        "Masks alone": {"Shuffled masks alone"},
        "Long, masks alone": {"Long, shuffled masks alone"},
    }


def test_systems_of_only_masks_are_the_masked_baseline(results: Path) -> None:
    for prefix in ("", "long_"):
        sizes = [
            Masks.load(results / f"masks/{prefix}{name}/seed1.npz").mask_LNF.sum(axis=-1)
            for name in ("masked", "masked_shuffled")
        ]
        assert (sizes[0] == sizes[1]).all()
        assert not (results / f"models/{prefix}masked").exists()
    wins = pd.read_csv(results / "tables/test/levels.chrf.wins.csv")
    against = set(wins.loc[wins["system"] == "Masks alone", "against"])
    assert against == {"Baseline", "Shuffled masks alone"}


def test_neurons_are_identified_on_text_other_than_verses(results: Path) -> None:
    counts = Counts.load(results / "activations/baseline/seed1.npz")
    assert counts.provenance["split"] == "ntrex"
    assert 0 < counts.sentence_LNF.max() <= 100
    relations = pd.read_csv(results / "neurons/baseline/seed1/sentence.k95/families.csv")
    assert len(relations)
