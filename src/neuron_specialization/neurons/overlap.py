"""Overlap of the neurons of directions, and their sparsity (paper, Figures 1, 2, 5 to 8).

Axes: L directions, or their languages in a matrix of one side; N FFN layers; F FFN neurons.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_specialization.neurons.sides import SIDES, informative_side, other_language, side_of
from neuron_specialization.neurons.storage import Masks


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """The overlap and the sparsity of the neurons of all directions, in every layer.

    Directions, sides and languages are in the order of axis L, layers in the order of axis N.
    """

    pivot: str
    directions: tuple[str, ...]
    sides: tuple[str, ...]
    languages: tuple[str, ...]
    """The language of each direction that is not the pivot."""
    layers: tuple[str, ...]
    iou_NLL: NDArray[np.float64]
    """Intersection over union, 0 to 1; nan if neither direction has a neuron in the layer."""
    sparsity_LN: NDArray[np.float64]
    """The share of a layer's neurons that do not belong to the direction, 0 to 1."""

    @classmethod
    def of(cls, masks: Masks, pivot: str) -> "Overlap":
        """Compare the neurons of every two directions; raise InputError if one lacks the pivot."""
        return cls(
            pivot=pivot,
            directions=masks.directions,
            sides=tuple(side_of(direction, pivot) for direction in masks.directions),
            languages=tuple(other_language(direction, pivot) for direction in masks.directions),
            layers=masks.layers,
            iou_NLL=pairwise_iou(masks.mask_LNF),
            sparsity_LN=1 - masks.mask_LNF.sum(axis=-1) / masks.width_N,
        )

    def recorded(self, layer: str) -> dict[str, int]:
        """Return the languages of a layer's informative side, with their positions on axis L."""
        side = informative_side(layer)
        return {code: i for i, code in enumerate(self.languages) if self.sides[i] == side}

    def matrix(self, layer: str, languages: Sequence[str]) -> NDArray[np.float64]:
        """Return iou_LL of a layer on its informative side, in the order of `languages`.

        The diagonal is 1; pairs with a language that was not recorded there are nan.
        """
        positions = self.recorded(layer)
        known = [i for i, code in enumerate(languages) if code in positions]
        rows = [positions[languages[i]] for i in known]
        iou_LL = np.full((len(languages), len(languages)), np.nan)
        iou_LL[np.ix_(known, known)] = self.iou_NLL[self.layers.index(layer)][np.ix_(rows, rows)]
        np.fill_diagonal(iou_LL, 1)
        return iou_LL

    def table(self) -> pd.DataFrame:
        """Return the IoU of every two directions of a side, in every layer, as a readable table.

        The columns are `layer`, `side`, the languages `a` and `b`, and `iou`.
        """
        pairs = [
            (side, i, j)
            for side in SIDES
            for i, j in combinations(range(len(self.sides)), 2)
            if self.sides[i] == self.sides[j] == side
        ]
        rows = [
            (layer, side, self.languages[i], self.languages[j], iou_LL[i, j])
            for layer, iou_LL in zip(self.layers, self.iou_NLL, strict=True)
            for side, i, j in pairs
        ]
        return pd.DataFrame(rows, columns=["layer", "side", "a", "b", "iou"])

    def sparsity_table(self) -> pd.DataFrame:
        """Return the sparsity of every direction in every layer, as a readable table.

        The columns are `layer`, `side`, `language` and `sparsity`.
        """
        rows = [
            (layer, side, language, share)
            for layer, share_L in zip(self.layers, self.sparsity_LN.T, strict=True)
            for side, language, share in zip(self.sides, self.languages, share_L, strict=True)
        ]
        return pd.DataFrame(rows, columns=["layer", "side", "language", "sparsity"])


def pairwise_iou(mask_LNF: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return iou_NLL of every two directions' neurons, nan if neither has one.

    Args:
        mask_LNF: True for the neurons of a direction.
    """
    mask_NLF = mask_LNF.swapaxes(0, 1).astype(np.float64)  # exact: counts stay far below 2^53
    common_NLL = mask_NLF @ mask_NLF.swapaxes(1, 2)
    size_NL = mask_NLF.sum(axis=-1)
    either_NLL = size_NL[:, :, None] + size_NL[:, None, :] - common_NLL
    with np.errstate(invalid="ignore"):
        return common_NLL / either_NLL
