"""The experiment of docs/experiment.md at a tiny size, stopped once and resumed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from neuron_specialization.neurons.storage import Counts
from tests.corpora.debs import ENGLISH, help_deb, strings_deb, translated
from tests.workflow.conftest import Snakemake, write_overlay

pytestmark = pytest.mark.slow

OVERLAYS = ("config/experiment.yaml", "tests/workflow/experiment/config.yaml")
LANGUAGES = ("de", "nl", "fr", "es", "ru", "cs", "sv", "it", "pl")
TEXTS = [
    *ENGLISH,
    *(
        f"{verb} the {noun}"
        for verb in ("Open", "Close", "Print", "Rename")
        for noun in ("file", "page", "table", "chart", "border", "envelope")
    ),
]
HELP = [
    "Fonts are installed by administrators.",
    "Columns can be dragged.",
    "Ask a neighbour to help you.",
]
ROWS = ("baseline", "continued", "neuron_specialization", "shuffled")
OURS = "Neuron specialization"


def make_inputs(project: Path, folder: Path) -> None:
    """Write a mirror of the packages of all languages, and an overlay that names it.

    Only some rows of the experiment are run, with two seeds.
    """
    mirror = folder / "mirror"
    mirror.mkdir()
    help_deb(mirror, "en-US", *HELP)
    names = ["libreoffice-help-en-us"]
    for lang in LANGUAGES:
        strings_deb(mirror, lang, {text: in_script(text, lang) for text in TEXTS})
        help_deb(mirror, lang, *(in_script(text, lang) for text in HELP))
        names += [f"libreoffice-l10n-{lang}", f"libreoffice-help-{lang}"]
    header = "corpus\tfile\turl\tsha256\tbytes\tunpack\tleave_out\tlicence\tabout\n"
    rows = (f"software\t{name}.deb\tdeb:{name}\tunknown\t\t\t\tMPL-2.0\ttext\n" for name in names)
    (folder / "sources.tsv").write_text(header + "".join(rows))
    sources, downloads = str(folder / "sources.tsv"), str(folder / "downloads")
    places = {"sources": sources, "folder": downloads, "mirror": str(mirror)}
    systems = pd.read_csv(project / "config/experiment/systems.tsv", sep="\t", dtype=str)
    systems = systems[systems["system"].isin(ROWS)].replace({"seed": "1 2 3"}, "1 2")
    systems.assign(tables="levels").to_csv(folder / "systems.tsv", sep="\t", index=False)
    own = {"downloads": places, "systems": str(folder / "systems.tsv")}
    write_overlay(folder / "own.yaml", own)


def overlays_of(folder: Path) -> tuple[str, ...]:
    """Return the configuration of the tiny experiment."""
    return (*OVERLAYS, str(folder / "own.yaml"))


def in_script(text: str, lang: str) -> str:
    """Return a made-up translation; Russian's has Cyrillic letters."""
    found = translated(text, lang)
    return (
        "".join(chr(0x430 + ord(c) % 32) if c.isalpha() else c for c in found)
        if lang == "ru"
        else found
    )


def stop_while_training(project: Path, folder: Path) -> None:
    """Stop a run as `timeout` does, once the baseline has a checkpoint and still trains."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--directory", str(folder)]
    command += ["--configfile", *(str(project / overlay) for overlay in overlays_of(folder))]
    with (folder / "output.txt").open("w+", encoding="utf-8") as output:
        run = subprocess.Popen(
            command, cwd=project, stdout=output, stderr=output, start_new_session=True
        )
        while not list(folder.glob("results/*/models/baseline/*/work-*/checkpoint.*.pt")):
            assert run.poll() is None, (folder / "output.txt").read_text(encoding="utf-8")
            time.sleep(0.02)
        os.killpg(run.pid, signal.SIGTERM)
        assert run.wait(timeout=600) != 0


@pytest.fixture(scope="module")
def results(project: Path, snakemake: Snakemake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of two commands, the first of which was stopped."""
    folder = tmp_path_factory.mktemp("experiment")
    make_inputs(project, folder)
    stop_while_training(project, folder)
    done = snakemake(folder, overlays=overlays_of(folder))
    assert done.returncode == 0, done.stdout[-5000:]
    return folder / "results/experiment_tiny"


def test_a_stopped_run_resumed(results: Path) -> None:
    log = (results / "logs/train_system/baseline.seed1.log").read_text(encoding="utf-8")
    assert "Loaded checkpoint" in log
    assert not list(results.glob("models/*/*/work-*"))


def test_seeds_of_all_continuations_start_from_one_baseline_with_batches_of_their_own(
    results: Path,
) -> None:
    table = pd.read_csv(results / "tables/trainings.csv", keep_default_na=False)
    assert set(table[table["system"] == "Baseline"]["seed"]) == {1}
    continued = table[table["parent"] == "Baseline"]
    seen = continued.groupby(["seed", "system"])["sha256"].agg("".join).unstack()
    assert len(seen) == 2
    assert seen.nunique(axis=1).eq(1).all()
    assert seen.nunique().eq(2).all()


def test_gains_are_against_the_continued_baseline_with_intervals_over_seeds(results: Path) -> None:
    gains = pd.read_csv(results / "tables/test/levels.nll.gains.csv")
    control = gains[(gains["role"] == "control") & (gains["group"] == "All")]
    assert set(control["against"]) == {"Continued baseline"}
    assert OURS in set(control["system"])
    assert control["half_width"].notna().all()
    assert (results / "figures/test/gains.nll.pdf").is_file()


def test_neurons_may_be_found_on_another_text_than_the_validation_text(results: Path) -> None:
    counts = Counts.load(results / "activations/baseline/seed1.npz")
    assert counts.provenance["split"] == "help"
    assert 0 < counts.sentence_LNF.max() <= len(HELP)
