"""Scores computed elsewhere: JSON of sacreBLEU, the output of comet-score."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.layout import FINISHED
from neuron_specialization.evaluation.metrics import metric_name
from neuron_specialization.files import read_text

_COMET_LINE = re.compile(r"[^\t]*\tscore: (-?[\d.]+)")
_SEGMENT = re.compile(r"[^\t]*\tSegment (\d+)\tscore: (-?[\d.]+)")
_OTHER_LINES = ("Predictions saved in", "CacheInfo(")
_ROUNDING = 1.01e-4
"""Largest difference of a mean of rounded segments to the rounded score."""
_NAMES = {"bleu": re.compile("BLEU", re.I), "chrf": re.compile(r"chrF(\d*\+\+|pp)", re.I)}
"""Names of sacreBLEU's metrics."""


@dataclass(frozen=True, kw_only=True)
class FinishedScore:
    """A corpus score as printed."""

    score: float
    """0 to 100."""
    decimals: int
    """Number of printed decimals, on the scale of 0 to 100."""
    signature: str
    """The settings that the file states."""
    file: str
    """Name of the file."""

    def agrees_with(self, score: float) -> bool:
        """Return whether another score is the same at the printed digits."""
        return f"{score:.{self.decimals}f}" == f"{self.score:.{self.decimals}f}"


def read_finished_scores(folder: Path, split: str) -> dict[str, FinishedScore]:
    """Return the finished scores in a direction's folder by metric; each is optional.

    Their files are `{split}_detok_bleu.txt` and `{split}_detok_chrfpp.txt` (JSON of sacreBLEU, of
    one metric or several; either file may have both) and `{split}_comet.txt` (the output of
    comet-score, with or without its segments). Raises InputError, naming the file, if one has
    another format.
    """
    paths = {metric: folder / name.format(split=split) for metric, name in FINISHED.items()}
    found, comet = {}, paths.pop("comet")
    for metric, path in paths.items():
        others = [other for other in paths.values() if other != path and other.is_file()]
        if path.is_file():
            found[metric] = _read_sacrebleu(path, metric)
        elif others and (result := _find_result(others[0], metric)):
            found[metric] = _finish_sacrebleu(others[0], result)
    return found | ({"comet": _read_comet(comet)} if comet.is_file() else {})


def _read_sacrebleu(path: Path, metric: str) -> FinishedScore:
    result = _find_result(path, metric)
    if result is None:
        names = ", ".join(str(each.get("name")) for each in _read_results(path))
        raise InputError(f"{path}: no score of {metric_name(metric)}, only of {names}")
    return _finish_sacrebleu(path, result)


def _find_result(path: Path, metric: str) -> dict[str, Any] | None:
    """Return sacreBLEU's result of a metric, or the only one without a name; None if missing."""
    results = _read_results(path)
    for result in results:
        name = str(result.get("name", "")) or (metric if len(results) == 1 else "")
        if _NAMES[metric].fullmatch(name) or name == metric:
            return result
    return None


def _read_results(path: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(read_text(path))
    except ValueError as error:
        raise _not_sacrebleu(path, error) from error
    results = found if isinstance(found, list) else [found]
    if not results or not all(isinstance(result, dict) for result in results):
        raise _not_sacrebleu(path, ValueError("no result"))
    return results


def _finish_sacrebleu(path: Path, result: dict[str, Any]) -> FinishedScore:
    try:
        # keep numbers as written: their decimals limit the comparison
        return _finished(path, str(result["score"]), str(result["signature"]))
    except (ValueError, KeyError, TypeError) as error:
        raise _not_sacrebleu(path, error) from error


def _not_sacrebleu(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path}: not a score of sacreBLEU ({error!r}); expected its JSON with score and signature"
    )


def _read_comet(path: Path) -> FinishedScore:
    lines = [line for line in read_text(path).splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(_OTHER_LINES)]
    segments = [match for match in map(_SEGMENT.fullmatch, lines) if match]
    number = len(segments)
    match = _COMET_LINE.fullmatch(lines[-1].strip()) if lines else None
    if not match or number != len(lines) - 1:
        text = lines[min(number, len(lines) - 1)] if lines else ""
        raise InputError(
            f"{path}, line {min(number + 1, max(1, len(lines)))}: '{text[:80]}' is not what "
            "comet-score prints of one system; expected segments, if any, and a last line "
            "'path<TAB>score: 0.8438'; is the file cut off?"
        )
    _check_segments(path, segments, float(match[1]))
    return replace(
        _finished(path, match[1], "model not stated"),
        score=100 * float(match[1]),
        decimals=max(0, len(match[1].partition(".")[2]) - 2),
    )


def _check_segments(path: Path, segments: Sequence[re.Match[str]], score: float) -> None:
    """Raise InputError if the segments are incomplete or belong to another score."""
    if [int(segment[1]) for segment in segments] != list(range(len(segments))):
        raise InputError(f"{path}: its segments are not numbered from 0 without gaps")
    if segments and abs(fmean(float(segment[2]) for segment in segments) - score) > _ROUNDING:
        raise InputError(
            f"{path}: its {len(segments)} segments do not have the mean {score:g} of its last line"
        )


def _finished(path: Path, score: str, signature: str) -> FinishedScore:
    decimals = len(score.partition(".")[2])
    return FinishedScore(score=float(score), decimals=decimals, signature=signature, file=path.name)
