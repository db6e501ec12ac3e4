"""Overlap and sparsity of neurons as tables, for people, figures and statistics."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_specialization.errors import InputError
from neuron_specialization.neurons.overlap import pairwise_iou, sparsity
from neuron_specialization.neurons.selection import select_masks
from neuron_specialization.neurons.storage import Counts, Masks

SIDES = ("o2m", "m2o")
"""Directions from the pivot, and directions into it."""


def select_all(counts: Counts, *, k: float, counting: str) -> Masks:
    """The neurons of all recorded directions, by Eq. 1, for any k and way of counting."""
    return select_masks(
        counts,
        directions=list(counts.directions),
        k=k,
        counting=counting,
        kept=None,
        stacks="both",
        seed=0,
    )


def side_of(direction: str, pivot: str) -> str:
    """`o2m` for a direction from the pivot, `m2o` for one into it; InputError for others."""
    source, _, target = direction.partition("-")
    if pivot not in (source, target):
        raise InputError(f"direction {direction} has no side in the pivot, {pivot}")
    return "o2m" if source == pivot else "m2o"


def other_language(direction: str, pivot: str) -> str:
    """The language of a direction that is not the pivot."""
    source, _, target = direction.partition("-")
    return target if source == pivot else source


def telling_side(layer: str) -> str:
    """The side whose directions differ in what a layer reads.

    The encoder knows no target language and reads the pivot from the pivot; the decoder writes
    the pivot into it. So encoders are compared on `m2o` and decoders on `o2m`.
    """
    return "m2o" if layer.startswith("encoder") else "o2m"


def overlap_table(masks: Masks, pivot: str) -> pd.DataFrame:
    """The IoU of every two directions of a side, in every layer.

    Returns:
        The columns `layer`, `side`, the languages `a` and `b`, and `iou`: nan where neither has a
        neuron.
    """
    iou_NLL = pairwise_iou(masks.mask_LNF)
    sides = [side_of(direction, pivot) for direction in masks.directions]
    languages = [other_language(direction, pivot) for direction in masks.directions]
    pairs = [
        (side, i, j)
        for side in SIDES
        for i, j in combinations(range(len(sides)), 2)
        if sides[i] == sides[j] == side
    ]
    rows = [
        (layer, side, languages[i], languages[j], iou_NLL[n, i, j])
        for n, layer in enumerate(masks.layers)
        for side, i, j in pairs
    ]
    return pd.DataFrame(rows, columns=["layer", "side", "a", "b", "iou"])


def sparsity_table(masks: Masks, pivot: str) -> pd.DataFrame:
    """The sparsity of every direction in every layer: `layer`, `side`, `language`, `sparsity`."""
    share_LN = sparsity(masks.mask_LNF)
    rows = [
        (layer, side_of(direction, pivot), other_language(direction, pivot), share_LN[i, n])
        for n, layer in enumerate(masks.layers)
        for i, direction in enumerate(masks.directions)
    ]
    return pd.DataFrame(rows, columns=["layer", "side", "language", "sparsity"])


def iou_matrix(
    overlap: pd.DataFrame, layer: str, side: str, languages: Sequence[str]
) -> NDArray[np.float64]:
    """The IoU of a layer as a symmetric matrix, its rows in the order of `languages`.

    The diagonal is 1; nan where the table has no such pair.
    """
    part = overlap[(overlap["layer"] == layer) & (overlap["side"] == side)]
    pairs = part[["a", "b", "iou"]].itertuples(index=False)
    known = {frozenset((a, b)): iou for a, b, iou in pairs}
    matrix = np.eye(len(languages))
    for i, j in combinations(range(len(languages)), 2):
        value = known.get(frozenset((languages[i], languages[j])), np.nan)
        matrix[i, j] = matrix[j, i] = value
    return matrix
