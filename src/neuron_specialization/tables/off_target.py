"""Off-target rates in words: the languages of wrong hypotheses, and the identifier's accuracy."""

from collections.abc import Sequence

import pandas as pd

from neuron_specialization.evaluation.language_identifier import ORDERS, TRAINING_SENTENCES
from neuron_specialization.evaluation.off_target import LARGEST_ERROR
from neuron_specialization.tables.render import TextTable, format_number
from neuron_specialization.tables.setup_tables import SetupTable

SHOWN = 3
"""Wrong languages that a footer names."""


def describe_identified(label: str, identified: Sequence[pd.DataFrame]) -> list[str]:
    """Return a line on the languages of a row's off-target hypotheses, if there are any.

    Args:
        label: the row.
        identified: the languages of the hypotheses (IDENTIFIED_COLUMNS) of its runs.
    """
    every = pd.concat(identified, ignore_index=True)
    total = every["hypotheses"].sum()
    sides = every["pair"].str.split("-", expand=True).reindex(columns=[0, 1])
    is_source = every["language"] == sides[0]
    wrong = every[every["language"] != sides[1]]
    if wrong.empty:
        return []
    counts = wrong.groupby("language")["hypotheses"].sum().sort_values(ascending=False)
    shares = [f"{name} {_percent(count, total)}" for name, count in counts.iloc[:SHOWN].items()]
    more = f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
    source = _percent(every.loc[is_source, "hypotheses"].sum(), total)
    return [
        f"{label}, off-target hypotheses of all directions: {', '.join(shares)}{more}; in the "
        f"language of the source: {source}"
    ]


def describe_accuracy(accuracy: pd.DataFrame) -> list[str]:
    """Quote an identifier's accuracy (ACCURACY_COLUMNS) in a line, and where it is too low."""
    errors, sentences = accuracy["errors"].sum(), accuracy["sentences"].sum()
    known = accuracy.dropna(subset=["percent"])
    if known.empty:
        return ["Language identifier: no held-out text to measure its errors"]
    worst = known.loc[known["percent"].idxmax()]
    lines = [
        f"Language identifier: it gets {_percent(errors, sentences)} of {sentences:,} held-out "
        f"sentences in {len(known)} languages wrong, at most {worst['percent']:.1f} % "
        f"({worst['language']}); trained on {_range(accuracy['training_sentences'])} sentences per "
        "language; by language: language_identifier.html"
    ]
    poor = known[known["percent"] > LARGEST_ERROR]
    if len(poor):
        listed = ", ".join(f"{row.language} {row.percent:.1f} %" for row in poor.itertuples())
        lines.append(
            f"Unreliable off-target rates, as the identifier gets more than {LARGEST_ERROR:g} % of "
            f"held-out sentences wrong: directions into {listed}"
        )
    unknown = sorted({*accuracy["language"]} - {*known["language"]})
    if unknown:
        lines.append(f"Identifier not measured, no test in this split: {', '.join(unknown)}")
    return lines


def accuracy_table(accuracy: pd.DataFrame, dataset: str, split: str) -> SetupTable:
    """Return an identifier's errors by language, then over all (ACCURACY_COLUMNS)."""
    rows = [
        _row(row.language, row.training_sentences, row.sentences, row.errors, row.taken_for)
        for row in accuracy.itertuples()
    ]
    total = accuracy[["training_sentences", "sentences", "errors"]].sum()
    rows.append(_row("all", total["training_sentences"], total["sentences"], total["errors"], ""))
    headers = ("training sentences", "held-out sentences", "errors", "errors in %", "taken for")
    return SetupTable(
        numbers=accuracy,
        texts=[
            TextTable(
                labels=("Language",), columns=tuple((h, "") for h in headers), rows=tuple(rows)
            )
        ],
        title=f"Language identifier of {dataset}, {split}",
        footer=[
            f"Naive Bayes over n-grams of {ORDERS[0]} to {ORDERS[1]} characters, trained on at "
            f"most {TRAINING_SENTENCES:,} sentences per language, none of them in this split",
            "Taken for: the language that most of the errors are identified as",
            *describe_accuracy(accuracy)[1:],
        ],
    )


def _row(
    language: str, training_sentences: int, sentences: int, errors: int, taken_for: str
) -> tuple[str, ...]:
    share = 100 * errors / sentences if sentences else float("nan")
    counts = (f"{number:,}" for number in (training_sentences, sentences, errors))
    return (language, *counts, format_number(share, 1), taken_for)


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %"


def _range(numbers: pd.Series) -> str:
    low, high = int(numbers.min()), int(numbers.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
