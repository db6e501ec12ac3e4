"""Scores computed elsewhere: JSON of sacreBLEU, the output line of comet-score."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.layout import FINISHED
from neuron_specialization.files import read_text

_COMET_LINE = re.compile(r"[^\t]*\tscore: (-?[\d.]+)")


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

    Their files are `{split}_detok_bleu.txt` and `{split}_detok_chrfpp.txt` (JSON of sacreBLEU) and
    `{split}_comet.txt` (`path<TAB>score: 0.8438`). Raises InputError, naming the file, if
    one has another format.
    """
    paths = {metric: folder / name.format(split=split) for metric, name in FINISHED.items()}
    return {metric: _READERS[metric](path) for metric, path in paths.items() if path.is_file()}


def _read_sacrebleu(path: Path) -> FinishedScore:
    try:
        result = json.loads(read_text(path))
        # keep numbers as written: their decimals limit the comparison
        score, signature = str(result["score"]), str(result["signature"])
        return _finished(path, score, signature)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: not a score of sacreBLEU ({error!r}); expected its JSON with score and "
            "signature"
        ) from error


def _read_comet(path: Path) -> FinishedScore:
    text = read_text(path).strip()
    match = _COMET_LINE.fullmatch(text)
    if not match:
        raise InputError(
            f"{path}, line 1: '{text[:80]}' is not a line that comet-score prints; expected "
            "'path<TAB>score: 0.8438'"
        )
    return replace(
        _finished(path, match[1], "model not stated"),
        score=100 * float(match[1]),
        decimals=max(0, len(match[1].partition(".")[2]) - 2),
    )


def _finished(path: Path, score: str, signature: str) -> FinishedScore:
    decimals = len(score.partition(".")[2])
    return FinishedScore(score=float(score), decimals=decimals, signature=signature, file=path.name)


_READERS = {"bleu": _read_sacrebleu, "chrf": _read_sacrebleu, "comet": _read_comet}
