"""Source-by-target tables: cells, means, marks and notes, computed by hand."""

from itertools import permutations
from pathlib import Path

import pandas as pd
import pytest

from neuron_specialization.evaluation.significance import COMPARISON_COLUMNS, cell_name
from neuron_specialization.tables.cells import matrix_cells, table_blocks
from neuron_specialization.tables.footers import describe_zero_shot
from neuron_specialization.tables.rows import ScoredRun
from tests.tables.samples import scores_of, write

LEVELS = {"de": "high", "fr": ""}
PAIRS = ["en-de", "en-fr", "de-en", "fr-en", "de-fr", "fr-de"]
BASE = {"en-de": 20.0, "en-fr": 22.0, "de-en": 30.0, "fr-en": 40.0, "de-fr": 4.0, "fr-de": 10.0}
OURS = {"en-de": 21.0, "en-fr": 22.0, "de-en": 28.0, "fr-en": 40.0, "de-fr": 8.0, "fr-de": 11.0}


def run(label: str, scores: dict[str, float]) -> ScoredRun:
    return ScoredRun(system=label.lower(), label=label, seed=1, scores=scores_of(scores))


def matrix(folder: Path, *runs: ScoredRun, **changes: object) -> str:
    values = {"layout": "matrix", "levels": LEVELS, "directions": PAIRS}
    return write(folder, *runs, **values | changes)


