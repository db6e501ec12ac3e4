"""Translation of a split: all directions of a system in one process."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from fairseq import utils
from fairseq.dataclass.configs import GenerationConfig

from neuron_specialization.corpora.shards import fairseq_data
from neuron_specialization.corpora.vocabulary import detokenise, piece_joiner
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.data import DirectionDataset
from neuron_specialization.fairseq_plugin.models import load_model
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.files import write_text
from neuron_specialization.settings.decoding import DecodingSettings
from neuron_specialization.settings.training import DirectionFiles


def translate_split(
    *,
    checkpoint: Path,
    files: DirectionFiles,
    data: Path,
    split: str,
    vocabulary: Path,
    settings: DecodingSettings,
    outputs: Mapping[str, Path],
    device: str,
) -> None:
    """Translate a split in each direction of `outputs` and write one line per sentence, in order.

    Hypotheses are plain text: the target tag is gone and SentencePiece is undone.

    Args:
        checkpoint: the model, or the adapters of `files.base`.
        files: what the directions have of their own.
        data: folder of the binarised corpora.
        split: the split to translate.
        vocabulary: folder of the SentencePiece models; without one, pieces are joined as it would.
        settings: of the beam search.
        outputs: a file for each direction.
        device: `cpu`, or a GPU such as `cuda:0`.
    """
    overrides = {"data": fairseq_data(data), "directions": ",".join(outputs), **files.settings()}
    model, task = load_model(checkpoint, overrides)
    model.to(device)
    task.load_dataset(split)
    hypotheses = decode(model, task, split, settings, device)
    dataset: DirectionDataset = task.dataset(split)
    for i, (direction, path) in enumerate(outputs.items()):
        join = piece_joiner(vocabulary, direction.split("-")[1])
        indices = range(int(dataset.starts[i]), int(dataset.starts[i + 1]))
        lines = [detokenise(task.target_words(hypotheses[n]), join) for n in indices]
        write_text(path, "".join(f"{line}\n" for line in lines))


def decode(
    model: Any, task: DirectionsTask, split: str, settings: DecodingSettings, device: str
) -> dict[int, list[int]]:
    """Beam search over a split; returns the best hypothesis of each sentence by its index."""
    generator = task.build_generator([model], generation_config(settings))
    dataset: DirectionDataset = task.dataset(split)
    hypotheses: dict[int, list[int]] = {}
    for batch in dataset.batch_by_size(dataset.ordered_indices(), settings.max_tokens):
        sample = dataset.collater([dataset[int(i)] for i in batch])
        if device != "cpu":
            sample = utils.move_to_cuda(sample, torch.device(device))
        found = task.inference_step(generator, [model], sample)
        for index, beams in zip(sample["id"].tolist(), found, strict=True):
            hypotheses[index] = beams[0]["tokens"].tolist()
    if len(hypotheses) != len(dataset):
        raise InputError(f"{split}: {len(hypotheses)} of {len(dataset)} sentences were translated")
    return hypotheses


def generation_config(settings: DecodingSettings) -> GenerationConfig:
    """fairseq's settings of a beam search."""
    return GenerationConfig(
        beam=settings.beam,
        lenpen=settings.length_penalty,
        max_len_a=settings.max_len_a,
        max_len_b=settings.max_len_b,
    )
