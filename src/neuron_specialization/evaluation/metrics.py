"""Metrics as statistics of sentences, from which scores of corpora and of resamples are made.

N sentences, S statistics of a metric (matched n-grams and so on), which add up over sentences.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.base import Score, Signature
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

RAW = "_raw"
"""Suffix of the metrics against raw references."""
METRIC_NAMES = {
    "bleu": "BLEU",
    "chrf": "chrF++",
    "tokenised_bleu": "tokenised BLEU",
    "comet": "COMET",
}

# Factories, because a sacreBLEU metric remembers the number of references it last saw.
# 13a for every language, as in the paper's released scores (sacreBLEU alone would pick
# another tokeniser for Chinese, Japanese and Korean).
_SACREBLEU: Mapping[str, Callable[[], BLEU | CHRF]] = {
    "bleu": lambda: BLEU(tokenize="13a"),
    "chrf": lambda: CHRF(word_order=2),
    # fairseq's BLEU4, as fairseq-generate prints it; the paper does not say whose its Table 1 has
    "tokenised_bleu": lambda: BLEU(tokenize="none", smooth_method="none", force=True),
}


def metric_name(metric: str) -> str:
    """A metric's name as people write it."""
    base = metric.removesuffix(RAW)
    return METRIC_NAMES[base] + (" (raw references)" if base != metric else "")


class Statistics:
    """A metric that is given the statistics of sentences instead of their text.

    sacreBLEU's paired tests take it for one of their own: they ask for the statistics of
    hypotheses, which are handed through, and for the scores of sums of them.
    """

    def __init__(self, metric: "BLEU | CHRF | Mean"):
        self.metric = metric

    def _extract_corpus_statistics(self, hypotheses: Any, references: None) -> Any:
        return hypotheses

    def _aggregate_and_compute(self, statistics_NS: Any) -> Score:
        return self._compute_score_from_stats(np.asarray(statistics_NS).sum(axis=0))

    def _compute_score_from_stats(self, statistics_S: NDArray[Any]) -> Score:
        score: Score = self.metric._compute_score_from_stats(statistics_S.tolist())
        return score

    def get_signature(self) -> Signature:
        """What a test adds its settings to."""
        return Signature({"num_refs": 1})


class Mean:
    """A metric whose corpus score is the mean of its sentences': COMET.

    Its statistics are a sentence's score and the number 1.
    """

    def _compute_score_from_stats(self, statistics_S: Sequence[float]) -> Score:
        return Score("mean", statistics_S[0] / statistics_S[1])


def make_metric(metric: str) -> BLEU | CHRF | Mean:
    """The metric of a name."""
    base = metric.removesuffix(RAW)
    return Mean() if base == "comet" else _SACREBLEU[base]()


def sentence_statistics(
    metric: BLEU | CHRF, hypotheses: Sequence[str], references: Sequence[str]
) -> NDArray[np.int64]:
    """The statistics of each sentence, [N, S]; one reference each."""
    return np.array(metric._extract_corpus_statistics(hypotheses, [references]), dtype=np.int64)


def mean_statistics(scores: Sequence[float]) -> NDArray[np.float64]:
    """The statistics of a metric whose corpus score is the mean, [N, 2]."""
    return np.stack([np.asarray(scores, dtype=np.float64), np.ones(len(scores))], axis=1)


def corpus_score(metric: BLEU | CHRF | Mean, statistics_NS: NDArray[Any]) -> float:
    """The score of a corpus, 0 to 100."""
    return float(Statistics(metric)._aggregate_and_compute(statistics_NS).score)


def sentence_scores(metric: BLEU | CHRF | Mean, statistics_NS: NDArray[Any]) -> list[float]:
    """The score of each sentence, 0 to 100; BLEU with effective order, as sacreBLEU advises."""
    if isinstance(metric, BLEU):
        metric = BLEU(
            tokenize="none", smooth_method=metric.smooth_method, effective_order=True, force=True
        )
    return [float(metric._compute_score_from_stats(row).score) for row in statistics_NS.tolist()]
