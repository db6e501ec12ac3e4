"""Footers of tables: meaning and origin of the numbers, and why some are missing."""

import re
import subprocess
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path

import pandas as pd

from neuron_specialization import __version__
from neuron_specialization.evaluation.metrics import MEANINGS, RAW, metric_name
from neuron_specialization.evaluation.scoring import NOTE
from neuron_specialization.tables.cells import Cells
from neuron_specialization.tables.rows import SystemRow

_TOKENISER = re.compile(r"\btok:([^|]+)")
_VOCABULARY = re.compile(r"\btokens:([^|]+)")
_MANY = 8  # at most this number of directions is listed


def describe(rows: Sequence[SystemRow], metric: str, blocks: Mapping[str, Cells]) -> list[str]:
    """Describe a table's numbers: meaning, signatures, missing scores and the reasons."""
    name = metric_name(metric)
    pairs = _pairs(blocks)
    lines = [f"{rows[0].label}: scores; other rows: differences to it"]
    if any(row.scores_by_seed for row in rows):
        lines.append("± after scores: standard deviation of a system's scores over its seeds")
    lines += [f"{name}: {MEANINGS[metric]}"] if metric in MEANINGS else []
    scores = pd.concat([row.scores for row in rows])
    lines += _signatures(scores[scores["metric"] == metric], name, pairs)
    if (scores["metric"] == metric + RAW).any():
        lines.append(
            "Raw: the same translations against the references as published; "
            f"{name} uses references processed like the corpus"
        )
        lines += [line for row in rows for line in _explain(row, metric + RAW, pairs)]
    lines += _unequal_lengths(rows, metric, pairs)
    return [*lines, *(line for row in rows for line in _explain(row, metric, pairs))]


def _unequal_lengths(rows: Sequence[SystemRow], metric: str, pairs: Sequence[str]) -> list[str]:
    """Return a line if rows have scores of unequally many sentences of a direction."""
    scores = pd.concat([row.scores for row in rows])
    shown = scores[(scores["metric"] == metric) & (scores["sentences"] > 0)]
    numbers = shown.groupby("pair")["sentences"].nunique()
    unequal = [pair for pair in pairs if numbers.get(pair, 0) > 1]
    if not unequal:
        return []
    return [f"Not the same number of sentences in all rows: {_list(unequal, pairs)}"]


def _signatures(scores: pd.DataFrame, name: str, pairs: Sequence[str]) -> list[str]:
    """Return a line per signature with its directions: BLEU's tokenisers differ by language."""
    shown = scores[scores["pair"].isin(pairs)]
    by_signature = {
        signature: [pair for pair in pairs if pair in set(group["pair"])]
        for signature, group in shown.groupby("signature")
        if signature
    }
    lines = [
        f"{name}{_of(chosen, pairs) if len(by_signature) > 1 else ''}: {signature}"
        for signature, chosen in by_signature.items()
    ]
    tokenisers, vocabularies = (
        dict.fromkeys(found[1] for key in by_signature if (found := part.search(key)))
        for part in (_TOKENISER, _VOCABULARY)
    )
    if len(tokenisers) > 1:
        lines.append(f"Means are over scores by several tokenisers: {', '.join(tokenisers)}")
    if len(vocabularies) > 1:
        lines.append(
            f"Tokens are of several vocabularies ({', '.join(vocabularies)}), and values per token "
            "of different vocabularies cannot be compared, neither rows nor their means"
        )
    return lines


def _of(chosen: Sequence[str], pairs: Sequence[str]) -> str:
    return "" if len(chosen) == len(pairs) else f" of {_list(chosen, pairs)}"


def describe_left_out(
    rows: Sequence[SystemRow],
    metric: str,
    languages: Collection[str],
    pivot: str,
    blocks: Mapping[str, Cells],
) -> list[str]:
    """List the scores of a metric outside all cells: other languages, or without the pivot."""
    pairs = sorted(
        {pair for row in rows for pair in row.scores.loc[row.scores["metric"] == metric, "pair"]}
    )
    known = {*languages, pivot}
    lacking = sorted({language for pair in pairs for language in pair.split("-")} - known)
    others = [
        pair
        for pair in pairs
        if pivot not in pair.split("-")
        and known.issuperset(pair.split("-"))
        and pair not in _pairs(blocks)
    ]
    lines = []
    if lacking:
        lines.append(f"Left out, because the table of languages lacks them: {', '.join(lacking)}")
    if others:
        lines.append(f"Left out, because they are not from or into {pivot}: {_list(others, pairs)}")
    return lines


