"""Export one direction's sub-network as standalone models that do not need this project."""

import logging
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neuron_specialization import __version__
from neuron_specialization.corpora.existing_vocabulary import read_pieces
from neuron_specialization.corpora.shards import shard_folders
from neuron_specialization.corpora.vocabulary import language_file, language_tag, load_pieces
from neuron_specialization.errors import InputError
from neuron_specialization.export.ctranslate2_models import (
    prepare_model,
    write_ctranslate2,
)
from neuron_specialization.export.fairseq_model import model_settings, write_fairseq_checkpoint
from neuron_specialization.export.manifest import CHECKPOINT, FORMATS, VOCABULARY, ExportManifest
from neuron_specialization.export.slicing import ffn_widths, slice_state
from neuron_specialization.fairseq_plugin.binarise import piece_indices
from neuron_specialization.fairseq_plugin.checkpoint_settings import read_config, read_task
from neuron_specialization.fairseq_plugin.checkpoints import file_hash, read_checkpoint
from neuron_specialization.fairseq_plugin.data import dictionary_text, load_dictionary, tag_index
from neuron_specialization.fairseq_plugin.external_checkpoints import (
    DECODER_EMBEDDING,
    ENCODER_EMBEDDING,
)
from neuron_specialization.fairseq_plugin.methods import check_masks
from neuron_specialization.fairseq_plugin.models import load_model
from neuron_specialization.files import atomic_folder, write_text
from neuron_specialization.neurons.storage import Masks

logger = logging.getLogger(__name__)

POSITIONS = 1024  # at least, for sources and hypotheses, even if the checkpoint has fewer
NOT_EXPORTED = "only a plain model, or its sub-network with neuron masks (--masks), can be exported"


def export_model(
    checkpoint: Path,
    out: Path,
    *,
    direction: str,
    data: Path,
    vocabulary: Path,
    masks: Path | None = None,
    formats: Collection[str] = tuple(FORMATS),
) -> None:
    """Write the model of one direction into a new folder, atomically.

    Embeddings are ordered by the dictionaries of `data`, the folder of the binarised corpora that
    the checkpoint, dense or specialized, was trained on; without `masks` it keeps all neurons.

    Raises InputError, and writes nothing, if `out` exists already, a file is missing or damaged,
    files do not belong together, or the model was not trained in the direction.
    """
    if out.exists():
        raise InputError(f"{out}: already exists; remove it or give another folder")
    state = read_checkpoint(checkpoint)
    own = {"masks": "", "weight_masks": "", "base": "", "directions": direction}
    task_settings = trained_task(checkpoint, state, direction, masks)
    tags = not task_settings["no_language_tags"]
    settings = model_settings(vars(read_config(checkpoint, state, own).model))
    check_settings(checkpoint, settings)
    folder = shard_folders(data)[0]
    check_dictionaries(checkpoint, state["model"], folder, direction, tags, vocabulary)
    model, task = load_model(checkpoint, {**own, "data": str(folder)})
    mask_F_by_layer = read_masks(masks, model, direction) if masks else {}
    tensors = slice_state(model.state_dict(), mask_F_by_layer)
    positions = max(settings["max_source_positions"], settings["max_target_positions"], POSITIONS)
    with atomic_folder(out) as partial:
        copy_vocabulary(partial / VOCABULARY, folder, vocabulary, direction, tags)
        if "fairseq" in formats:
            place = partial / FORMATS["fairseq"]
            models = shutil.ignore_patterns("spm*.model")
            shutil.copytree(partial / VOCABULARY, place, ignore=models)
            updates = state["optimizer_history"][-1]["num_updates"]
            write_fairseq_checkpoint(place / CHECKPOINT, tensors, settings, direction, updates)
        prepare_model(model, tensors, positions)
        for name in sorted({*formats} - {"fairseq"}):
            place = partial / FORMATS[name]
            write_ctranslate2(place, model, settings, task.dictionaries, place.name)
        source, target = map(language_tag, direction.split("-")) if tags else (None, None)
        ExportManifest(
            direction=direction,
            source_tag=source,
            target_tag=target,
            formats=[name for name in FORMATS if name in formats],
            ffn_widths=ffn_widths(tensors),
            max_source_tokens=positions,
            max_target_positions=settings["max_target_positions"],
            provenance=provenance(checkpoint, masks),
        ).write(partial)


def trained_task(
    checkpoint: Path, state: Mapping[str, Any], direction: str, masks: Path | None
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
    if direction not in trained:
        raise InputError(
            f"{checkpoint}: no model of {direction}; it was trained in {', '.join(trained)}"
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
        "encoder_learned_pos": False,
        "decoder_learned_pos": False,
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


def copy_vocabulary(
    target: Path, folder: Path, vocabulary: Path, direction: str, tags: bool
) -> None:
    """Write the dictionary of each language, and copy the SentencePiece models."""
    target.mkdir()
    for language in direction.split("-"):
        text = dictionary_text(folder, language, tags=tags)
        write_text(target / f"dict.{language}.txt", text)
        shutil.copy(language_file(vocabulary, "spm.model", language), target)


def provenance(checkpoint: Path, masks: Path | None) -> dict[str, Any]:
    """Return the version, the source files and their hashes."""
    found: dict[str, Any] = {
        "neuron_specialization": __version__,
        "checkpoint": {"file": checkpoint.name, "sha256": file_hash(checkpoint)},
    }
    if masks:
        selection = dict(Masks.load(masks).provenance)
        found["masks"] = {"file": masks.name, "sha256": file_hash(masks), "selection": selection}
    return found
