"""Directions through each other's neurons: the cost of another direction's mask, and its tests.

Axes: L directions of one side; in a matrix, the direction and then the direction of the mask.
P permutations of the directions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_specialization.neurons.sides import SIDES, other_language, side_of
from neuron_specialization.neurons.statistics import (
    PERMUTATIONS,
    family_gap,
    permute,
    share_of_permutations,
)

COLUMNS = ("side", "direction", "mask", "nll", "tokens")
"""Columns of a table of `cross_mask_table`."""


@dataclass(frozen=True, kw_only=True)
class CrossMasks:
    """The likelihood of the references of each direction of a side through each one's mask."""

    side: str
    languages: tuple[str, ...]
    """The language of each direction that is not the pivot."""
    nll_LL: NDArray[np.float64]
    """Negative log-likelihood of the references, nats per token."""

    @property
    def excess_LL(self) -> NDArray[np.float64]:
        """What the mask of another direction costs beyond the direction's own, nats per token."""
        return self.nll_LL - np.diag(self.nll_LL)[:, None]


def masks_of_sides(directions: Sequence[str], pivot: str) -> dict[str, list[str]]:
    """Return for each direction the directions of its side, itself included."""
    sides = {name: side_of(name, pivot) for name in directions}
    return {
        name: [other for other in directions if sides[other] == sides[name]] for name in directions
    }


def cross_mask_table(
    totals: Mapping[tuple[str, str], tuple[float, int]], pivot: str
) -> pd.DataFrame:
    """Return a row (COLUMNS) per direction and mask; nll is per token, in nats.

    Args:
        totals: negative log-likelihood and tokens by direction and direction of the mask.
        pivot: the language common to all directions.
    """
    rows = [
        (side_of(direction, pivot), direction, mask, nll / tokens, tokens)
        for (direction, mask), (nll, tokens) in totals.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def read_sides(table: pd.DataFrame, languages: Sequence[str], pivot: str) -> list[CrossMasks]:
    """Return the matrix of each side, in the order of `languages`.

    Directions without a row are left out.
    """
    found = []
    for side in SIDES:
        nll = table[table["side"] == side].pivot(index="direction", columns="mask", values="nll")
        name_of = {other_language(direction, pivot): direction for direction in nll.index}
        codes = [code for code in languages if code in name_of]
        names = [name_of[code] for code in codes]
        nll_LL = nll.reindex(index=names, columns=names).to_numpy(dtype=float)
        found.append(CrossMasks(side=side, languages=tuple(codes), nll_LL=nll_LL))
    return found


def own_mask_p(nll_LL: NDArray[np.float64], order_PL: NDArray[np.intp]) -> float:
    """Return the p-value of the diagonal: do directions prefer their own masks?

    The share of permutations, which give each direction the mask of another one or its own, with
    a mean nll at most as high as with its own (one-sided).
    """
    places_L = np.arange(len(nll_LL))
    permuted_P = nll_LL[places_L, order_PL].sum(axis=1)
    return share_of_permutations(-permuted_P, -float(nll_LL[places_L, places_L].sum()))


def describe_cross_masks(
    matrix: CrossMasks, families: Sequence[str], order_PL: NDArray[np.intp]
) -> dict[str, float]:
    """Return the statistics of a side; all are nan if it has fewer than two directions.

    Args:
        matrix: the likelihoods.
        families: family of each language.
        order_PL: permutations of the directions.

    Returns:
        `own` and `other`, the mean nll through own masks and others'; `excess`, their difference,
        and its `p` (`own_mask_p`); `within` and `across`, the mean excess through masks of the
        same family and of other families; `gap`, how much more the latter costs, and
        `p_families`, from permuting the families over the languages (one-sided).
    """
    excess_LL = matrix.excess_LL
    apart_LL = ~np.eye(len(excess_LL), dtype=bool)
    own, several = np.diag(matrix.nll_LL), len(excess_LL) > 1
    excess = float(excess_LL[apart_LL].mean()) if several else np.nan
    mean = float(own.mean()) if several else np.nan
    # a family's masks fit better if their excess is smaller; the mean of both ways is symmetric
    gap = family_gap(-(excess_LL + excess_LL.T) / 2, families, order_PL)
    return {
        "own": mean,
        "other": mean + excess,
        "excess": excess,
        "p": own_mask_p(matrix.nll_LL, order_PL) if several else np.nan,
        "within": 0.0 - gap.within,
        "across": 0.0 - gap.across,
        "gap": gap.gap,
        "p_families": gap.p,
    }


def cross_mask_tests(
    sides: Sequence[CrossMasks],
    families: Mapping[str, str],
    *,
    permutations: int = PERMUTATIONS,
    seed: int,
) -> pd.DataFrame:
    """Return the statistics of each side: `side`, `directions` (their number), and the names from
    `describe_cross_masks`.

    Args:
        sides: result of `read_sides`.
        families: family of each language.
        permutations: number of permutations, for p-values.
        seed: seed of the permutations.
    """
    rows = []
    for matrix in sides:
        names, number = [families[code] for code in matrix.languages], len(matrix.languages)
        found = describe_cross_masks(matrix, names, permute(number, permutations, seed))
        rows.append({"side": matrix.side, "directions": number, **found})
    return pd.DataFrame(rows)
