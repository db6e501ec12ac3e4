"""LaSS: selection of weights, their masks on disk, and the layers that use them."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from neuron_specialization.errors import InputError
from neuron_specialization.methods.packed_bits import keep_weights
from neuron_specialization.methods.weight_masks import (
    WeightMasks,
    install_masked_weights,
    keep_largest,
)
from neuron_specialization.neurons.direction_state import DirectionState
from neuron_specialization.neurons.storage import Masks

D, F, V = 5, 7, 11  # odd, so that no tensor fills its last byte
SHAPES = {"ffn.0.weight": (F, D), "ffn.2.weight": (D, F), "out.weight": (V, D)}
STORED = ("en-de", "en-fr", "en-nl")  # the masks' directions; the model's differ, also in order
DIRECTIONS = ("en-nl", "en-de")
TOKENS_B = torch.tensor([3, 0, 10, 3])


class Model(nn.Module):
    """A model whose output projection is tied to its embeddings."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(V, D)
        self.ffn = nn.Sequential(nn.Linear(D, F), nn.ReLU(), nn.Linear(F, D))
        self.out = nn.Linear(D, V, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, tokens_B: Tensor) -> Tensor:
        return self.out(self.ffn(self.embed(tokens_B)))


def random_masks() -> dict[str, dict[str, Tensor]]:
    """Return the masks of each tensor by direction."""
    torch.manual_seed(1)
    return {
        direction: {name: torch.rand(shape) < 0.6 for name, shape in SHAPES.items()}
        for direction in STORED
    }


def packed(masks: dict[str, dict[str, Tensor]]) -> WeightMasks:
    return WeightMasks.join(
        [WeightMasks.pack(name, mask, {"pruning": 0.4}) for name, mask in masks.items()]
    )


def make_model(
    training: bool = True, direction: int | None = 0
) -> tuple[Model, DirectionState, list[dict[str, Tensor]]]:
    """Return a model with masks, and the masks by index of direction."""
    torch.manual_seed(0)
    model, state, masks = Model(), DirectionState(direction=direction), random_masks()
    install_masked_weights(model, packed(masks), DIRECTIONS, state)
    model.train(training)
    return model, state, [masks[direction] for direction in DIRECTIONS]


def masked_forward(weights: nn.Module, masks: dict[str, Tensor], tokens_B: Tensor) -> Tensor:
    """Compute the model's output directly from the tensors of a state dict."""
    w = weights.state_dict(keep_vars=True)
    w0, w2, out = (w[name] * masks[name] for name in SHAPES)
    hidden_BF = torch.relu(functional.linear(w["embed.weight"][tokens_B], w0, w["ffn.0.bias"]))
    return functional.linear(functional.linear(hidden_BF, w2, w["ffn.2.bias"]), out)


@pytest.mark.parametrize(
    ("weights", "pruning", "kept"),
    [
        ([0.1, -4, 2, -0.5, 3, -0.2], 0.5, [0, 1, 1, 0, 1, 0]),  # the largest magnitudes
        ([1, 1, -1, 2, -1, 3], 0.5, [0, 0, 0, 1, 0, 1]),  # ties with the last one removed go too
        ([0, -1, 2], 0, [1, 1, 1]),
        ([0, -1, 2], 1, [0, 0, 0]),
        ([*range(1, 101)], 0.29, [0] * 29 + [1] * 71),  # 28 in floating point
        ([*range(1, 513)], 0.7, [0] * math.floor(358.4) + [1] * 154),  # as in LaSS
    ],
)
def test_keeps_the_largest_weights(weights: list[float], pruning: float, kept: list[int]) -> None:
    mask_OI = keep_largest(torch.tensor(weights).float().view(1, -1), pruning)
    assert mask_OI.dtype == torch.bool
    assert mask_OI.tolist() == [[bool(each) for each in kept]]


@pytest.mark.parametrize("pruning", [-0.1, 1.1, math.nan])
def test_pruning_is_a_share(pruning: float) -> None:
    with pytest.raises(InputError, match=f"pruning is {pruning}"):
        keep_largest(torch.ones(2, 2), pruning)


def test_masks_survive_saving(tmp_path: Path) -> None:
    masks = random_masks()
    packed(masks).save(tmp_path / "masks.npz")
    loaded = WeightMasks.load(tmp_path / "masks.npz")
    assert loaded.directions == STORED
    assert list(loaded.shapes.items()) == list(SHAPES.items())
    assert loaded.provenance == {"pruning": 0.4}
    for row, direction in enumerate(STORED):
        for name, shape in SHAPES.items():
            bits_P = torch.from_numpy(loaded.bits[name][row])
            mask_OI = keep_weights(torch.ones(shape), bits_P)
            assert torch.equal(mask_OI, masks[direction][name].float())


def test_one_bit_per_weight_on_disk(tmp_path: Path) -> None:
    packed(random_masks()).save(tmp_path / "masks.npz")
    with np.load(tmp_path / "masks.npz") as arrays:
        assert arrays["bits"].nbytes == 3 * (5 + 5 + 7)  # of 35, 35 and 55 weights
        assert arrays["bits"].dtype == np.uint8


