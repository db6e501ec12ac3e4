"""Counting of active neurons: exact small cases."""

import pytest
import torch
from torch import nn

from neuron_specialization.neurons.recorder import ActivationCounter

T, B, F = 3, 2, 4


def test_sentences_and_tokens_without_padding() -> None:
    fc2 = nn.Linear(F, 2)
    counter = ActivationCounter({"encoder.layers.0": fc2}, num_directions=2)
    real_BT = torch.tensor([[True, True, True], [True, False, False]])
    counter.start_batch(1, real_BT, torch.ones(B, 1, dtype=torch.bool))
    hidden_TBF = torch.zeros(T, B, F)
    hidden_TBF[0, 0] = torch.tensor([1.0, 0.0, -1.0, 2.0])
    hidden_TBF[2, 0] = torch.tensor([1.0, 0.0, 0.0, 0.0])
    hidden_TBF[0, 1] = torch.tensor([0.0, 1.0, 0.0, 3.0])
    hidden_TBF[1, 1] = torch.tensor([9.0, 9.0, 9.0, 9.0])  # padding
    fc2(hidden_TBF)
    assert counter.sentence_LNF.tolist() == [[[0, 0, 0, 0]], [[1, 1, 0, 2]]]
    assert counter.token_LNF.tolist() == [[[0, 0, 0, 0]], [[2, 1, 0, 2]]]
    counter.start_batch(1, real_BT[:1], real_BT[:1])
    assert counter.num_sentences_L.tolist() == [0, 3]


def test_padding_counts_as_tokens_only_where_asked_and_never_as_sentences() -> None:
    fc2 = nn.Linear(F, 2)
    counter = ActivationCounter({"decoder.layers.0": fc2}, num_directions=1, count_padding=True)
    real_BT = torch.tensor([[True, True, True], [True, False, False]])
    counter.start_batch(0, torch.ones(B, 1, dtype=torch.bool), real_BT)
    hidden_TBF = torch.zeros(T, B, F)
    hidden_TBF[:, 0, 0] = 1
    hidden_TBF[1:, 1, 1] = 1  # padding
    hidden_TBF[:, 1, 2] = 1
    fc2(hidden_TBF)
    assert counter.token_LNF.tolist() == [[[3, 2, 3, 0]]]
    assert counter.sentence_LNF.tolist() == [[[1, 0, 1, 0]]]


def test_each_stack_has_its_own_padding_and_layers_are_kept_apart() -> None:
    encoder, decoder = nn.Linear(F, 2), nn.Linear(F, 2)
    layers = {"encoder.layers.0": encoder, "decoder.layers.0": decoder}
    counter = ActivationCounter(layers, num_directions=1)
    nothing, everything = torch.zeros(B, T, dtype=torch.bool), torch.ones(B, T, dtype=torch.bool)
    counter.start_batch(0, nothing, everything)
    encoder(torch.ones(T, B, F))
    decoder(torch.ones(T, B, F))
    assert counter.sentence_LNF.tolist() == [[[0] * F, [B] * F]]
    assert counter.token_LNF.tolist() == [[[0] * F, [B * T] * F]]


def test_nothing_is_counted_after_removal() -> None:
    fc2 = nn.Linear(F, 2)
    counter = ActivationCounter({"encoder.layers.0": fc2}, num_directions=1)
    counter.remove()
    fc2(torch.ones(T, B, F))
    assert counter.token_LNF.sum() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_counts_are_exact_in_every_precision(dtype: torch.dtype) -> None:
    num_tokens, num_sentences = 700, 5  # bfloat16 has neither 700 nor 257
    torch.manual_seed(0)
    fc2 = nn.Linear(F, 2, dtype=dtype)
    counter = ActivationCounter({"decoder.layers.0": fc2}, num_directions=1)
    hidden_TBF = torch.randn(num_tokens, num_sentences, F).to(dtype)
    hidden_TBF[:, 2:, 1] = 0  # fires in only two sentences
    real_BT = torch.rand(num_sentences, num_tokens) < 0.9
    for _ in range(3):
        counter.start_batch(0, real_BT, real_BT)
        fc2(hidden_TBF)
    active_TBF = (hidden_TBF > 0) & real_BT.t().unsqueeze(-1)
    assert torch.equal(counter.token_LNF[0, 0], 3 * active_TBF.sum(dim=(0, 1)))
    assert counter.sentence_LNF[0, 0].tolist() == [15, 6, 15, 15]
    assert counter.token_LNF.max() > 257


def test_nan_does_not_fire() -> None:
    fc2 = nn.Linear(F, 2)
    counter = ActivationCounter({"encoder.layers.0": fc2}, num_directions=1)
    counter.start_batch(0, torch.ones(1, 1).bool(), torch.ones(1, 1).bool())
    fc2(torch.tensor([[[float("nan"), float("inf"), -1.0, 0.0]]]))
    assert counter.token_LNF.tolist() == [[[0, 1, 0, 0]]]
