"""Score references by forced decoding: the negative log-likelihood (nats) of their tokens.

`</s>` counts as a token. Padding does not, nor does the language tag: masks give the target
language away, so a model with masks predicts the tag better, whatever it knows of the text.

Axes: B sentences of a batch, T target tokens, M tokens that count, D model width, N sentences of
a direction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neuron_specialization.corpora.vocabulary import vocabulary_folder
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.data import DirectionDataset
from neuron_specialization.fairseq_plugin.decoding import (
    Group,
    batches,
    group_directions,
    load_split,
)
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.parallel import device_of, parallel_map
from neuron_specialization.settings.decoding import DecodingSettings
from neuron_specialization.settings.training import DirectionFiles

CHUNK = 1024
"""Tokens whose logits are in memory at a time: 0.5 GB for 128,000 pieces."""
MAX_TOKENS = DecodingSettings.max_tokens


@dataclass(frozen=True, kw_only=True)
class References:
    """The references of a direction, in the order of the corpus."""

    nll_N: NDArray[np.float64]
    """Negative log-likelihood of each sentence: the sum over its tokens, in nats."""
    tokens_N: NDArray[np.int64]
    """Number of these tokens, at least 1."""


def score_references(
    models: Sequence[str],
    directions: Sequence[str],
    *,
    files: DirectionFiles,
    data: Sequence[str],
    split: str,
    device: str,
    processes: int,
) -> dict[str, References]:
    """Score the references of a split in all directions of a system.

    `decoding.translate_system` describes the arguments. Raises InputError if the masks or
    adapters lack a direction.
    """

    def score_share(share: tuple[int, list[Group]]) -> dict[str, References]:
        process, groups = share
        found: dict[str, References] = {}
        for checkpoint, names in groups:
            folder, place = vocabulary_folder(data, names[0]), device_of(device, process)
            model, task = load_split(checkpoint, names, files, folder, split, place)
            found |= force_decode(model, task, split, place)
        return found

    shares = group_directions(models, directions, processes)
    parts = parallel_map(score_share, enumerate(shares), len(shares))
    found = {name: references for part in parts for name, references in part.items()}
    return {name: found[name] for name in directions}


def force_decode(
    model: Any, task: DirectionsTask, split: str, device: str, max_tokens: int = MAX_TOKENS
) -> dict[str, References]:
    """Score the references of a loaded split, by direction."""
    dataset: DirectionDataset = task.dataset(split)
    nll_N, tokens_N = np.full(len(dataset), np.nan), np.zeros(len(dataset), dtype=np.int64)
    for sample in batches(dataset, dataset.ordered_indices(), max_tokens, device):
        index_B = sample["id"].cpu().numpy()
        nll_N[index_B], tokens_N[index_B] = score_batch(model, task, sample, sample["direction"])
    finite = int(np.isfinite(nll_N).sum())
    if finite != len(dataset):
        raise InputError(
            f"{split}: {finite} of {len(dataset)} references have a finite likelihood; the model's "
            "training diverged: train it again, with a lower learning_rate"
        )
    ends = zip(dataset.directions, pairwise(dataset.starts), strict=True)
    return {
        name: References(nll_N=nll_N[start:end], tokens_N=tokens_N[start:end])
        for name, (start, end) in ends
    }


@torch.inference_mode()
def score_batch(
    model: Any, task: DirectionsTask, sample: Mapping[str, Any], mask: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return nll_B and tokens_B of a batch's references.

    `mask` is the index of the direction whose masks or adapters are used.
    """
    task.direction_state.direction = mask
    features_BTD, _ = model(**sample["net_input"], features_only=True)
    target_BT = sample["target"]
    counts_BT = target_BT.ne(task.target_dictionary.pad())
    if not task.cfg.no_language_tags:
        counts_BT[:, 0] = False
    nll_BT = torch.zeros(target_BT.shape, dtype=torch.float64, device=target_BT.device)
    nll_BT[counts_BT] = token_nll(model, features_BTD[counts_BT], target_BT[counts_BT])
    return nll_BT.sum(dim=1).cpu().numpy(), counts_BT.sum(dim=1).cpu().numpy()


def token_nll(model: Any, features_MD: Tensor, target_M: Tensor) -> Tensor:
    """Return the negative log-likelihood of each target token, nll_M in double precision."""
    chunks = zip(features_MD.split(CHUNK), target_M.split(CHUNK), strict=True)
    return torch.cat(
        [
            functional.cross_entropy(
                model.decoder.output_layer(features).float(), target, reduction="none"
            ).double()
            for features, target in chunks
        ]
    )
