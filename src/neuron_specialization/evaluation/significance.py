"""Paired tests of two systems, from the stored statistics of their sentences.

The null hypothesis is that the two outputs of a sentence could be swapped (docs/statistics.md).
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sacrebleu.significance import PairedTest

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.corpus_scores import Floats
from neuron_specialization.evaluation.metrics import RAW, Statistics, corpus_score, make_metric
from neuron_specialization.evaluation.resampling import (
    bootstrap_differences,
    swap_trials,
    two_sided_p,
)
from neuron_specialization.parallel import parallel_map

COMPARISON_COLUMNS = (
    *("pair", "cell", "metric", "score", "other_score"),
    *("low", "high", "p_value", "test"),
)
"""A direction (`pair`) or a mean over directions (`cell`), its scores, the 95 % interval of their
difference, and the p-value of a two-sided test."""
RANDOMISATION, BOOTSTRAP = "randomisation", "bootstrap"
DEFAULT_SAMPLES = {RANDOMISATION: 10_000, BOOTSTRAP: 1_000}
INTERVAL_RESAMPLES = 1_000
INTERVAL = (2.5, 97.5)  # percentiles
_REFERENCE_LENGTHS = {
    "bleu": slice(1, 2),
    "tokenised_bleu": slice(1, 2),
    "chrf": slice(1, None, 3),
    "comet": slice(0),
    "nll": slice(1, 2),
    "off_target": slice(0),
}
"""Positions of the reference's word, n-gram or token counts in the statistics of a sentence."""
_SHORT = {BOOTSTRAP: "bs", RANDOMISATION: "ar"}

Cell = tuple[tuple[str, ...], ...]
"""Directions whose mean is a cell of a table: a mean over parts, each a mean over directions."""


@dataclass(frozen=True, kw_only=True)
class SignificanceSettings:
    """A paired test: `significance` in config/README.md."""

    test: str
    samples: int | None = None
    """Trials or resamples; None for DEFAULT_SAMPLES."""
    seed: int
    """Seed of the resampling."""

    @property
    def number(self) -> int:
        """The number of trials or resamples."""
        return self.samples or DEFAULT_SAMPLES[self.test]

    @property
    def signature(self) -> str:
        """The test as tables name it."""
        return f"{_SHORT[self.test]}:{self.number}|seed:{self.seed}"


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    """Statistics of the same sentences of two systems in one direction, by metric, each [N, S]."""

    pair: str
    systems: Mapping[str, NDArray[Any]]
    others: Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class _Tested:
    """The test of a direction in one metric."""

    pair: str
    metric: str
    score: float
    other_score: float
    p_value: float
    difference_T: Floats | None
    """Differences of the trials of approximate randomisation."""
    resampled_T: Floats
    """Differences on bootstrap resamples."""


def cell_name(cell: Cell) -> str:
    """Return the name of a cell in tables of tests: its directions."""
    return " | ".join(" ".join(part) for part in cell)


def compare_systems(
    sentences: pd.DataFrame,
    others: pd.DataFrame,
    settings: SignificanceSettings,
    processes: int = 1,
    cells: Sequence[Cell] = (),
) -> pd.DataFrame:
    """Test every direction and metric that two systems have in common.

    Args:
        sentences: the sentence scores of a system (scoring.sentence_table).
        others: the sentence scores of the system to compare with.
        settings: settings of the test.
        processes: number of processes.
        cells: means over directions to test as well, as far as all their directions are there. A
            trial swaps sentences within each direction and compares the means. The bootstrap of
            sacreBLEU tests no means.

    Returns:
        A row of COMPARISON_COLUMNS per pair and metric, then per cell and metric. Raises
        InputError if the systems differ in their sentences.
    """
    comparisons = list(_match(sentences, others))
    found = [
        test
        for tests in parallel_map(partial(_test, settings), comparisons, processes)
        for test in tests
    ]
    rows = [_row(test, settings) for test in found]
    for metric in dict.fromkeys(test.metric for test in found):
        by_pair = {test.pair: test for test in found if test.metric == metric}
        rows += [
            _test_cell(cell, by_pair, settings)
            for cell in dict.fromkeys(cells)
            if settings.test == RANDOMISATION and {p for part in cell for p in part} <= {*by_pair}
        ]
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def _row(test: _Tested, settings: SignificanceSettings) -> dict[str, object]:
    values = {name: value for name, value in vars(test).items() if name in COMPARISON_COLUMNS}
    return {**values, **_interval(test.resampled_T), "cell": "", "test": settings.signature}


def _interval(difference_T: Floats) -> dict[str, float]:
    low, high = np.percentile(difference_T, INTERVAL)
    return {"low": float(low), "high": float(high)}


