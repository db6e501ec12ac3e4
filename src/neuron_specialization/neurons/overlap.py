"""How many neurons directions share, and how few each has (paper, sections 3.3 and 5.3).

Axes: L directions, N FFN layers, F FFN neurons.
"""

import numpy as np
from numpy.typing import NDArray


def pairwise_iou(mask_LNF: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Intersection over union of every two directions' neurons, in every layer.

    Args:
        mask_LNF: True for the neurons of a direction.

    Returns:
        iou_NLL, 0 to 1; nan where neither direction has a neuron in the layer.
    """
    mask_NLF = mask_LNF.swapaxes(0, 1).astype(np.float64)  # exact: counts stay far below 2^53
    common_NLL = mask_NLF @ mask_NLF.swapaxes(1, 2)
    size_NL = mask_NLF.sum(axis=-1)
    either_NLL = size_NL[:, :, None] + size_NL[:, None, :] - common_NLL
    with np.errstate(invalid="ignore"):
        return common_NLL / either_NLL


def sparsity(mask_LNF: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The share of a layer's neurons that do not belong to a direction, sparsity_LN, 0 to 1."""
    return 1 - mask_LNF.mean(axis=-1)
