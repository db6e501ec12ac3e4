"""Install per-direction masks and adapters into fairseq's transformer."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.methods.adapters import (
    DECODER_SUBLAYERS,
    ENCODER_SUBLAYERS,
    install_adapters,
)
from neuron_specialization.methods.weight_masks import WeightMasks, install_masked_weights
from neuron_specialization.neurons.direction_state import DirectionState
from neuron_specialization.neurons.storage import Masks
from neuron_specialization.neurons.subnetwork import Form, install_subnetworks

# attention and FFN, but no biases, LayerNorms or embeddings
PRUNED_TENSORS = re.compile(r"\.((self|encoder)_attn\.(q|k|v|out)_proj|fc1|fc2)\.weight$")
OUTPUT_PROJECTION = "decoder.output_projection.weight"


def ffn_layers(model: Any) -> dict[str, Any]:
    """Return the layers with a feed-forward network by name, encoder first."""
    return {
        f"{stack}.layers.{i}": layer
        for stack in ("encoder", "decoder")
        for i, layer in enumerate(getattr(model, stack).layers)
    }


def install_neuron_masks(
    model: nn.Module,
    masks: Masks,
    directions: Iterable[str],
    state: DirectionState,
    *,
    form: Form,
) -> None:
    """Restrict each direction to its neurons in every layer that the masks name."""
    check_masks(model, masks, directions)
    layers = ffn_layers(model)
    rows = [masks.directions.index(direction) for direction in directions]
    masks_LF = [
        torch.from_numpy(masks.mask_LNF[rows, n, :width]) for n, width in enumerate(masks.width_N)
    ]
    install_subnetworks([layers[name] for name in masks.layers], masks_LF, state, form=form)


def check_masks(model: nn.Module, masks: Masks, directions: Iterable[str]) -> None:
    """Raise InputError if the masks were made for other directions or another architecture."""
    check_directions(masks.directions, directions, "masks")
    layers = ffn_layers(model)
    unknown = sorted(set(masks.layers) - set(layers))
    widths = [layers[name].fc1.out_features for name in masks.layers if name in layers]
    made_for = masks.width_N.tolist()
    if unknown or widths != made_for:
        theirs, ours = ("/".join(map(str, sorted({*each}))) for each in (made_for, widths))
        raise InputError(
            f"the masks were made for another architecture: {len(masks.layers)} layers of "
            f"{theirs} neurons; the model has {len(layers)} layers of {ours}. Record and select "
            "its neurons again"
        )


def check_directions(available: Iterable[str], wanted: Iterable[str], what: str) -> None:
    """Raise InputError if some of the wanted directions are not available."""
    missing = sorted(set(wanted) - set(available))
    if missing:
        raise InputError(f"the {what} do not include {', '.join(missing)}; make them again")


def pruned_tensors(state: Mapping[str, Any], output_projection: bool) -> list[str]:
    """Return the names of the tensors of a state dict that LaSS prunes.

    The paper prunes attention and FFN (its 9.84 GB); LaSS's code the output projection too.
    """
    names = [name for name in state if PRUNED_TENSORS.search(name)]
    return [*names, OUTPUT_PROJECTION] if output_projection else names


def install_weight_masks(
    model: nn.Module, masks: WeightMasks, directions: Sequence[str], state: DirectionState
) -> None:
    """Restrict each direction to its weights in every tensor that the masks name."""
    check_directions(masks.directions, directions, "weight masks")
    found = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    for name, shape in masks.shapes.items():
        if found.get(name) != shape:
            raise InputError(
                f"the weight masks were made for another architecture: {name} is {shape} there, "
                f"{found.get(name, 'absent')} in the model. Fine-tune and prune it again"
            )
    install_masked_weights(model, masks, directions, state)


def parse_sets(text: str) -> dict[str, str]:
    """Parse `en-de=Germanic,...` into the set of each direction."""
    return dict(item.split("=", 1) for item in text.split(",") if item)


def add_adapters(
    model: Any,
    base: Path | None,
    sets: Sequence[str],
    *,
    bottleneck: int,
    per_layer: int,
    state: DirectionState,
) -> None:
    """Freeze the base model and add a set of adapters for each different name in `sets`.

    `sets` names the set of each direction, in the order of `state.direction`. `base` is the
    checkpoint of the base model; without it, the model keeps its weights.
    """
    if base:
        try:
            model.load_state_dict(read_checkpoint(base)["model"], strict=True)
        except RuntimeError as error:
            raise InputError(f"{base}: not the base model of these adapters ({error})") from error
    model.requires_grad_(False)
    names = list(dict.fromkeys(sets))
    for stack, sublayers in (("encoder", ENCODER_SUBLAYERS), ("decoder", DECODER_SUBLAYERS)):
        for layer in getattr(model, stack).layers:
            install_adapters(
                layer,
                sublayers,
                per_layer=per_layer,
                bottleneck=bottleneck,
                set_of_direction=[names.index(name) for name in sets],
                state=state,
            )
