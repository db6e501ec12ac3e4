"""Check, before an export, that its parts belong together and can be exported."""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neuron_specialization.corpora.existing_vocabulary import read_pieces
from neuron_specialization.corpora.vocabulary import language_file, load_pieces
from neuron_specialization.errors import InputError
from neuron_specialization.export.manifest import HUGGINGFACE
from neuron_specialization.fairseq_plugin.binarise import piece_indices
from neuron_specialization.fairseq_plugin.checkpoint_settings import read_task
from neuron_specialization.fairseq_plugin.data import load_dictionary, tag_index
from neuron_specialization.fairseq_plugin.external_checkpoints import (
    DECODER_EMBEDDING,
    ENCODER_EMBEDDING,
)
from neuron_specialization.fairseq_plugin.methods import check_masks
from neuron_specialization.neurons.storage import Masks

logger = logging.getLogger(__name__)

NOT_EXPORTED = "only a plain model, or its sub-network with neuron masks (--masks), can be exported"


def check_request(
    directions: Sequence[str],
    formats: Collection[str],
    masks: Path | None,
    tokenizer: Path | None,
    trim_text: Sequence[Path],
) -> None:
    """Raise InputError if options exclude each other."""
    several = len(directions) > 1
    problem = ""
    if several and masks:
        problem = (
            "each direction has its own neurons, so a model with masks has one direction; export "
            "each into a folder of its own, or all of them without --masks"
        )
    elif len({*directions}) < len(directions):
        problem = "a direction is named twice (--directions)"
    elif "fairseq" in formats and (several or trim_text):
        problem = (
            "the format fairseq is for one direction and the whole vocabulary; choose others "
            "(--formats ctranslate2 huggingface)"
        )
    elif tokenizer and HUGGINGFACE not in formats:
        problem = f"--tokenizer is for the format {HUGGINGFACE}; add it (--formats)"
    if problem:
        raise InputError(f"{', '.join(directions)}: {problem}")


def trained_task(
    checkpoint: Path, state: Mapping[str, Any], directions: Sequence[str], masks: Path | None
) -> dict[str, Any]:
    """Return fairseq's settings of the task; raise InputError if its model cannot be exported."""
    task = read_task(checkpoint, state)
    if task["adapter_sets"]:
        raise InputError(f"{checkpoint}: adapters cannot be exported; {NOT_EXPORTED}")
    if task["weight_masks"]:
        raise InputError(
            f"{checkpoint}: trained with weight masks (LaSS), which remove no neuron, and "
            f"cannot be exported; {NOT_EXPORTED}"
        )
    trained = task["directions"].split(",")
    missing = [direction for direction in directions if direction not in trained]
    if missing:
        raise InputError(
            f"{checkpoint}: no model of {', '.join(missing)}; it was trained in "
            f"{', '.join(trained)}"
        )
    if task["masks"] and not masks:
        logger.warning(
            "%s was trained with neuron masks, but is exported with all neurons; give the masks "
            "(--masks) to export its sub-network",
            checkpoint,
        )
    return task


def check_settings(checkpoint: Path, settings: Mapping[str, Any]) -> None:
    """Raise InputError if some format cannot represent the model."""
    wanted = {
        "activation_fn": "relu",
        "decoder_learned_pos": settings["encoder_learned_pos"],
        "no_token_positional_embeddings": False,
        "decoder_normalize_before": settings["encoder_normalize_before"],
        "decoder_attention_heads": settings["encoder_attention_heads"],
    }
    for name, value in wanted.items():
        if settings[name] != value:
            raise InputError(
                f"{checkpoint}: {name} is {settings[name]}; only models in which it is {value} "
                "can be exported"
            )


def check_dictionaries(
    checkpoint: Path,
    tensors: Mapping[str, Tensor],
    folder: Path,
    direction: str,
    tags: bool,
    vocabulary: Path,
) -> None:
    """Raise InputError if dictionaries, SentencePiece models and embeddings do not match."""
    embeddings = (ENCODER_EMBEDDING, DECODER_EMBEDDING)
    for language, name in zip(direction.split("-"), embeddings, strict=True):
        dictionary = load_dictionary(folder, language, tags=tags)
        if len(dictionary) != len(tensors[name]):
            raise InputError(
                f"{language_file(folder, 'dict.txt', language)}: {len(dictionary)} entries, but "
                f"{checkpoint} has {len(tensors[name])} embeddings; give the data that it was "
                "trained on (--data)"
            )
        if tags:
            tag_index(dictionary, language)
        pieces = language_file(vocabulary, "spm.model", language)
        if pieces.is_file():
            read_pieces(pieces)  # raises InputError if it is damaged
        piece_indices(load_pieces(vocabulary, language), dictionary, vocabulary)


def read_masks(path: Path, model: Any, direction: str) -> dict[str, Tensor]:
    """Return the active neurons of a direction, [F], by the name of each layer with a mask."""
    masks = Masks.load(path)
    try:
        check_masks(model, masks, [direction])
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    mask_NF = torch.from_numpy(masks.mask_LNF[masks.directions.index(direction)])
    widths = masks.width_N.tolist()
    return {
        layer: mask_F[:width]
        for layer, mask_F, width in zip(masks.layers, mask_NF, widths, strict=True)
    }
