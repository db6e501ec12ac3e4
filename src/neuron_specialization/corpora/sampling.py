"""Temperature sampling of corpora of unequal size (paper, section 5.1: p_l ~ (n_l / N)^(1/T))."""

import numpy as np
from numpy.typing import NDArray


def temperature_shares(sizes: NDArray[np.int64], temperature: float) -> NDArray[np.float64]:
    """Return the probability of each corpus, proportional to its size to the power 1/T."""
    weights = np.asarray(sizes, dtype=np.float64) ** (1 / temperature)
    return weights / weights.sum()


def keep_rates(sizes: NDArray[np.int64], temperature: float) -> NDArray[np.float64]:
    """Return the fraction of each corpus to keep at a temperature; the smallest is kept whole."""
    rates = temperature_shares(sizes, temperature) / np.asarray(sizes, dtype=np.float64)
    return rates / rates.max()


def draw_epoch(size: int, count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw `count` of `size` items at random; draw each item equally often, plus or minus one."""
    rounds = [generator.permutation(size) for _ in range(count // size)]
    return np.concatenate([*rounds, generator.permutation(size)[: count % size]])
