"""The released checkpoints, as small stand-ins in the official format, from download to tables."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from neuron_specialization.corpora.vocabulary import learn_vocabulary
from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.neurons.storage import Counts, Masks
from tests.fairseq_plugin.external_checkpoints import (
    MULTILINGUAL_FLAGS,
    as_official,
    read_external_state,
    run_plain,
    run_process,
)
from tests.trained_models import VOCABULARY
from tests.workflow import mirrors
from tests.workflow.conftest import Snakemake, write_overlay

pytestmark = pytest.mark.slow
CODES = ["en", "de", "sr", "hi"]
TAGS = ["hi", "en", "sr", "de"]  # in the order of the checkpoints
DIRECTIONS = [f"en-{code}" for code in CODES[1:]] + [f"{code}-en" for code in CODES[1:]]
SIZES = {"layers": 2, "heads": 2, "d_model": 16, "d_ff": 32}
DECODING = {"beam": 2, "max_len_b": 8}  # as of `plain_fairseq`
TEST = 3 + 4  # sentences
OURS, MASKED = "neuron_specialization", "masked"
State = dict[str, Any]
Job = tuple[Path, str, bool]


@dataclass(frozen=True, kw_only=True)
class Released:
    """A run of `config/released.yaml` on stand-ins."""

    folder: Path
    """Working directory of the run."""
    baseline: Path
    """The baseline as plain fairseq saved it."""
    specialized: Path
    """The specialized model in the same format."""

    @property
    def results(self) -> Path:
        """The results of the run."""
        return self.folder / "results/released"


def write_table(project: Path, path: Path) -> Path:
    """Write the rows of EC30's table of languages that are used here."""
    header, *rows = (project / "config/ec30/languages.tsv").read_text().splitlines()
    chosen = {row.split("\t")[0]: row for row in rows}
    path.write_text("\n".join([header, *(chosen[code] for code in CODES)]) + "\n")
    return path


def write_texts(table: Path, folder: Path) -> list[Path]:
    """Write training, validation and test text; the test has the sentences of Flores-200."""
    languages = mirrors.languages_of(table)
    paths = []
    for other in CODES[1:]:
        for side in ("en", other):
            language = languages[side][1]
            of_test = (("dev", 3), ("devtest", 4))
            texts = {
                "train": mirrors.sentences(language, 120, f"train {other}"),
                "valid": mirrors.sentences(language, 21, "valid"),
                "test": [s for seed, n in of_test for s in mirrors.sentences(language, n, seed)],
            }
            for split, lines in texts.items():
                paths.append(folder / f"{split}.en-{other}.{side}")
                paths[-1].write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return paths


def binarise(texts: list[Path], folder: Path) -> Path:
    """Binarise text like the authors: a joint dictionary without tags; return the folder."""
    vocabulary, data = folder / "vocabulary", folder / "data"
    for path in (vocabulary, data):
        path.mkdir()
    lines = [line for path in texts for line in path.read_text(encoding="utf-8").splitlines()]
    files = vocabulary / "spm.model", vocabulary / "dict.txt"
    learn_vocabulary(lines, [], VOCABULARY, *files)
    binarise_corpora(texts, vocabulary, data)
    for code in CODES:
        (data / f"dict.{code}.txt").symlink_to(files[1])
    return data


def specialize(state: State) -> None:
    """Change all weights a little, as continued training would."""
    generator = torch.Generator().manual_seed(3)
    shared = {"decoder.output_projection.weight": "decoder.embed_tokens.weight"}
    for name, tensor in state["model"].items():
        if tensor.dim() and name not in shared:
            tensor += 0.1 * tensor.std() * torch.randn(tensor.shape, generator=generator)
    for name, source in shared.items():
        state["model"][name] = state["model"][source]


def save_edited(source: Path, target: Path, edit: Callable[[State], None]) -> Path:
    """Write a checkpoint with something changed in it; return its path."""
    state = read_external_state(source)
    edit(state)
    target.parent.mkdir(exist_ok=True, parents=True)
    torch.save(state, target)
    return target


