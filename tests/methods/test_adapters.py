"""Adapters: compared with a reference written here, and their places on the stream of a layer."""

import pytest
import torch
from torch import Tensor, nn

from neuron_specialization.methods.adapters import (
    DECODER_SUBLAYERS,
    ENCODER_SUBLAYERS,
    AdapterSets,
    install_adapters,
)
from neuron_specialization.neurons.direction_state import DirectionState

T, B, D, K = 5, 4, 8, 6
SET_OF_DIRECTION = [0, 1, 1, 2]  # directions 1 and 2 share a set


class EncoderLayer(nn.Module):
    """Like fairseq's: `residual_connection` is called once after each sublayer, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.embed_dim = D
        self.self_attn, self.encoder_attn, self.ffn = (nn.Linear(D, D) for _ in range(3))

    def residual_connection(self, x_TBD: Tensor, residual_TBD: Tensor) -> Tensor:
        return residual_TBD + x_TBD

    def forward(self, x_TBD: Tensor) -> Tensor:
        x_TBD = self.residual_connection(self.self_attn(x_TBD), x_TBD)
        return self.residual_connection(self.ffn(x_TBD), x_TBD)


class DecoderLayer(EncoderLayer):
    def forward(self, x_TBD: Tensor) -> Tensor:
        x_TBD = self.residual_connection(self.self_attn(x_TBD), x_TBD)
        x_TBD = self.residual_connection(self.encoder_attn(x_TBD), x_TBD)
        return self.residual_connection(self.ffn(x_TBD), x_TBD)


def randomise(module: nn.Module) -> None:
    """Randomise parameters: initial biases and up-projections near zero would hide mistakes."""
    for parameter in module.parameters():
        nn.init.normal_(parameter)


def make_adapters() -> tuple[AdapterSets, DirectionState]:
    torch.manual_seed(0)
    state = DirectionState()
    adapters = AdapterSets(D, K, SET_OF_DIRECTION, state)
    randomise(adapters)
    return adapters, state


def make_layer(kind: type[EncoderLayer], per_layer: int) -> EncoderLayer:
    torch.manual_seed(0)
    layer = kind()
    sublayers = DECODER_SUBLAYERS if kind is DecoderLayer else ENCODER_SUBLAYERS
    install_adapters(
        layer,
        sublayers,
        per_layer=per_layer,
        bottleneck=K,
        set_of_direction=SET_OF_DIRECTION,
        state=DirectionState(direction=1),
    )
    randomise(layer)
    return layer


@pytest.mark.parametrize(("direction", "own"), list(enumerate(SET_OF_DIRECTION)))
def test_equals_the_formula_with_the_set_of_the_direction(direction: int, own: int) -> None:
    adapters, state = make_adapters()
    x_TBD = torch.randn(T, B, D)
    assert torch.equal(adapters(x_TBD), x_TBD)  # no direction, no change
    state.direction = direction
    centred_TBD = x_TBD - x_TBD.mean(-1, keepdim=True)
    normed_TBD = centred_TBD / (centred_TBD.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    normed_TBD = normed_TBD * adapters.norm_weight_SD[own] + adapters.norm_bias_SD[own]
    down_TBK = normed_TBD @ adapters.down_weight_SKD[own].t() + adapters.down_bias_SK[own]
    up_TBD = torch.relu(down_TBK) @ adapters.up_weight_SDK[own].t() + adapters.up_bias_SD[own]
    torch.testing.assert_close(adapters(x_TBD), x_TBD + up_TBD)


def test_a_new_adapter_is_almost_but_not_quite_the_identity() -> None:
    torch.manual_seed(0)
    adapters = AdapterSets(64, 16, [0, 1], DirectionState(direction=1))
    x_TBD = torch.randn(T, B, 64)
    assert 1e-4 < (adapters(x_TBD) - x_TBD).std() < 1e-2
    assert (adapters.up_weight_SDK != 0).any(dim=2).any(dim=1).all()


def test_every_set_starts_like_a_separate_adapter() -> None:
    torch.manual_seed(0)
    adapters = AdapterSets(64, 16, range(5), DirectionState())
    xavier = (6 / (64 + 16)) ** 0.5
    largest_S = adapters.down_weight_SKD.abs().amax(dim=(1, 2))
    assert (largest_S <= xavier).all()
    assert (largest_S > 0.98 * xavier).all()
    assert len(largest_S.unique()) == 5


@pytest.mark.parametrize(("direction", "own"), list(enumerate(SET_OF_DIRECTION)))
def test_a_batch_trains_only_the_set_of_its_direction(direction: int, own: int) -> None:
    adapters, state = make_adapters()
    state.direction = direction
    adapters(torch.randn(T, B, D)).square().sum().backward()
    for name, parameter in adapters.named_parameters():
        gradient_by_set = parameter.grad.abs().flatten(1).sum(1)
        assert len(gradient_by_set) == 3, name
        assert gradient_by_set.nonzero().flatten().tolist() == [own], name


@pytest.mark.parametrize("per_layer", [1, 2])
@pytest.mark.parametrize("kind", [EncoderLayer, DecoderLayer])
def test_adapts_the_stream_after_self_attention_and_ffn(
    kind: type[EncoderLayer], per_layer: int
) -> None:
    layer = make_layer(kind, per_layer)
    x_TBD = torch.randn(T, B, D)
    expected = x_TBD + layer.self_attn(x_TBD)
    if per_layer == 2:
        expected = layer.adapters["self_attn"](expected)
    if kind is DecoderLayer:
        expected = expected + layer.encoder_attn(expected)
    expected = layer.adapters["ffn"](expected + layer.ffn(expected))
    assert torch.equal(layer(x_TBD), expected)
    assert torch.equal(layer(x_TBD), expected)  # the second pass starts again


def test_an_aborted_pass_does_not_shift_the_next_one() -> None:
    layer = make_layer(DecoderLayer, per_layer=2)
    x_TBD = torch.randn(T, B, D)
    expected = layer(x_TBD)

    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    hook = layer.encoder_attn.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        layer(x_TBD)
    hook.remove()
    assert torch.equal(layer(x_TBD), expected)
