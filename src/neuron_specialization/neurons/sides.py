"""The two sides of directions, and readable names of sides and layers."""

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from neuron_specialization.errors import InputError
from neuron_specialization.neurons.storage import Counts, Masks
from neuron_specialization.settings.pivot import has_pivot

Neurons = TypeVar("Neurons", Counts, Masks)

SIDES = ("o2m", "m2o")
"""Directions from the pivot, and directions into it."""


def side_of(direction: str, pivot: str) -> str:
    """Return `o2m` for a direction from the pivot, `m2o` for one into it.

    Raise InputError for a direction without the pivot.
    """
    if not has_pivot(direction, pivot):
        raise InputError(f"direction {direction} does not include the pivot, {pivot}")
    return "o2m" if direction.startswith(f"{pivot}-") else "m2o"


def with_pivot(neurons: Neurons, pivot: str) -> Neurons:
    """Return the counts or masks of the directions from and into the pivot, which have a side.

    Raise InputError if there are none.
    """
    rows = [row for row, name in enumerate(neurons.directions) if has_pivot(name, pivot)]
    if not rows:
        side_of(neurons.directions[0], pivot)
    arrays: dict[str, Any] = {
        name: value[rows]
        for name, value in vars(neurons).items()
        if isinstance(value, np.ndarray) and name != "widths_N"
    }
    return replace(neurons, directions=tuple(neurons.directions[row] for row in rows), **arrays)


def other_language(direction: str, pivot: str) -> str:
    """Return the language of a direction that is not the pivot."""
    source, _, target = direction.partition("-")
    return target if source == pivot else source


def informative_side(layer: str) -> str:
    """Return the side whose directions differ in the language that a layer processes.

    The encoder does not know the target language, and always reads the pivot on `o2m`; the
    decoder always writes it on `m2o`. So encoders are compared on `m2o` and decoders on `o2m`.
    """
    return "m2o" if layer.startswith("encoder") else "o2m"


def side_label(side: str, pivot: str) -> str:
    """Return `en→X` for directions from the pivot, `X→en` for those into it."""
    return f"{pivot}→X" if side == "o2m" else f"X→{pivot}"


def layer_label(layer: str) -> str:
    """Return `Encoder layer 1` for `encoder.layers.0`: people count from 1."""
    return f"{layer.split('.')[0].capitalize()} layer {layer_number(layer)}"


def layer_number(layer: str) -> int:
    """Return the number of a layer within its stack, from 1."""
    return int(layer.rsplit(".", 1)[1]) + 1
