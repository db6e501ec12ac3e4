"""Scores of a system's outputs: of each sentence, and of each direction.

Corpus scores are made of the statistics of sentences that are kept beside them, never of printed
text. Columns of both tables are constants of this module.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.evaluation.finished_scores import FinishedScore, read_finished_scores
from neuron_specialization.evaluation.metrics import (
    METRIC_NAMES,
    RAW,
    corpus_score,
    make_metric,
    sentence_scores,
    sentence_statistics,
)
from neuron_specialization.evaluation.moses import tokenise
from neuron_specialization.evaluation.outputs import Outputs, read_outputs, read_raw_references
from neuron_specialization.files import atomic_write, write_text
from neuron_specialization.parallel import parallel_map

SCORE_COLUMNS = ("pair", "metric", "score", "sentences", "signature")
NOTE = "note"
"""A further column: where a score comes from if not from the text, why there is none."""
SENTENCE_COLUMNS = ("pair", "metric", "sentence", "score", "statistics")


@dataclass(frozen=True, kw_only=True)
class Score:
    """The score of a direction in one metric."""

    pair: str
    metric: str
    score: float
    """0 to 100 at full precision; NaN where there is none."""
    sentences: int
    """How many; 0 where only a finished score is known."""
    signature: str
    """The settings that make scores comparable."""
    note: str = ""
    """Where it comes from if not from the text, why there is none."""
    statistics_NS: NDArray[Any] | None = None
    """Of each sentence."""
    score_N: Sequence[float] = ()
    """Of each sentence."""


@dataclass(frozen=True, kw_only=True)
class ScoringSettings:
    """What is scored, and how."""

    split: str
    """The test split."""
    metrics: Sequence[str]
    """Names, those against raw references included."""


def score_outputs(
    folder: Path, directions: Sequence[str], settings: ScoringSettings, processes: int = 1
) -> list[Score]:
    """Score every direction in a folder of outputs in every metric but COMET.

    A metric is computed from the text; where there is none, a finished score stands in its place.
    Directions of which nothing is there have no score. Raises InputError for texts that differ in
    length, for an unknown metric, and where there is nothing at all to score.
    """
    for metric in settings.metrics:
        if metric.removesuffix(RAW) not in METRIC_NAMES:
            raise InputError(f"unknown metric '{metric}': allowed are {', '.join(METRIC_NAMES)}")
    there = [pair for pair in directions if (folder / pair).is_dir()]
    if not there:
        raise InputError(f"{folder}: no outputs of {', '.join(directions)}")
    scores = parallel_map(partial(_score_direction, folder, settings), there, processes)
    return [score for direction in scores for score in direction]


def score_texts(
    pair: str, metric: str, hypotheses: Sequence[str], references: Sequence[str], words: str = ""
) -> Score:
    """Score aligned sentences of a direction in one metric; `words` is added to the signature."""
    if len(hypotheses) != len(references):
        raise InputError(
            f"{pair}: {len(hypotheses)} hypotheses but {len(references)} references: "
            "each hypothesis needs exactly one reference"
        )
    if not hypotheses:
        raise InputError(f"{pair}: no sentences to score, neither hypothesis nor reference")
    scorer: Any = make_metric(metric)
    statistics_NS = sentence_statistics(scorer, hypotheses, references)
    # complete only after scoring: it includes the number of references
    signature = scorer.get_signature().format()
    return Score(
        pair=pair,
        metric=metric,
        score=corpus_score(scorer, statistics_NS),
        sentences=len(hypotheses),
        signature=f"{signature}|{words}" if words else signature,
        statistics_NS=statistics_NS,
        score_N=sentence_scores(scorer, statistics_NS),
    )


def corpus_table(scores: Sequence[Score]) -> pd.DataFrame:
    """A row per pair and metric: SCORE_COLUMNS and NOTE."""
    columns = (*SCORE_COLUMNS, NOTE)
    return pd.DataFrame(
        [[getattr(score, column) for column in columns] for score in scores], columns=list(columns)
    )


def sentence_table(scores: Sequence[Score]) -> pd.DataFrame:
    """A row per pair, metric and sentence (from 0): SENTENCE_COLUMNS."""
    frames = [
        pd.DataFrame(
            {
                "pair": score.pair,
                "metric": score.metric,
                "sentence": np.arange(len(score.score_N), dtype=np.int32),
                "score": score.score_N,
                "statistics": list(score.statistics_NS.astype(np.float64)),
            }
        )
        for score in scores
        if score.statistics_NS is not None
    ]
    if not frames:
        return pd.DataFrame(columns=list(SENTENCE_COLUMNS))
    return pd.concat(frames, ignore_index=True)


def _score_direction(folder: Path, settings: ScoringSettings, pair: str) -> list[Score]:
    split = settings.split
    outputs = read_outputs(folder / pair, split)
    finished = read_finished_scores(folder / pair, split)
    scores = []
    for metric in settings.metrics:
        texts = _texts_of(metric, outputs, folder / pair, settings) if outputs else None
        if texts:
            hypotheses, references, words = texts
            score = score_texts(pair, metric, hypotheses, references, words)
            scores.append(checked_score(score, finished.get(metric)))
        elif metric in finished and metric != "comet":
            scores.append(finished_score(pair, metric, finished[metric]))
    return scores


def _texts_of(
    metric: str, outputs: Outputs, folder: Path, settings: ScoringSettings
) -> tuple[Sequence[str], Sequence[str], str] | None:
    """Hypotheses and references in the form that a metric takes; None where it has none.

    The third says which words tokenised BLEU counts.
    """
    if metric == "comet":
        return None
    if metric.endswith(RAW):
        raw = read_raw_references(folder, settings.split)
        return (outputs.hypotheses, raw, "") if raw else None
    if metric != "tokenised_bleu":
        return outputs.hypotheses, outputs.references, ""
    hypotheses, references = outputs.hypothesis_words, outputs.reference_words
    if hypotheses is not None and references is not None:
        return hypotheses, references, "fairseq, words of the corpus"
    language = folder.name.split("-")[1]
    hypotheses, references = (
        tokenise(sentences, language) for sentences in (outputs.hypotheses, outputs.references)
    )
    return hypotheses, references, f"fairseq, words of sacremoses {version('sacremoses')}"


def checked_score(score: Score, finished: FinishedScore | None) -> Score:
    """A computed score; its note says where a finished one differs at the printed digits."""
    if finished and not finished.agrees_with(score.score):
        return replace(score, note=f"{finished.file} has {finished.score:.{finished.decimals}f}")
    return score


def finished_score(pair: str, metric: str, finished: FinishedScore) -> Score:
    """A score that somebody else has computed."""
    return Score(
        pair=pair,
        metric=metric,
        score=finished.score,
        sentences=0,
        signature=finished.signature,
        note=f"finished score of {finished.file}",
    )


def write_scores(
    scores: Sequence[Score], *, sentences: Path, corpus: Path, comet: Sequence[Path] = ()
) -> None:
    """Write the scores of sentences (parquet) and of directions (CSV), whole.

    `comet` are two such files, to be added to these scores, or none.
    """
    by_sentence, by_direction = sentence_table(scores), corpus_table(scores)
    if comet:
        by_sentence = _join(by_sentence, pd.read_parquet(comet[0]))
        by_direction = _join(by_direction, read_scores(comet[1]))
    with atomic_write(sentences) as partial_file:
        by_sentence.to_parquet(partial_file, index=False)
    write_text(corpus, by_direction.to_csv(index=False, lineterminator="\n"))


def _join(table: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """The rows of both tables; pandas would take the column types of an empty one for theirs."""
    if len(table) and len(more):
        return pd.concat([table, more], ignore_index=True)
    return table if len(table) else more


def read_scores(path: Path) -> pd.DataFrame:
    """Read the scores of directions; an empty score is NaN. InputError for another file."""
    try:
        table = read_table(path, ["score"])
        if not {*SCORE_COLUMNS} <= {*table}:
            raise ValueError(f"expected commas and the columns {', '.join(SCORE_COLUMNS)}")
        return present_metrics(table.assign(score=pd.to_numeric(table["score"])))
    except ValueError as error:
        raise InputError(
            f"{path}: not a table of scores ({error}); `neuron-specialization score` writes one"
        ) from error


def present_metrics(table: pd.DataFrame) -> pd.DataFrame:
    """Return scores with their metrics renamed in place, which ended in `_untouched` before."""
    table["metric"] = table["metric"].str.replace("_untouched", RAW)
    return table
