"""Counting of active neurons: exact small cases."""

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
