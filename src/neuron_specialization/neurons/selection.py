"""Selection of a direction's neurons from its activation counts (paper, section 3.2, Eq. 1).

Axes: L directions, N FFN layers, F FFN neurons.
"""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from neuron_specialization.errors import InputError
from neuron_specialization.neurons.storage import Counts, Masks


def check_k(k: float) -> Fraction:
    """The share k (percent) as an exact fraction; InputError outside 0..100."""
    if not 0 <= k <= 100:
        raise InputError(f"k is {k}: the share of activations to keep is a percentage, 0 to 100")
    return Fraction(str(k))


def select_neurons(count_LNF: NDArray[np.int64], k: float) -> NDArray[np.bool_]:
    """Select, for each direction and layer, the fewest neurons that hold k % of its activations.

    Neurons are taken by decreasing count, ties by index, until their counts add up to at least
    k % of the layer's total: the neuron that crosses the threshold is in. k = 0 selects none
    and k = 100 all. The arithmetic is exact (integers), so a larger k never loses a neuron.

    Args:
        count_LNF: how often each neuron fired, [..., F].
        k: percentage of the activations to keep.

    Returns:
        mask_LNF, True for the selected neurons, same shape.
    """
    share = check_k(k)
    if share == 100:
        return np.ones(count_LNF.shape, dtype=bool)
    order_LNF = np.argsort(-count_LNF, axis=-1, kind="stable")
    cumulative_LNF = np.take_along_axis(count_LNF, order_LNF, axis=-1).cumsum(axis=-1)
    threshold_LN = thresholds(count_LNF.sum(axis=-1), share)
    # a neuron is in while the neurons before it do not reach the threshold
    before_LNF = cumulative_LNF - np.take_along_axis(count_LNF, order_LNF, axis=-1)
    mask_LNF = np.zeros(count_LNF.shape, dtype=bool)
    np.put_along_axis(mask_LNF, order_LNF, before_LNF < threshold_LN[..., None], axis=-1)
    return mask_LNF


def thresholds(total_LN: NDArray[np.int64], share: Fraction) -> NDArray[np.int64]:
    """The smallest integer count that is at least `share` % of each total."""
    flat = [math.ceil(int(total) * share / 100) for total in total_LN.flat]
    return np.array(flat, dtype=np.int64).reshape(total_LN.shape)


def select_masks(counts: Counts, *, directions: list[str], k: float, counting: str) -> Masks:
    """Select the neurons of some directions from recorded counts.

    Args:
        counts: activations recorded for at least these directions.
        directions: the directions of the masks.
        k: percentage of the activations to keep.
        counting: `sentence` or `token`.
    """
    missing = sorted(set(directions) - set(counts.directions))
    if missing:
        raise InputError(f"no activations were recorded for {', '.join(missing)}")
    rows = [counts.directions.index(direction) for direction in directions]
    count_LNF = {"sentence": counts.sentence_LNF, "token": counts.token_LNF}[counting]
    return Masks(
        directions=tuple(directions),
        layers=counts.layers,
        mask_LNF=select_neurons(count_LNF[rows], k),
        provenance={**counts.provenance, "k": k, "counting": counting},
    )
