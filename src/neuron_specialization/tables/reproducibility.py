"""Quantified reproducibility: how far repeated measurements of one quantity lie apart."""

from collections.abc import Sequence
from math import gamma, nan, sqrt

import numpy as np


def coefficient_of_variation(values: Sequence[float]) -> float:
    """Return CV* of repeated measurements, in percent; nan if it is not defined.

    The coefficient of variation for small samples of quantified reproducibility assessment (Belz,
    Popović and Mille, ACL 2022): the unbiased standard deviation over the mean, times 1 + 1/4n.
    It needs at least two measurements of one sign.
    """
    n = len(values)
    mean = float(np.mean(values)) if n else 0.0
    if n < 2 or mean == 0 or min(values) * max(values) <= 0:
        return nan
    # the expected standard deviation of n normal values of deviation 1
    expected = sqrt(2 / (n - 1)) * gamma(n / 2) / gamma((n - 1) / 2)
    deviation = float(np.std(values, ddof=1)) / expected
    return 100 * (1 + 1 / (4 * n)) * deviation / abs(mean)