@pytest.fixture(scope="module")
def released(
    snakemake: Snakemake, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Released:
    folder = tmp_path_factory.mktemp("released")
    mirror, texts = folder / "mirror", folder / "texts"
    texts.mkdir()
    table = write_table(project, folder / "languages.tsv")
    data = binarise(write_texts(table, texts), folder)
    mirrors.write_flores(mirror, table, dev=3, devtest=4)
    mirrors.write_ec30_evaluation(mirror, data)
    flags = [
        *(flag for flag in MULTILINGUAL_FLAGS if not flag.startswith(("--lang", "--max-update"))),
        *(f"--lang-pairs={','.join(DIRECTIONS)}", f"--langs={','.join(TAGS)}", "--max-update=200"),
    ]
    run_plain(folder, data, DIRECTIONS[:1], flags)
    baseline = folder / "save/checkpoint_best.pt"
    specialized = save_edited(baseline, folder / "specialized.pt", specialize)
    save_edited(baseline, mirror / "ec30_models/mT-big.pt", as_official)
    save_edited(specialized, mirror / f"ec30_models/{OURS}.pt", as_official)
    settings = {
        "languages": str(table),
        "device": "cpu",
        "downloads": {
            "sources": str(mirrors.write_sources(project, folder / "sources.tsv")),
            "folder": str(folder / "downloads"),
            "mirror": str(mirror),
        },
        "architectures": {"mt_big": SIZES},
        "vocabulary": {"size": VOCABULARY.size},
        "decoding": DECODING,
        "metrics": ["bleu"],
    }
    overlay = write_overlay(folder / "small.yaml", settings)
    done = snakemake(folder, overlays=("config/released.yaml", overlay))
    assert done.returncode == 0, done.stdout
    return Released(folder=folder, baseline=baseline, specialized=specialized)


def test_nothing_is_trained_and_training_data_is_not_needed(released: Released) -> None:
    assert not (released.results / "logs/train_system").exists()
    assert not list(released.results.rglob("*.curve.csv"))
    assert not (released.results / "tables/trainings.md").exists()
    assert not list((released.results / "binarised").rglob("train.en-*"))
    table = (released.results / "tables/table6.md").read_text(encoding="utf-8")
    assert "not trained here" in table
    assert "mT-big, Ours." in table


def test_masks_hold_95_percent_of_the_official_counts(released: Released) -> None:
    counts = Counts.load(released.results / "activations/baseline/seed222.npz")
    official = {"count_padding": True, "max_tokens": 30_000, "batch_multiple": 8}
    assert official.items() <= counts.provenance.items()
    for name in (OURS, MASKED):
        masks = Masks.load(released.results / f"masks/{name}/seed222.npz")
        assert masks.directions == counts.directions == tuple(DIRECTIONS)
        for mask_F, count_F in zip(
            masks.mask_LNF.reshape(-1, 32), counts.token_LNF.reshape(-1, 32), strict=True
        ):
            kept, total = count_F[mask_F].sum(), count_F.sum()
            assert 0.95 * total <= kept
            assert kept - count_F[mask_F].min() < 0.95 * total
            assert count_F[mask_F].min() >= count_F[~mask_F].max(initial=0)
        assert not masks.mask_LNF.all()


def by_hand(released: Released, jobs: list[Job]) -> dict[Job, list[str]]:
    """Return plain fairseq's translations of the test, with masks as rows of fc1's weight.

    The bias is kept: a masked neuron emits relu(b1). A job is a checkpoint, a direction and
    whether it is masked.
    """
    masks = Masks.load(released.results / f"masks/{OURS}/seed222.npz")

    def written(number: int, checkpoint: Path, direction: str, masked: bool) -> str:
        def edit(state: State) -> None:
            mask_NF = masks.mask_LNF[masks.directions.index(direction)]
            for layer, mask_F in zip(masks.layers, mask_NF, strict=True):
                state["model"][f"{layer}.fc1.weight"][~torch.from_numpy(mask_F)] = 0

        path = released.folder / f"by_hand/{number}.pt"
        return f"{direction}={save_edited(checkpoint, path, edit) if masked else checkpoint}"

    names = [written(number, *job) for number, job in enumerate(jobs)]
    found = run_process(released.folder / "by_hand.json", "translate", "test", *names)
    texts = ([plain_text(each["hypothesis"]) for each in found[name]] for name in names)
    return dict(zip(jobs, texts, strict=True))


def plain_text(pieces: list[str]) -> str:
    """Return the text of pieces, without the tag and </s>."""
    return "".join(pieces[1:-1]).replace("▁", " ").strip()


def test_translations_go_through_the_masks(released: Released) -> None:
    models = {OURS: released.specialized, MASKED: released.baseline, "baseline": released.baseline}
    jobs = [
        (model, pair, masked)
        for model in (released.specialized, released.baseline)
        for pair in DIRECTIONS
        for masked in (True, False)
    ]
    expected = by_hand(released, jobs)
    differs = dict.fromkeys(models, 0)
    for system, model in models.items():
        for pair in DIRECTIONS:
            path = released.results / f"translations/test/{system}/seed222/{pair}.txt"
            found = path.read_text(encoding="utf-8").splitlines()
            assert len(found) == TEST
            assert found == expected[model, pair, system != "baseline"], (system, pair)
            dense = expected[model, pair, False]
            differs[system] += sum(a != b for a, b in zip(found, dense, strict=True))
    assert differs["baseline"] == 0
    assert differs[OURS] > 0
    assert differs[MASKED] > 0


def test_the_imported_model_is_like_one_that_was_specialized_here(released: Released) -> None:
    state = read_checkpoint(released.results / f"models/{OURS}/seed222/checkpoint.pt")
    assert state["cfg"]["task"]["masks"] == "seed222.npz"
    expected = read_external_state(released.specialized)["model"]
    name = "encoder.layers.1.fc1.weight"
    assert torch.equal(state["model"][name], expected[name])
    assert not (released.results / f"models/{MASKED}").exists()


def test_tables_have_all_rows_and_figures_are_drawn_at_70_percent(released: Released) -> None:
    table = pd.read_csv(released.results / "tables/test/levels.bleu.csv")
    labels = ["mT-big", "Ours", "mT-big, masked", "mT-big, masked by sentences"]
    assert [*table["system"].unique()] == labels
    assert table.query("kind == 'delta'")["all_avg"].notna().all()
    tests = pd.read_csv(released.results / f"significance/test/{OURS}/seed222.csv")
    assert set(tests["other"]) == {"baseline"}
    neurons = released.results / "neurons/baseline/seed222/token.k70"
    for number in (1, 2, 5, 6, 7, 8):
        assert (neurons / f"figure{number}.pdf").stat().st_size > 1000
    overlap = pd.read_csv(neurons / "figure1.csv")
    assert np.isfinite(overlap.select_dtypes("number")).any(axis=None)
