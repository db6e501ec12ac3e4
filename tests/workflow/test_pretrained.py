"""A whole run from a model folder of transformers, and back to one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from neuron_specialization.neurons.storage import Counts, Masks
from tests.cli.test_main import run
from tests.conftest import PROJECT
from tests.export.served import CUT, SHORT, Served, diversify
from tests.fairseq_plugin.huggingface import UNLIKE, Folder, make_model_folder
from tests.workflow.conftest import TINY, Snakemake, write_overlay
from tests.workflow.test_make_plan import read_config

LANGUAGES = ("en", "a1", "b1")
ROWS = """system label method architecture parent directions options
base NLLB multilingual nllb - all checkpoint={folder},codes=nllb
continued Continued multilingual - base all -
ours Ours neuron_specialization - base all k=95
lass LaSS lass - base all pruning=0.5
adapters Adapters adapter - base all sharing=pair,bottleneck=4
masked Masked neuron_specialization - base all k=70,fine_tune=no
"""
TRAINING = {
    **{"max_tokens": 600, "update_freq": 1, "max_updates": 4, "validate_every": 4},
    "fine_tuning": {"max_updates": 2, "validate_every": 2},
}
DIRECTION = "en-a1"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run from a model folder."""

    original: Folder
    results: Path


@pytest.fixture(scope="module")
def finished(snakemake: Snakemake, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("pretrained")
    original = make_model_folder("nllb", folder / "model", **UNLIKE)
    diversify(original)
    write_tables(folder, original)
    config = read_config(PROJECT / TINY)
    del config["vocabulary"], config["pair_vocabulary"]
    config |= {
        "languages": str(folder / "languages.tsv"),
        "systems": str(folder / "systems.tsv"),
        "architectures": {"nllb": TRAINING},
        "analysis": {"counting": "token", "cross_masks": {"sentences": 5}},
        "decoding": {"beam": SHORT.beam, "max_len_a": 0, "max_len_b": SHORT.max_len_b},
        "metrics": ["chrf", "nll"],
        "tables": {"levels": {"layout": "levels"}},
    }
    done = snakemake(folder, overlays=(write_overlay(folder / "config.yaml", config),))
    assert done.returncode == 0, done.stdout[-5000:]
    return Run(original=original, results=folder / "results/tiny")


def write_tables(folder: Path, original: Folder) -> None:
    """Write the tables of languages and systems."""
    rows = ["code\tname\tfamily\tscript\tlevel\tmax_pairs\tnllb"]
    rows += [f"{x}\t{x}\tF{x}\tLatin\thigh\t200\t{original.codes[x]}" for x in LANGUAGES]
    (folder / "languages.tsv").write_text("\n".join(rows) + "\n")
    cells = [line.split(" ") for line in ROWS.format(folder=original.path).splitlines()]
    lines = ["\t".join("" if c == "-" else c.replace(",", " ") for c in row) for row in cells]
    (folder / "systems.tsv").write_text("\n".join(lines) + "\n")


def test_every_system_has_a_row_and_figures_are_drawn(finished: Run) -> None:
    table = pd.read_csv(finished.results / "tables/test/levels.nll.csv")
    assert [*table["system"].unique()] == [
        *("NLLB", "Continued", "Ours", "LaSS", "Adapters", "Masked")
    ]
    assert np.isfinite(table["all_avg"]).all()
    assert (table.query("system == 'Ours' and kind == 'delta'")["all_avg"] != 0).all()
    for number in (1, 2, 5):
        figure = finished.results / f"neurons/base/seed1/token.k95/figure{number}.pdf"
        assert figure.stat().st_size > 1000


def test_neurons_are_those_of_both_stacks(finished: Run) -> None:
    counts = Counts.load(finished.results / "activations/base/seed1.npz")
    assert len(counts.layers) == UNLIKE["encoder_layers"] + UNLIKE["decoder_layers"]
    masks = Masks.load(finished.results / "masks/masked/seed1.npz")
    assert masks.widths_N is not None
    assert masks.widths_N.tolist() == [24, 24, 24, 40]
    assert not masks.mask_LNF[:, :3, 24:].any()


def test_the_masked_model_goes_back_to_transformers_and_to_ctranslate2(
    finished: Run, tmp_path: Path
) -> None:
    results, vocabulary = finished.results, finished.results / "vocabularies/joint"
    options = ["--direction", DIRECTION, "--data", results / "binarised/train/joint"]
    options += ["--vocabulary", vocabulary, "--masks", results / "masks/masked/seed1.npz"]
    options += ["--formats", "huggingface", "ctranslate2", "--tokenizer", finished.original.path]
    out = tmp_path / "out"
    run("export", results / "models/base/seed1/checkpoint.pt", out, *options)
    sources = results / f"corpora/test.{DIRECTION}.en"
    expected = (results / f"translations/test/masked/seed1/{DIRECTION}.txt").read_text().split("\n")
    dense = (results / f"translations/test/base/seed1/{DIRECTION}.txt").read_text().split("\n")
    assert expected != dense
    lines = sources.read_text(encoding="utf-8").splitlines()
    assert Served(folder=out / "huggingface").spell(lines, vocabulary, **CUT) == expected[:-1]
    search = ["--beam", SHORT.beam, "--max-len-b", SHORT.max_len_b]
    run("translate", out, "--input", sources, "--output", tmp_path / "hypotheses", *search)
    assert (tmp_path / "hypotheses").read_text(encoding="utf-8").split("\n") == expected


def test_the_checkpoint_says_where_it_came_from(finished: Run) -> None:
    settings = yaml.safe_load((finished.results.parents[1] / "config.yaml").read_text())
    assert "vocabulary" not in settings
    dictionary = (finished.results / "vocabularies/joint/dict.txt").read_text(encoding="utf-8")
    assert all(f"\n__{language}__ " in dictionary for language in LANGUAGES)
