"""The tensors of checkpoints trained elsewhere, as this project's models have them.

Axes: V entries of a dictionary, D model width.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from fairseq.data import Dictionary
from torch import Tensor

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.external_checkpoints import Foreign
from neuron_specialization.fairseq_plugin.methods import OUTPUT_PROJECTION

ENCODER_EMBEDDING, DECODER_EMBEDDING = (f"{s}.embed_tokens.weight" for s in ("encoder", "decoder"))
FFN = re.compile(r"(encoder|decoder)\.layers\.\d+\.fc1\.weight$")
# computed by the model, or written anew
BUFFERS = re.compile(r"\.(version|embed_positions\.(weights|_float_tensor))$")
# fairseq takes a state dict without these for an old one, and drops the final LayerNorms silently
VERSIONS = {f"{stack}.version": torch.tensor([3.0]) for stack in ("encoder", "decoder")}


def restore_names(foreign: Foreign) -> dict[str, Tensor]:
    """The tensors under fairseq's names in float32, embeddings under all that share them.

    The output projection is left out: it is the decoder's embedding.
    """
    tensors = {
        re.sub(r"\bglobal_weight$", "weight", name): tensor.float()
        for name, tensor in foreign.tensors.items()
        if not BUFFERS.search(name)
    }
    shared = [DECODER_EMBEDDING, OUTPUT_PROJECTION]
    if foreign.model.get("share_all_embeddings"):
        shared.append(ENCODER_EMBEDDING)
    found = [tensors[name] for name in shared if name in tensors]
    if not all(torch.equal(tensor, found[0]) for tensor in found):
        raise InputError(
            f"{foreign.path}: {', '.join(shared)} differ; this project's models share the "
            "decoder's input and output embeddings"
        )
    tensors |= dict.fromkeys(shared, found[0]) if found else {}
    tensors.pop(OUTPUT_PROJECTION, None)
    return tensors | VERSIONS


def order_rows(
    path: Path, name: str, weight_VD: Tensor, theirs: Dictionary, ours: Dictionary
) -> Tensor:
    """An embedding with its rows in the order of our dictionary instead of theirs."""
    if len(weight_VD) != len(theirs):
        raise InputError(
            f"{path}: {name} has {len(weight_VD)} rows, but the dictionary has {len(theirs)} "
            "entries with language tags; give the vocabulary that it was trained with"
        )
    missing = [symbol for symbol in ours.symbols if symbol not in theirs]
    if missing:
        raise InputError(
            f"{path}: its dictionary lacks {len(missing)} entries of the corpora's, such as "
            f"{' '.join(missing[:5])}; give the vocabulary that it was trained with, and no "
            "other languages than its own"
        )
    rows = [i if theirs[i] == s else theirs.index(s) for i, s in enumerate(ours.symbols)]
    return weight_VD if rows == list(range(len(weight_VD))) else weight_VD[rows]


def check_shapes(path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """InputError where the tensors are not those of the architecture, by name or shape."""
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
    """What to do about the architecture, by the shapes that a checkpoint has."""
    ffns = {name: shape for name, shape in found.items() if FFN.match(name)}
    if not ffns:
        return "The checkpoint is not one of fairseq's transformer"
    if "encoder.layer_norm.weight" not in found:
        return "The checkpoint is a post-norm model (no encoder.layer_norm); only pre-norm ones fit"
    encoder = sum(name.startswith("encoder.") for name in ffns)
    sizes = " or ".join(f"d_ff {d_ff}, d_model {d_model}" for d_ff, d_model in set(ffns.values()))
    return f"The checkpoint has layers {encoder} + {len(ffns) - encoder}, {sizes}; set them so"
