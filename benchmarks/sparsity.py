"""Random masks of neurons that are as sparse as the paper's.

Axes: L directions, N FFN layers, F FFN neurons.
"""

from collections.abc import Sequence

import numpy as np
from torch import nn

from neuron_specialization.fairseq_plugin.methods import ffn_layers
from neuron_specialization.neurons.storage import Masks

# neurons that a direction does not use at k = 95, by layer, encoder first: read off the official
# plots for directions from English and into it
SPARSITY = {
    "from": (0.25, 0.21, 0.22, 0.225, 0.205, 0.18, 0.17, 0.205, 0.22, 0.255, 0.29, 0.28),
    "into": (0.295, 0.215, 0.205, 0.215, 0.205, 0.175, 0.21, 0.21, 0.20, 0.19, 0.235, 0.29),
}


def profile_masks(model: nn.Module, directions: Sequence[str], seed: int = 0) -> Masks:
    """Random masks with the paper's sparsity in each layer; directions alternate in their side."""
    layers = ffn_layers(model)
    width = next(iter(layers.values())).fc1.out_features
    sides = [list(SPARSITY.values())[i % 2] for i in range(len(directions))]
    # a model with fewer layers has the first ones of each stack
    half = len(layers) // 2
    profile_LN = np.array([[*side[:half], *side[6 : 6 + half]] for side in sides])
    kept_LN = np.round((1 - profile_LN) * width)
    shape = (len(directions), len(layers), width)
    rank_LNF = np.random.default_rng(seed).random(shape).argsort(axis=-1).argsort(axis=-1)
    return Masks(
        directions=tuple(directions),
        layers=tuple(layers),
        mask_LNF=rank_LNF < kept_LN[..., None],
        provenance={},
    )
