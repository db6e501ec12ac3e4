"""Count active FFN neurons during forward passes, for all directions in one process.

Axes: T tokens, B sentences, L directions, N FFN layers, F FFN neurons.
"""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn


class ActivationCounter:
    """Counts positive ReLU outputs, per sentence and per token at once.

    Sentence counts are the paper's accumulated activations a^t (section 3.1: the union over a
    sentence's tokens, summed over sentences); the official code uses token counts, padding
    included (`toolbox/get_neurons.py`). Padding never counts for a sentence.
    Counting happens on the device of the activations.
    """

    def __init__(
        self,
        fc2_by_layer: Mapping[str, nn.Linear],
        num_directions: int,
        *,
        count_padding: bool = False,
    ):
        """Watch the inputs of `fc2` in layers named `encoder...` or `decoder...`.

        Layers may have different widths; the counts of a narrower one end with zeros.

        `count_padding`: add padding positions to the token counts.
        """
        self.widths = [fc2.in_features for fc2 in fc2_by_layer.values()]
        device = next(iter(fc2_by_layer.values())).weight.device
        shape = (num_directions, len(fc2_by_layer), max(self.widths))
        self.sentence_LNF = torch.zeros(shape, dtype=torch.int64, device=device)
        self.token_LNF = torch.zeros(shape, dtype=torch.int64, device=device)
        self.num_sentences_L = torch.zeros(num_directions, dtype=torch.int64)
        self.count_padding = count_padding
        self.direction = 0
        self.real_TB: dict[str, Tensor] = {}
        self.hooks = [
            fc2.register_forward_pre_hook(partial(self.count, name.split(".")[0], n))
            for n, (name, fc2) in enumerate(fc2_by_layer.items())
        ]

    def start_batch(self, direction: int, source_BT: Tensor, target_BT: Tensor) -> None:
        """Set the direction of the next batch, and which positions are not padding, [B, T]."""
        self.direction = direction
        self.num_sentences_L[direction] += len(source_BT)
        self.real_TB = {"encoder": source_BT.t().float(), "decoder": target_BT.t().float()}

    def count(self, stack: str, n: int, _: nn.Module, inputs: tuple[Tensor]) -> None:
        """Add the activations [T, B, F] of layer `n`."""
        (hidden_TBF,) = inputs
        active_TBF = torch.empty(hidden_TBF.shape, device=hidden_TBF.device)
        torch.gt(hidden_TBF, 0, out=active_TBF)
        # sums as a matrix product: exact, as they are below 2^24, and eight times as fast
        real_BF = torch.einsum("tb,tbf->bf", self.real_TB[stack], active_TBF)
        token_BF = active_TBF.sum(dim=0) if self.count_padding else real_BF
        row = self.direction, n, slice(self.widths[n])
        self.token_LNF[row] += token_BF.sum(dim=0).long()
        self.sentence_LNF[row] += real_BF.sign().sum(dim=0).long()

    def remove(self) -> None:
        """Stop counting."""
        for hook in self.hooks:
            hook.remove()
