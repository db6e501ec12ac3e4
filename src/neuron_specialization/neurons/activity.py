"""Measure how often neurons fire and how many are masked: why ways of counting differ in sparsity.

Axes: L directions of a side, N FFN layers, F FFN neurons.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_specialization.neurons.sides import SIDES, side_of
from neuron_specialization.neurons.storage import Counts, Masks

COLUMNS = ("layer", "side", "always", "never", "masked", "differing", "sparsity")


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
    for n, layer in enumerate(counts.layers):
        for side in (side for side in SIDES if side in side_L):
            of_side_L = side_L == side
            mask_LF = masks.mask_LNF[of_side_L, n]
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
    never_LN = (counts.sentence_LNF == 0).mean(axis=-1)
    if counts.num_sentences_L is None:
        return np.full(never_LN.shape, np.nan), never_LN
    return (counts.sentence_LNF == counts.num_sentences_L[:, None, None]).mean(axis=-1), never_LN
