"""A small binarised corpus of three artificial languages, and a model trained on it."""

from pathlib import Path

import pytest
import torch
from fairseq.checkpoint_utils import save_checkpoint
from fairseq.logging import metrics, progress_bar
from fairseq_cli.train import should_stop_early

from neuron_specialization.config import all_directions
from neuron_specialization.corpora.builtin import evaluation_pairs, training_pairs
from neuron_specialization.corpora.vocabulary import VocabularySettings, learn_vocabulary
from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.fairseq_plugin.training import train
from neuron_specialization.flags import Architecture, Training, training_flags

torch.set_num_threads(1)  # sums in another order are other sums

LANGUAGES = ["en", "a1", "b1", "b2"]
DIRECTIONS = all_directions(LANGUAGES, "en")
TRAIN_PAIRS = {"a1": 300, "b1": 200, "b2": 60}
EVALUATION_PAIRS = 21  # no multiple of anything


def write_side(folder: Path, name: str, lines: list[str]) -> None:
    (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.fixture(scope="session")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpora")
    for code, size in TRAIN_PAIRS.items():
        stream = training_pairs(code, seed=1)
        pairs = {
            "train": [next(stream) for _ in range(size)],
            "valid": evaluation_pairs(code, "valid", EVALUATION_PAIRS, seed=1),
        }
        for split, lines in pairs.items():
            write_side(folder, f"{split}.en-{code}.en", [english for english, _ in lines])
            write_side(folder, f"{split}.en-{code}.{code}", [other for _, other in lines])
    return folder


@pytest.fixture(scope="session")
def binarised(corpora: Path) -> Path:
    folder = corpora / "binarised"
    folder.mkdir()
    learn_vocabulary(
        [
            (corpora / f"train.en-{code}.en", corpora / f"train.en-{code}.{code}")
            for code in TRAIN_PAIRS
        ],
        LANGUAGES,
        VocabularySettings(
            model_type="bpe",
            size=300,
            character_coverage=1.0,
            temperature=2,
            max_sentences=10_000,
            seed=1,
        ),
        corpora / "spm.model",
        folder / "dict.txt",
    )
    binarise_corpora(sorted(corpora.glob("*.en-*")), corpora / "spm.model", folder)
    return folder


def architecture(**changes: object) -> Architecture:
    settings = {
        "layers": 2,
        "heads": 2,
        "d_model": 16,
        "d_ff": 32,
        "dropout": 0.1,
        "attention_dropout": 0.1,
        "activation_dropout": 0.0,
        "max_positions": 64,
        "temperature": 5,
        "max_tokens": 400,
        "update_freq": 2,
        "learning_rate": 0.01,
        "warmup_updates": 10,
        "adam_betas": [0.9, 0.98],
        "adam_eps": 1e-6,
        "weight_decay": 0.0,
        "clip_norm": 0.0,
        "label_smoothing": 0.1,
        "max_updates": 20,
        "validate_every": 10,
        "patience": 20,
        "precision": "fp32",
    }
    return Architecture(**(settings | changes))


def run_training(
    data: Path,
    folder: Path,
    parent: Path | None = None,
    masks: Path | None = None,
    **changes: object,
) -> Path:
    """Train for a moment; returns the published checkpoint."""
    training = Training(
        data=data,
        directions=DIRECTIONS,
        save_dir=folder / "work",
        tensorboard=folder / "tensorboard",
        seed=1,
        device="cpu",
        parent=parent,
        masks=masks,
    )
    flags = training_flags(architecture(**changes), training)
    published = folder / "checkpoint.pt"
    forget_former_training()
    train(flags, parent=parent, work_folder=folder / "work", published=published)
    return published


def forget_former_training() -> None:
    """fairseq keeps its best loss and its log writers for the life of the process."""
    for function in (save_checkpoint, should_stop_early):
        vars(function).clear()
    progress_bar._tensorboard_writers.clear()
    metrics.reset()


@pytest.fixture(scope="session")
def baseline(binarised: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_training(binarised, tmp_path_factory.mktemp("baseline"))


@pytest.fixture(scope="session")
def learned(binarised: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has seen enough to translate different sentences differently."""
    folder = tmp_path_factory.mktemp("learned")
    return run_training(binarised, folder, max_updates=200, validate_every=100, dropout=0.0)
