"""The statistics of cross-mask matrices as readable text, with explanatory notes."""

import pandas as pd

from neuron_specialization.neurons.sides import side_label
from neuron_specialization.neurons.statistics import PERMUTATIONS
from neuron_specialization.tables.neuron_statistics import p_value
from neuron_specialization.tables.render import TextTable, format_number

COLUMNS = {
    ("masks", "own"): "own",
    ("masks", "other"): "other",
    ("masks", "excess"): "excess",
    ("masks", "p"): "p",
    ("families", "within"): "within",
    ("families", "across"): "across",
    ("families", "gap"): "gap",
    ("families", "p"): "p_families",
}
"""Columns of the text, and of the table that they show."""


def cross_mask_text(tests: pd.DataFrame, pivot: str) -> TextTable:
    """Return the statistics of `cross_mask_tests` as text."""
    rows = []
    for _, row in tests.iterrows():
        cells = [show(name, row[name]) for name in COLUMNS.values()]
        rows.append((side_label(row["side"], pivot), str(row["directions"]), *cells))
    return TextTable(labels=("Side", "Directions"), columns=tuple(COLUMNS), rows=tuple(rows))


def show(name: str, value: float) -> str:
    """Return a statistic as text: a p-value, a likelihood, or a difference with its sign."""
    if name in ("p", "p_families"):
        return p_value(value)
    return format_number(value, 3, signed=name not in ("own", "other"))


def cross_mask_notes(tests: pd.DataFrame, pivot: str) -> list[str]:
    """Explain how to read the table, and why numbers are missing."""
    outward = side_label("o2m", pivot)
    notes = [
        "Masks: negative log-likelihood of the references in nats per target token, without the "
        "language tag (nll), through a direction's own mask and through those of the other "
        "directions of its side; excess: other minus own.",
        f"p of own masks: the share of {PERMUTATIONS:,} permutations of the masks over the "
        "directions whose nll is at most as high, one-sided.",
        "Families: the excess through masks of the same family (within) and of other families "
        "(across); gap: across minus within; p: the share of permutations of the languages with "
        "at least this gap, one-sided.",
        f"If the validation text has the same sentences in all languages, all {outward} have the "
        "same encoder mask, and only the decoder's masks differ.",
    ]
    few = [side_label(row.side, pivot) for row in tests.itertuples() if row.directions < 2]
    if few:
        notes.append(f"Fewer than two directions, so nothing to compare: {', '.join(few)}")
    return notes
