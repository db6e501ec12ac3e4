"""Footers of off-target rates: the languages of wrong hypotheses, the identifier's accuracy."""

from pathlib import Path

import pandas as pd

from neuron_specialization.evaluation.language_identifier import ACCURACY_COLUMNS
from neuron_specialization.evaluation.off_target import IDENTIFIED_COLUMNS
from neuron_specialization.tables.off_target import (
    accuracy_table,
    describe_accuracy,
    describe_identified,
)
from neuron_specialization.tables.rows import ScoredRun
from neuron_specialization.tables.setup_tables import write_setup_table
from tests.tables.samples import PAIRS, scores_of, write

ACCURACY = pd.DataFrame(
    [
        ("en", 2000, 1000, 1, 0.1, "de"),
        ("de", 2000, 1000, 9, 0.9, "nl"),
        ("lb", 300, 500, 40, 8.0, "de"),
        ("sd", 100, 0, 0, float("nan"), ""),
    ],
    columns=list(ACCURACY_COLUMNS),
)


def identified(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(IDENTIFIED_COLUMNS))


def test_the_most_frequent_wrong_languages_are_named() -> None:
    one = identified(
        ("en-de", "de", 60, 60.0), ("en-de", "en", 30, 30.0), ("en-de", "nl", 10, 10.0)
    )
    two = identified(("de-nl", "nl", 90, 90.0), ("de-nl", "en", 6, 6.0), ("de-nl", "de", 4, 4.0))
    assert describe_identified("Base", [one, two]) == [
        "Base, off-target hypotheses of all directions: en 18.0 %, nl 5.0 %, de 2.0 %; in the "
        "language of the source: 17.0 %"
    ]
    more = [one, identified(("nl-de", "(none)", 10, 50.0), ("nl-de", "lb", 10, 50.0))]
    assert " and 1 more; in the" in describe_identified("Base", more)[0]


def test_nothing_wrong_is_no_line() -> None:
    assert describe_identified("Base", [identified(("en-de", "de", 60, 100.0))]) == []
    assert describe_identified("Base", [identified()]) == []


def test_the_identifier_is_quoted_with_what_is_unreliable() -> None:
    total, poor, unknown = describe_accuracy(ACCURACY)
    assert "2.0 % of 2,500 held-out sentences in 3 languages wrong, at most 8.0 % (lb)" in total
    assert "100 to 2,000 sentences per language" in total
    assert poor.startswith("Unreliable off-target rates")
    assert poor.endswith("directions into lb 8.0 %")
    assert unknown.endswith(": sd")
    assert len(describe_accuracy(ACCURACY[:2])) == 1
    assert describe_accuracy(ACCURACY[3:]) == [
        "Language identifier: no held-out text to measure its errors"
    ]


def test_accuracy_is_tabulated_by_language_and_over_all(tmp_path: Path) -> None:
    out = {form: tmp_path / form for form in ("csv", "markdown", "latex", "html")}
    write_setup_table(accuracy_table(ACCURACY, "toy", "test"), out)
    pd.testing.assert_frame_equal(
        pd.read_csv(out["csv"], keep_default_na=False, na_values={"percent": [""]}), ACCURACY
    )
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in out["markdown"].read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    assert rows[4] == ["lb", "300", "500", "40", "8.0", "de"]
    assert rows[5] == ["sd", "100", "0", "0", "–", ""]
    assert rows[6] == ["all", "4,400", "2,500", "50", "2.0", ""]
    assert "Unreliable off-target rates" in out["html"].read_text(encoding="utf-8")


def test_tables_print_per_cent_with_one_decimal(tmp_path: Path) -> None:
    runs = [
        ScoredRun(
            system=name,
            label=name.title(),
            seed=1,
            scores=scores_of(dict.fromkeys(PAIRS, rate), "off_target", signature="identifier:x"),
        )
        for name, rate in (("base", 12.345), ("ours", 2.345))
    ]
    text = write(tmp_path, *runs, metric="off_target")
    assert "12.3" in next(line for line in text.splitlines() if "| Base" in line)
    assert "−10.0" in next(line for line in text.splitlines() if "| Ours" in line)
    assert "- off-target rate: hypotheses in another language than the target's, in per" in text
