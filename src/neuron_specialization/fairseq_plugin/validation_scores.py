"""BLEU or chrF++ of the validation text during training, for choosing the best checkpoint.

Masks change the meaning of a loss, so that only translations allow the same choice for all
methods. They are greedy. A score is the mean over the directions, as in tables.

Axes: L directions, S statistics of a metric, N sentences of a batch.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from fairseq.dataclass.configs import GenerationConfig
from torch import Tensor

from neuron_specialization.evaluation.metrics import corpus_score, make_metric, sentence_statistics
from neuron_specialization.settings.bleu import DEFAULT

GREEDY = GenerationConfig(beam=1, max_len_a=2, max_len_b=10)
STATISTICS = "dev_statistics"
"""Key of the statistics in the logging outputs of a batch, and of their sums."""


def batch_statistics(
    metric: str,
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    direction: int,
    num_directions: int,
    tokeniser: str = DEFAULT,
) -> Tensor:
    """Return the statistics of a batch of one direction in the row of that direction, [L, S].

    Statistics of several batches or processes add up. Texts are detokenised.
    """
    scorer = _load_metric(metric, tokeniser)
    statistics_NS = sentence_statistics(scorer, hypotheses, references)
    statistics_LS = np.zeros((num_directions, statistics_NS.shape[1]))
    statistics_LS[direction] = statistics_NS.sum(axis=0)
    return torch.from_numpy(statistics_LS)


def mean_score(metric: str, statistics_LS: Tensor) -> float:
    """Return the mean score of all directions that have a sentence, 0 to 100."""
    rows = statistics_LS.cpu().numpy().astype(np.int64)
    scorer = make_metric(metric)
    return float(np.mean([corpus_score(scorer, row[None]) for row in rows if row.any()]))


@cache
def _load_metric(metric: str, tokeniser: str) -> Any:
    """Return a metric, with its tokeniser loaded once for all batches."""
    return make_metric(metric, tokeniser)
