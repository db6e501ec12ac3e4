"""Translate a split in all directions of a system."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq import utils
from fairseq.dataclass.configs import GenerationConfig
from numpy.typing import NDArray

from neuron_specialization.corpora.shards import fairseq_data
from neuron_specialization.corpora.vocabulary import detokenise, piece_joiner, vocabulary_folder
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.data import DirectionDataset
from neuron_specialization.fairseq_plugin.models import check_device, check_positions, load_model
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.files import write_text
from neuron_specialization.parallel import device_of, parallel_map, split_round_robin
from neuron_specialization.settings.decoding import DecodingSettings
from neuron_specialization.settings.training import DirectionFiles

Group = tuple[Path, list[str]]
"""A checkpoint, and the directions that it translates."""


def translate_system(
    models: Sequence[str],
    directions: Sequence[str],
    folder: Path,
    *,
    files: DirectionFiles,
    data: Sequence[str],
    split: str,
    vocabularies: Sequence[str],
    settings: DecodingSettings,
    device: str,
    processes: int,
) -> None:
    """Translate a split in all directions of a system, one `{direction}.txt` each.

    `models` is one checkpoint for all directions, or folders of bilingual ones, `{direction}.pt`.
    Folders of `data` and `vocabularies` are named `joint` or after pairs. Processes, or GPUs,
    share the directions.
    """

    def translate_share(share: tuple[int, list[Group]]) -> None:
        process, groups = share
        for checkpoint, names in groups:
            translate_split(
                checkpoint=checkpoint,
                files=files,
                data=vocabulary_folder(data, names[0]),
                split=split,
                vocabulary=vocabulary_folder(vocabularies, names[0]),
                settings=settings,
                outputs={name: folder / f"{name}.txt" for name in names},
                device=device_of(device, process),
            )

    shares = group_directions(models, directions, processes)
    parallel_map(translate_share, enumerate(shares), len(shares))


def group_directions(
    models: Sequence[str], directions: Sequence[str], processes: int
) -> list[list[Group]]:
    """Return the checkpoints of each process, with the directions to translate with each.

    Processes share the directions of a single model, or else the bilingual models.
    """
    if Path(models[0]).is_file():
        return [[(Path(models[0]), share)] for share in split_round_robin(directions, processes)]
    checkpoints = {path.stem: path for folder in models for path in Path(folder).glob("*.pt")}
    return split_round_robin([(checkpoints[each], [each]) for each in directions], processes)


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
    """Translate a split in each direction of `outputs`; write one line per sentence, in order.

    Hypotheses are plain text: the target tag is removed and SentencePiece is undone; without
    a SentencePiece model in `vocabulary`, pieces are joined in the same way. `checkpoint` is the
    model, or the adapters of `files.base`.
    """
    model, task = load_split(checkpoint, list(outputs), files, data, split, device)
    hypotheses = decode(model, task, split, settings, device)
    dataset: DirectionDataset = task.dataset(split)
    for i, (direction, path) in enumerate(outputs.items()):
        join = piece_joiner(vocabulary, direction.split("-")[1])
        indices = range(int(dataset.starts[i]), int(dataset.starts[i + 1]))
        lines = [detokenise(task.target_words(hypotheses[n]), join) for n in indices]
        write_text(path, "".join(f"{line}\n" for line in lines))


def load_split(
    checkpoint: Path,
    directions: Sequence[str],
    files: DirectionFiles,
    data: Path,
    split: str,
    device: str,
) -> tuple[Any, DirectionsTask]:
    """Load a model, or the adapters of `files.base`, and its task with a split of `directions`."""
    overrides = {"data": fairseq_data(data), "directions": ",".join(directions), **files.settings()}
    check_device(device)
    model, task = load_model(checkpoint, overrides)
    model.to(device)
    task.load_dataset(split)
    check_positions(model, task.dataset(split))
    return model, task


def batches(
    dataset: DirectionDataset, indices: NDArray[np.int64], max_tokens: int, device: str
) -> Iterator[dict[str, Any]]:
    """Yield batches of at most `max_tokens` on a device; `batch_by_size` describes `indices`."""
    for batch in dataset.batch_by_size(indices, max_tokens):
        sample = dataset.collater([dataset[int(i)] for i in batch])
        yield sample if device == "cpu" else utils.move_to_cuda(sample, torch.device(device))


def decode(
    model: Any, task: DirectionsTask, split: str, settings: DecodingSettings, device: str
) -> dict[int, list[int]]:
    """Run beam search over a split; return the best hypothesis of each sentence by its index."""
    generator = task.build_generator([model], generation_config(settings))
    dataset: DirectionDataset = task.dataset(split)
    hypotheses: dict[int, list[int]] = {}
    for sample in batches(dataset, dataset.ordered_indices(), settings.max_tokens, device):
        found = task.inference_step(generator, [model], sample)
        for index, beams in zip(sample["id"].tolist(), found, strict=True):
            hypotheses[index] = beams[0]["tokens"].tolist()
    if len(hypotheses) != len(dataset):
        raise InputError(f"{split}: {len(hypotheses)} of {len(dataset)} sentences were translated")
    return hypotheses


def generation_config(settings: DecodingSettings) -> GenerationConfig:
    """Return fairseq's settings for beam search."""
    return GenerationConfig(
        beam=settings.beam,
        lenpen=settings.length_penalty,
        max_len_a=settings.max_len_a,
        max_len_b=settings.max_len_b,
    )
