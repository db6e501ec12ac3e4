"""Adapters: small bottleneck layers, a set of them per direction or family (Bapna & Firat, 2019).

Axes: T tokens, B sentences, D model width, S sets, K bottleneck.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from neuron_specialization.neurons.direction_state import DirectionState

UP_STD = 1e-3  # of the initial up-projection: a new adapter is almost the identity
ENCODER_SUBLAYERS = ("self_attn", "ffn")
DECODER_SUBLAYERS = ("self_attn", "encoder_attn", "ffn")
ADAPTED = {1: ("ffn",), 2: ("self_attn", "ffn")}  # by the number of adapters per layer


class AdapterSets(nn.Module):
    """The adapters of one place in the model, one per set: x + W_up relu(W_down LN(x)).

    All sets are stacked in each parameter, so that a batch gives every set a gradient, which is
    zero unless it is the set of the batch's direction: distributed training needs no more.
    """

    def __init__(
        self, d_model: int, bottleneck: int, set_of_direction: Sequence[int], state: DirectionState
    ):
        super().__init__()
        num_sets = max(set_of_direction) + 1
        self.set_of_direction, self.state = tuple(set_of_direction), state
        self.norm_weight_SD = nn.Parameter(torch.ones(num_sets, d_model))
        self.norm_bias_SD = nn.Parameter(torch.zeros(num_sets, d_model))
        self.down_weight_SKD = nn.Parameter(torch.empty(num_sets, bottleneck, d_model))
        self.down_bias_SK = nn.Parameter(torch.zeros(num_sets, bottleneck))
        self.up_weight_SDK = nn.Parameter(torch.empty(num_sets, d_model, bottleneck))
        self.up_bias_SD = nn.Parameter(torch.zeros(num_sets, d_model))
        nn.init.normal_(self.up_weight_SDK, std=UP_STD)
        for down_weight_KD in self.down_weight_SKD.data:
            nn.init.xavier_uniform_(down_weight_KD)

    def forward(self, x_TBD: Tensor) -> Tensor:
        """[T, B, D] -> [T, B, D], through the current direction's set; unchanged without one."""
        if self.state.direction is None:
            return x_TBD
        s = self.set_of_direction[self.state.direction]
        normed_TBD = functional.layer_norm(
            x_TBD, x_TBD.shape[-1:], self.norm_weight_SD[s], self.norm_bias_SD[s]
        )
        down_TBK = functional.linear(normed_TBD, self.down_weight_SKD[s], self.down_bias_SK[s])
        up_TBD = functional.linear(
            functional.relu(down_TBK), self.up_weight_SDK[s], self.up_bias_SD[s]
        )
        return x_TBD + up_TBD


class AdaptedStream:
    """Puts adapters on the residual stream of a layer, after some of its sublayers.

    fairseq's layers call `residual_connection` once after each sublayer, always in one order.
    """

    def __init__(self, sublayers: Sequence[str], adapters: Mapping[str, nn.Module]):
        self.sublayers, self.adapters = sublayers, adapters
        self.coming: Iterator[str] = iter(())

    def start(self, *_: Any) -> None:
        """Begin with the first sublayer; called before each forward pass of the layer."""
        self.coming = iter(self.sublayers)

    def residual_connection(self, x_TBD: Tensor, residual_TBD: Tensor) -> Tensor:
        """Add a sublayer's output to the stream and pass the stream through its adapter."""
        stream_TBD = residual_TBD + x_TBD
        adapter = self.adapters.get(next(self.coming))
        return stream_TBD if adapter is None else adapter(stream_TBD)


def install_adapters(
    layer: Any,
    sublayers: Sequence[str],
    *,
    per_layer: int,
    bottleneck: int,
    set_of_direction: Sequence[int],
    state: DirectionState,
) -> None:
    """Add adapters to a layer, as `layer.adapters`.

    Args:
        layer: a transformer layer of fairseq with `embed_dim`.
        sublayers: its sublayers in order, `ENCODER_SUBLAYERS` or `DECODER_SUBLAYERS`.
        per_layer: 1, after the FFN, as in Bapna & Firat; or 2, after self-attention too, which
            gives the parameter counts of the paper.
        bottleneck: width K of an adapter.
        set_of_direction: the set of each direction, in the order of `state.direction`.
        state: contains the direction of each forward pass.
    """
    layer.adapters = nn.ModuleDict(
        {
            name: AdapterSets(layer.embed_dim, bottleneck, set_of_direction, state)
            for name in ADAPTED[per_layer]
        }
    )
    stream = AdaptedStream(sublayers, dict(layer.adapters.items()))
    layer.register_forward_pre_hook(stream.start)
    layer.residual_connection = stream.residual_connection


def is_adapter(parameter: str) -> bool:
    """Return whether a name in a state dict belongs to a parameter of an adapter."""
    return ".adapters." in parameter
