"""Scores of many resamples of a corpus at once, equal to sacreBLEU's score of each.

Axes: T resamples, S statistics of a metric, O n-gram orders.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from neuron_specialization.evaluation.metrics import Mean

Floats = NDArray[np.float64]


def resampled_scores(metric: BLEU | CHRF | Mean, statistics_TS: NDArray[Any]) -> Floats:
    """Return the score of each row of summed sentence statistics, score_T.

    Raises ValueError for settings of a metric that this project does not use.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if isinstance(metric, BLEU):
            return _bleu(metric, statistics_TS.astype(np.float64))
        if isinstance(metric, CHRF):
            return _chrf(metric, statistics_TS.astype(np.float64))
        return np.asarray(statistics_TS[:, 0] / statistics_TS[:, 1], dtype=np.float64)


def _bleu(metric: BLEU, statistics_TS: Floats) -> Floats:
    if metric.smooth_method not in ("exp", "none") or metric.effective_order:
        raise ValueError(f"smoothing {metric.smooth_method} of a corpus is not supported")
    orders = metric.max_ngram_order
    length_T, reference_T = statistics_TS[:, 0], statistics_TS[:, 1]
    correct_TO, total_TO = statistics_TS[:, 2 : 2 + orders], statistics_TS[:, 2 + orders :]
    precision_TO = correct_TO / total_TO
    if metric.smooth_method == "exp":
        halvings_TO = (correct_TO == 0).cumsum(axis=1)
        precision_TO = np.where(correct_TO == 0, 0.5**halvings_TO / total_TO, precision_TO)
    penalty_T = np.exp(np.minimum(0, 1 - reference_T / length_T))
    score_T = 100 * penalty_T * np.exp(np.log(precision_TO).mean(axis=1))
    # no n-gram of some order at all, or no match of any
    return np.where((total_TO > 0).all(axis=1) & correct_TO.any(axis=1), score_T, 0.0)


def _chrf(metric: CHRF, statistics_TS: Floats) -> Floats:
    if metric.eps_smoothing:
        raise ValueError("chrF with smoothing is not supported")
    hypothesis_TO, reference_TO, match_TO = (statistics_TS[:, i::3] for i in range(3))
    used_TO = (hypothesis_TO > 0) & (reference_TO > 0)
    precision_T, recall_T = (
        np.where(used_TO, match_TO / count_TO, 0).sum(axis=1) / used_TO.sum(axis=1)
        for count_TO in (hypothesis_TO, reference_TO)
    )
    factor = metric.beta**2
    score_T = 100 * (1 + factor) * precision_T * recall_T / (factor * precision_T + recall_T)
    return np.nan_to_num(score_T)
