"""Rows of tables, gathered from scored runs: systems of one label, means over seeds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, groupby
from statistics import fmean

import pandas as pd

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.scoring import SCORE_COLUMNS

_SCORE_KEY = ["pair", "metric"]


@dataclass(frozen=True, kw_only=True)
class ScoredRun:
    """The scores of one run of a system, or of existing outputs."""

    system: str
    label: str
    """The row of the table that it belongs to."""
    seed: int
    scores: pd.DataFrame
    """Result of `scoring.corpus_table`."""


@dataclass(frozen=True, kw_only=True)
class SystemRow:
    """One system of a table.

    `scores` comes from `scoring.corpus_table` or `merge_scores`, with at least `SCORE_COLUMNS`.
    `extra_parameters` is in percent of the first row's parameters, None if meaningless (normally
    for the first row). `scores_by_seed` has the scores of each seed if there are several; `scores`
    is their mean. `seeds` counts the seeds averaged for each pair and metric.
    """

    label: str
    scores: pd.DataFrame
    extra_parameters: float | None
    scores_by_seed: Sequence[pd.DataFrame] = ()
    seeds: Mapping[tuple[str, str], int] = field(default_factory=dict)


def number_seeds(labels: Sequence[str], frames: Sequence[pd.DataFrame]) -> list[int]:
    """Number the seeds, from 0, of score tables of which only the labels are known.

    Tables of one label belong to the same seed if they complement each other, and to different
    seeds if both have a pair and metric.
    """
    seeds: list[int] = []
    keys = [set(_scored(frame)) for frame in frames]
    for label, own in zip(labels, keys, strict=True):
        former = zip(labels, keys, seeds, strict=False)
        taken = {seed for other, theirs, seed in former if other == label and own & theirs}
        seeds.append(next(seed for seed in count() if seed not in taken))
    return seeds


def gather_rows(
    runs: Sequence[ScoredRun], parameters: Mapping[str, float] | pd.Series
) -> list[SystemRow]:
    """Return a row per label, in the order of the runs: the mean of its seeds.

    `parameters` has the total of each system, NaN if unknown; the `extra_parameters` of a row
    are relative to the total of the first row.
    """
    by_label = {
        label: [run for run in runs if run.label == label]
        for label in dict.fromkeys(run.label for run in runs)
    }
    sizes = {
        label: sum(parameters[system] for system in dict.fromkeys(run.system for run in members))
        for label, members in by_label.items()
    }
    first = sizes[runs[0].label]
    return [
        SystemRow(
            label=label,
            scores=merge_scores([run.scores for run in members]),
            extra_parameters=100 * (sizes[label] / first - 1) if i else None,
            scores_by_seed=_by_seed(members),
            seeds=Counter(key for run in members for key in _scored(run.scores)),
        )
        for i, (label, members) in enumerate(by_label.items())
    ]


def merge_scores(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Merge the scores behind one row: of several seeds, or of complementary systems.

    Scores of the same pair and metric become their mean; all others are collected. Columns are
    kept. Raises InputError if a frame lacks a column or has a pair and metric twice, or if scores
    to average differ in signature or number of sentences.
    """
    for frame in frames:
        check_scores(frame, "a system to merge")
    merged = pd.concat(frames, ignore_index=True)
    for (pair, metric), rows in merged.groupby(_SCORE_KEY):
        _check_alike(rows, f"{metric} of '{pair}'")
    merged["score"] = merged.groupby(_SCORE_KEY)["score"].transform(fmean)
    return merged.drop_duplicates(_SCORE_KEY, ignore_index=True)


def check_scores(scores: pd.DataFrame, owner: str) -> None:
    """Raise InputError if scores lack a column or have a pair and metric twice."""
    missing = [column for column in SCORE_COLUMNS if column not in scores.columns]
    if missing:
        raise InputError(f"scores of {owner} have no column {', '.join(missing)}")
    repeated = scores[scores.duplicated(_SCORE_KEY)]
    if not repeated.empty:
        pair, metric = repeated.iloc[0][_SCORE_KEY]
        raise InputError(f"scores of {owner} have {metric} of '{pair}' more than once")


def _check_alike(rows: pd.DataFrame, scores: str) -> None:
    for column in ("signature", "sentences"):
        found = rows[column].unique()
        if len(found) > 1:
            raise InputError(
                f"{scores} cannot be averaged over systems that differ in {column}: "
                f"{' and '.join(map(str, found))}; score them alike or give them different labels"
            )


def _scored(scores: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the pairs and metrics that scores have."""
    return list(zip(scores["pair"], scores["metric"], strict=True))


def _by_seed(members: Sequence[ScoredRun]) -> list[pd.DataFrame]:
    """Return the scores of each seed of a row if it has several, all with the same directions."""
    ordered = sorted(members, key=lambda run: run.seed)
    scores = [
        merge_scores([run.scores for run in group])
        for _, group in groupby(ordered, key=lambda run: run.seed)
    ]
    alike = len({frozenset(frame["pair"]) for frame in scores}) == 1
    return scores if len(scores) > 1 and alike else []
