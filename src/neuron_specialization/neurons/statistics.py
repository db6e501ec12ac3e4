"""Measure whether related languages share neurons: statistics of IoU matrices, and tables of them.

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
TOLERANCE = 1e-12  # of floats that differ only by their order of summation
ONE_SCRIPT = "one_script_"
"""Prefix of the columns that compare only languages of one script."""
UNTRAINED = "untrained_"
"""Prefix of the columns of the untrained model."""


class Gap(NamedTuple):
    """Excess of the neurons shared within families over the neurons shared across them."""

    within: float
    """Mean IoU of two languages of one family; nan if no family has two."""
    across: float
    """Mean IoU of two languages of different families; nan if there is only one family."""
    gap: float
    """`within` minus `across`."""
    p: float
    """Share of the permutations of languages with at least this gap, including the gap itself."""


def permute(num_languages: int, permutations: int, seed: int) -> NDArray[np.intp]:
    """Return order_PL: random orders of the languages."""
    order_PL = np.tile(np.arange(num_languages), (permutations, 1))
    return np.random.default_rng(seed).permuted(order_PL, axis=1)


def permute_within(groups: Sequence[str], permutations: int, seed: int) -> NDArray[np.intp]:
    """Return order_PL: random orders in which languages only change places within a group."""
    order_PL = np.tile(np.arange(len(groups)), (permutations, 1))
    generator = np.random.default_rng(seed)
    for group in dict.fromkeys(groups):
        (places,) = np.nonzero(np.array(groups) == group)
        order_PL[:, places] = generator.permuted(order_PL[:, places], axis=1)
    return order_PL


def family_gap(
    iou_LL: NDArray[np.float64],
    families: Sequence[str],
    order_PL: NDArray[np.intp],
    *,
    groups: Sequence[str] = (),
) -> Gap:
    """Compare IoU within and across families, by a permutation test over languages.

    With `groups`, such as scripts, only languages of one group are compared, and the permutations
    must be those of `permute_within`. `gap` and `p` are nan if there is nothing to compare.
    """
    i_M, j_M = np.triu_indices(len(families), k=1)
    if groups:
        group_L = np.unique(np.array(groups), return_inverse=True)[1]
        compared_M = group_L[i_M] == group_L[j_M]
        i_M, j_M = i_M[compared_M], j_M[compared_M]
    iou_M = iou_LL[i_M, j_M]
    code_L = np.unique(np.array(families), return_inverse=True)[1]
    same_M = code_L[i_M] == code_L[j_M]
    pairs = int(same_M.sum())
    if pairs in (0, len(iou_M)):
        mean = float(iou_M.mean()) if len(iou_M) else np.nan
        return Gap(mean if pairs else np.nan, np.nan if pairs else mean, np.nan, np.nan)
    # the numbers of pairs within and across are the same in any permutation
    code_PL = code_L[order_PL]
    within_P = (code_PL[:, i_M] == code_PL[:, j_M]) @ iou_M
    within, across = float(iou_M[same_M].mean()), float(iou_M[~same_M].mean())
    p = share_of_permutations(within_P, float(iou_M[same_M].sum()))
    return Gap(within, across, within - across, p)


def pairs_gap(
    iou_LL: NDArray[np.float64], pairs: Sequence[tuple[int, int]], order_PL: NDArray[np.intp]
) -> tuple[float, float]:
    """Compare the IoU of some pairs of languages with all others, by a permutation of languages.

    Args:
        iou_LL: IoU of languages.
        pairs: places of the languages of each pair; each pair once.
        order_PL: orders of the languages (`permute`).

    Returns:
        Mean IoU of these pairs minus the mean of all others, nan if there are no others; and p, the
        share of permutations with at least this difference, including the difference itself.
    """
    all_M = iou_LL[np.triu_indices(len(iou_LL), k=1)]
    i_M, j_M = np.array(pairs).T
    chosen = float(iou_LL[i_M, j_M].sum())
    others = len(all_M) - len(pairs)
    if not others:
        return np.nan, np.nan
    # the number of pairs is the same in any permutation
    chosen_P = iou_LL[order_PL[:, i_M], order_PL[:, j_M]].sum(axis=1)
    gap = chosen / len(pairs) - (float(all_M.sum()) - chosen) / others
    return gap, share_of_permutations(chosen_P, chosen)


def distance_correlation(
    iou_LL: NDArray[np.float64], distance_LL: NDArray[np.float64], order_PL: NDArray[np.intp]
) -> tuple[float, float]:
    """Return the rank correlation of IoU and distance over pairs of languages, and its p.

    Spearman's correlation is below 0 if closer languages share more; p is two-sided, by the
    permutations (Mantel's test). Both are nan if all pairs have the same IoU or distance.
    """
    i_M, j_M = np.triu_indices(len(iou_LL), k=1)
    iou_M, distance_M = rankdata(iou_LL[i_M, j_M]), rankdata(distance_LL[i_M, j_M])
    if np.isnan(iou_M).any() or not (len(iou_M) and np.ptp(iou_M) and np.ptp(distance_M)):
        return np.nan, np.nan
    # scaled to mean 0 and length 1, so that products are correlations
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
    """Return the p-value of a permutation test; the observation counts as one permutation.

    nan if it is undefined, e.g. because a permutation may compare languages without neurons.
    """
    if np.isnan(observed) or np.isnan(value_P).any():
        return np.nan
    return float(1 + (value_P >= observed - TOLERANCE).sum()) / (1 + len(value_P))


def cluster(iou_LL: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cluster at least two languages hierarchically by 1 - IoU, with average linkage.

    Returns:
        scipy's linkage: merged clusters, their distance, and their number of languages.
    """
    distance_LL = 1 - iou_LL
    np.fill_diagonal(distance_LL, 0)
    return linkage(squareform(distance_LL, checks=False), method="average")


def family_agreement(iou_LL: NDArray[np.float64], families: Sequence[str]) -> float:
    """Return the adjusted Rand index of the families and an equal number of clusters.

    1 if the clusters equal the families, about 0 if they are unrelated; nan if there is only one
    family, or no family with two languages, or an IoU is nan.
    """
    if len(set(families)) in (0, 1, len(families)) or np.isnan(iou_LL).any():
        return np.nan
    clusters = fcluster(cluster(iou_LL), t=len(set(families)), criterion="maxclust")
    return adjusted_rand_index(families, clusters.tolist())


def adjusted_rand_index(one: Sequence[object], other: Sequence[object]) -> float:
    """Return the agreement of two partitions beyond chance (Hubert and Arabie, 1985)."""
    i_M, j_M = np.triu_indices(len(one), k=1)
    one_M = np.array([one[i] == one[j] for i, j in zip(i_M, j_M, strict=True)])
    other_M = np.array([other[i] == other[j] for i, j in zip(i_M, j_M, strict=True)])
    both, expected = (one_M & other_M).sum(), one_M.sum() * other_M.sum() / len(one_M)
    largest = (one_M.sum() + other_M.sum()) / 2
    return 1.0 if largest == expected else float((both - expected) / (largest - expected))


def describe_layer(
    iou_LL: NDArray[np.float64],
    languages: Sequence[Language],
    distances: Mapping[str, NDArray[np.float64]],
    *,
    permutations: int,
    seed: int,
) -> dict[str, float]:
    """Return all statistics of a layer by name."""
    families = [language.family for language in languages]
    scripts = [language.script for language in languages]
    order_PL = permute(len(families), permutations, seed)
    values = family_gap(iou_LL, families, order_PL)._asdict()
    order_in_scripts_PL = permute_within(scripts, permutations, seed)
    alike = family_gap(iou_LL, families, order_in_scripts_PL, groups=scripts)
    values |= {f"{ONE_SCRIPT}gap": alike.gap, f"{ONE_SCRIPT}p": alike.p}
    values["agreement"] = family_agreement(iou_LL, families)
    for kind, distance_LL in distances.items():
        values[f"rho_{kind}"], values[f"p_{kind}"] = distance_correlation(
            iou_LL, distance_LL, order_PL
        )
    return values


def relation_table(
    overlap: Overlap,
    untrained: Overlap,
    languages: Mapping[str, Language],
    distances: Mapping[str, NDArray[np.float64]],
    *,
    permutations: int = PERMUTATIONS,
    seed: int,
) -> pd.DataFrame:
    """Return the statistics of every layer on its informative side, one row each.

    Args:
        overlap: overlap of the trained model.
        untrained: overlap of the model before its training.
        languages: the languages, in the order of the distances.
        distances: matrices by kind.
        permutations: number of permutations of the languages, for p-values.
        seed: seed of the permutations.

    Returns:
        `layer`, `side`, the names from `describe_layer`, and the fields of `Gap` for the untrained
        model, prefixed with UNTRAINED. Languages that were not recorded on the layer's side are
        left out; a layer with fewer than two has only nan.
    """
    rows = []
    for layer in overlap.layers:
        recorded = overlap.recorded(layer)
        places = [i for i, code in enumerate(languages) if code in recorded]
        codes = [code for code in languages if code in recorded]
        known = [languages[code] for code in codes]
        nearby = {kind: far_LL[np.ix_(places, places)] for kind, far_LL in distances.items()}
        found = describe_layer(
            overlap.matrix(layer, codes), known, nearby, permutations=permutations, seed=seed
        )
        before = family_gap(
            untrained.matrix(layer, codes),
            [language.family for language in known],
            permute(len(codes), permutations, seed),
        )
        control = {f"{UNTRAINED}{name}": value for name, value in before._asdict().items()}
        rows.append({"layer": layer, "side": informative_side(layer), **found, **control})
    return pd.DataFrame(rows)


def family_means(overlap: Overlap, languages: Mapping[str, Language]) -> pd.DataFrame:
    """Return the mean IoU of each language with each family, excluding itself, by layer.

    The columns are `layer`, `side`, `language`, `script`, `own_family`, `family` and `iou`.
    """
    pairs = overlap.table().rename(columns={"a": "language"})
    both = pd.concat([pairs, pairs.rename(columns={"language": "b", "b": "language"})])
    both["script"] = [languages[code].script for code in both["language"]]
    both["own_family"] = [languages[code].family for code in both["language"]]
    both["family"] = [languages[code].family for code in both["b"]]
    keys = ["layer", "side", "language", "script", "own_family", "family"]
    return both.groupby(keys, sort=False)["iou"].mean().reset_index()
