"""Corpus scores of translations: BLEU and chrF++ by sacreBLEU, with their signatures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from neuron_specialization.errors import InputError

SCORE_COLUMNS = ("pair", "metric", "score", "sentences", "signature")

# Factories, because a sacreBLEU metric remembers the number of references it last saw.
# 13a for every language, as in the paper's released scores (sacreBLEU alone would pick
# another tokeniser for Chinese, Japanese and Korean).
METRICS: Mapping[str, Callable[[], BLEU | CHRF]] = {
    "bleu": lambda: BLEU(tokenize="13a"),
    "chrf": lambda: CHRF(word_order=2),
}


@dataclass(frozen=True, kw_only=True)
class Score:
    """One corpus score: 0 to 100 at full precision, and the settings that make it comparable."""

    metric: str
    score: float
    signature: str


def score_direction(
    hypotheses: Sequence[str], references: Sequence[str], metrics: Sequence[str]
) -> list[Score]:
    """Score one direction's detokenised text, one ``Score`` per name in ``metrics``, in order.

    ``bleu`` is case-sensitive BLEU with 13a tokenisation, ``chrf`` is chrF++ (characters up to
    6-grams, words up to 2-grams): the settings of the paper's Tables 2 and 7. An empty hypothesis
    counts as a sentence that was not translated. Raises ``InputError`` for no sentences, for
    hypotheses and references that differ in number, and for an unknown metric.
    """
    _check_metrics(metrics)
    if len(hypotheses) != len(references):
        raise InputError(
            f"{len(hypotheses)} hypotheses but {len(references)} references: "
            "each hypothesis needs exactly one reference"
        )
    if not hypotheses:
        raise InputError("no sentences to score: there is neither a hypothesis nor a reference")
    return [_score_corpus(hypotheses, references, metric) for metric in metrics]


def score_system(
    translations: Mapping[str, Path],
    references: Mapping[str, Path],
    metrics: Sequence[str] = ("bleu", "chrf"),
) -> pd.DataFrame:
    """Score every direction of a system: one row per pair and metric, in the order given.

    Both mappings go from a pair such as ``en-de`` to a UTF-8 text file of detokenised sentences,
    one per line; references of directions that were not translated are left aside. The columns
    are ``SCORE_COLUMNS``; ``score`` is 0 to 100 at full precision, ``sentences`` the number of
    lines scored. Raises ``InputError`` before any scoring if a pair has no references, a file
    cannot be used or two files differ in length.
    """
    _check_metrics(metrics)
    if not translations:
        raise InputError("no translations to score: give at least one direction")
    unreferenced = sorted(set(translations) - set(references))
    if unreferenced:
        raise InputError(f"no reference file for {', '.join(unreferenced)}: add one per direction")
    texts = {pair: _read_aligned(path, references[pair]) for pair, path in translations.items()}
    rows = [
        (pair, score.metric, score.score, len(hypotheses), score.signature)
        for pair, (hypotheses, reference_lines) in texts.items()
        for score in score_direction(hypotheses, reference_lines, metrics)
    ]
    return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def read_sentences(path: Path) -> list[str]:
    r"""Read a UTF-8 text file of one sentence per line.

    Lines end at ``\n`` only: translations may contain other separators that ``str.splitlines``
    takes for line ends (U+2028, U+0085), which would shift all later sentences. Raises
    ``InputError`` for a missing or empty file and for invalid UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if not data:
        raise InputError(f"{path}: the file is empty; expected one sentence per line")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} is not valid UTF-8; "
            "convert the file to UTF-8"
        ) from error
    return text.removesuffix("\n").split("\n")


def _check_metrics(metrics: Sequence[str]) -> None:
    for metric in metrics:
        if metric not in METRICS:
            raise InputError(f"unknown metric '{metric}': allowed are {', '.join(METRICS)}")


def _score_corpus(hypotheses: Sequence[str], references: Sequence[str], name: str) -> Score:
    metric = METRICS[name]()
    score = metric.corpus_score(hypotheses, [references]).score
    # The signature is complete only after scoring: it includes the number of references.
    return Score(metric=name, score=score, signature=metric.get_signature().format())


def _read_aligned(translation: Path, reference: Path) -> tuple[list[str], list[str]]:
    hypotheses, references = read_sentences(translation), read_sentences(reference)
    if len(hypotheses) != len(references):
        raise InputError(
            f"{translation} has {len(hypotheses)} lines but {reference} has {len(references)}: "
            "line n of both must be the same sentence"
        )
    return hypotheses, references
