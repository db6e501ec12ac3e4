"""Record activations: one forward pass over a split, all directions in one process."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from fairseq import utils
from torch import nn

from neuron_specialization.corpora.shards import fairseq_data
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.checkpoints import file_hash
from neuron_specialization.fairseq_plugin.data import DirectionDataset
from neuron_specialization.fairseq_plugin.methods import ffn_layers
from neuron_specialization.fairseq_plugin.models import (
    check_device,
    check_positions,
    load_model,
    load_untrained,
)
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.neurons.recorder import ActivationCounter
from neuron_specialization.neurons.storage import Counts
from neuron_specialization.neurons.widths import unlike_widths
from neuron_specialization.parallel import device_of, parallel_map, split_round_robin


@dataclass(frozen=True, kw_only=True)
class RecordingSettings:
    """The split to read, with teacher forcing and without dropout, and options for it."""

    split: str
    count_padding: bool = False
    """Add padding positions to the token counts, as the official code does. The counts then depend
    on the batches, so use this only to rebuild the masks of released checkpoints."""
    max_tokens: int = 8_000
    """Tokens of a batch, padding included (official code: 30,000)."""
    batch_multiple: int = 1
    """Sentences of a batch are a multiple of this if there are enough (official code: 8)."""
    untrained: int | None = None
    """Record the model as it was before its training with this seed."""


def record_activations(
    *,
    checkpoint: Path,
    data: Path,
    directions: Sequence[str],
    settings: RecordingSettings,
    device: str,
    processes: int = 1,
) -> Counts:
    """Count the activations of every FFN neuron for each direction (paper, section 3.1).

    The model has no masks. Processes, or GPUs, share the directions.
    """

    def record_share(share: tuple[int, list[str]]) -> Counts:
        process, names = share
        return record(checkpoint, data, names, settings, device_of(device, process))

    shares = split_round_robin(directions, processes)
    parts = parallel_map(record_share, enumerate(shares), len(shares))
    return Counts.join(parts, directions)


def record(
    checkpoint: Path,
    data: Path,
    directions: Sequence[str],
    settings: RecordingSettings,
    device: str,
) -> Counts:
    """Count the activations of some directions in this process."""
    check_device(device)
    overrides = {"data": fairseq_data(data), "directions": ",".join(directions), "masks": ""}
    if settings.untrained is None:
        model, task = load_model(checkpoint, overrides)
    else:
        model, task = load_untrained(checkpoint, overrides, settings.untrained)
    model.to(device)
    task.load_dataset(settings.split)
    check_positions(model, task.dataset(settings.split))
    layers = ffn_layers(model)
    fc2_by_layer = {name: layer.fc2 for name, layer in layers.items()}
    counter = ActivationCounter(fc2_by_layer, len(directions), count_padding=settings.count_padding)
    run_forward(model, task, counter, settings)
    recorded = int(counter.num_sentences_L.sum())
    sentences = len(task.dataset(settings.split))
    if recorded != sentences:
        raise InputError(f"{data}: {recorded} of {sentences} sentences recorded")
    return Counts(
        directions=tuple(directions),
        layers=tuple(layers),
        sentence_LNF=counter.sentence_LNF.cpu().numpy(),
        token_LNF=counter.token_LNF.cpu().numpy(),
        num_sentences_L=counter.num_sentences_L.numpy(),
        widths_N=unlike_widths(counter.widths),
        provenance={
            "checkpoint": file_hash(checkpoint),
            "trained": settings.untrained is None,
            "split": settings.split,
            "count_padding": settings.count_padding,
            **(batch_provenance(settings) if settings.count_padding else {}),
        },
    )


def batch_provenance(settings: RecordingSettings) -> dict[str, int]:
    """Return the settings of batches, on which the number of padding positions depends."""
    return {"max_tokens": settings.max_tokens, "batch_multiple": settings.batch_multiple}


@torch.inference_mode()
def run_forward(
    model: nn.Module,
    task: DirectionsTask,
    counter: ActivationCounter,
    settings: RecordingSettings,
) -> None:
    """Pass every sentence of a split through the model."""
    dataset: DirectionDataset = task.dataset(settings.split)
    pad = task.source_dictionary.pad()
    device = next(model.parameters()).device
    batches = dataset.batch_by_size(
        dataset.ordered_indices(),
        settings.max_tokens,
        required_batch_size_multiple=settings.batch_multiple,
    )
    for batch in batches:
        sample = dataset.collater([dataset[int(i)] for i in batch])
        if device.type == "cuda":
            sample = utils.move_to_cuda(sample, device)
        inputs = sample["net_input"]
        source_BT, target_BT = inputs["src_tokens"].ne(pad), inputs["prev_output_tokens"].ne(pad)
        counter.start_batch(sample["direction"], source_BT, target_BT)
        model(**inputs, features_only=True)
