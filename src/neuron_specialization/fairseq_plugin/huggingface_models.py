"""Read the tensors of a model folder as Hugging Face delivers it, under fairseq's names."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file as load_safetensors
from torch import Tensor

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.checkpoints import file_hash, load_file
from neuron_specialization.fairseq_plugin.external_checkpoints import (
    DECODER_EMBEDDING,
    ENCODER_EMBEDDING,
    ExternalCheckpoint,
)
from neuron_specialization.fairseq_plugin.methods import OUTPUT_PROJECTION
from neuron_specialization.settings.model_folders import CONFIG, read_json, read_model_config

SHARED, OUTPUT, OUTPUT_BIAS = "model.shared.weight", "lm_head.weight", "final_logits_bias"
"""Their names of the embedding, of the output projection, and of a bias that is always 0."""
SINUSOIDS = re.compile(r"\.embed_positions\.weights$")  # computed by the model
WEIGHTS = ("model.safetensors", "pytorch_model.bin")


def fairseq_name(name: str) -> str:
    """Return fairseq's name of a tensor, except for SHARED, which fairseq has under two names."""
    return OUTPUT_PROJECTION if name == OUTPUT else name.removeprefix("model.")


def huggingface_name(name: str) -> str:
    """Return their name of a tensor of fairseq."""
    return OUTPUT if name == OUTPUT_PROJECTION else f"model.{name}"


def read_model_folder(folder: Path) -> ExternalCheckpoint:
    """Read a folder's model as if it were a checkpoint of fairseq.

    Raises:
        InputError: a file is missing, damaged or holds other objects than tensors, or the model
            cannot be one of fairseq's transformer.
    """
    config = read_model_config(folder)
    tensors = to_fairseq(folder, read_tensors(folder))
    rows = len(tensors[DECODER_EMBEDDING])
    if rows != config["vocab_size"]:
        raise InputError(
            f"{folder / CONFIG}: vocab_size is {config['vocab_size']}, but the embedding has "
            f"{rows} rows; give the files that belong together"
        )
    model = {"share_all_embeddings": config.get("tie_word_embeddings", True)}
    return ExternalCheckpoint(path=folder, tensors=tensors, model=model, task={}, num_updates=0)


def to_fairseq(folder: Path, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors under fairseq's names; raise InputError for a bias that is not 0."""
    bias = tensors.get(OUTPUT_BIAS)
    if bias is not None and bias.any():
        raise InputError(
            f"{folder}: its {OUTPUT_BIAS} is not 0; fairseq's transformer has no such bias"
        )
    left_out = {name for name in tensors if SINUSOIDS.search(name)} | {OUTPUT_BIAS, SHARED}
    found = {fairseq_name(name): value for name, value in tensors.items() if name not in left_out}
    if SHARED in tensors:
        shared = dict.fromkeys((ENCODER_EMBEDDING, DECODER_EMBEDDING), tensors[SHARED])
        found = shared | found
    if DECODER_EMBEDDING not in found:
        raise InputError(f"{folder}: has no tensor {SHARED}; it is no translation model")
    return found


def weight_files(folder: Path) -> dict[Path, list[str]]:
    """Return the files of a folder's weights, each with the tensors that an index says it has."""
    for name in WEIGHTS:
        if (folder / name).is_file():
            return {folder / name: []}
        index = folder / f"{name}.index.json"
        if index.is_file():
            shards: dict[Path, list[str]] = {}
            for tensor, shard in read_json(index).get("weight_map", {}).items():
                shards.setdefault(folder / shard, []).append(tensor)
            return shards
    raise InputError(
        f"{folder}: no weights, neither {' nor '.join(WEIGHTS)}, nor shards with an index; "
        "download them, too"
    )


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """Read all tensors of a folder on the CPU; raise InputError for a missing or damaged file."""
    tensors: dict[str, Tensor] = {}
    for path, named in weight_files(folder).items():
        if not path.is_file():
            raise InputError(f"{path}: no such file, which the index names; download it, too")
        found = read_weights(path)
        if lacking := sorted({*named} - found.keys()):
            raise InputError(
                f"{path}: lacks {len(lacking)} tensors that the index names, such as {lacking[0]}; "
                "download all files of one version"
            )
        tensors |= found
    return tensors


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of one file, without running code that it contains."""
    size = path.stat().st_size
    try:
        found = load_safetensors(path) if path.suffix == ".safetensors" else load_file(path)
    except InputError:
        raise
    except Exception as error:  # torch raises half a dozen types, and none names the file
        if refused := re.search(r"GLOBAL (\S+)", str(error)):
            raise InputError(
                f"{path}: it holds a {refused[1]}, and reading that could run code; use the "
                "model's model.safetensors instead"
            ) from error
        raise InputError(
            f"{path}: not a complete file of weights ({size} bytes; {error}); download it again"
        ) from error
    if not isinstance(found, dict) or not all(map(torch.is_tensor, found.values())):
        raise InputError(f"{path}: holds other objects than tensors; give the weights of a model")
    return found


def folder_hash(folder: Path) -> str:
    """Return 16 digits that change with a folder's weights or its config.json."""
    hashes = [file_hash(path) for path in (folder / CONFIG, *weight_files(folder))]
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest()[:16]
