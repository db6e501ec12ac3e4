"""Whether related languages share neurons: statistics of IoU matrices, and tables of them.

Axes: L languages, M pairs of languages, P permutations of the languages.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.sides import informative_side
from neuron_specialization.settings.languages import Language

PERMUTATIONS = 10_000  # of the languages, for p-values
TOLERANCE = 1e-12  # of floats that are equal but for the order of their sums
UNTRAINED = "untrained_"
"""In front of the columns of the untrained model."""


class Gap(NamedTuple):
    """How much more neurons languages share within families than across them."""

    within: float
    """Mean IoU of two languages of one family; nan where no family has two."""
    across: float
    """Mean IoU of two languages of different families; nan where there is one family."""
    gap: float
    """Within less across."""
    p: float
    """Share of the permutations of languages with at least this gap, itself included."""


def permute(num_languages: int, permutations: int, seed: int) -> NDArray[np.intp]:
    """Return order_PL: orders of the languages, drawn at random."""
    order_PL = np.tile(np.arange(num_languages), (permutations, 1))
    return np.random.default_rng(seed).permuted(order_PL, axis=1)


def family_gap(
    iou_LL: NDArray[np.float64], families: Sequence[str], order_PL: NDArray[np.intp]
) -> Gap:
    """Compare IoU within families with that across them, by a permutation test over languages.

    All is nan where there is nothing to compare.
    """
    i_M, j_M = np.triu_indices(len(families), k=1)
    iou_M = iou_LL[i_M, j_M]
    code_L = np.unique(np.array(families), return_inverse=True)[1]
    same_M = code_L[i_M] == code_L[j_M]
    pairs = int(same_M.sum())
    if pairs in (0, len(iou_M)):
        mean = float(iou_M.mean()) if len(iou_M) else np.nan
        return Gap(mean if pairs else np.nan, np.nan if pairs else mean, np.nan, np.nan)
    # the numbers of pairs within and across are those of any permutation
    code_PL = code_L[order_PL]
    within_P = (code_PL[:, i_M] == code_PL[:, j_M]) @ iou_M
    within, across = float(iou_M[same_M].mean()), float(iou_M[~same_M].mean())
    p = share_of_permutations(within_P, float(iou_M[same_M].sum()))
    return Gap(within, across, within - across, p)


def distance_correlation(
    iou_LL: NDArray[np.float64], distance_LL: NDArray[np.float64], order_PL: NDArray[np.intp]
) -> tuple[float, float]:
    """Return the rank correlation of IoU and distance over pairs of languages, and its p.

    Spearman's, below 0 where closer languages share more; p is two-sided, by the permutations
    (Mantel's test). Both are nan where all pairs have the same IoU or the same distance.
    """
    i_M, j_M = np.triu_indices(len(iou_LL), k=1)
    iou_M, distance_M = rankdata(iou_LL[i_M, j_M]), rankdata(distance_LL[i_M, j_M])
    if np.isnan(iou_M).any() or not (len(iou_M) and np.ptp(iou_M) and np.ptp(distance_M)):
        return np.nan, np.nan
    # with mean 0 and length 1, whose products are correlations
    iou_M, distance_M = (
        (rank_M - rank_M.mean()) / np.linalg.norm(rank_M - rank_M.mean())
        for rank_M in (iou_M, distance_M)
    )
    rank_LL = np.zeros(iou_LL.shape)
    rank_LL[i_M, j_M] = rank_LL[j_M, i_M] = distance_M
    rho_P = rank_LL[order_PL[:, i_M], order_PL[:, j_M]] @ iou_M
    rho = float(distance_M @ iou_M)
    return rho, share_of_permutations(np.abs(rho_P), abs(rho))


def share_of_permutations(value_P: NDArray[np.float64], observed: float) -> float:
    """The p-value of a permutation test; what was observed counts as one of the permutations.

    nan where there is no telling, as two languages that any permutation may put there have none.
    """
    if np.isnan(observed) or np.isnan(value_P).any():
        return np.nan
    return float(1 + (value_P >= observed - TOLERANCE).sum()) / (1 + len(value_P))


def cluster(iou_LL: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hierarchical clustering of at least two languages by 1 - IoU, average linkage.

    Returns:
        scipy's linkage: merged clusters, their distance, and how many languages they have.
    """
    distance_LL = 1 - iou_LL
    np.fill_diagonal(distance_LL, 0)
    return linkage(squareform(distance_LL, checks=False), method="average")


def family_agreement(iou_LL: NDArray[np.float64], families: Sequence[str]) -> float:
    """The adjusted Rand index of the families and as many clusters of languages.

    1 where the clusters are the families, about 0 where they have nothing to do with them; nan
    where there is one family, or no family with two languages.
    """
    if len(set(families)) in (0, 1, len(families)) or np.isnan(iou_LL).any():
        return np.nan
    clusters = fcluster(cluster(iou_LL), t=len(set(families)), criterion="maxclust")
    return adjusted_rand_index(families, clusters.tolist())


def adjusted_rand_index(one: Sequence[object], other: Sequence[object]) -> float:
    """Agreement of two partitions beyond chance (Hubert and Arabie, 1985)."""
    i_M, j_M = np.triu_indices(len(one), k=1)
    one_M = np.array([one[i] == one[j] for i, j in zip(i_M, j_M, strict=True)])
    other_M = np.array([other[i] == other[j] for i, j in zip(i_M, j_M, strict=True)])
    both, expected = (one_M & other_M).sum(), one_M.sum() * other_M.sum() / len(one_M)
    largest = (one_M.sum() + other_M.sum()) / 2
    return 1.0 if largest == expected else float((both - expected) / (largest - expected))


def describe_layer(
    iou_LL: NDArray[np.float64],
    families: Sequence[str],
    distances: Mapping[str, NDArray[np.float64]],
    order_PL: NDArray[np.intp],
) -> dict[str, float]:
    """Return all statistics of a layer by name."""
    values = family_gap(iou_LL, families, order_PL)._asdict()
    values["agreement"] = family_agreement(iou_LL, families)
    for kind, distance_LL in distances.items():
        values[f"rho_{kind}"], values[f"p_{kind}"] = distance_correlation(
            iou_LL, distance_LL, order_PL
        )
    return values


def relation_table(
    overlap: Overlap,
    untrained: Overlap,
    families: Mapping[str, str],
    distances: Mapping[str, NDArray[np.float64]],
    *,
    permutations: int = PERMUTATIONS,
    seed: int,
) -> pd.DataFrame:
    """Return the statistics of every layer on its informative side, a row each.

    Args:
        overlap: of the trained model.
        untrained: of the model before its training.
        families: of each language, in the order of the distances.
        distances: matrices by kind.
        permutations: of the languages, for p-values.
        seed: of the permutations.

    Returns:
        `layer`, `side`, the names of `describe_layer`, and those of `Gap` of the untrained model
        with UNTRAINED in front. Languages that were not recorded on the layer's side are left out;
        all is nan in a layer with fewer than two.
    """
    rows = []
    for layer in overlap.layers:
        recorded = overlap.recorded(layer)
        places = [i for i, code in enumerate(families) if code in recorded]
        codes = [code for code in families if code in recorded]
        family_L = [families[code] for code in codes]
        nearby = {kind: far_LL[np.ix_(places, places)] for kind, far_LL in distances.items()}
        order_PL = permute(len(codes), permutations, seed)
        found = describe_layer(overlap.matrix(layer, codes), family_L, nearby, order_PL)
        before = family_gap(untrained.matrix(layer, codes), family_L, order_PL)._asdict()
        control = {f"{UNTRAINED}{name}": value for name, value in before.items()}
        rows.append({"layer": layer, "side": informative_side(layer), **found, **control})
    return pd.DataFrame(rows)


def family_means(overlap: Overlap, languages: Mapping[str, Language]) -> pd.DataFrame:
    """Return the mean IoU of each language with each family, itself left out, by layer.

    The columns are `layer`, `side`, `language`, `script`, `own_family`, `family` and `iou`.
    """
    pairs = overlap.table().rename(columns={"a": "language"})
    both = pd.concat([pairs, pairs.rename(columns={"language": "b", "b": "language"})])
    both["script"] = [languages[code].script for code in both["language"]]
    both["own_family"] = [languages[code].family for code in both["language"]]
    both["family"] = [languages[code].family for code in both["b"]]
    keys = ["layer", "side", "language", "script", "own_family", "family"]
    return both.groupby(keys, sort=False)["iou"].mean().reset_index()
