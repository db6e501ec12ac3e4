"""Paired significance tests by sacreBLEU, on the stored statistics of two systems' sentences."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sacrebleu.significance import PairedTest

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.metrics import RAW, Statistics, make_metric
from neuron_specialization.parallel import parallel_map

COMPARISON_COLUMNS = ("pair", "metric", "score", "other_score", "p_value", "test")
_REFERENCE_LENGTHS = {
    "bleu": slice(1, 2),
    "tokenised_bleu": slice(1, 2),
    "chrf": slice(1, None, 3),
    "comet": slice(0),
    "nll": slice(1, 2),
}
"""Positions of the reference's word, n-gram or token counts in the statistics of a sentence."""
_TESTS = {"bootstrap": "bs", "randomisation": "ar"}


@dataclass(frozen=True, kw_only=True)
class SignificanceSettings:
    """A paired test: `significance` in config/README.md."""

    test: str
    samples: int
    seed: int
    """Seed of the resampling."""


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    """Input of one test: statistics of the same sentences of two systems, each [N, S]."""

    pair: str
    metric: str
    statistics_NS: NDArray[Any]
    other_NS: NDArray[Any]


def compare_systems(
    sentences: pd.DataFrame,
    others: pd.DataFrame,
    settings: SignificanceSettings,
    processes: int = 1,
) -> pd.DataFrame:
    """Test every direction and metric that two systems have in common.

    Args:
        sentences: the sentence scores of a system (scoring.sentence_table).
        others: the sentence scores of the system to compare with.
        settings: settings of the test.
        processes: number of processes.

    Returns:
        A row of COMPARISON_COLUMNS per pair and metric: both corpus scores and the p-value of
        their difference. Raises InputError if the systems differ in their sentences.
    """
    comparisons = list(_match(sentences, others))
    rows = parallel_map(partial(_test, settings), comparisons, processes)
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def _match(sentences: pd.DataFrame, others: pd.DataFrame) -> Iterator[_Comparison]:
    keys = ["pair", "metric"]
    of_other = dict(list(others.groupby(keys, sort=False)))
    for (pair, metric), rows in sentences.groupby(keys, sort=False):
        other = of_other.get((pair, metric))
        if other is None:
            continue
        if len(rows) != len(other):
            raise InputError(
                f"{metric} of '{pair}': {len(rows)} sentences of one system, {len(other)} of the "
                "other; a paired test needs the same sentences of both"
            )
        statistics_NS, other_NS = (np.stack(list(table["statistics"])) for table in (rows, other))
        comparison = _Comparison(
            pair=pair, metric=metric, statistics_NS=statistics_NS, other_NS=other_NS
        )
        _check_references(comparison)
        yield comparison


def _check_references(comparison: _Comparison) -> None:
    """Raise InputError if the references of two systems differ in length."""
    columns = _REFERENCE_LENGTHS[comparison.metric.removesuffix(RAW)]
    differs_NS = comparison.statistics_NS[:, columns] != comparison.other_NS[:, columns]
    differing = np.flatnonzero(differs_NS.any(axis=1))
    if len(differing):
        raise InputError(
            f"{comparison.metric} of '{comparison.pair}': the references of {len(differing)} "
            f"sentences (the first: {differing[0] + 1}) differ in length between two systems; a "
            "paired test needs the same sentences in the same order: score both against the same "
            "references, in the same form, by the same tokeniser, or make the table without a test"
        )


def _test(settings: SignificanceSettings, comparison: _Comparison) -> tuple[object, ...]:
    metric: Any = Statistics(make_metric(comparison.metric))
    # sacreBLEU takes its seed only from the environment
    with patch.dict(os.environ, SACREBLEU_SEED=str(settings.seed)):
        test = PairedTest(
            [("other", comparison.other_NS), ("system", comparison.statistics_NS)],  # type: ignore[list-item]
            {comparison.metric: metric},
            references=None,
            test_type=_TESTS[settings.test],
            n_samples=settings.samples,
        )
        _, results = test()
    ((_, (other, system)),) = (item for item in results.items() if item[0] != "System")
    return (
        comparison.pair,
        comparison.metric,
        system.score,  # type: ignore[union-attr]
        other.score,  # type: ignore[union-attr]
        system.p_value,  # type: ignore[union-attr]
        f"{_TESTS[settings.test]}:{settings.samples}|seed:{settings.seed}",
    )
