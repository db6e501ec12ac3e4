"""The validations of trainings, as a table and as curves."""

from pathlib import Path

import pandas as pd
import pytest

from neuron_specialization.figures.curves import (
    Curve,
    curve_table,
    curve_text,
    draw_curves,
    read_curves,
)
from neuron_specialization.figures.scores import draw_gains
from neuron_specialization.figures.style import look


def curve(
    *values: float, label: str = "Ours", parent: str = "Base", seed: int = 1, metric: str = "chrf"
) -> Curve:
    rows = [(10 * n, metric, value, 5, f"{n}abc") for n, value in enumerate(values, start=1)]
    points = pd.DataFrame(rows, columns=["updates", "metric", "value", "batches", "sha256"])
    return Curve(label=label, parent=parent, seed=seed, points=points)


@pytest.mark.parametrize(
    ("metric", "values", "updates"),
    [("chrf", (1, 3, 3, 2), 30), ("loss", (3, 1, 2, 1), 40), ("bleu", (5,), 10)],
)
def test_the_checkpoint_that_is_kept_is_the_last_of_the_best(
    metric: str, values: tuple[float, ...], updates: int
) -> None:
    assert curve(*values, metric=metric).best["updates"] == updates


def test_trainings_that_saw_the_same_have_the_same_digits() -> None:
    one, other, longer = curve(1, 2), curve(8, 9, label="Other"), curve(1, 2, 3)
    assert one.batches == other.batches
    assert one.batches.startswith("10 (")
    assert longer.batches.split("(")[1] != one.batches.split("(")[1]


def test_files_of_digits_are_not_numbers(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    path.write_text("updates,metric,value,batches,sha256\n10,loss,5.5,4,0012345678901234\n")
    (read,) = read_curves([("x", 2)], [path], {"x": "X"}, {"x": ""})
    assert read.points["sha256"].tolist() == ["0012345678901234"]
    assert (read.label, read.parent, read.seed) == ("X", "", 2)


def test_the_table_has_a_row_per_training() -> None:
    curves = [curve(4, 3, label="Base", parent="", metric="loss"), curve(20, 30, seed=2)]
    text = curve_text(curves)
    assert text.rows[0][:6] == ("Base", "1", "–", "20", "20", "validation loss 3.00")
    assert text.rows[1][:6] == ("Ours", "2", "Base", "20", "20", "chrF++ 30.00")
    table = curve_table(curves)
    assert table["updates"].tolist() == [10, 20, 10, 20]
    assert table["parent"].tolist() == ["", "", "Base", "Base"]


def test_a_panel_for_what_starts_anew_and_one_for_each_parent() -> None:
    curves = [
        curve(4, 3, label="Base", parent="", metric="loss"),
        curve(1, 2),
        curve(3, 4, seed=2),
        curve(5, 6, label="Other"),
        curve(7, 8, parent="Long base"),
    ]
    with look():
        panels = draw_curves(curves).axes
    titles = [axes.get_title() for axes in panels]
    assert titles == ["from scratch", "continuing Base", "continuing Long base"]
    assert [axes.get_ylabel() for axes in panels] == ["validation loss", "chrF++", "chrF++"]
    named = {
        line.get_label(): list(line.get_ydata())
        for line in panels[1].lines
        if not str(line.get_label()).startswith("_")
    }
    assert named == {"Ours": [2, 3], "Other": [5, 6]}
    assert len(panels[1].lines) == 4  # two seeds, two means


def test_gains_have_a_panel_per_continued_baseline() -> None:
    rows = [
        (system, against, group, side, seeds, gain, half)
        for system, against, seeds, gain, half in (
            ("Ours", "Continued", 3, 1.5, 0.5),
            ("Random", "Continued", 1, -1.0, float("nan")),
            ("Ours, long", "Continued, long", 3, 0.2, 0.4),
        )
        for group in ("High", "All")
        for side in ("O2M", "M2O", "Avg")
    ]
    columns = ["system", "against", "group", "direction", "seeds", "gain", "half_width"]
    with look():
        panels = draw_gains(pd.DataFrame(rows, columns=columns), metric="BLEU", pivot="en").axes
    assert [axes.get_title() for axes in panels] == ["against Continued", "against Continued, long"]
    labels = [tick.get_text() for tick in panels[0].get_xticklabels()]
    assert labels == ["High\nen→X", "High\nX→en", "All\nen→X", "All\nX→en"]
    assert [each.get_label() for each in panels[0].containers] == ["Ours", "Random"]
    assert list(panels[0].containers[0][0].get_ydata()) == [1.5] * 4
