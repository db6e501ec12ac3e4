"""Counted parameters against the paper's architectures (Table 6)."""

import pytest

from neuron_specialization.analysis.parameters import count_parameters


@pytest.mark.parametrize(
    ("layers", "d_model", "d_ff", "vocabulary", "parameters"),
    [
        (6, 1024, 4096, 128_032, 438_571_008),
        (6, 1024, 4096, 128_001, 438_507_520),
        (6, 512, 1024, 30_010, 62_275_584),
        (3, 512, 1024, 30_010, 46_503_936),
    ],
)
def test_parameters(layers: int, d_model: int, d_ff: int, vocabulary: int, parameters: int) -> None:
    counted = count_parameters(layers=layers, d_model=d_model, d_ff=d_ff, vocabulary=vocabulary)
    assert counted == parameters
