"""Measure which FFN neurons fire at all, and which distinguish directions.

Axes: L directions, N FFN layers, F FFN neurons.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from neuron_specialization.neurons.storage import Counts, Masks

STACKS = ("encoder", "decoder")


@dataclass(frozen=True, kw_only=True)
class MaskShares:
    """Shares of the neurons of a stack, 0 to 1; the others belong to every direction."""

    masked: float
    """Neurons that belong to no direction."""
    differing: float
    """Neurons that belong to some directions and not to others."""


def never_firing(counts: Counts, stack: str) -> float | None:
    """Return the share of a stack's neurons that fire in no direction, 0 to 1.

    None if no layer of the stack was recorded.
    """
    rows = rows_of(counts.layers, stack)
    fires_NF = counts.token_LNF[:, rows].any(axis=0)
    return 1 - float(fires_NF.mean()) if rows else None


def mask_shares(masks: Masks, stack: str) -> MaskShares | None:
    """Return the shares of a stack's neurons by their directions; None without a masked layer."""
    rows = rows_of(masks.layers, stack)
    if not rows:
        return None
    kept_LNF = masks.mask_LNF[:, rows]
    some_NF, every_NF = kept_LNF.any(axis=0), kept_LNF.all(axis=0)
    return MaskShares(
        masked=1 - float(some_NF.mean()), differing=float((some_NF & ~every_NF).mean())
    )


def layer_sparsity(masks: Masks) -> dict[str, float]:
    """Return the share of masked neurons of each layer, 0 to 1, averaged over directions.

    The paper's Figure 5 has it by direction.
    """
    sparsity_N = 1 - masks.mask_LNF.mean(axis=(0, 2))
    return dict(zip(masks.layers, sparsity_N.tolist(), strict=True))


def rows_of(layers: Sequence[str], stack: str) -> list[int]:
    """Return the positions of a stack's layers, named `encoder.layers.0` and so on."""
    return [n for n, name in enumerate(layers) if name.split(".")[0] == stack]
