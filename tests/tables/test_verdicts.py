"""Verdicts of the diagnosis, and their red lines."""

import math
from pathlib import Path

import pytest

from neuron_specialization.tables.verdicts import Question, at_least, at_most, quote_red, show

TRAINED = Question(line="trained", part="x", unit="%", limit=at_most(3), if_red="it was short")


@pytest.mark.parametrize(
    ("limit", "value", "status"),
    [
        (at_most(3), 2.9, "green"),
        (at_most(3), 3, "green"),
        (at_most(3), 3.01, "red"),
        (at_least(3), 3.01, "green"),
        (at_least(3), 3, "green"),
        (at_least(3), 2.9, "red"),
        (at_least(0), -0.1, "red"),
        # rounding errors break no limit
        (at_most(15), 15.000000000000002, "green"),
        (at_least(0.3), 0.1 * 3 - 1e-16, "green"),
    ],
)
def test_a_limit_is_kept_or_broken(limit, value: float, status: str) -> None:
    question = Question(line="trained", part="", unit="%", limit=limit)
    assert question.answer(value, "It is").status == status


def test_only_a_red_line_names_its_consequence() -> None:
    assert TRAINED.answer(3, "It is 3 %").reason == "It is 3 %."
    red = TRAINED.answer(4, "It is 4 %")
    assert red.reason == "It is 4 %: it was short."
    assert (red.line, red.part, red.value, red.unit) == ("trained", "x", 4, "%")
    assert red.limit == "at most 3"


def test_a_number_without_a_limit_is_shown() -> None:
    verdict = Question(line="trained", part="", unit="%").answer(99, "It is 99 %")
    assert (verdict.status, verdict.limit, verdict.reason) == ("shown", "", "It is 99 %.")


def test_an_unknown_line_says_how_to_know_it() -> None:
    verdict = TRAINED.unknown("No run", "make one")
    assert (verdict.status, verdict.reason) == ("unknown", "No run; make one.")
    assert math.isnan(verdict.value)


def test_numbers_have_two_decimals_unless_these_hide_them() -> None:
    shown = [show(value) for value in (-0.126, 1234.5, 0, 0.0021)]
    assert shown == ["−0.13", "1,234.50", "0.00", "0.0021"]


def test_exactly_the_red_lines_are_quoted(tmp_path: Path) -> None:
    path = tmp_path / "diagnosis.csv"
    rows = [
        "line,part,value,unit,limit,status,reason",
        "trained,,5,%,at most 3,red,It is 5 %.",
        "trained,x,1,%,at most 3,green,It is 1 %.",
        'power,bleu,2,BLEU,at most 1.3,red,"It is 2, too much."',
        "power,chrf,,chrF++,at most 1,unknown,No test.",
        "power,nll,1,nll,,shown,It is 1.",
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert quote_red(path) == [
        "Red in this run's diagnosis: trained. It is 5 %.",
        "Red in this run's diagnosis: power, bleu. It is 2, too much.",
    ]