def describe_zero_shot(zero_shot: Mapping[str, str]) -> list[str]:
    """Return lines on the rows that are scored on directions without being trained on them.

    `zero_shot` has these rows by label, with how they have masks: `composed`, or "" for none.
    """
    if not zero_shot:
        return []
    composed = [label for label, masks in zero_shot.items() if masks]
    lines = [f"Zero-shot: directions without training, of {', '.join(zero_shot)}"]
    if composed:
        lines.append(
            "Zero-shot: the masks are composed, of the encoder neurons of the source (into the "
            "pivot) and the decoder neurons of the target (from the pivot), of "
            f"{', '.join(composed)}"
        )
    return lines


def describe_sizes(sizes: Mapping[str, int], languages: Sequence[str]) -> list[str]:
    """Return a line with the number of training pairs of each language, as above Table 1.

    Args:
        sizes: result of `setup_tables.read_sizes`.
        languages: language codes in the order of the table.
    """
    listed = [f"{language} {sizes[language]:,}" for language in languages if language in sizes]
    return [f"Training pairs: {', '.join(listed)}"] if listed else []


def describe_origin(settings: str, seeds: Mapping[str, Sequence[int]], project: Path) -> list[str]:
    """Return lines that state where a table comes from.

    Args:
        settings: hash of all settings, if there is one.
        seeds: the seeds of each row, by label.
        project: folder of the project, whose commit is named if it is a repository.
    """
    listed = [f"{label} {' '.join(map(str, dict.fromkeys(each)))}" for label, each in seeds.items()]
    return [
        *([f"Seeds (scores are their mean): {', '.join(listed)}"] if listed else []),
        f"{f'Settings {settings}, ' if settings else ''}"
        f"neuron-specialization {code_version(project)}",
    ]


@cache
def code_version(project: Path) -> str:
    """Return the version of this package, with the commit if the project is a repository."""
    command = ["git", "-C", str(project), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__} (commit {found.stdout.strip()})"


def _pairs(blocks: Mapping[str, Cells]) -> list[str]:
    parts = [part for cells in blocks.values() for cell in cells.values() for part in cell]
    return list(dict.fromkeys(pair for part in parts for pair in part))


def _explain(row: SystemRow, metric: str, pairs: Sequence[str]) -> list[str]:
    """Explain why scores of a row are missing or do not come from its text."""
    scores = row.scores[(row.scores["metric"] == metric) & row.scores["pair"].isin(pairs)]
    absent = [pair for pair in pairs if pair not in set(scores["pair"])]
    there = set(row.scores["pair"])
    if metric.endswith(RAW):
        missing = {"raw references": absent}
    else:
        missing = {
            "outputs": [pair for pair in absent if pair not in there],
            f"scores in {metric_name(metric)}": [pair for pair in absent if pair in there],
        }
    lines = [
        f"{row.label} has no {what}: {_list(chosen, pairs)}"
        for what, chosen in missing.items()
        if chosen
    ]
    lines += _unequal_seeds(row, metric, pairs)
    if NOTE in scores:
        noted = scores[scores[NOTE].notna() & (scores[NOTE] != "")]
        for note, group in noted.groupby(NOTE, sort=True):
            lines.append(f"{row.label}, {note}: {_list(list(group['pair']), pairs)}")
    return lines


def _unequal_seeds(row: SystemRow, metric: str, pairs: Sequence[str]) -> list[str]:
    """Return a line on the scores averaged over fewer seeds than others of the row."""
    most = max(row.seeds.values(), default=0)
    fewer = [pair for pair in pairs if 0 < row.seeds.get((pair, metric), 0) < most]
    if not fewer:
        return []
    which = " (raw references)" if metric.endswith(RAW) else ""
    return [f"{row.label}: fewer seeds than the row's {most} for {_list(fewer, pairs)}{which}"]


def _list(chosen: Sequence[str], pairs: Sequence[str]) -> str:
    if len(chosen) == len(pairs):
        return "all directions"
    if len(chosen) <= _MANY:
        return ", ".join(chosen)
    return f"{', '.join(chosen[:_MANY])} and {len(chosen) - _MANY} more of {len(pairs)} directions"
