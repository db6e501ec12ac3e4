"""The statistics of neurons as readable text: numbers, and explanations of missing ones."""

from dataclasses import replace

import numpy as np
import pytest

from neuron_specialization.neurons.activity import activity_table
from neuron_specialization.tables.neuron_statistics import (
    activity_notes,
    activity_text,
    dead_layers,
    p_value,
    relation_notes,
    relation_text,
)
from tests.neurons.test_activity import COUNTS, MASKS
from tests.neurons.test_relations import EVERY, make_overlap, relate


@pytest.mark.parametrize(
    ("directions", "message"),
    [
        (["en-a1"], "No layer has the neurons of two languages: there is nothing to compare"),
        (["en-a1", "en-b1"], "No family has two languages: there is nothing to compare"),
        (["en-a1", "en-a2"], "All languages are of one family: there is nothing to compare"),
        (EVERY, None),
    ],
)
def test_missing_comparisons_are_explained(directions: list[str], message: str | None) -> None:
    table = relate(directions)
    notes = " ".join(relation_notes(table, make_overlap(directions)))
    assert "10,000 permutations" in notes
    assert message in notes if message else "nothing to compare" not in notes
    text = relation_text(table, "en")
    assert text.columns[-2:] == (("script", "rho"), ("script", "p"))
    assert [row[:2] for row in text.rows] == [
        ("Encoder layer 1", "X→en"),
        ("Decoder layer 1", "en→X"),
    ]
    cells = dict(zip(text.columns, text.rows[1][2:], strict=True))
    # no script has languages of two families here
    assert (cells.pop(("one script", "gap")), cells.pop(("one script", "p"))) == ("–", "–")
    assert ("–" in cells.values()) == bool(message)


def test_activity_in_percent_and_why_counts_differ() -> None:
    table = activity_table(COUNTS, MASKS, "en")
    text = activity_text(table, "en")
    assert text.rows[0] == ("Encoder layer 1", "en→X", "37.5", "12.5", "25.0", "50.0", "50.0")
    assert "Counts of sentences saturate" in " ".join(activity_notes(table))
    older = activity_table(replace(COUNTS, num_sentences_L=None), MASKS, "en")
    assert activity_text(older, "en").rows[0][2:4] == ("–", "12.5")
    assert "recorded without the number of sentences" in activity_notes(older)[-1]
    assert len(activity_notes(older)) == len(activity_notes(table)) + 1


def test_dead_layers_are_named() -> None:
    overlap = make_overlap(EVERY)
    sparsity_LN = overlap.sparsity_LN.copy()
    sparsity_LN[:, 0] = sparsity_LN[0, 1] = 1
    assert dead_layers(overlap) == []
    assert dead_layers(replace(overlap, sparsity_LN=sparsity_LN)) == [
        "Encoder layer 1 has no neuron of en-a1, en-a2, en-b1 and 5 more: none fired.",
        "Decoder layer 1 has no neuron of en-a1: none fired.",
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(np.nan, "–"), (0.0001, "0.0001"), (0.0036, "0.0036"), (0.5, "0.50")]
)
def test_readable_p_values(value: float, text: str) -> None:
    assert p_value(value) == text
