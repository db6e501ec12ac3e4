"""Temperature sampling: the paper's shares, and invariants."""

import numpy as np
import pytest

from neuron_specialization.corpora.sampling import draw_epoch, keep_rates, temperature_shares

# EC30: ten languages of 5M, nine of 1M, Hausa, ten of 100k; each in two directions
EC30 = np.repeat([5_000_000, 1_000_000, 334_000, 100_000], [20, 18, 2, 20])


def test_shares_of_ec30_at_temperature_5() -> None:
    percent = 100 * temperature_shares(EC30, 5)
    assert percent[[0, 20, 38, 40]] == pytest.approx([2.306, 1.672, 1.342, 1.055], abs=6e-4)


def test_temperature_1_keeps_the_sizes() -> None:
    assert temperature_shares(np.array([3, 1]), 1) == pytest.approx([0.75, 0.25])


def test_keep_rates_of_the_128k_vocabulary() -> None:
    rates = 100 * keep_rates(np.array([100_000, 334_000, 1_000_000, 5_000_000]), 2)
    assert rates == pytest.approx([100, 54.7, 31.6, 14.1], abs=0.05)


@pytest.mark.parametrize(("size", "count"), [(10, 3), (10, 10), (10, 37), (1, 4), (5, 0)])
def test_an_epoch_draws_every_pair_equally_often(size: int, count: int) -> None:
    drawn = draw_epoch(size, count, np.random.default_rng(0))
    times = np.bincount(drawn, minlength=size)
    assert len(drawn) == count
    assert times.max() - times.min() <= 1