def rows_of(text: str) -> list[list[str]]:
    """Return the cells of the first table of a text, without header and rule."""
    lines = [line for line in text.split("###")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_cells_are_directions_and_means_over_them() -> None:
    cells = matrix_cells(PAIRS, ["en", "de", "fr"], "en")
    assert list(cells) == ["en", "de", "fr", "avg", "without en"]
    assert cells["de"] == {
        ("en", ""): (("de-en",),),
        ("fr", ""): (("de-fr",),),
        ("avg", ""): (("de-en", "de-fr"),),
    }
    assert cells["avg"]["de", ""] == (("en-de", "fr-de"),)
    assert {*cells["avg"]["avg", ""][0]} == {*PAIRS}
    assert cells["without en"] == {
        ("de", ""): (("fr-de",),),
        ("fr", ""): (("de-fr",),),
        ("avg", ""): (("de-fr", "fr-de"),),
    }


def test_a_matrix_may_lack_the_pivot_or_have_nothing_else() -> None:
    assert list(matrix_cells(["de-fr"], ["en", "de", "fr"], "en")) == ["de", "avg"]
    assert list(matrix_cells(["en-fr"], ["en", "de", "fr"], "en")) == ["en", "avg"]
    # codes of which one ends like another
    cells = matrix_cells(["en-ar", "en-far"], ["en", "ar", "far"], "en")
    assert cells["avg"]["ar", ""] == (("en-ar",),)


def test_languages_without_a_test_are_in_no_cell() -> None:
    given = {"levels": LEVELS, "pivot": "en", "scored": PAIRS, "first": PAIRS}
    blocks = table_blocks("matrix", directions=PAIRS, untested=["fr"], **given)
    assert {place for cells in blocks.values() for place, _ in cells} == {"en", "de", "avg"}


@pytest.mark.parametrize("layout", ["levels", "languages"])
def test_other_layouts_have_only_directions_with_the_pivot(layout: str) -> None:
    def blocks(pairs: list[str]) -> dict:
        given = {"directions": PAIRS[:4], "scored": pairs, "first": pairs}
        return table_blocks(layout, levels=LEVELS, pivot="en", **given)

    assert blocks(PAIRS) == blocks(PAIRS[:4])
    assert blocks(["en-de", "de-fr"]) == blocks(["en-de"])


def test_scores_then_differences_by_source_and_target(tmp_path: Path) -> None:
    text = matrix(tmp_path, run("Base", BASE), run("Ours", OURS))
    assert rows_of(text)[:1] == [["System", "From", "Into En", "Into De", "Into Fr", "Avg"]]
    assert rows_of(text)[2:] == [
        ["Base", "en", "", "20.0", "22.0", "21.0"],
        ["Base", "de", "30.0", "", "4.0", "17.0"],
        ["Base", "fr", "40.0", "10.0", "", "25.0"],
        ["Base", "avg", "35.0", "15.0", "13.0", "21.0"],
        ["Base", "without en", "", "10.0", "4.0", "7.0"],
        ["Ours", "en", "", "+1.0", "0.0", "+0.5"],
        ["Ours", "de", "−2.0", "", "+4.0", "+1.0"],
        ["Ours", "fr", "0.0", "+1.0", "", "+0.5"],
        ["Ours", "avg", "−1.0", "+1.0", "+2.0", "+0.7"],
        ["Ours", "without en", "", "+1.0", "+4.0", "+2.5"],
    ]
    assert "without en: the same over directions without en" in text
    assert "Left out" not in text
    csv = pd.read_csv(tmp_path / "table.csv").set_index(["source", "system", "kind"])
    assert list(csv) == ["extra_parameters", "en", "de", "fr", "avg"]
    assert csv.loc[("without en", "Ours", "delta"), "avg"] == 2.5
    assert csv.loc[("without en", "Ours", "absolute"), "avg"] == 9.5


def test_a_missing_score_is_a_dash_and_empties_its_means(tmp_path: Path) -> None:
    known = {pair: score for pair, score in OURS.items() if pair != "de-fr"}
    rows = rows_of(matrix(tmp_path, run("Base", BASE), run("Ours", known)))
    assert rows[8][1:] == ["de", "−2.0", "", "–", "–"]
    assert rows[10][1:] == ["avg", "−1.0", "+1.0", "–", "–"]
    assert rows[9][1:] == ["fr", "0.0", "+1.0", "", "+0.5"]


def paired_results(p_values: dict[str, float]) -> pd.DataFrame:
    """Return paired tests of OURS; means that are not named have p = 1."""
    cells = matrix_cells(PAIRS, ["en", "de", "fr"], "en").values()
    names = {cell_name(c) for of in cells for c in of.values() if sum(map(len, c)) > 1}
    rows = [(pair, "", "bleu", OURS[pair], BASE[pair], 0, 0, p_values[pair]) for pair in PAIRS]
    rows += [("", name, "bleu", 2, 1, 0, 0, p_values.get(name, 1.0)) for name in sorted(names)]
    table = pd.DataFrame([(*row, "ar:9|seed:1") for row in rows], columns=list(COMPARISON_COLUMNS))
    return table.assign(role="parent", other="base", seed=1)


def test_marks_are_of_tests_adjusted_over_all_directions_of_the_matrix(tmp_path: Path) -> None:
    p_values = dict.fromkeys(PAIRS, 0.5) | {"de-fr": 0.008, "de-en": 0.011}
    p_values |= {"de-fr fr-de": 0.001}
    text = matrix(
        tmp_path,
        *(run("Base", BASE), run("Ours", OURS)),
        tests=[("Ours", paired_results(p_values))],
    )
    rows = rows_of(text)
    # Holm over six: 0.008 x 6 = 0.048 is below 0.05, 0.011 x 5 = 0.055 is not
    assert rows[8][2:] == ["−2.0", "", "+4.0†", "+1.0"]
    # the only direction into fr without en, and the mean of both
    assert rows[11][2:] == ["", "+1.0", "+4.0†", "+2.5†"]
    assert rows_of(text.split("###")[1].split("- Base")[0])[2:] == [
        ["avg", "Ours", "Base", "1/0/5 (1/1, 0.15)"],
        ["without en", "Ours", "Base", "1/0/1 (1/0, 0.05)"],
    ]
    every = pd.read_csv(tmp_path / "table.tests.csv", keep_default_na=False)
    assert {*every[every["pair"] != ""]["pair"]} == {*PAIRS}


def test_zero_shot_rows_are_named_with_the_masks_that_are_composed() -> None:
    assert describe_zero_shot({}) == []
    (line,) = describe_zero_shot({"Base": ""})
    assert line == "Zero-shot: directions without training, of Base"
    both = describe_zero_shot({"Base": "", "Ours": "composed"})
    assert both[0].endswith("of Base, Ours")
    assert "masks are composed" in both[1]
    assert both[1].endswith("of Ours")


def test_every_pair_of_ten_languages_is_in_one_cell() -> None:
    codes = [f"l{n}" for n in range(10)]
    pairs = [f"{a}-{b}" for a, b in permutations(codes, 2)]
    cells = matrix_cells(pairs, codes, "l0")
    single = [cells[code][other, ""] for code, other in permutations(codes, 2)]
    assert sorted(pair for ((pair,),) in single for pair in [pair]) == sorted(pairs)
    assert len(cells["without l0"]["avg", ""][0]) == 9 * 8
