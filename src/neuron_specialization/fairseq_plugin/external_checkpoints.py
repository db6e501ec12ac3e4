"""Read checkpoints trained elsewhere, interpret their settings, and adapt their tensors.

Axes: V entries of a dictionary, D model width.
"""

import copy
import re
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq.data import Dictionary
from fairseq.data.multilingual.multilingual_utils import augment_dictionary
from torch import Tensor

from neuron_specialization.corpora.existing_vocabulary import read_dictionary
from neuron_specialization.corpora.vocabulary import language_tag
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.checkpoints import load_file
from neuron_specialization.fairseq_plugin.methods import OUTPUT_PROJECTION

ENCODER_EMBEDDING, DECODER_EMBEDDING = (f"{s}.embed_tokens.weight" for s in ("encoder", "decoder"))
FFN = re.compile(r"(encoder|decoder)\.layers\.\d+\.fc1\.weight$")
# computed by the model, or replaced by VERSIONS
BUFFERS = re.compile(r"\.(version|embed_positions\.(weights|_float_tensor))$")
# fairseq mistakes a state dict without these for an old one and silently drops the last LayerNorms
VERSIONS = {f"{stack}.version": torch.tensor([3.0]) for stack in ("encoder", "decoder")}
# numpy values that `--eval-bleu` leaves among the meters. The `Namespace` of fairseq's settings is
# in the package-wide list only: after reading, torch removes the entries of this list from both
HARMLESS: list[Any] = [
    *(np.ndarray, np.dtype, np.dtypes.Int64DType, np.dtypes.Float64DType),
    *(
        (value.__reduce__()[0], f"numpy.{core}.multiarray.{name}")
        for value, name in ((np.zeros(0), "_reconstruct"), (np.float64(), "scalar"))
        for core in ("core", "_core")  # numpy 1 and 2
    ),
]


@dataclass(frozen=True, kw_only=True)
class ExternalCheckpoint:
    """A checkpoint as found, with fairseq's settings; empty or 0 if it states none."""

    path: Path
    tensors: dict[str, Tensor]
    model: dict[str, Any]
    task: dict[str, Any]
    num_updates: int


def read_external_checkpoint(path: Path, *, trusted: bool = False) -> ExternalCheckpoint:
    """Read a checkpoint on the CPU, without running code that it contains unless it is trusted.

    Raise InputError if it is missing, damaged, or holds objects that might not be harmless.
    """
    try:
        state = load_file(path, allowed=HARMLESS, trusted=trusted)
        return ExternalCheckpoint(
            path=path,
            tensors=dict(state["model"]),
            model=stated(state, "model"),
            task=stated(state, "task"),
            num_updates=(state.get("optimizer_history") or [{}])[-1].get("num_updates", 0),
        )
    except InputError:
        raise
    except Exception as error:  # torch raises half a dozen types, and none names the file
        raise InputError(f"{path}: {describe(error, path)}") from error


def describe(error: Exception, path: Path) -> str:
    """Return why a checkpoint cannot be read, and advice."""
    refused = re.search(r"GLOBAL (\S+)", str(error))
    if refused is None:
        return f"not a valid fairseq checkpoint ({path.stat().st_size} bytes; {error!r})"
    return (
        f"it holds a {refused[1]}, and reading that could run code. If you trust its origin, set "
        "`trust_checkpoints: true`; or ask its author to save a dictionary of only its `model` "
        "and `args` or `cfg`"
    )


def stated(state: Mapping[str, Any], section: str) -> dict[str, Any]:
    """Return a checkpoint's settings of its model or task, from its `cfg` or the older `args`."""
    settings = (state.get("cfg") or {}).get(section) or state.get("args") or {}
    return dict(vars(settings) if isinstance(settings, Namespace) else settings)


def stated_tags(task: Mapping[str, Any]) -> tuple[str | None, ...] | None:
    """Return whose tags lead source and target, in fairseq's terms; None if unstated."""
    if "encoder_langtok" in task:
        tags = (task["encoder_langtok"], "tgt" if task.get("decoder_langtok") else None)
        return tuple((task.get("langtoks") or {}).get("main", tags))
    if "no_language_tags" in task:
        return (None, None) if task["no_language_tags"] else ("src", "tgt")
    return None


def stated_languages(task: Mapping[str, Any]) -> list[str]:
    """Return the languages of a task in the order of their tags, or none if it does not state them.

    fairseq sorts the languages of `lang_pairs` if `langs` does not name them.
    """
    languages, pairs = as_list(task.get("langs")), as_list(task.get("lang_pairs"))
    if languages or task.get("lang_dict"):
        return languages
    return sorted({language for pair in pairs for language in pair.split("-")})


def as_list(value: str | list[str] | None) -> list[str]:
    """Return a setting as a list; fairseq keeps some lists as typed, joined by commas."""
    return value.split(",") if isinstance(value, str) else list(value or ())


