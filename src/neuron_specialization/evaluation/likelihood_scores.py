"""The likelihood of references as scores.

Axes: N sentences, S statistics of a sentence: its negative log-likelihood, its tokens.
"""

import numpy as np
from numpy.typing import NDArray

from neuron_specialization.evaluation.metrics import corpus_score, make_metric, sentence_scores
from neuron_specialization.evaluation.scoring import Score

NLL = "nll"


def likelihood_score(
    pair: str, nll_N: NDArray[np.float64], tokens_N: NDArray[np.int64], vocabulary: str
) -> Score:
    """Return the negative log-likelihood per token of a direction's references, in nats.

    Args:
        pair: the direction.
        nll_N: negative log-likelihood of each reference, summed over its tokens.
        tokens_N: number of these tokens.
        vocabulary: `joint` or `pair`; values per token of different vocabularies cannot be
            compared, so the signature names it.
    """
    metric = make_metric(NLL)
    statistics_NS = np.stack([nll_N, tokens_N.astype(np.float64)], axis=1)
    return Score(
        pair=pair,
        metric=NLL,
        score=corpus_score(metric, statistics_NS),
        sentences=len(nll_N),
        signature=f"{NLL}|tokens:{vocabulary}",
        statistics_NS=statistics_NS,
        score_N=sentence_scores(metric, statistics_NS),
    )
