"""Tables of scores: exact small cases in both layouts, as numbers, as text and as CSV."""

import os
from pathlib import Path

import pandas as pd
import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.settings.languages import TABLE_COLUMNS
from neuron_specialization.tables.cells import language_cells, level_cells
from neuron_specialization.tables.rows import SystemRow
from neuron_specialization.tables.score_tables import (
    EXTRA_PARAMETERS,
    main_table,
    score_table,
    score_text,
    write_csv,
)
from tests.tables.samples import NAN, scores_of, system

LEVELS = {"de": "high", "nl": "high", "sv": "medium", "lb": "low", "oc": ""}
SMALL = {"en-de": 30.0, "en-nl": 20.0, "de-en": 40.0, "nl-en": 31.0, "en-sv": 10.0, "sv-en": 15.0}
SMALL |= {"en-oc": 4.0, "oc-en": 6.0}
SYSTEMS = [
    system("mT-big", SMALL),
    system("Adapter_LP", {pair: score + 1.26 for pair, score in SMALL.items()}, 86.6),
    system("Ours", {pair: score - 0.04 for pair, score in SMALL.items()}, 0.0),
    system("Bilingual", {pair: SMALL[pair] for pair in ("en-de", "en-nl", "de-en")}),
]
LANGUAGES = ["lb", "de", "nl"]  # not sorted, to show that their order is kept
BY_LANGUAGE = {"en-de": 30.0, "en-nl": 20.0, "en-lb": 4.0, "de-en": 40.0, "nl-en": 31.0}
BY_LANGUAGE |= {"lb-en": 7.0, "en-sv": 99.0}  # the last is not in the table
ROWS = [
    system("Bilingual", BY_LANGUAGE),
    system("mT_big", {**BY_LANGUAGE, "en-de": 31.5, "lb-en": 13.0}, 0.0),
    system("Partial", {"en-de": 29.0, "en-nl": 20.0, "en-lb": 4.5, "nl-en": 31.25}, -38.2),
]


def by_level(systems=SYSTEMS, pairs=SMALL, metric: str = "bleu") -> pd.DataFrame:
    return score_table(systems, {"": level_cells(pairs, LEVELS, "en")}, metric)


def by_language(systems=ROWS, languages=LANGUAGES, levels=LEVELS, **options) -> pd.DataFrame:
    return score_table(systems, language_cells(languages, levels, "en"), "bleu", **options)


def test_a_table_by_level_has_every_system_absolute_and_as_delta() -> None:
    table = by_level()
    labels = [entry.label for entry in SYSTEMS]
    assert list(table.index) == [
        (label, kind) for kind in ("absolute", "delta") for label in labels
    ]
    assert list(table.columns) == [
        EXTRA_PARAMETERS,
        *((group, side) for group in ("High", "Med", "All") for side in ("O2M", "M2O", "Avg")),
    ]
    assert table.loc[("mT-big", "absolute"), "High"].tolist() == [25.0, 35.5, 30.25]
    assert table.loc[("Adapter_LP", "delta"), "High"].tolist() == pytest.approx([1.26] * 3)
    assert (table.loc[("mT-big", "delta")].drop(EXTRA_PARAMETERS) == 0).all()
    assert table[EXTRA_PARAMETERS].isna().tolist() == [True, False, False, True] * 2


def test_a_table_by_language_has_all_rows_in_every_block() -> None:
    table = by_language()
    assert list(table.index.names) == ["direction", "system", "kind"]
    assert list(table.index) == [
        (block, entry.label, kind)
        for block in ("O2M", "M2O")
        for kind in ("absolute", "delta")
        for entry in ROWS
    ]
    assert table[EXTRA_PARAMETERS].tolist() == pytest.approx([NAN, 0.0, -38.2] * 4, nan_ok=True)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("O2M", "Bilingual", "absolute"), [4.0, 30.0, 20.0, 25.0, 4.0, 18.0]),
        (("O2M", "Bilingual", "delta"), [0.0] * 6),
        (("O2M", "mT_big", "absolute"), [4.0, 31.5, 20.0, 25.75, 4.0, 18.5]),
        (("M2O", "Bilingual", "absolute"), [7.0, 40.0, 31.0, 35.5, 7.0, 26.0]),
        (("M2O", "mT_big", "delta"), [6.0, 0.0, 0.0, 0.0, 6.0, 2.0]),
        # scores that a system lacks are missing, and so are their averages
        (("M2O", "Partial", "absolute"), [NAN, NAN, 31.25, NAN, NAN, NAN]),
        (("M2O", "Partial", "delta"), [NAN, NAN, 0.25, NAN, NAN, NAN]),
    ],
)
def test_cells(row: tuple[str, str, str], expected: list[float]) -> None:
    cells = by_language().loc[row].drop(EXTRA_PARAMETERS).tolist()
    assert cells == pytest.approx(expected, rel=0, abs=0, nan_ok=True)


def test_a_direction_that_no_system_has_is_missing_too() -> None:
    table = main_table(by_level(pairs=[*SMALL, "en-lb"]))
    assert table["Low", "O2M"].isna().all()
    assert table["All", "O2M"].isna().all()
    assert ("Low", "M2O") not in table.columns


def test_other_directions_and_metrics_are_ignored() -> None:
    both = pd.concat([SYSTEMS[0].scores, scores_of({"en-de": 0.8}, "comet")])
    row = SystemRow(label="mT-big", scores=both, extra_parameters=None)
    for metric, score in (("comet", 0.8), ("bleu", 30.0)):
        assert main_table(by_level([row], ["en-de"], metric))["All", "O2M"].tolist() == [score]