def _test_cell(
    cell: Cell, by_pair: Mapping[str, _Tested], settings: SignificanceSettings
) -> dict[str, object]:
    """Test the mean over the directions of a cell."""
    tests = [[by_pair[pair] for pair in part] for part in cell]

    def mean(name: str) -> Any:
        means = [np.mean([getattr(test, name) for test in part], axis=0) for part in tests]
        return np.mean(means, axis=0)

    score, other_score = float(mean("score")), float(mean("other_score"))
    return {
        "pair": "",
        "cell": cell_name(cell),
        "metric": tests[0][0].metric,
        "score": score,
        "other_score": other_score,
        **_interval(mean("resampled_T")),
        "p_value": two_sided_p(score - other_score, mean("difference_T")),
        "test": settings.signature,
    }


def _match(sentences: pd.DataFrame, others: pd.DataFrame) -> Iterator[_Comparison]:
    """Yield the directions that both systems have, with the metrics that both have."""
    keys = ["pair", "metric"]
    of_other = dict(list(others.groupby(keys, sort=False)))
    for pair, of_pair in sentences.groupby("pair", sort=False):
        own, other = {}, {}
        for metric, rows in of_pair.groupby("metric", sort=False):
            their = of_other.get((pair, metric))
            if their is None:
                continue
            if len(rows) != len(their):
                raise InputError(
                    f"{metric} of '{pair}': {len(rows)} sentences of one system, {len(their)} of "
                    "the other; a paired test needs the same sentences of both"
                )
            own[metric], other[metric] = (
                np.stack(list(table["statistics"])) for table in (rows, their)
            )
            _check_references(pair, metric, own[metric], other[metric])
        if own:
            yield _Comparison(pair=pair, systems=own, others=other)


def _check_references(pair: str, metric: str, own_NS: NDArray[Any], other_NS: NDArray[Any]) -> None:
    """Raise InputError if the references of two systems differ in length."""
    columns = _REFERENCE_LENGTHS[metric.removesuffix(RAW)]
    differs_NS = own_NS[:, columns] != other_NS[:, columns]
    differing = np.flatnonzero(differs_NS.any(axis=1))
    if len(differing):
        raise InputError(
            f"{metric} of '{pair}': the references of {len(differing)} "
            f"sentences (the first: {differing[0] + 1}) differ in length between two systems; a "
            "paired test needs the same sentences in the same order: score both against the same "
            "references, in the same form, by the same tokeniser, or make the table without a test"
        )


def _test(settings: SignificanceSettings, comparison: _Comparison) -> list[_Tested]:
    """Test a direction in all metrics, on the same trials."""
    names = list(comparison.systems)
    metrics = [make_metric(name) for name in names]
    systems, others = (
        [statistics[name] for name in names]
        for statistics in (comparison.systems, comparison.others)
    )
    scores = [
        [corpus_score(metric, own) for metric, own in zip(metrics, side, strict=True)]
        for side in (systems, others)
    ]
    # of the direction, so that its trials depend neither on other directions nor on processes
    key = int.from_bytes(hashlib.sha256(comparison.pair.encode()).digest()[:4])
    rng = np.random.default_rng([settings.seed, key])
    trials: list[Floats | None]
    if settings.test == RANDOMISATION:
        swapped = swap_trials(metrics, systems, others, trials=settings.number, rng=rng)
        trials = [*swapped]
        p_values = [
            two_sided_p(own - other, each)
            for own, other, each in zip(*scores, swapped, strict=True)
        ]
    else:
        trials = [None] * len(names)
        p_values = [
            _bootstrap_p(settings, name, own, other)
            for name, own, other in zip(names, systems, others, strict=True)
        ]
    resampled = bootstrap_differences(
        metrics, systems, others, resamples=INTERVAL_RESAMPLES, rng=rng
    )
    return [
        _Tested(
            pair=comparison.pair,
            metric=name,
            score=scores[0][i],
            other_score=scores[1][i],
            p_value=p_values[i],
            difference_T=trials[i],
            resampled_T=resampled[i],
        )
        for i, name in enumerate(names)
    ]


def _bootstrap_p(
    settings: SignificanceSettings, name: str, own_NS: NDArray[Any], other_NS: NDArray[Any]
) -> float:
    """Return the p-value of sacreBLEU's paired bootstrap."""
    metric: Any = Statistics(make_metric(name))
    # sacreBLEU takes its seed only from the environment
    with patch.dict(os.environ, SACREBLEU_SEED=str(settings.seed)):
        test = PairedTest(
            [("other", other_NS), ("system", own_NS)],  # type: ignore[list-item]
            {name: metric},
            references=None,
            test_type=_SHORT[BOOTSTRAP],
            n_samples=settings.number,
        )
        _, results = test()
    ((_, (_, system)),) = (item for item in results.items() if item[0] != "System")
    return float(system.p_value)  # type: ignore[union-attr,arg-type]
