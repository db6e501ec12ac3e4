"""Whole runs of the workflow on a few hundred sentences."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from neuron_specialization.neurons.storage import Counts, Masks
from tests.workflow.conftest import TINY, Snakemake
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
    "tests/workflow/tiny",
)

SYSTEMS = {
    "baseline": "Baseline",
    "continued": "Continued baseline",
    "random": "Random",
    "encoder_only": "Encoder only",
    "decoder_only": "Decoder only",
    "neuron_specialization": "Neuron specialization",
}


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
    table = (results / "tables/test/bleu.md").read_text(encoding="utf-8")
    for label in SYSTEMS.values():
        assert f"| {label} " in table
    assert "tok:13a" in table
    assert (results / "tables/test/chrf.tex").read_text(encoding="utf-8").count("toprule") == 1
    csv = pd.read_csv(results / "tables/test/bleu.csv")
    assert len(csv) == 2 * len(SYSTEMS)
    assert csv.filter(regex="high|low|all").notna().all(axis=None)


def test_every_direction_has_a_line_per_sentence_and_a_score(results: Path) -> None:
    for system in SYSTEMS:
        for pair in ("en-a1", "en-b1", "a1-en", "b1-en"):
            text = (results / f"translations/test/{system}/{pair}.txt").read_text(encoding="utf-8")
            assert text.count("\n") == 20
        scores = pd.read_csv(results / f"scores/test/{system}.csv")
        assert len(scores) == 4 * 2
        assert scores["sentences"].eq(20).all()


def test_masks_come_from_the_baselines_counts(results: Path) -> None:
    counts = Counts.load(results / "activations/baseline.npz")
    masks = Masks.load(results / "masks/neuron_specialization.npz")
    held = (counts.sentence_LNF * masks.mask_LNF).sum(-1) / counts.sentence_LNF.sum(-1)
    assert (held >= 0.95).all()
    assert masks.provenance["k"] == 95
    assert masks.provenance["checkpoint"] == counts.provenance["checkpoint"]


def test_every_kind_of_mask_is_what_its_row_says(results: Path) -> None:
    masks = {
        name: Masks.load(results / f"masks/{name}.npz")
        for name in ("random", "encoder_only", "decoder_only", "neuron_specialization")
    }
    both = masks["neuron_specialization"]
    assert (masks["random"].mask_LNF.sum(-1) == 22).all()  # 70 % of 32
    assert masks["encoder_only"].layers == ("encoder.layers.0",)
    assert masks["decoder_only"].layers == ("decoder.layers.0",)
    assert (masks["encoder_only"].mask_LNF == both.mask_LNF[:, :1]).all()
    assert masks["decoder_only"].provenance["counting"] == "token"


def test_work_folders_are_gone_and_logs_are_there(results: Path) -> None:
    assert not list((results / "models").glob("*/work*"))
    for system in SYSTEMS:
        assert list((results / f"models/{system}/tensorboard").rglob("events.out.tfevents.*"))
        assert (results / f"logs/train_system/{system}.log").stat().st_size


def test_a_second_run_has_nothing_to_do(results: Path, clone: Path, snakemake: Snakemake) -> None:
    assert "Nothing to be done" in snakemake(clone, project=clone).stdout


@pytest.mark.parametrize(
    ("module", "jobs"),
    [
        ("analysis/writers.py", {"make_table": 2}),
        ("evaluation/scoring.py", {"score_system": 6, "make_table": 2}),
        (
            "neurons/selection.py",
            {
                "select_neurons": 4,
                "train_system": 4,
                "translate_split": 4,
                "score_system": 4,
                "make_table": 2,
            },
        ),
        ("fairseq_plugin/decoding.py", {"translate_split": 6, "score_system": 6, "make_table": 2}),
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
            {"train_system": 5, "translate_split": 5, "score_system": 5, "make_table": 2},
        ),
        (
            {"decoding": {"beam": 2}},
            {"translate_split": 6, "score_system": 6, "make_table": 2},
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


def test_the_same_seed_gives_the_same_tables(
    results: Path, snakemake: Snakemake, tmp_path: Path
) -> None:
    done = snakemake(tmp_path)
    assert done.returncode == 0, done.stdout[-5000:]
    for path in sorted((results / "tables/test").iterdir()):
        again = tmp_path / "results/tiny/tables/test" / path.name
        assert again.read_bytes() == path.read_bytes()


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


def test_a_slice_of_the_bible(
    data_folder: Path, snakemake: Snakemake, overlay: Callable[[dict], str], tmp_path: Path
) -> None:
    folder = overlay({"corpora": {"folder": str(data_folder)}})
    done = snakemake(
        tmp_path,
        overlays=("config/bible.yaml", "tests/workflow/bible_slice/config.yaml", folder),
    )
    assert done.returncode == 0, done.stdout[-5000:]
    results = tmp_path / "results/bible_slice"
    assert "Neuron specialization" in (results / "tables/test/bleu.md").read_text(encoding="utf-8")
    assert Counts.load(results / "activations/baseline.npz").sentence_LNF.max() > 1000
    report = pd.read_csv(results / "corpora/report.tsv", sep="\t").set_index(["split", "pair"])
    assert report.loc[("train", "en-de"), "kept"] == 400
    assert report.loc[("train", "en-de"), "held_out"] >= 40
    english = [
        set((results / f"corpora/{split}.en-he.en").read_text(encoding="utf-8").splitlines())
        for split in ("valid", "test")
    ]
    for pair in ("de", "uk", "he"):
        path = results / f"corpora/train.en-{pair}.en"
        assert not set(path.read_text(encoding="utf-8").splitlines()) & (english[0] | english[1])