def test_masks_of_other_architectures_do_not_join() -> None:
    one = WeightMasks.pack("en-de", {"fc1.weight": torch.ones(3, 5).bool()}, {})
    for name, shape in [("fc1.weight", (5, 3)), ("fc2.weight", (3, 5))]:
        other = WeightMasks.pack("en-fr", {name: torch.ones(shape).bool()}, {})
        with pytest.raises(InputError, match="different architectures"):
            WeightMasks.join([one, other])


def test_parts_without_directions_join_to_an_empty_mask(tmp_path: Path) -> None:
    nothing = WeightMasks.join([WeightMasks.join([]), WeightMasks.join([])])
    nothing.save(tmp_path / "masks.npz")
    loaded = WeightMasks.load(tmp_path / "masks.npz")
    assert (loaded.directions, loaded.shapes, loaded.bits) == ((), {}, {})
    masks = packed(random_masks())
    assert WeightMasks.join([loaded, masks]).directions == STORED


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "masks.npz"
    with pytest.raises(InputError, match=r"masks\.npz: no such file"):
        WeightMasks.load(path)
    packed(random_masks()).save(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match=r"masks\.npz: not a valid file"):
        WeightMasks.load(path)
    neurons = np.ones((1, 2, 3), dtype=bool)
    Masks(directions=("en-de",), layers=("0", "1"), mask_LNF=neurons, provenance={}).save(path)
    with pytest.raises(InputError, match=r"masks\.npz: these are neuron masks; give .* weight"):
        WeightMasks.load(path)


@pytest.mark.parametrize("training", [True, False])
def test_each_direction_uses_its_own_weights(training: bool) -> None:
    model, state, masks = make_model(training)
    with torch.set_grad_enabled(training):
        for direction in (0, 1, 0):
            state.direction = direction
            expected = masked_forward(model, masks[direction], TOKENS_B)
            assert torch.equal(model(TOKENS_B), expected)


def test_dense_without_a_direction() -> None:
    model, state, _ = make_model(direction=None)
    plain = Model()
    plain.load_state_dict(model.state_dict())
    assert torch.equal(model(TOKENS_B), plain(TOKENS_B))
    state.direction = 0
    assert not torch.equal(model(TOKENS_B), plain(TOKENS_B))


def test_only_kept_weights_get_a_gradient() -> None:
    model, _, masks = make_model()
    model.ffn[0](torch.randn(4, D)).square().sum().backward()
    gradient_OI = dict(model.named_parameters())["ffn.0.weight"].grad
    assert torch.equal(gradient_OI != 0, masks[0]["ffn.0.weight"])


def test_parameters_and_their_names_stay_the_same() -> None:
    model, state = Model(), DirectionState(direction=0)
    names, before = list(model.state_dict()), list(model.parameters())
    install_masked_weights(model, packed(random_masks()), DIRECTIONS, state)
    after = list(model.parameters())
    assert len(after) == len(before) == 5
    assert all(one is other for one, other in zip(after, before, strict=True))
    assert list(model.state_dict()) == names
    assert dict(model.named_parameters(remove_duplicate=False))["out.weight"] is model.embed.weight


def test_evaluation_caches_products_until_training() -> None:
    model, _, masks = make_model()
    with torch.no_grad():
        model.eval()
        model(TOKENS_B)
        assert model.ffn[0].weight is model.ffn[0].weight
        model.train()
        for parameter in model.parameters():
            parameter.data.add_(1)  # fairseq's optimisers write to .data, past the version counter
        model.eval()
        assert torch.equal(model(TOKENS_B), masked_forward(model, masks[0], TOKENS_B))


@pytest.mark.parametrize(("training", "grad"), [(True, True), (True, False), (False, True)])
def test_changes_are_seen_in_training_or_with_gradients(training: bool, grad: bool) -> None:
    model, _, masks = make_model(training)
    with torch.set_grad_enabled(grad):
        model(TOKENS_B)
        for parameter in model.parameters():
            parameter.data.add_(1)
        assert torch.equal(model(TOKENS_B), masked_forward(model, masks[0], TOKENS_B))


def test_training_keeps_masks_packed() -> None:
    model, *_ = make_model()
    layer = model.ffn[0]
    (saved_P,) = layer.weight.grad_fn.saved_tensors
    assert saved_P.data_ptr() == layer.bits_LP[0].data_ptr()
    held = [t for t in vars(layer).values() if isinstance(t, Tensor)]
    assert not held
    assert layer.materialised is None


@pytest.mark.parametrize("training", [True, False])
def test_loaded_weights_are_used(training: bool) -> None:
    model, _, masks = make_model(training)
    other = Model()
    with torch.set_grad_enabled(training):
        model(TOKENS_B)
        model.load_state_dict(other.state_dict())
        assert torch.equal(model(TOKENS_B), masked_forward(other, masks[0], TOKENS_B))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
@pytest.mark.parametrize("training", [True, False])
def test_works_in_other_precisions(training: bool, dtype: torch.dtype) -> None:
    model, _, masks = make_model(training)
    with torch.set_grad_enabled(training):
        model(TOKENS_B)
        model.half() if dtype == torch.float16 else model.double()
        result = model(TOKENS_B)
        assert result.dtype == dtype
        assert torch.equal(result, masked_forward(model, masks[0], TOKENS_B))


def test_moves_to_another_device() -> None:
    model, *_ = make_model()
    model(TOKENS_B)
    assert model.to("meta")(TOKENS_B.to("meta")).device.type == "meta"
