"""Rows of tables, gathered from trainings: systems of one label, seeds, paired tests."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, groupby

import pandas as pd

from neuron_specialization.tables.comparisons import Comparison
from neuron_specialization.tables.score_tables import SystemRow, merge_scores


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training of a system, or outputs of one."""

    system: str
    """Name of the system."""
    label: str
    """The row of the table to which it belongs."""
    seed: int
    """Its seed."""
    scores: pd.DataFrame
    """scoring.corpus_table."""


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
    trainings: Sequence[Training], parameters: Mapping[str, float] | pd.Series
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


def gather_comparisons(
    tests: Sequence[tuple[str, pd.DataFrame]], labels: Mapping[str, str]
) -> list[Comparison]:
    """A comparison per label and system that it is compared with, over all seeds.

    Args:
        tests: the label of a training and its paired tests, with the columns role and other.
        labels: label of each system.
    """
    frames = [frame.assign(label=label) for label, frame in tests if len(frame)]
    if not frames:
        return []
    groups = pd.concat(frames).groupby(["label", "role", "other"], sort=False)
    return [
        Comparison(label=label, other=labels[other], role=role, tests=rows)
        for (label, role, other), rows in groups
    ]


def _scored(scores: pd.DataFrame) -> list[tuple[str, str]]:
    """The pairs and metrics that some scores have."""
    return list(zip(scores["pair"], scores["metric"], strict=True))


def _by_seed(members: Sequence[Training]) -> list[pd.DataFrame]:
    """The scores of each seed of a row, where it has several and each has all directions."""
    ordered = sorted(members, key=lambda training: training.seed)
    scores = [
        merge_scores([training.scores for training in group])
        for _, group in groupby(ordered, key=lambda training: training.seed)
    ]
    alike = len({frozenset(frame["pair"]) for frame in scores}) == 1
    return scores if len(scores) > 1 and alike else []
