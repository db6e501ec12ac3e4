"""The sub-network FFN: both forms against a dense weight mask written here."""

import pytest
import torch
from torch import nn

from neuron_specialization.neurons import subnetwork
from neuron_specialization.neurons.direction_state import DirectionState
from neuron_specialization.neurons.subnetwork import Form, install_subnetworks

T, B, D, F, L = 5, 4, 8, 32, 3


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(D, F), nn.Linear(F, D)
        nn.init.normal_(self.fc1.bias)  # fresh biases are nearly zero and would hide mistakes
        nn.init.normal_(self.fc2.bias)

    def forward(self, x_TBD: torch.Tensor) -> torch.Tensor:
        return self.fc2(torch.relu(self.fc1(x_TBD)))


def make_layer(
    form: Form, mask_LF: torch.Tensor | None = None
) -> tuple[Layer, DirectionState, torch.Tensor]:
    torch.manual_seed(0)
    layer = Layer()
    mask_LF = torch.rand(L, F) < 0.6 if mask_LF is None else mask_LF
    state = DirectionState()
    install_subnetworks([layer], [mask_LF], state, form=form)
    return layer, state, mask_LF


def weight_masked(layer: Layer, mask_F: torch.Tensor, x_TBD: torch.Tensor) -> torch.Tensor:
    """Compute Eq. 3 as in the paper: the rows of W1 are multiplied by the mask, the bias stays."""
    hidden_TBF = x_TBD @ (layer.fc1.weight * mask_F[:, None]).t() + layer.fc1.bias
    return torch.relu(hidden_TBF) @ layer.fc2.weight.t() + layer.fc2.bias


def gradients(layer: Layer, output_TBD: torch.Tensor, x_TBD: torch.Tensor) -> list[torch.Tensor]:
    loss = (output_TBD * torch.linspace(-1, 1, output_TBD.numel()).view_as(output_TBD)).sum()
    return list(torch.autograd.grad(loss, [*layer.parameters(), x_TBD]))


@pytest.mark.parametrize("form", ["reference", "compact"])
@pytest.mark.parametrize("direction", range(L))
def test_equals_a_dense_weight_mask(form: Form, direction: int) -> None:
    layer, state, mask_LF = make_layer(form)
    x_TBD = torch.randn(T, B, D, requires_grad=True)
    state.direction = direction
    expected = weight_masked(layer, mask_LF[direction], x_TBD)
    actual = layer(x_TBD)
    torch.testing.assert_close(actual, expected)
    for got, wanted in zip(
        gradients(layer, actual, x_TBD), gradients(layer, expected, x_TBD), strict=True
    ):
        torch.testing.assert_close(got, wanted)


def test_a_mixed_batch_equals_its_sentences_one_by_one() -> None:
    layer, state, _ = make_layer("reference")
    x_TBD = torch.randn(T, B, D)
    directions = [2, 0, 1, 0]
    state.direction_B = torch.tensor(directions)
    mixed = layer(x_TBD)
    state.direction_B = None
    for b, direction in enumerate(directions):
        state.direction = direction
        torch.testing.assert_close(mixed[:, b : b + 1], layer(x_TBD[:, b : b + 1]))


def test_a_masked_neuron_emits_the_constant_of_its_bias() -> None:
    layer, state, mask_LF = make_layer("reference")
    state.direction = 0
    hidden_TBF = torch.relu(layer.fc1(torch.randn(T, B, D)))
    masked = ~mask_LF[0]
    expected = torch.relu(layer.fc1.bias)[masked].expand(T, B, -1)
    assert torch.equal(hidden_TBF[..., masked], expected)


@pytest.mark.parametrize("form", ["reference", "compact"])
def test_masked_rows_get_no_gradient_but_their_biases_do(form: Form) -> None:
    layer, state, mask_LF = make_layer(form)
    state.direction = 1
    layer(torch.randn(T, B, D)).square().sum().backward()
    row_gradient_F = layer.fc1.weight.grad.abs().sum(1)
    assert (row_gradient_F[~mask_LF[1]] == 0).all()
    assert (row_gradient_F[mask_LF[1]] > 0).any()
    firing = ~mask_LF[1] & (layer.fc1.bias > 0)
    assert (layer.fc1.bias.grad[firing] != 0).all()


@pytest.mark.parametrize("form", ["reference", "compact"])
def test_dense_without_a_direction_and_with_full_masks(form: Form) -> None:
    layer, state, _ = make_layer(form, torch.ones(L, F, dtype=torch.bool))
    x_TBD = torch.randn(T, B, D)
    dense = weight_masked(layer, torch.ones(F), x_TBD)
    torch.testing.assert_close(layer(x_TBD), dense)
    state.direction = 0
    torch.testing.assert_close(layer(x_TBD), dense)


@pytest.mark.parametrize("form", ["reference", "compact"])
def test_a_direction_without_neurons_still_works(form: Form) -> None:
    layer, state, _ = make_layer(form, torch.zeros(L, F, dtype=torch.bool))
    state.direction = 0
    x_TBD = torch.randn(T, B, D)
    torch.testing.assert_close(layer(x_TBD), weight_masked(layer, torch.zeros(F), x_TBD))


def test_the_state_dict_equals_the_dense_layers() -> None:
    layer, _, _ = make_layer("compact")
    assert list(layer.state_dict()) == list(Layer().state_dict())
    assert len(list(layer.parameters())) == 4


def test_compact_computes_only_the_active_neurons() -> None:
    layer, state, mask_LF = make_layer("compact")
    state.direction = 2
    assert layer.fc1(torch.randn(T, B, D)).shape == (T, B, int(mask_LF[2].sum()))


@pytest.mark.parametrize("direction", range(L))
def test_padding_to_a_multiple_changes_nothing(
    direction: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, state, mask_LF = make_layer("compact")
    x_TBD = torch.randn(T, B, D, requires_grad=True)
    state.direction = direction
    expected = weight_masked(layer, mask_LF[direction], x_TBD)
    wanted = gradients(layer, expected, x_TBD)
    monkeypatch.setattr(subnetwork, "PAD_MULTIPLE", {torch.float32: 8})
    active = int(mask_LF[direction].sum())
    assert active % 8  # otherwise nothing is padded
    assert layer.fc1(x_TBD).size(-1) == active + 8 - active % 8
    actual = layer(x_TBD)
    torch.testing.assert_close(actual, expected)
    for got, each in zip(gradients(layer, actual, x_TBD), wanted, strict=True):
        torch.testing.assert_close(got, each)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("mask", ["some", "none", "all"])
def test_half_precision(dtype: torch.dtype, mask: str) -> None:
    layer, state, mask_LF = make_layer("compact")
    mask_LF[:] = {"some": mask_LF, "none": torch.tensor(False), "all": torch.tensor(True)}[mask]
    install_subnetworks([layer], [mask_LF], state, form="compact")
    layer.to(dtype)
    state.direction = 0
    x_TBD = torch.randn(T, B, D).to(dtype)
    assert layer.fc1(x_TBD).size(-1) % 8 == 0
    expected = weight_masked(layer, mask_LF[0], x_TBD)
    torch.testing.assert_close(layer(x_TBD), expected, rtol=0.05, atol=0.05)


def test_never_waits_for_the_device() -> None:
    """The meta device has no values to read: any code that asks for one fails."""
    layer, state, _ = make_layer("compact")
    layer.to("meta")
    for direction in range(L):
        state.direction = direction
        layer(torch.empty(T, B, D, device="meta")).sum().backward()