def trained_dictionary(
    external: ExternalCheckpoint, path: Path | None, ours: Dictionary
) -> Dictionary:
    """Return the dictionary that a checkpoint was trained with, language tags included.

    `path` is the file that fairseq read; fairseq adds missing tags to it in the order of the
    languages that the checkpoint names. None means the dictionary of the corpora, which ends with
    its tags.
    """
    theirs = copy.deepcopy(ours) if path is None else Dictionary()
    for token in [] if path is None else read_dictionary(path):
        theirs.add_symbol(token, overwrite=True)
    languages = stated_languages(external.task)
    if path is None:
        check_order(external, languages, ours)
    if languages:
        augment_dictionary(
            theirs,
            languages,
            external.task.get("lang_tok_style") or "multilingual",
            as_list(external.task.get("langtoks_specs")) or ["main"],
            external.task.get("extra_data"),
        )
    return theirs


def check_order(external: ExternalCheckpoint, languages: list[str], ours: Dictionary) -> None:
    """Raise InputError if the result would depend on whether the corpora's dictionary had tags."""
    tags = [language_tag(language) for language in languages]
    known = sorted((tag for tag in tags if tag in ours), key=ours.index)
    if known != tags[: len(known)] or external.task.get("lang_dict"):
        raise InputError(
            f"{external.path}: its language tags are in the order of "
            f"{external.task.get('lang_dict') or ', '.join(languages)}, the corpora's in another; "
            "specify the dictionary file that it was trained with"
        )


def restore_names(external: ExternalCheckpoint) -> dict[str, Tensor]:
    """Return the tensors under fairseq's names in float32, shared embeddings under each of theirs.

    Omit the output projection: it is the decoder's embedding.
    """
    tensors = {
        re.sub(r"\bglobal_weight$", "weight", name): tensor.float()
        for name, tensor in external.tensors.items()
        if not BUFFERS.search(name)
    }
    shared = [DECODER_EMBEDDING, OUTPUT_PROJECTION]
    if external.model.get("share_all_embeddings"):
        shared.append(ENCODER_EMBEDDING)
    found = [tensors[name] for name in shared if name in tensors]
    if not all(torch.equal(tensor, found[0]) for tensor in found):
        raise InputError(
            f"{external.path}: {', '.join(shared)} differ; this project's models share the "
            "decoder's input and output embeddings"
        )
    tensors |= dict.fromkeys(shared, found[0]) if found else {}
    tensors.pop(OUTPUT_PROJECTION, None)
    return tensors | VERSIONS


def order_rows(
    path: Path, name: str, weight_VD: Tensor, theirs: Dictionary, ours: Dictionary
) -> Tensor:
    """Return an embedding with its rows in the order of our dictionary instead of theirs."""
    if len(weight_VD) != len(theirs):
        raise InputError(
            f"{path}: {name} has {len(weight_VD)} rows, but the dictionary has {len(theirs)} "
            "entries with language tags; specify the vocabulary that it was trained with"
        )
    missing = [symbol for symbol in ours.symbols if symbol not in theirs]
    if missing:
        raise InputError(
            f"{path}: its dictionary lacks {len(missing)} entries of the corpora's, such as "
            f"{' '.join(missing[:5])}; specify the vocabulary that it was trained with, and "
            "only its languages"
        )
    rows = [i if theirs[i] == s else theirs.index(s) for i, s in enumerate(ours.symbols)]
    return weight_VD if rows == list(range(len(weight_VD))) else weight_VD[rows]


def check_shapes(path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Raise InputError if the tensors' names or shapes differ from the architecture's."""
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    wanted = {name: tuple(tensor.shape) for name, tensor in expected.items()}
    different = [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)]
    if different:
        listed = "; ".join(
            f"{name} is {found.get(name, 'absent')} in the checkpoint, "
            f"{wanted.get(name, 'absent')} in the architecture"
            for name in different[:3]
        )
        raise InputError(f"{path}: {len(different)} tensors differ: {listed}. {advice(found)}")


def advice(found: Mapping[str, tuple[int, ...]]) -> str:
    """Return advice on setting the architecture, from the shapes in a checkpoint."""
    ffns = {name: shape for name, shape in found.items() if FFN.match(name)}
    if not ffns:
        return "The checkpoint is not one of fairseq's transformer"
    if "encoder.layer_norm.weight" not in found:
        return "The checkpoint is a post-norm model (no encoder.layer_norm); only pre-norm ones fit"
    encoder = sum(name.startswith("encoder.") for name in ffns)
    sizes = " or ".join(f"d_ff {d_ff}, d_model {d_model}" for d_ff, d_model in set(ffns.values()))
    return f"The checkpoint has layers {encoder} + {len(ffns) - encoder}, {sizes}; use these sizes"
