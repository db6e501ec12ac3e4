"""A model in a folder as Hugging Face delivers it: its sizes, and why some models are refused."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuron_specialization.errors import InputError

CONFIG = "config.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
LEARNED = {"m2m_100": False, "mbart": True}
"""By type of model, whether it has learned positions and a LayerNorm on embeddings."""
SUFFIXES = (".json", ".model", ".safetensors", ".bin")
SUPPORTED = "M2M-100, NLLB-200 (dense) and mBART-50 many-to-many are supported"
TARGET_TAG = "has the target's language in the source, so its encoder is another for each target"
REFUSED = {
    "marian": f"OPUS-MT (Marian) is post-norm, with swish instead of ReLU, and {TARGET_TAG}",
    **dict.fromkeys(
        ("t5", "mt5", "umt5"),
        "T5 and MADLAD have gated FFNs with GELU, in which no neuron is simply on or off",
    ),
    **dict.fromkeys(
        ("nllb-moe", "switch_transformers"),
        "a mixture of experts passes a token through some of its FFNs only, so that counts of "
        "neurons cannot be compared",
    ),
}
"""Types of models that are not imported, with the reason."""
ACTIVATION = (
    "a neuron counts as active if it is above 0 after ReLU; for other functions, which are hardly "
    "ever 0, there is no settled definition"
)
TOKENIZERS = ("M2M100Tokenizer", "NllbTokenizer", "MBart50Tokenizer")
"""Classes of tokenizers (or with `Fast`) that put tags where this project's task has them."""
FIXED = {"scale_embedding": True, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
SIZES = {
    "layers": "encoder_layers",
    "heads": "encoder_attention_heads",
    "d_model": "d_model",
    "d_ff": "encoder_ffn_dim",
    "decoder_layers": "decoder_layers",
    "decoder_d_ff": "decoder_ffn_dim",
}
"""Settings of an architecture, by their names in config.json."""


def model_files(folder: Path) -> list[Path]:
    """Return the files of a model folder that it is imported from."""
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES)


def read_json(path: Path) -> dict[str, Any]:
    """Read a file of a model folder; raise InputError if it is missing or has no mapping."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such file; give the whole folder, as Hugging Face delivers it"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a valid file of JSON ({error}); download it again") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: not a mapping of names to values; download it again")
    return found


def read_model_config(folder: Path) -> dict[str, Any]:
    """Read config.json of a model that can be imported; raise InputError for others, with why."""
    path = folder / CONFIG
    config = read_json(path)
    kind = config.get("model_type")
    if kind not in LEARNED:
        reason = REFUSED.get(str(kind), f"models of the type {kind} are not supported")
        raise InputError(f"{path}: {reason}; {SUPPORTED}")
    if config.get("activation_function") != "relu":
        raise InputError(
            f"{path}: its activation function is {config.get('activation_function')}: {ACTIVATION};"
            f" {SUPPORTED}"
        )
    for name in (*SIZES.values(), "vocab_size", "max_position_embeddings"):
        if type(config.get(name)) is not int or config[name] < 1:
            raise InputError(f"{path}: {name} is missing or not a whole number; download it again")
    heads = config["encoder_attention_heads"], config.get("decoder_attention_heads")
    if heads[0] != heads[1]:
        raise InputError(
            f"{path}: {heads[0]} heads in the encoder, {heads[1]} in the decoder; only equal "
            "numbers are supported"
        )
    wanted = {name: value for name, value in FIXED.items() if name in config}
    for name, value in wanted.items():
        if config[name] != value:
            raise InputError(
                f"{path}: {name} is {config[name]}, not {value}; models with this setting are not "
                f"supported: {SUPPORTED}"
            )
    return config


def read_tokenizer_config(folder: Path) -> dict[str, Any]:
    """Read tokenizer_config.json, which may be missing; raise InputError for other tokenizers."""
    path = folder / TOKENIZER_CONFIG
    config = read_json(path) if path.exists() else {}
    kind = config.get("tokenizer_class")
    if kind is not None and str(kind).removesuffix("Fast") not in TOKENIZERS:
        raise InputError(
            f"{path}: its tokenizer is a {kind}, only {', '.join(TOKENIZERS)} are supported; "
            f"SMaLL-100's {TARGET_TAG}"
        )
    return config


def folder_settings(folder: Path) -> dict[str, Any]:
    """Return the settings of a folder's model by their names in `Architecture`."""
    config = read_model_config(folder)
    learned = LEARNED[config["model_type"]]
    legacy = read_tokenizer_config(folder).get("legacy_behaviour", False)
    settings = {name: config[theirs] for name, theirs in SIZES.items()}
    for name in ("layers", "d_ff"):
        if settings[f"decoder_{name}"] == settings[name]:
            settings[f"decoder_{name}"] = 0
    settings |= {"learned_positions": learned, "embedding_norm": learned}
    settings |= {"max_positions": config["max_position_embeddings"]} if learned else {}
    shared = config.get("tie_word_embeddings", True)
    return settings | {"shared_embeddings": bool(shared), "source_tag_last": bool(legacy)}


def check_settings(folder: Path, stated: Mapping[str, Any]) -> None:
    """Raise InputError if settings of an architecture differ from the folder's."""
    for name, found in folder_settings(folder).items():
        if stated[name] != found:
            raise InputError(
                f"{folder / CONFIG}: {name} is {found} in the folder, {stated[name]} in the "
                "architecture; remove it from the architecture, and it is read from the folder"
            )
