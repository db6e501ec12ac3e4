"""Runs with external results, checkpoints, outputs and corpora."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.neurons.selection import select_neurons
from neuron_specialization.neurons.sides import with_pivot
from neuron_specialization.neurons.storage import Counts, Masks
from neuron_specialization.workflow.packed_results import merge, pack
from tests.fairseq_plugin.external_checkpoints import as_official
from tests.workflow.conftest import TINY, Snakemake
from tests.workflow.test_plans import planned_jobs

pytestmark = pytest.mark.slow


def test_packed_results_are_enough_for_tables_and_figures(
    results: Path, tiny_run: Path, snakemake: Snakemake, tmp_path: Path
) -> None:
    """As with seeds that ran elsewhere: nothing is trained, recorded or translated again."""
    pack(results, tmp_path / "packed.zip", small=True)
    assert (tmp_path / "packed.zip").stat().st_size < 1e6
    settings, table = "results/tiny/settings.json", "results/tiny/tables/test/levels.bleu.md"
    assert snakemake(tmp_path, settings, project=tiny_run).returncode == 0
    assert merge(tmp_path / "packed.zip", tmp_path / "results/tiny")
    done = snakemake(tmp_path, "merged", project=tiny_run)
    assert done.returncode == 0, done.stdout[-5000:]
    made = set(planned_jobs(done.stdout))
    assert not made & {"train_system", "record_activations", "translate_split", "score_system"}
    assert not made & {"prepare_training", "train_bilingual", "fine_tune_directions"}
    assert not made & {"score_references", "cross_masks"}
    assert {"make_table", "draw_scores", "draw_neurons", "draw_cross_masks"} <= made
    one, other = ((folder / table).read_text(encoding="utf-8") for folder in (tiny_run, tmp_path))
    assert one == other


OWN_SYSTEMS = """\
system\tlabel\tmethod\tparent\tarchitecture\tcheckpoint\tdirections\tk\tfolder\tparameters\toptions
baseline\tBaseline\tmultilingual\t\ttiny\t{checkpoint}\tall-all\t\t\t
neuron_specialization\tOurs\tneuron_specialization\tbaseline\t\t\tall\t95\t\t
alone\tMasks alone\tneuron_specialization\tbaseline\t\t\tall-all\t95\t\t\tfine_tune=no
elsewhere\tElsewhere\timported\t\t\t\tall\t\telsewhere\t12345
"""


def test_an_external_checkpoint_and_external_outputs_in_one_table(
    results: Path, snakemake: Snakemake, overlay: Callable[[dict], str], tmp_path: Path
) -> None:
    """The baseline has the official repository's form; later steps give the same results.

    It is recorded on directions without the pivot, too, whose masks are not composed.
    """
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
    masks = [
        with_pivot(Masks.load(folder / "masks/neuron_specialization/seed1.npz"), "en")
        for folder in (own, results)
    ]
    assert (masks[0].mask_LNF == masks[1].mask_LNF).all()
    counts = Counts.load(own / "activations/baseline/seed1.npz")
    alone = Masks.load(own / "masks/alone/seed1.npz")
    assert counts.directions[4:] == alone.directions[4:] == ("a1-b1", "b1-a1")
    assert (alone.mask_LNF == select_neurons(counts.token_LNF, 95)).all()
    path = "translations/test/baseline/seed1/a1-b1.txt"
    assert (own / path).read_bytes() == (results / path).read_bytes()
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
