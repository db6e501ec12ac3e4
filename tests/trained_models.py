"""A small binarised corpus of three artificial languages, and a model trained on it."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion
from numpy.typing import NDArray

from neuron_specialization.corpora.builtin import evaluation_pairs, training_pairs
from neuron_specialization.corpora.vocabulary import (
    VocabularySettings,
    learn_vocabulary,
    read_sentences,
    sample_lines,
)
from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.decoding import translate_split
from neuron_specialization.fairseq_plugin.methods import pruned_tensors
from neuron_specialization.fairseq_plugin.models import load_model
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.fairseq_plugin.training import train
from neuron_specialization.methods.weight_masks import WeightMasks, keep_largest
from neuron_specialization.neurons.storage import Masks
from neuron_specialization.settings.decoding import DecodingSettings
from neuron_specialization.settings.languages import all_directions
from neuron_specialization.settings.training import (
    Adapters,
    Architecture,
    DirectionFiles,
    Training,
)

torch.set_num_threads(1)  # the order of summation changes sums

LANGUAGES = ["en", "a1", "b1", "b2"]
DIRECTIONS = all_directions(LANGUAGES, "en")
TRAIN_PAIRS = {"a1": 300, "b1": 200, "b2": 60}
EVALUATION_PAIRS = 21  # deliberately not a round number
LAYERS = [f"{stack}.layers.{i}" for stack in ("encoder", "decoder") for i in range(2)]
STILL = {"dropout": 0.0, "attention_dropout": 0.0}  # nothing random
DECODING = DecodingSettings(beam=2, length_penalty=1.0, max_len_a=0, max_len_b=8, max_tokens=100)


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
            for language, side in zip(("en", code), zip(*lines, strict=True), strict=True):
                text = "".join(f"{line}\n" for line in side)
                (folder / f"{split}.en-{code}.{language}").write_text(text, encoding="utf-8")
    return folder


VOCABULARY = VocabularySettings(
    model_type="bpe",
    size=300,
    character_coverage=1.0,
    temperature=2,
    max_sentences=10_000,
    seed=1,
)


@pytest.fixture(scope="session")
def vocabulary(corpora: Path) -> Path:
    folder = corpora / "vocabulary"
    folder.mkdir()
    pairs = [
        (corpora / f"train.en-{code}.en", corpora / f"train.en-{code}.{code}")
        for code in TRAIN_PAIRS
    ]
    lines = sample_lines(pairs, VOCABULARY.temperature, VOCABULARY.seed)
    learn_vocabulary(lines, LANGUAGES, VOCABULARY, folder / "spm.model", folder / "dict.txt")
    return folder


@pytest.fixture(scope="session")
def binarised(corpora: Path, vocabulary: Path) -> Path:
    folder = corpora / "binarised"
    folder.mkdir()
    binarise_corpora(sorted(corpora.glob("*.en-*")), vocabulary, folder)
    return folder


@pytest.fixture(scope="session")
def pair_vocabulary(corpora: Path) -> Path:
    """Return two vocabularies, for en and b1."""
    folder = corpora / "pair_vocabulary"
    folder.mkdir()
    settings = dataclasses.replace(VOCABULARY, size=120)
    for code in ("en", "b1"):
        lines = read_sentences(corpora / f"train.en-b1.{code}")
        model, dictionary = folder / f"spm.{code}.model", folder / f"dict.{code}.txt"
        learn_vocabulary(lines, [], settings, model, dictionary)
    return folder


@pytest.fixture(scope="session")
def pair_binarised(corpora: Path, pair_vocabulary: Path) -> Path:
    folder = corpora / "pair_binarised"
    folder.mkdir()
    binarise_corpora(sorted(corpora.glob("*.en-b1.*")), pair_vocabulary, folder)
    return folder


def architecture(**changes: object) -> Architecture:
    settings = {
        "layers": 2,
        "heads": 2,
        "d_model": 16,
        "d_ff": 32,
        "dropout": 0.1,
        "attention_dropout": 0.1,
        "max_positions": 64,
        "temperature": 5,
        "max_tokens": 400,
        "update_freq": 2,
        "learning_rate": 0.01,
        "warmup_updates": 10,
        "label_smoothing": 0.1,
        "max_updates": 20,
        "validate_every": 10,
        "patience": 20,
        "precision": "fp32",
    }
    return Architecture(**(settings | changes))


def make_training(data: Path, folder: Path, **changes: Any) -> Training:
    settings = {"directions": DIRECTIONS, "seed": 1, "device": "cpu"}
    return Training(
        data=data,
        save_dir=folder / "work",
        tensorboard=folder / "tensorboard",
        **(settings | changes),
    )


TRAINING_SETTINGS = {field.name for field in dataclasses.fields(Training)}


def run_training(data: Path, folder: Path, **changes: Any) -> Path:
    """Train briefly, with changes to the run or the architecture.

    Return the published checkpoint.
    """
    training = {name: value for name, value in changes.items() if name in TRAINING_SETTINGS}
    sizes = {name: value for name, value in changes.items() if name not in TRAINING_SETTINGS}
    folder.mkdir(exist_ok=True)
    published = folder / "checkpoint.pt"
    train(architecture(**sizes), make_training(data, folder, **training), published)
    return published


@pytest.fixture(scope="session")
def baseline(binarised: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_training(binarised, tmp_path_factory.mktemp("baseline"))


@pytest.fixture(scope="session")
def learned(binarised: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model that has trained enough to translate different sentences differently."""
    folder = tmp_path_factory.mktemp("learned")
    return run_training(binarised, folder, max_updates=200, validate_every=100, dropout=0.0)


