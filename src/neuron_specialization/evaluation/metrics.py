"""Metrics as sentence statistics, from which scores of corpora and resamples are computed.

Axes: N sentences, S statistics of a metric (matched n-grams and so on), additive over sentences.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.base import Score, Signature
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from neuron_specialization.errors import InputError
from neuron_specialization.settings.bleu import DEFAULT

RAW = "_raw"
"""Suffix of the metrics against raw references."""
METRIC_NAMES = {
    "bleu": "BLEU",
    "chrf": "chrF++",
    "tokenised_bleu": "tokenised BLEU",
    "comet": "COMET",
    "nll": "nll",
    "off_target": "off-target rate",
}
MODEL_METRICS = frozenset({"comet", "nll", "off_target"})
"""Metrics computed by a model, in separate rules: COMET's, the system, a language identifier."""
LOWER_IS_BETTER = frozenset({"nll", "off_target"})
MEANINGS = {
    "nll": "negative log-likelihood of the references, in nats per target token without the "
    "language tag; lower is better",
    "off_target": "hypotheses in another language than the target's, in per cent, by a language "
    "identifier trained on the dataset's own text; a hypothesis without letters, or an empty one, "
    "counts as one; lower is better",
}
"""Explanations of metrics for the footers of tables."""
_DECIMALS = {"nll": 3}

# Factories, because a sacreBLEU metric remembers the number of references it last saw.
_SACREBLEU: Mapping[str, Callable[[str], BLEU | CHRF]] = {
    "bleu": lambda tokeniser: BLEU(tokenize=tokeniser),
    "chrf": lambda _: CHRF(word_order=2),
    # fairseq's BLEU4, as fairseq-generate prints it; the paper does not define Table 1's
    "tokenised_bleu": lambda tokeniser: BLEU(
        tokenize="none" if tokeniser == DEFAULT else tokeniser, smooth_method="none", force=True
    ),
}
_NEEDS = {
    "ja-mecab": 'install it with `pip install "sacrebleu[ja]"`',
    "ko-mecab": 'install it with `pip install "sacrebleu[ko]"`',
}
"""How to get a tokeniser; sacreBLEU downloads the models of others."""


def metric_name(metric: str) -> str:
    """Return the display name of a metric."""
    base = metric.removesuffix(RAW)
    return METRIC_NAMES[base] + (" (raw references)" if base != metric else "")


def axis_label(metric: str) -> str:
    """Return the display name of a metric for an axis; it says where lower is better."""
    lower = metric.removesuffix(RAW) in LOWER_IS_BETTER
    return metric_name(metric) + (" (lower is better)" if lower else "")


def decimals_of(metric: str) -> int:
    """Return the number of decimals with which tables print a metric."""
    return _DECIMALS.get(metric, 1)


class Statistics:
    """A metric that takes the statistics of sentences instead of their text.

    It has the interface that sacreBLEU's paired tests use: they request the statistics of
    hypotheses, which are passed through, and the scores of their sums.
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
        """Return the signature to which a test adds its settings."""
        return Signature({"num_refs": 1})


class Mean:
    """A metric whose score is a quotient of two sums: COMET, nll, the off-target rate.

    The statistics of a sentence are its COMET score and the number 1, the negative log-likelihood
    of its reference and the reference's number of tokens, or 100 (off-target) or 0 and the number
    1.
    """

    def _compute_score_from_stats(self, statistics_S: Sequence[float]) -> Score:
        return Score("mean", statistics_S[0] / statistics_S[1])


def make_metric(metric: str, tokeniser: str = DEFAULT) -> BLEU | CHRF | Mean:
    """Return the metric with this name; BLEU splits text into words by a tokeniser of sacreBLEU.

    Raises InputError if the tokeniser is not installed or its model cannot be downloaded.
    """
    base = metric.removesuffix(RAW)
    if base in MODEL_METRICS:
        return Mean()
    try:
        return _SACREBLEU[base](tokeniser)
    # of a missing library or wrong dictionary, and of a download
    except (ImportError, RuntimeError, AssertionError, OSError, SystemExit) as error:
        advice = _NEEDS.get(
            tokeniser,
            "sacreBLEU downloads its model into ~/.sacrebleu (another folder: SACREBLEU in the "
            "environment); run once with network",
        )
        reason = " ".join(str(error).split())
        raise InputError(
            f"BLEU: the tokeniser {tokeniser} cannot be used ({reason}); {advice}, or choose "
            "another one (bleu in the config, --bleu-tokeniser of score)"
        ) from error


def check_tokenisers(names: Iterable[str]) -> None:
    """Raise InputError if one of the tokenisers cannot be used."""
    for name in sorted({*names} - {DEFAULT}):
        make_metric("bleu", name)


def sentence_statistics(
    metric: BLEU | CHRF, hypotheses: Sequence[str], references: Sequence[str]
) -> NDArray[np.int64]:
    """Return the statistics of each sentence, [N, S], with one reference each."""
    return np.array(metric._extract_corpus_statistics(hypotheses, [references]), dtype=np.int64)


def mean_statistics(scores: Sequence[float]) -> NDArray[np.float64]:
    """Return the statistics of a metric whose corpus score is the mean, [N, 2]."""
    return np.stack([np.asarray(scores, dtype=np.float64), np.ones(len(scores))], axis=1)


def corpus_score(metric: BLEU | CHRF | Mean, statistics_NS: NDArray[Any]) -> float:
    """Return the score of a corpus: 0 to 100, nll in nats per token."""
    return float(Statistics(metric)._aggregate_and_compute(statistics_NS).score)


def sentence_scores(metric: BLEU | CHRF | Mean, statistics_NS: NDArray[Any]) -> list[float]:
    """Return the scores of sentences; BLEU uses effective order, as sacreBLEU advises."""
    if isinstance(metric, BLEU):
        metric = BLEU(
            tokenize="none", smooth_method=metric.smooth_method, effective_order=True, force=True
        )
    return [float(metric._compute_score_from_stats(row).score) for row in statistics_NS.tolist()]
