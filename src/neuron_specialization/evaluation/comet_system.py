"""COMET scores of a system's outputs: computed, finished elsewhere, or marked as missing."""

import logging
from collections.abc import Sequence
from pathlib import Path

from neuron_specialization.evaluation.comet_scores import (
    CometSettings,
    ModelMissing,
    Segments,
    comet_signature,
    load_comet,
    quiet,
    score_with_comet,
)
from neuron_specialization.evaluation.finished_scores import read_finished_scores
from neuron_specialization.evaluation.metrics import corpus_score, make_metric, mean_statistics
from neuron_specialization.evaluation.outputs import read_note, read_outputs
from neuron_specialization.evaluation.scoring import (
    Score,
    checked_score,
    finished_score,
    note_lengths,
    with_note,
)

logger = logging.getLogger(__name__)


def fetch_comet(settings: CometSettings) -> None:
    """Load the model once to put it and its encoder into the cache of the model hub.

    Raises InputError as `score_with_comet` does.
    """
    with quiet():
        load_comet(settings)


def score_comet(
    folder: Path, directions: Sequence[str], split: str, settings: CometSettings
) -> list[Score]:
    """Return the COMET score of each direction in a folder of outputs.

    A direction without sources or text gets its finished score, if any; so does every direction
    if `settings.model` is empty or missing. Otherwise the score is NaN, and its note gives the
    reason. Raises InputError if COMET fails for any reason but a missing model.
    """
    texts, missing = _read_texts(folder, directions, split), "no text with sources"
    computed: dict[str, list[float]] = {}
    if not settings.model:
        missing = "no COMET model is set"
    elif texts:
        try:
            computed = score_with_comet(texts, settings)
        except ModelMissing as error:
            missing = str(error)
            logger.warning("%s", error)
    signature = comet_signature(settings) if computed else ""
    return note_lengths(
        [
            _score(folder / pair, split, computed.get(pair), signature, missing)
            for pair in directions
            if (folder / pair).is_dir()
        ]
    )


def _read_texts(folder: Path, directions: Sequence[str], split: str) -> dict[str, Segments]:
    texts = {}
    for pair in directions:
        outputs = read_outputs(folder / pair, split)
        if outputs and outputs.sources is not None:
            texts[pair] = Segments(
                sources=outputs.sources,
                hypotheses=outputs.hypotheses,
                references=outputs.references,
            )
    return texts


def _score(
    folder: Path, split: str, score_N: list[float] | None, signature: str, missing: str
) -> Score:
    pair, finished = folder.name, read_finished_scores(folder, split).get("comet")
    if score_N is not None:
        statistics_NS = mean_statistics(score_N)
        found = Score(
            pair=pair,
            metric="comet",
            score=corpus_score(make_metric("comet"), statistics_NS),
            sentences=len(score_N),
            signature=signature,
            statistics_NS=statistics_NS,
            score_N=score_N,
        )
        return with_note(checked_score(found, finished), read_note(folder, split))
    if finished:
        return with_note(finished_score(pair, "comet", finished), read_note(folder, split))
    nan = float("nan")
    return Score(pair=pair, metric="comet", score=nan, sentences=0, signature="", note=missing)