@pytest.mark.parametrize(
    ("systems", "pairs", "metric", "message"),
    [
        ([], SMALL, "bleu", "at least one system and one direction"),
        (SYSTEMS, [], "bleu", "at least one system and one direction"),
        (SYSTEMS, SMALL, "comet", "metric 'comet': found bleu"),
    ],
)
def test_unusable_requests(systems, pairs, metric: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        by_level(systems, pairs, metric)


# ---- as text ----


def test_the_rows_that_the_paper_prints_by_level() -> None:
    text = score_text(by_level())
    assert text.labels == ("System",)
    assert text.rows == (
        ("mT-big", "–", *["25.0", "35.5", "30.2", "10.0", "15.0", "12.5", "16.0", "23.0", "19.5"]),
        ("Adapter_LP", "+87 %", *["+1.3"] * 9),
        ("Ours", "0 %", *["0.0"] * 9),
        ("Bilingual", "–", "0.0", *["–"] * 8),
    )


def test_the_rows_that_the_paper_prints_by_language() -> None:
    text = score_text(by_language(), {("M2O", "mT_big", ("lb", "")): "†"})
    assert (text.labels, text.block_labels) == (("Direction", "System"), 1)
    assert [" ".join(row) for row in text.rows] == [
        "O2M Bilingual – 4.0 30.0 20.0 25.0 4.0 18.0",
        "O2M mT_big 0 % 0.0 +1.5 0.0 +0.8 0.0 +0.5",
        "O2M Partial −38 % +0.5 −1.0 0.0 −0.5 +0.5 −0.2",
        "M2O Bilingual – 7.0 40.0 31.0 35.5 7.0 26.0",
        "M2O mT_big 0 % +6.0† 0.0 0.0 0.0 +6.0 +2.0",
        "M2O Partial −38 % – – +0.2 – – –",
    ]


@pytest.mark.parametrize(
    ("difference", "extra", "shown"),
    [
        (-1.26, -38.2, ("−38 %", "−1.3")),
        (0.05001, 0.4, ("0 %", "+0.1")),
        (-0.04, -0.4, ("0 %", "0.0")),
        (NAN, None, ("–", "–")),
    ],
)
def test_signs_and_missing_cells(
    difference: float, extra: float | None, shown: tuple[str, str]
) -> None:
    rows = [system("base", {"en-oc": 50.0}), system("other", {"en-oc": 50.0 + difference}, extra)]
    assert score_text(by_level(rows, ["en-oc"])).rows[1] == ("other", *shown)


# ---- as CSV ----

CSV = """\
direction,system,kind,extra_parameters,lb,de,nl,high,low,avg
o2m,Bilingual,absolute,,4.0,30.0,20.0,25.0,4.0,18.0
o2m,mT_big,absolute,0.0,4.0,31.5,20.0,25.75,4.0,18.5
o2m,Bilingual,delta,,0.0,0.0,0.0,0.0,0.0,0.0
o2m,mT_big,delta,0.0,0.0,1.5,0.0,0.75,0.0,0.5
m2o,Bilingual,absolute,,7.0,40.0,31.0,35.5,7.0,26.0
m2o,mT_big,absolute,0.0,13.0,40.0,31.0,35.5,13.0,28.0
m2o,Bilingual,delta,,0.0,0.0,0.0,0.0,0.0,0.0
m2o,mT_big,delta,0.0,6.0,0.0,0.0,0.0,6.0,2.0
"""


def csv(folder: Path, table: pd.DataFrame) -> str:
    write_csv(table, folder / "table.csv")
    return (folder / "table.csv").read_bytes().decode()


def test_csv_by_language_in_any_order_of_scores(tmp_path: Path) -> None:
    reordered = [
        SystemRow(label=row.label, scores=row.scores[::-1], extra_parameters=row.extra_parameters)
        for row in ROWS[:2]
    ]
    assert csv(tmp_path, by_language(ROWS[:2])) == csv(tmp_path, by_language(reordered)) == CSV


def test_csv_by_level_keeps_full_precision(tmp_path: Path) -> None:
    table = by_level()
    text = csv(tmp_path, table)
    assert text.splitlines()[0] == (
        "system,kind,extra_parameters,high_o2m,high_m2o,high_avg,"
        "med_o2m,med_m2o,med_avg,all_o2m,all_m2o,all_avg"
    )
    read = pd.read_csv(tmp_path / "table.csv", float_precision="round_trip")
    assert list(zip(read["system"], read["kind"], strict=True)) == list(table.index)
    pd.testing.assert_frame_equal(
        read.iloc[:, 2:], pd.DataFrame(table.to_numpy(), columns=read.columns[2:]), rtol=0, atol=0
    )


def test_csv_keeps_codes_and_labels(tmp_path: Path) -> None:
    rows = [system("O2M", {"en-zh_Hans": 100 / 3})]
    header, first, *_ = csv(tmp_path, by_language(rows, ["zh_Hans"], {"zh_Hans": ""})).splitlines()
    assert header == "direction,system,kind,extra_parameters,zh_Hans,avg"
    assert first == f"o2m,O2M,absolute,,{100 / 3},{100 / 3}"


def test_other_columns_are_not_language_codes(tmp_path: Path) -> None:
    languages = ["lb", "sv", "de"]
    scores = scores_of({"en-de": 1.0}, "bleu_raw")
    rows = [*ROWS, SystemRow(label="a", scores=scores, extra_parameters=None)]
    header = csv(tmp_path, by_language(rows, languages, raw="bleu_raw")).split("\n")[0]
    assert set(header.split(",")) - {*languages, "extra_parameters"} < set(TABLE_COLUMNS)
    assert {"med", "raw"} < set(header.split(","))


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        write_csv(by_level(), path)
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [
        ("table.csv", "old")
    ]
