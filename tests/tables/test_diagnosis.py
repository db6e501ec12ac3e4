"""The diagnosis as a whole: its settings, its rows, and its text."""

from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest

from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.settings.diagnosis import (
    BASELINE,
    BILINGUAL,
    CONTINUED,
    RANDOM,
    ROLES,
    SPECIALIZED,
)
from neuron_specialization.tables.diagnosis import (
    DiagnosisSettings,
    Evidence,
    describe_diagnosis,
    diagnose,
)
from neuron_specialization.tables.setup_tables import write_setup_table
from neuron_specialization.tables.verdicts import Verdict, quote_red
from tests.tables.limits import LIMITS, limits
from tests.tables.samples import scored_run, scores_of, write
from tests.tables.test_curves import curve
from tests.tables.test_model_checks import counts_of, masks_of
from tests.tables.test_score_checks import with_intervals

NOTHING = Evidence(
    curves={BASELINE: [], SPECIALIZED: []},
    counts=[],
    masks=[],
    scores={role: [] for role in ROLES},
    tests=[],
)
EVIDENCE = Evidence(
    curves={BASELINE: [curve(1, 5, 5, 5, 5)], SPECIALIZED: [curve(5)]},
    counts=[counts_of(0, 0)],
    masks=[masks_of(0, 8)],
    scores={
        BASELINE: [scores_of({"en-de": 20, "lb-en": 10})],
        CONTINUED: [scores_of({"en-de": 24, "lb-en": 14})],
        RANDOM: [scores_of({"en-de": 19, "lb-en": 9})],
        BILINGUAL: [scores_of({"en-de": 22, "lb-en": 4})],
        SPECIALIZED: [],
    },
    tests=[with_intervals((-0.2, 0.2))],
)


def settings(**changes: object) -> DiagnosisSettings:
    schedule = {"learning_rate": 1, "warmup_updates": 10}
    values = {
        "dataset": "toy",
        "split": "test",
        "metrics": ["bleu"],
        "labels": {BASELINE: "Base", SPECIALIZED: "Ours"},
        "levels": {"de": "high", "lb": "low"},
        "pivot": "en",
        "schedules": {BASELINE: schedule, SPECIALIZED: schedule},
        "limits": LIMITS,
    }
    return DiagnosisSettings(**(values | changes))


@pytest.fixture
def written(tmp_path: Path) -> dict[str, Path]:
    out = {"csv": "csv", "markdown": "md", "latex": "tex", "html": "html"}
    files = {form: tmp_path / f"diagnosis.{ending}" for form, ending in out.items()}
    write_setup_table(describe_diagnosis(diagnose(EVIDENCE, settings()), settings()), files)
    return files


def test_the_table_has_every_line_with_its_reason(written: dict[str, Path]) -> None:
    table = read_table(written["csv"], ["value"])
    assert table.columns.tolist() == [field.name for field in fields(Verdict)]
    assert table["line"].drop_duplicates().tolist() == [
        *("converged", "interference", "further training"),
        *("neurons", "sparsity", "restart", "power"),
    ]
    assert set(table.query("status != 'shown' and line != 'further training'")["status"]) == {
        "green"
    }
    assert table["reason"].str.fullmatch(r"[A-Z0-9].*\.").all()
    text = written["markdown"].read_text(encoding="utf-8")
    assert (
        "| interference     | high                  |  2.00 BLEU | at least 0.5 |   green |" in text
    )
    assert "- Power, bleu: The mean of 1 direction" in text
    assert "specialized: Ours; continued baseline: none; scores of the split test" in text


def test_the_main_table_quotes_exactly_the_red_lines(
    written: dict[str, Path], tmp_path: Path
) -> None:
    text = write(tmp_path, scored_run("Base", 0), origin=quote_red(written["csv"]))
    quoted = [line for line in text.splitlines() if "diagnosis" in line]
    assert quoted == [
        "- Red in this run's diagnosis: further training, continued bleu. The continued baseline "
        "minus Base is 4.00 BLEU, over 2 directions: training without masks gains so much that it "
        "can hide a gain of neurons."
    ]


def test_a_run_that_left_nothing_is_unknown_in_every_line() -> None:
    assert {verdict.status for verdict in diagnose(NOTHING, settings(schedules={}))} == {"unknown"}


def test_further_training_has_a_row_for_each_metric_that_the_paper_gains_in() -> None:
    gains = {"bleu": 1.3, "chrf": 1.1}
    known = settings(metrics=["nll", "chrf", "bleu"], limits=limits(max_detectable=gains))
    assert known.compared == ["chrf", "bleu"]
    assert settings(metrics=["nll"], limits=limits(max_detectable=gains)).compared == ["nll"]


def test_numbers_are_not_rounded_for_programs(written: dict[str, Path]) -> None:
    value = pd.read_csv(written["csv"]).query("line == 'power'")["value"].item()
    assert value == 2.8 * 0.4 / 3.92
