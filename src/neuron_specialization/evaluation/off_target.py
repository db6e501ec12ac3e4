"""The off-target rate: the share of hypotheses that are in another language than the target's.

Zhang et al. (2020), "Improving Massively Multilingual Neural Machine Translation and Zero-Shot
Translation", measure it by a language identifier, too.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from neuron_specialization.evaluation.language_identifier import ORDERS, LanguageIdentifier
from neuron_specialization.evaluation.metrics import corpus_score, make_metric, mean_statistics
from neuron_specialization.evaluation.outputs import Outputs, read_outputs
from neuron_specialization.evaluation.scoring import Score, note_lengths, with_note

OFF_TARGET = "off_target"
LARGEST_ERROR = 5.0
"""Per cent of references that the identifier may get wrong before a direction is unreliable."""
SMALL_ERROR = 1.0
"""Errors up to this, in per cent, share one line in the footers of tables."""
IDENTIFIED_COLUMNS = ("pair", "language", "hypotheses", "percent")
"""The number and percentage of a direction's hypotheses in a language, most frequent first."""


def score_off_target(
    folder: Path, directions: Sequence[str], split: str, identifier: LanguageIdentifier
) -> tuple[list[Score], pd.DataFrame]:
    """Return the off-target rate of each direction in a folder of outputs, in per cent.

    A hypothesis without letters, an empty one too, is off-target. The score is NaN, and its note
    gives the reason, where a direction has no text or the identifier does not know the target
    language. The table has the languages of the hypotheses (IDENTIFIED_COLUMNS).
    """
    scores, tables = [], []
    for pair in directions:
        if not (folder / pair).is_dir():
            continue
        outputs, target = read_outputs(folder / pair, split), pair.split("-")[1]
        if outputs is None:
            scores.append(_missing(pair, "no text"))
        elif target not in identifier.training_sentences:
            scores.append(_missing(pair, f"the identifier was not trained on {target}"))
        else:
            languages = identifier.identify(outputs.hypotheses)
            signature = _signature(identifier, target, outputs)
            scores.append(with_note(off_target_score(pair, languages, signature), outputs.note))
            tables.append(_count(pair, languages))
    empty = pd.DataFrame(columns=list(IDENTIFIED_COLUMNS))
    return note_lengths(scores), pd.concat(tables, ignore_index=True) if tables else empty


def off_target_score(pair: str, languages: Sequence[str], signature: str) -> Score:
    """Return the off-target rate of a direction from the languages of its hypotheses.

    The statistics of a sentence are 100 or 0 and the number 1, so the score is in per cent.
    """
    target = pair.split("-")[1]
    wrong_N = [100.0 * (language != target) for language in languages]
    statistics_NS = mean_statistics(wrong_N)
    return Score(
        pair=pair,
        metric=OFF_TARGET,
        score=corpus_score(make_metric(OFF_TARGET), statistics_NS),
        sentences=len(wrong_N),
        signature=signature,
        statistics_NS=statistics_NS,
        score_N=wrong_N,
    )


def describe_error(percent: float) -> str:
    """Describe the identifier's errors, in per cent, on the references of a direction."""
    for bound in (SMALL_ERROR, LARGEST_ERROR):
        if percent <= bound:
            return f"up to {bound:g} %"
    return f"{percent:.1f} %, over {LARGEST_ERROR:g} %, so unreliable"


def _signature(identifier: LanguageIdentifier, target: str, outputs: Outputs) -> str:
    """Return the settings of an identifier, and its errors on the references of a direction."""
    found = identifier.identify(outputs.references)
    error = 100 * sum(language != target for language in found) / len(found)
    counts = identifier.training_sentences
    return (
        f"identifier:characters {ORDERS[0]}-{ORDERS[1]}|languages:{len(counts)}"
        f"|sentences:{counts[target]}|errors on references:{describe_error(error)}"
    )


def _missing(pair: str, note: str) -> Score:
    nan = float("nan")
    return Score(pair=pair, metric=OFF_TARGET, score=nan, sentences=0, signature="", note=note)


def _count(pair: str, languages: Sequence[str]) -> pd.DataFrame:
    counts = Counter(languages).most_common()
    rows = [(pair, name, number, 100 * number / len(languages)) for name, number in counts]
    return pd.DataFrame(rows, columns=list(IDENTIFIED_COLUMNS))
