"""Scores of a system's outputs by sentence and by direction.

Corpus scores are computed from the sentence statistics stored alongside, never from printed text.
The columns of both tables are constants of this module.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
    MODEL_METRICS,
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
from neuron_specialization.settings.bleu import DEFAULT, BleuTokenisers

SCORE_COLUMNS = ("pair", "metric", "score", "sentences", "signature")
NOTE = "note"
"""Another column: the source of a score not computed from the text, or why it is missing."""
SENTENCE_COLUMNS = ("pair", "metric", "sentence", "score", "statistics")


@dataclass(frozen=True, kw_only=True)
class Score:
    """The score of a direction in one metric."""

    pair: str
    metric: str
    score: float
    """0 to 100, nll in nats per token, at full precision; NaN if missing."""
    sentences: int
    """Number of sentences; 0 for a finished score."""
    signature: str
    """The settings that make scores comparable."""
    note: str = ""
    """The source if not the text, or why the score is missing."""
    statistics_NS: NDArray[Any] | None = None
    """Statistics of each sentence."""
    score_N: Sequence[float] = ()
    """Score of each sentence."""


@dataclass(frozen=True, kw_only=True)
class ScoringSettings:
    """The test split, the metrics to compute and the tokenisers of BLEU."""

    split: str
    """The test split."""
    metrics: Sequence[str]
    """Names, including metrics against raw references."""
    tokenisers: BleuTokenisers = field(default_factory=BleuTokenisers)


def score_outputs(
    folder: Path, directions: Sequence[str], settings: ScoringSettings, processes: int = 1
) -> list[Score]:
    """Score every direction in a folder of outputs in every metric but MODEL_METRICS.

    A metric is computed from the text; without text, the finished score is used. Missing
    directions have no score. Raises InputError if texts differ in length, a metric is unknown, or
    the folder has none of the directions.
    """
    for metric in settings.metrics:
        if metric.removesuffix(RAW) not in METRIC_NAMES:
            raise InputError(f"unknown metric '{metric}': allowed are {', '.join(METRIC_NAMES)}")
    there = [pair for pair in directions if (folder / pair).is_dir()]
    if not there:
        raise InputError(f"{folder}: no outputs of {', '.join(directions)}")
    scores = parallel_map(partial(_score_direction, folder, settings), there, processes)
    return note_lengths([score for direction in scores for score in direction])


def note_lengths(scores: Sequence[Score]) -> list[Score]:
    """Return scores with a note where a direction differs in length from most others."""
    lengths = {score.pair: score.sentences for score in scores if score.sentences}
    usual, number = Counter(lengths.values()).most_common(1)[0] if lengths else (0, 0)
    if 2 * number <= len(lengths):
        return list(scores)
    return [
        with_note(score, f"{score.sentences} sentences, most directions have {usual}")
        if score.sentences not in (0, usual)
        else score
        for score in scores
    ]


def with_note(score: Score, note: str) -> Score:
    """Return a score with one more note."""
    return replace(score, note="; ".join(filter(None, (score.note, note))))


def score_texts(
    pair: str,
    metric: str,
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    words: str = "",
    tokeniser: str = DEFAULT,
) -> Score:
    """Score aligned sentences of a direction in one metric; append `words` to the signature."""
    if len(hypotheses) != len(references):
        raise InputError(
            f"{pair}: {len(hypotheses)} hypotheses but {len(references)} references: "
            "each hypothesis needs exactly one reference"
        )
    if not hypotheses:
        raise InputError(f"{pair}: no sentences to score, neither hypothesis nor reference")
    scorer: Any = make_metric(metric, tokeniser)
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
    """Return a row per pair and metric: SCORE_COLUMNS and NOTE."""
    columns = (*SCORE_COLUMNS, NOTE)
    return pd.DataFrame(
        [[getattr(score, column) for column in columns] for score in scores], columns=list(columns)
    )


def sentence_table(scores: Sequence[Score]) -> pd.DataFrame:
    """Return a row per pair, metric and sentence (from 0): SENTENCE_COLUMNS."""
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
            tokeniser = settings.tokenisers.of(pair)
            score = score_texts(
                pair, metric, hypotheses, references, words=words, tokeniser=tokeniser
            )
            score = checked_score(score, finished.get(metric))
            scores.append(with_note(score, outputs.note if outputs else ""))
        elif metric in finished and metric not in MODEL_METRICS:
            scores.append(finished_score(pair, metric, finished[metric]))
    return scores


def _texts_of(
    metric: str, outputs: Outputs, folder: Path, settings: ScoringSettings
) -> tuple[Sequence[str], Sequence[str], str] | None:
    """Return hypotheses and references in the form that a metric takes; None if they are missing.

    The third item describes the words that tokenised BLEU counts.
    """
    if metric in MODEL_METRICS:
        return None
    if metric.endswith(RAW):
        raw = read_raw_references(folder, settings.split)
        return (outputs.hypotheses, raw, "") if raw else None
    if metric != "tokenised_bleu":
        return outputs.hypotheses, outputs.references, ""
    tokeniser = settings.tokenisers.of(folder.name)
    if tokeniser != DEFAULT:
        words = f"fairseq, words of sacreBLEU's {tokeniser}"
        return outputs.hypotheses, outputs.references, words
    hypotheses, references = outputs.hypothesis_words, outputs.reference_words
    if hypotheses is not None and references is not None:
        return hypotheses, references, "fairseq, words of the corpus"
    language = folder.name.split("-")[1]
    hypotheses, references = (
        tokenise(sentences, language) for sentences in (outputs.hypotheses, outputs.references)
    )
    return hypotheses, references, f"fairseq, words of sacremoses {version('sacremoses')}"


def checked_score(score: Score, finished: FinishedScore | None) -> Score:
    """Return a computed score; its note names a finished one that differs at the printed digits."""
    if finished and not finished.agrees_with(score.score):
        return replace(score, note=f"{finished.file} has {finished.score:.{finished.decimals}f}")
    return score


def finished_score(pair: str, metric: str, finished: FinishedScore) -> Score:
    """Return a finished score as a `Score`."""
    return Score(
        pair=pair,
        metric=metric,
        score=finished.score,
        sentences=0,
        signature=finished.signature,
        note=f"finished score of {finished.file}",
    )


def write_scores(
    scores: Sequence[Score], *, sentences: Path, corpus: Path, appended: Sequence[Path] = ()
) -> None:
    """Write the scores by sentence (parquet) and by direction (CSV), atomically.

    `appended` are files of both kinds, with scores in other metrics that are appended.
    """
    by_sentence, by_direction = sentence_table(scores), corpus_table(scores)
    for path in appended:
        if path.suffix == ".parquet":
            by_sentence = _join(by_sentence, pd.read_parquet(path))
        else:
            by_direction = _join(by_direction, read_scores(path))
    with atomic_write(sentences) as partial_file:
        by_sentence.to_parquet(partial_file, index=False)
    write_text(corpus, by_direction.to_csv(index=False, lineterminator="\n"))


def _join(table: pd.DataFrame, more: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of both tables; pandas would mix in the column types of an empty one."""
    if len(table) and len(more):
        return pd.concat([table, more], ignore_index=True)
    return table if len(table) else more


def read_scores(path: Path) -> pd.DataFrame:
    """Read the scores of directions, NaN if empty; raise InputError for any other file."""
    try:
        if not path.read_bytes().endswith(b"\n"):
            raise ValueError("its last line is cut off")
        table = read_table(path, ["score"])
        if not {*SCORE_COLUMNS} <= {*table}:
            raise ValueError(f"expected commas and the columns {', '.join(SCORE_COLUMNS)}")
        scores = pd.to_numeric(table["score"])
        if np.isinf(scores).any():
            raise ValueError("it has an infinite score")
        return present_metrics(table.assign(score=scores))
    except ValueError as error:
        raise InputError(
            f"{path}: not a table of scores ({error}); `neuron-specialization score` writes one"
        ) from error


def present_metrics(table: pd.DataFrame) -> pd.DataFrame:
    """Rename metrics that end in the former suffix `_untouched` in place; return the scores."""
    table["metric"] = table["metric"].str.replace("_untouched", RAW)
    return table