def load_task(checkpoint: Path, data: Path, **overrides: object) -> tuple:
    """Return a trained model and its task."""
    settings = {"data": str(data), "directions": ",".join(DIRECTIONS)} | overrides
    return load_model(checkpoint, settings)


def first_batches(task: DirectionsTask) -> list[dict]:
    """Return one batch of each direction."""
    task.load_dataset("valid")
    dataset = task.dataset("valid")
    return [
        dataset.collater([dataset[int(start) + i] for i in range(5)])
        for start in dataset.starts[:-1]
    ]


def loss_of(task: DirectionsTask, model: torch.nn.Module, sample: dict) -> torch.Tensor:
    """Return the loss of a batch, in its direction."""
    criterion = LabelSmoothedCrossEntropyCriterion(task, sentence_avg=False, label_smoothing=0.1)
    task.direction_state.direction = sample["direction"]
    return criterion(model, sample)[0]


def save_masks(
    path: Path,
    mask_LNF: NDArray[np.bool_],
    layers: Sequence[str] = LAYERS,
    directions: Sequence[str] = DIRECTIONS,
) -> Path:
    """Write neuron masks."""
    Masks(
        directions=tuple(directions),
        layers=tuple(layers),
        mask_LNF=mask_LNF,
        provenance={"k": 95.0},
    ).save(path)
    return path


def draw_masks(path: Path) -> Path:
    """Draw neuron masks at random: about 70 % of the neurons."""
    return save_masks(path, np.random.default_rng(0).random((len(DIRECTIONS), 4, 32)) < 0.7)


def method_settings(name: str, learned: Path, weight_masks: Path, folder: Path) -> dict[str, Any]:
    """Return a method's settings for a run that starts from a model with some training."""
    if name == "adapter":
        adapters = Adapters(sets={each: each for each in DIRECTIONS}, bottleneck=4, per_layer=2)
        return {"adapters": adapters, "files": DirectionFiles(base=learned)}
    files = DirectionFiles()
    if name == "neuron_specialization":
        folder.mkdir(exist_ok=True)
        files = DirectionFiles(masks=draw_masks(folder / "masks.npz"))
    if name == "lass":
        files = DirectionFiles(weight_masks=[str(weight_masks)])
    return {"parent": learned, "files": files}


def translate(
    checkpoint: Path,
    data: Path,
    vocabulary: Path,
    folder: Path,
    *,
    directions: Sequence[str] = DIRECTIONS,
    files: DirectionFiles | None = None,
    settings: DecodingSettings = DECODING,
    device: str = "cpu",
) -> dict[str, str]:
    """Translate the validation text; return the translations of each direction."""
    folder.mkdir(exist_ok=True)
    outputs = {direction: folder / f"{direction}.txt" for direction in directions}
    translate_split(
        checkpoint=checkpoint,
        files=files or DirectionFiles(),
        data=data,
        split="valid",
        vocabulary=vocabulary,
        settings=settings,
        outputs=outputs,
        device=device,
    )
    return {direction: path.read_text(encoding="utf-8") for direction, path in outputs.items()}


def draw_weight_masks(path: Path, model: Path, *, output_projection: bool = False) -> Path:
    """Draw weight masks at random: 30 % of each tensor."""
    generator = torch.Generator().manual_seed(0)
    state = read_checkpoint(model)["model"]
    names = pruned_tensors(state, output_projection)
    parts = []
    for direction in DIRECTIONS:
        draws = {name: torch.rand(state[name].shape, generator=generator) for name in names}
        kept = {name: keep_largest(draw, 0.7) for name, draw in draws.items()}
        parts.append(WeightMasks.pack(direction, kept, {}))
    WeightMasks.join(parts).save(path)
    return path


@pytest.fixture(scope="session")
def weight_masks(learned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_weight_masks(tmp_path_factory.mktemp("weight_masks") / "masks.npz", learned)
