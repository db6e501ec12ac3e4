"""Rows of tables, gathered from scored trainings: systems of one label, means over seeds."""

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
    """The scores of one training of a system, or of outputs of one."""

    system: str
    label: str
    """The row of the table to which it belongs."""
    seed: int
    scores: pd.DataFrame
    """scoring.corpus_table."""


@dataclass(frozen=True, kw_only=True)
class SystemRow:
    """One system of a table.

    ``scores`` is as ``scoring.corpus_table`` or ``merge_scores`` makes it, with at least
    ``SCORE_COLUMNS``. ``extra_parameters`` is in percent of the first row's parameters,
    None where such a number says nothing (normally the first row itself). ``scores_by_seed``
    has those of each seed where there are several, of which ``scores`` are the mean. ``seeds`` says
    over how many seeds the score of each pair and metric is a mean.
    """

    label: str
    scores: pd.DataFrame
    extra_parameters: float | None
    scores_by_seed: Sequence[pd.DataFrame] = ()
    seeds: Mapping[tuple[str, str], int] = field(default_factory=dict)


def number_seeds(labels: Sequence[str], frames: Sequence[pd.DataFrame]) -> list[int]:
    """The seed, from 0, of each of some scores, of which labels are all that is known.

    Scores of one label are of the same seed where they complement each other, of different ones
    where both have a pair and metric.
    """
    seeds: list[int] = []
    keys = [set(_scored(frame)) for frame in frames]
    for label, own in zip(labels, keys, strict=True):
        former = zip(labels, keys, seeds, strict=False)
        taken = {seed for other, theirs, seed in former if other == label and own & theirs}
        seeds.append(next(seed for seed in count() if seed not in taken))
    return seeds


def gather_rows(
    trainings: Sequence[ScoredRun], parameters: Mapping[str, float] | pd.Series
) -> list[SystemRow]:
    """A row per label, in the order of the trainings: the mean of its seeds.

    `parameters` are the total numbers of each system, NaN where unknown. A row has as many more
    than the first one as `extra_parameters` says.
    """
    by_label = {
        label: [t for t in trainings if t.label == label]
        for label in dict.fromkeys(t.label for t in trainings)
    }
    sizes = {
        label: sum(parameters[system] for system in dict.fromkeys(t.system for t in members))
        for label, members in by_label.items()
    }
    first = sizes[trainings[0].label]
    return [
        SystemRow(
            label=label,
            scores=merge_scores([t.scores for t in members]),
            extra_parameters=100 * (sizes[label] / first - 1) if i else None,
            scores_by_seed=_by_seed(members),
            seeds=Counter(key for t in members for key in _scored(t.scores)),
        )
        for i, (label, members) in enumerate(by_label.items())
    ]


def merge_scores(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Merge the scores of the systems behind one row: of several seeds, or of complementary ones.

    Scores of the same pair and metric become one, their mean; all others are collected. The
    columns stay as they are. Raises ``InputError`` for a frame that lacks a
    column or has a pair and metric twice, and for scores to be averaged that differ in signature
    or number of sentences.
    """
    for frame in frames:
        check_scores(frame, "a system to merge")
    merged = pd.concat(frames, ignore_index=True)
    for (pair, metric), rows in merged.groupby(_SCORE_KEY):
        _check_alike(rows, f"{metric} of '{pair}'")
    merged["score"] = merged.groupby(_SCORE_KEY)["score"].transform(fmean)
    return merged.drop_duplicates(_SCORE_KEY, ignore_index=True)


def check_scores(scores: pd.DataFrame, owner: str) -> None:
    """Raise ``InputError`` for scores that lack a column or have a pair and metric twice."""
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
    """The pairs and metrics that some scores have."""
    return list(zip(scores["pair"], scores["metric"], strict=True))


def _by_seed(members: Sequence[ScoredRun]) -> list[pd.DataFrame]:
    """The scores of each seed of a row, where it has several and each has all directions."""
    ordered = sorted(members, key=lambda training: training.seed)
    scores = [
        merge_scores([training.scores for training in group])
        for _, group in groupby(ordered, key=lambda training: training.seed)
    ]
    alike = len({frozenset(frame["pair"]) for frame in scores}) == 1
    return scores if len(scores) > 1 and alike else []
