"""A specialized model with nonzero constants to fold, and its outputs for a corpus."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from neuron_specialization.corpora.vocabulary import detokenise, piece_joiner
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint, write_checkpoint
from neuron_specialization.fairseq_plugin.decoding import generation_config
from neuron_specialization.settings.decoding import DecodingSettings
from tests.cli.test_main import run
from tests.trained_models import LAYERS, load_task, save_masks

DIRECTION = "en-a1"
TRAINED = ["en-a1", "a1-en"]
D_FF = 64
SIZES = {"d_model": 32, "d_ff": D_FF, "dropout": 0.0, "attention_dropout": 0.0}


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model that can be exported, with its files."""

    checkpoint: Path
    data: Path
    vocabulary: Path
    masks: Path | None = None
    direction: str = DIRECTION

    def export(self, out: Path, *arguments: object) -> Path:
        """Export the model by the command line."""
        options = ["--direction", self.direction, "--data", self.data]
        options += ["--vocabulary", self.vocabulary, *arguments]
        if self.masks:
            options += ["--masks", self.masks]
        run("export", self.checkpoint, out, *options)
        return out

    def load(self) -> tuple:
        """Return the pipeline's model with its masks, and its task."""
        own = {"directions": self.direction, "masks": str(self.masks or "")}
        return load_task(self.checkpoint, self.data, **own)


def change_checkpoint(path: Path, target: Path, **task: object) -> Path:
    """Write a copy of a checkpoint with other settings of its task."""
    state = read_checkpoint(path)
    state["cfg"]["task"].update(task)
    write_checkpoint(target, state)
    return target


def draw_biases(path: Path, target: Path) -> Path:
    """Write a copy of a checkpoint with random biases, so that masked neurons emit constants."""
    state = read_checkpoint(path)
    generator = torch.Generator().manual_seed(0)
    for name, tensor in state["model"].items():
        if name.endswith("fc1.bias"):
            tensor += 0.5 * torch.randn(tensor.shape, generator=generator)
    write_checkpoint(target, state)
    return target


def draw_own_masks(path: Path, shares: Sequence[float], layers: Sequence[str] = LAYERS) -> Path:
    """Write masks that keep a different share of the neurons in each layer."""
    generator = np.random.default_rng(0)
    draw_LNF = generator.random((len(TRAINED), len(layers), D_FF))
    mask_LNF = draw_LNF < np.array(shares)[:, np.newaxis]
    return save_masks(path, mask_LNF, layers, TRAINED)


def pipeline_outputs(model: Model, settings: DecodingSettings) -> list[tuple[str, float]]:
    """Return the pipeline's translations of the validation sentences, with scores, in order."""
    network, task = model.load()
    task.load_dataset("valid")
    dataset = task.dataset("valid")
    sample = dataset.collater([dataset[i] for i in range(len(dataset))])
    generator = task.build_generator([network], generation_config(settings))
    found = task.inference_step(generator, [network], sample)
    best = {i: beams[0] for i, beams in zip(sample["id"].tolist(), found, strict=True)}
    join = piece_joiner(model.vocabulary, model.direction.split("-")[1])
    texts = {i: detokenise(task.target_words(b["tokens"].tolist()), join) for i, b in best.items()}
    return [(texts[i], best[i]["score"].item()) for i in range(len(dataset))]


def exported_outputs(
    exported: Path, text: Path, engine: str, settings: DecodingSettings, *more: object
) -> list[tuple[str, float]]:
    """Return an exported model's translations of a text by the command line, with scores."""
    output = exported.with_name(f"{exported.name}.{engine}.txt")
    options: list[object] = ["--engine", engine, "--input", text, "--output", output]
    options += ["--scores", "--threads", 1, *more]
    for name, value in vars(settings).items():
        options += [f"--{name.replace('_', '-')}", value]
    run("translate", exported, *options)
    rows = [line.split("\t") for line in output.read_text(encoding="utf-8").splitlines()]
    return [(hypothesis, float(score)) for score, hypothesis in rows]
