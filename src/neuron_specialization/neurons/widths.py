"""Layers with fewer FFN neurons than the widest: the end of axis F does not exist there.

Arrays of all layers have the width of the widest. What does not exist is never counted (0) or
selected (False), and is no part of a share of neurons.

Axes: N FFN layers, F FFN neurons of the widest layer.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def unlike_widths(widths: Sequence[int]) -> NDArray[np.int64] | None:
    """Return widths_N, the neurons of each layer; None if all layers have the same number."""
    return np.array(widths, dtype=np.int64) if len(set(widths)) > 1 else None


def layer_widths(widths_N: NDArray[np.int64] | None, shape: Sequence[int]) -> NDArray[np.int64]:
    """Return the neurons of each layer, [N], for arrays of the shape [..., N, F]."""
    return np.full(shape[-2], shape[-1]) if widths_N is None else widths_N


def existing_neurons(widths_N: NDArray[np.int64] | None, shape: Sequence[int]) -> NDArray[np.bool_]:
    """Return exists_NF, True for neurons that a layer has, for arrays of the shape [..., N, F]."""
    exists_NF: NDArray[np.bool_] = np.arange(shape[-1]) < layer_widths(widths_N, shape)[:, None]
    return exists_NF


def are_valid(widths_N: NDArray[np.int64] | None, *array_LNF: NDArray[np.generic]) -> bool:
    """Return whether widths fit arrays, which are 0 or False where a neuron does not exist."""
    if widths_N is None:
        return True
    shape = array_LNF[0].shape
    if widths_N.dtype.kind not in "iu" or widths_N.shape != shape[1:2]:
        return False
    if not ((widths_N > 0) & (widths_N <= shape[-1])).all():
        return False
    missing_NF = ~existing_neurons(widths_N, shape)
    return not any(each_LNF[:, missing_NF].any() for each_LNF in array_LNF)
