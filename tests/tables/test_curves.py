"""The validations of runs, as a table."""

from pathlib import Path

import pandas as pd
import pytest

from neuron_specialization.tables.curves import Curve, describe_curves, read_curves


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
def test_the_checkpoint_kept_is_the_last_of_the_best(
    metric: str, values: tuple[float, ...], updates: int
) -> None:
    assert curve(*values, metric=metric).best["updates"] == updates


def test_runs_with_the_same_batches_have_the_same_digits() -> None:
    one, other, longer = curve(1, 2), curve(8, 9, label="Other"), curve(1, 2, 3)
    assert one.batches == other.batches
    assert one.batches.startswith("10 (")
    assert longer.batches.split("(")[1] != one.batches.split("(")[1]


def test_hashes_of_digits_are_not_read_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "curve.csv"
    path.write_text("updates,metric,value,batches,sha256\n10,loss,5.5,4,0012345678901234\n")
    (read,) = read_curves([("x", 2)], [path], {"x": "X"}, {"x": ""})
    assert read.points["sha256"].tolist() == ["0012345678901234"]
    assert (read.label, read.parent, read.seed) == ("X", "", 2)


def test_the_table_has_a_row_per_run() -> None:
    curves = [curve(4, 3, label="Base", parent="", metric="loss"), curve(20, 30, seed=2)]
    table = describe_curves(curves, "toy")
    text = table.texts[0]
    assert text.rows[0][:6] == ("Base", "1", "–", "20", "20", "validation loss 3.00")
    assert text.rows[1][:6] == ("Ours", "2", "Base", "20", "20", "chrF++ 30.00")
    assert table.numbers["updates"].tolist() == [10, 20, 10, 20]
    assert table.numbers["parent"].tolist() == ["", "", "Base", "Base"]
