"""Curves of validations, and of gains."""

import pandas as pd

from neuron_specialization.figures.curves import draw_curves
from neuron_specialization.figures.scores import draw_gains
from neuron_specialization.figures.style import paper_style
from tests.tables.test_curves import curve


def test_runs_from_scratch_and_each_parent_have_a_panel() -> None:
    curves = [
        curve(4, 3, label="Base", parent="", metric="loss"),
        curve(1, 2),
        curve(3, 4, seed=2),
        curve(5, 6, label="Other"),
        curve(7, 8, parent="Long base"),
    ]
    with paper_style():
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
    with paper_style():
        panels = draw_gains(pd.DataFrame(rows, columns=columns), metric="BLEU", pivot="en").axes
    assert [axes.get_title() for axes in panels] == ["against Continued", "against Continued, long"]
    labels = [tick.get_text() for tick in panels[0].get_xticklabels()]
    assert labels == ["High\nen→X", "High\nX→en", "All\nen→X", "All\nX→en"]
    assert [each.get_label() for each in panels[0].containers] == ["Ours", "Random"]
    assert list(panels[0].containers[0][0].get_ydata()) == [1.5] * 4
