"""Measure how often neurons fire, and how many are masked or distinguish directions.

Axes: L directions (of a side), N FFN layers, F FFN neurons, M neurons of several layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_specialization.neurons.sides import SIDES, side_of
from neuron_specialization.neurons.storage import Counts, Masks

COLUMNS = ("layer", "side", "always", "never", "masked", "differing", "sparsity")
STACKS = ("encoder", "decoder")


@dataclass(frozen=True, kw_only=True)
class MaskShares:
    """Shares of the neurons of a stack, 0 to 1; the others belong to every direction."""

    masked: float
    """Neurons that belong to no direction."""
    differing: float
    """Neurons that belong to some directions and not to others."""


def activity_table(counts: Counts, masks: Masks, pivot: str) -> pd.DataFrame:
    """Return the activity of the neurons of every layer on each recorded side, one row each.

    Args:
        counts: recorded activations.
        masks: neurons of the same directions and layers.
        pivot: the language common to all directions.

    Returns:
        COLUMNS. The last five are shares of a layer's neurons, 0 to 1: neurons that fire in every
        sentence (nan if the counts do not tell the number of sentences) and in none, means over
        directions; neurons masked in every direction, and masked in some but not in others;
        neurons masked in the mean direction.
    """
    always_LN, never_LN = firing_shares(counts)
    side_L = np.array([side_of(direction, pivot) for direction in counts.directions])
    rows = []
    for n, (layer, width) in enumerate(zip(counts.layers, masks.width_N, strict=True)):
        for side in (side for side in SIDES if side in side_L):
            of_side_L = side_L == side
            mask_LF = masks.mask_LNF[of_side_L, n, :width]
            unused_F, used_F = ~mask_LF.any(axis=0), mask_LF.all(axis=0)
            shares = (
                always_LN[of_side_L, n],
                never_LN[of_side_L, n],
                unused_F,
                ~unused_F & ~used_F,
                ~mask_LF,
            )
            rows.append((layer, side, *(float(share.mean()) for share in shares)))
    return pd.DataFrame(rows, columns=COLUMNS)


def firing_shares(counts: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return always_LN and never_LN, shares of neurons that fire in every sentence and in none.

    The first is nan if the counts do not tell the number of sentences.
    """
    exists_NF = counts.exists_NF
    width_N = exists_NF.sum(axis=-1)
    never_LN = ((counts.sentence_LNF == 0) & exists_NF).sum(axis=-1) / width_N
    if counts.num_sentences_L is None:
        return np.full(never_LN.shape, np.nan), never_LN
    always_LNF = (counts.sentence_LNF == counts.num_sentences_L[:, None, None]) & exists_NF
    return always_LNF.sum(axis=-1) / width_N, never_LN


def never_firing(counts: Counts, stack: str) -> float | None:
    """Return the share of a stack's neurons that fire in no direction, 0 to 1.

    None if no layer of the stack was recorded.
    """
    rows = rows_of(counts.layers, stack)
    fires_NF = counts.token_LNF[:, rows].any(axis=0)
    return 1 - float(fires_NF[counts.exists_NF[rows]].mean()) if rows else None


def mask_shares(masks: Masks, stack: str) -> MaskShares | None:
    """Return the shares of a stack's neurons by their directions; None without a masked layer."""
    rows = rows_of(masks.layers, stack)
    if not rows:
        return None
    kept_LM = masks.mask_LNF[:, rows][:, masks.exists_NF[rows]]
    some_M, every_M = kept_LM.any(axis=0), kept_LM.all(axis=0)
    return MaskShares(masked=1 - float(some_M.mean()), differing=float((some_M & ~every_M).mean()))


def layer_sparsity(masks: Masks) -> dict[str, float]:
    """Return the share of masked neurons of each layer, 0 to 1, averaged over directions.

    The paper's Figure 5 has it by direction.
    """
    sparsity_N = 1 - masks.mask_LNF.sum(axis=-1).mean(axis=0) / masks.width_N
    return dict(zip(masks.layers, sparsity_N.tolist(), strict=True))


def rows_of(layers: Sequence[str], stack: str) -> list[int]:
    """Return the positions of a stack's layers, named `encoder.layers.0` and so on."""
    return [n for n, name in enumerate(layers) if name.split(".")[0] == stack]
