"""Model folders for transformers: weights and settings, written without importing it.

`M2M100ForConditionalGeneration` has sinusoidal positions, `MBartForConditionalGeneration` learned
ones and a LayerNorm on embeddings. Both are pre-norm transformers that scale embeddings.

Axes: V vocabulary, D model width.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from neuron_specialization.errors import InputError
from neuron_specialization.export.trimming import EMBEDDINGS
from neuron_specialization.fairseq_plugin.external_checkpoints import (
    BUFFERS,
    DECODER_EMBEDDING,
    ENCODER_EMBEDDING,
)
from neuron_specialization.fairseq_plugin.huggingface_models import (
    OUTPUT_BIAS,
    SHARED,
    huggingface_name,
)
from neuron_specialization.files import write_text

POSITIONS = "model.encoder.embed_positions.weight"  # learned ones
CLASSES = {  # by learned positions and LayerNorm on embeddings
    (False, False): ("M2M100ForConditionalGeneration", "m2m_100"),
    (True, True): ("MBartForConditionalGeneration", "mbart"),
}
FIRST_POSITION = 2  # rows before it in a table of learned positions: they follow padding's index
TOKEN_IDS = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
MAX_LENGTH = 200  # tokens of a hypothesis, as in the configuration of M2M-100


def check_class(checkpoint: Path, settings: Mapping[str, Any], tags: bool) -> None:
    """Raise InputError if no class of transformers computes what the model does."""
    positions, norm = settings["encoder_learned_pos"], settings["layernorm_embedding"]
    reason = ""
    if (positions, norm) not in CLASSES:
        reason = f"encoder_learned_pos is {positions} and layernorm_embedding is {norm}"
    if not settings["encoder_normalize_before"]:
        reason = "it is a post-norm model"
    if not tags:
        reason = "it has no language tags, but their tokenizers add them"
    if reason:
        raise InputError(
            f"{checkpoint}: no class of transformers has such a model ({reason}); use the other "
            "formats"
        )


def write_huggingface_model(
    folder: Path,
    tensors: Mapping[str, Tensor],
    settings: Mapping[str, Any],
    forced: int | None,
) -> None:
    """Write weights, `config.json` and `generation_config.json` into a folder.

    Args:
        folder: where to write.
        tensors: a state dict of fairseq; embeddings in the order of the tokenizer's ids.
        settings: fairseq's settings of the model.
        forced: the id of the target's code; None if the caller gives it for each text.
    """
    renamed = huggingface_tensors(tensors)
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})
    forced_id = {} if forced is None else {"forced_bos_token_id": forced}
    length = min(MAX_LENGTH, settings["max_target_positions"])
    search = {"num_beams": 5, "early_stopping": True, "max_length": length}
    write_json(folder / "config.json", model_config(renamed, settings))
    # safetensors lets nobody but the owner read its file
    shutil.copymode(folder / "config.json", folder / "model.safetensors")
    write_json(folder / "generation_config.json", {**TOKEN_IDS, **forced_id, **search})


def huggingface_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a state dict of fairseq under the names of transformers.

    Embeddings that are all equal are stored once, as transformers does.
    """
    embeddings = {huggingface_name(name): tensors[name] for name in EMBEDDINGS}
    shared_VD = tensors[DECODER_EMBEDDING]
    renamed = {SHARED: shared_VD}
    if not all(torch.equal(each, shared_VD) for each in embeddings.values()):
        # safetensors refuses two names for one memory
        renamed |= {name: tensor.clone() for name, tensor in embeddings.items()}
    for name, tensor in tensors.items():
        if name not in EMBEDDINGS and not BUFFERS.search(name):
            renamed[huggingface_name(name)] = tensor
    if POSITIONS in renamed:
        renamed[OUTPUT_BIAS] = torch.zeros(1, len(shared_VD))
    return {name: tensor.detach().contiguous() for name, tensor in renamed.items()}


def model_config(tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return transformers' configuration of tensors under its names."""
    kind = settings["encoder_learned_pos"], settings["layernorm_embedding"]
    architecture, model_type = CLASSES[kind]
    stacks: dict[str, Any] = {}
    for stack in ("encoder", "decoder"):
        stacks |= {
            f"{stack}_layers": settings[f"{stack}_layers"],
            f"{stack}_attention_heads": settings[f"{stack}_attention_heads"],
            f"{stack}_ffn_dim": len(tensors[f"model.{stack}.layers.0.fc1.bias"]),
            f"{stack}_layerdrop": 0.0,
        }
    positions = settings["max_source_positions"]
    if POSITIONS in tensors:
        positions = len(tensors[POSITIONS]) - FIRST_POSITION
    return {
        "architectures": [architecture],
        "model_type": model_type,
        "vocab_size": len(tensors[SHARED]),
        "d_model": tensors[SHARED].size(1),
        **stacks,
        "num_hidden_layers": settings["encoder_layers"],
        "max_position_embeddings": positions,
        "activation_function": "relu",
        "scale_embedding": not settings["no_scale_embedding"],
        "dropout": settings["dropout"],
        "attention_dropout": settings["attention_dropout"],
        "activation_dropout": 0.0,
        "tie_word_embeddings": f"model.{ENCODER_EMBEDDING}" not in tensors,
        "is_encoder_decoder": True,
        **TOKEN_IDS,
        "forced_eos_token_id": None,
        "torch_dtype": "float32",
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
