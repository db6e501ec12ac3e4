"""The effects that judge the paper's claims about neurons: overlap, and sparsity.

Axes: L languages or directions of a side.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isnan, nan
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.selection import select_all
from neuron_specialization.neurons.statistics import PERMUTATIONS, family_gap, pairs_gap, permute
from neuron_specialization.settings.claims import Claim
from neuron_specialization.tables.comparisons import interval
from neuron_specialization.tables.findings import (
    ClaimSettings,
    Evidence,
    Finding,
    over_seeds,
    t_test,
)


def measure_families(claim: Claim, settings: ClaimSettings, evidence: Evidence) -> Finding:
    """Measure how much more neurons two languages share within families, mean of the layers."""
    gaps = []
    for codes, iou_LL in _stack_means(claim, settings, evidence):
        order_PL = permute(len(codes), PERMUTATIONS, settings.seed)
        gap = family_gap(iou_LL, [settings.families[code] for code in codes], order_PL)
        gaps.append((gap.gap, gap.p))
    return _of_gaps(claim, gaps, "no two languages of one family and of two")


def measure_pairs(claim: Claim, settings: ClaimSettings, evidence: Evidence) -> Finding:
    """Measure how much more neurons some pairs of languages share than all others."""
    named = dict.fromkeys(code for pair in claim.pairs for code in pair.split("-"))
    gaps = []
    for codes, iou_LL in _stack_means(claim, settings, evidence):
        absent = [code for code in named if code not in codes]
        if absent:
            return Finding(claim=claim, unit="IoU point", lacking=f"no {', '.join(absent)}")
        places = [(codes.index(a), codes.index(b)) for a, b in map(_split_pair, claim.pairs)]
        order_PL = permute(len(codes), PERMUTATIONS, settings.seed)
        gaps.append(pairs_gap(iou_LL, places, order_PL))
    return _of_gaps(claim, gaps, "no other pair of languages")


def _split_pair(pair: str) -> tuple[str, str]:
    first, second = pair.split("-")
    return first, second


def _stack_means(
    claim: Claim, settings: ClaimSettings, evidence: Evidence
) -> Iterator[tuple[list[str], NDArray[np.float64]]]:
    """Yield, by seed, the recorded languages and their IoU [L, L], the mean of a stack's layers."""
    for overlap in _overlaps(claim, settings, evidence):
        layers = _layers(overlap, claim.stack)
        codes = [code for code in settings.families if code in overlap.recorded(layers[0])]
        yield codes, np.mean([overlap.matrix(layer, codes) for layer in layers], axis=0)


def _of_gaps(claim: Claim, gaps: Sequence[tuple[float, float]], lacking: str) -> Finding:
    """Return the finding of differences in IoU and their p-values, by seed."""
    finding = Finding(claim=claim, unit="IoU point")
    if not gaps or any(isnan(p_value) for _, p_value in gaps):
        return replace(finding, lacking=lacking)
    by_seed = [100 * gap for gap, _ in gaps]
    p_value = max(p_value for _, p_value in gaps)
    if len(by_seed) == 1:
        return replace(finding, effect=by_seed[0], p_value=p_value)
    return over_seeds(finding, by_seed, p_value)


def measure_course(claim: Claim, settings: ClaimSettings, evidence: Evidence) -> Finding:
    """Measure the change from a stack's first layer to its last; languages are the sample."""
    is_overlap = claim.of == "overlap"
    finding = Finding(
        claim=claim,
        unit="IoU point" if is_overlap else "percentage point",
        paper=nan if claim.paper is None else claim.paper,
    )
    measure = _overlap_change if is_overlap else _sparsity_change
    changes = []
    for overlap in _overlaps(claim, settings, evidence):
        layers = _layers(overlap, claim.stack)
        if len(layers) < 2:
            return replace(finding, lacking="one layer per stack")
        changes.append(measure(overlap, layers[0], layers[-1]))
    if not changes or any(len(change_L) < 2 for _, change_L in changes):
        return replace(finding, lacking="no activations of two languages")
    p_value = max(t_test(change_L) for _, change_L in changes)
    by_seed = [effect for effect, _ in changes]
    if len(by_seed) > 1:
        return over_seeds(finding, by_seed, p_value)
    mean, half_width = interval(changes[0][1])
    shift = by_seed[0] - mean  # the median of pairs is not the mean of languages
    return replace(
        finding,
        effect=by_seed[0],
        low=mean - half_width + shift,
        high=mean + half_width + shift,
        p_value=p_value,
    )


def _overlap_change(overlap: Overlap, first: str, last: str) -> tuple[float, list[float]]:
    """Return the change of the median IoU of pairs, and of each language's mean IoU, in percent."""
    codes = list(overlap.recorded(first))
    matrices = [overlap.matrix(layer, codes) for layer in (first, last)]
    upper = np.triu_indices(len(codes), k=1)
    medians = [100 * float(np.median(iou_LL[upper])) for iou_LL in matrices]
    mean_L, last_L = (_others_mean(iou_LL) for iou_LL in matrices)
    return medians[1] - medians[0], (100 * (last_L - mean_L)).tolist()


def _others_mean(iou_LL: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each language's mean IoU with the others."""
    return (iou_LL.sum(axis=1) - 1) / max(1, len(iou_LL) - 1)


def _sparsity_change(overlap: Overlap, first: str, last: str) -> tuple[float, list[float]]:
    """Return the change of the mean sparsity, and of each direction's, in percentage points."""
    rows = list(overlap.recorded(first).values())
    before_L, after_L = (
        overlap.sparsity_LN[rows, overlap.layers.index(layer)] for layer in (first, last)
    )
    change_L = 100 * (after_L - before_L)
    return float(change_L.mean()), change_L.tolist()


def measure_sparsity(claim: Claim, settings: ClaimSettings, evidence: Evidence) -> Finding:
    """Measure the mean sparsity of all directions and layers."""
    means = [
        100 * float(overlap.sparsity_LN.mean()) for overlap in _overlaps(claim, settings, evidence)
    ]
    finding = Finding(claim=claim, unit="per cent", paper=claim.paper or nan)
    if not means:
        return replace(finding, lacking="no activations")
    return replace(finding, effect=fmean(means), seeds=len(means))


def _overlaps(claim: Claim, settings: ClaimSettings, evidence: Evidence) -> list[Overlap]:
    """Return the overlap of the baseline's neurons, by seed."""
    return [
        Overlap.of(select_all(counts, k=claim.k, counting=settings.counting), settings.pivot)
        for counts in evidence.counts
    ]


def _layers(overlap: Overlap, stack: str) -> list[str]:
    return [layer for layer in overlap.layers if layer.split(".")[0] == stack]
