"""Figures show their tables in the right order, or explain why there is nothing to show."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.figures.heat_maps import Panel, draw_heat_map, family_order
from neuron_specialization.figures.layers import draw_sparsity, sparsity_by_layer
from neuron_specialization.figures.neurons import (
    draw_all,
    make_boxes,
    make_dendrograms,
    make_heat_map,
    make_panel,
)
from neuron_specialization.figures.scores import (
    draw_language_bars,
    draw_sweep,
    improvements,
    language_bars,
)
from neuron_specialization.figures.style import (
    COLOURS,
    HIGHLIGHT,
    colours_of,
    colours_of_systems,
    paper_style,
    save_figure,
)
from neuron_specialization.figures.summary import draw_summary, mean_gains
from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.sides import SIDES
from neuron_specialization.neurons.storage import Masks

FAMILIES = {"b1": "B", "a1": "A", "b2": "B", "a2": "A"}
LAYERS = ("encoder.layers.0", "encoder.layers.1", "decoder.layers.0", "decoder.layers.1")
FROM, INTO = [f"en-{code}" for code in FAMILIES], [f"{code}-en" for code in FAMILIES]
ALONE = ["en-a1", "a1-en"]


def make_overlap(directions: list[str] = FROM + INTO, dead: str = "") -> Overlap:
    """Return the overlap of random masks; a dead layer has none."""
    shape = (len(directions), len(LAYERS), 200)
    mask_LNF = np.random.default_rng(1).random(shape) < 0.6
    mask_LNF[:, [layer == dead for layer in LAYERS]] = False
    masks = Masks(directions=tuple(directions), layers=LAYERS, mask_LNF=mask_LNF, provenance={})
    return Overlap.of(masks, "en")


def test_languages_are_grouped_by_family_and_cells_match_their_labels() -> None:
    overlap = make_overlap()
    panel = make_panel(overlap, FAMILIES, "decoder.layers.1")
    figure, data = make_heat_map(panel)
    axes = figure.axes[0]
    order = ["b1", "b2", "a1", "a2"]
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == order
    assert axes.get_title() == "Decoder layer 2, en→X"
    assert list(data["language"]) == list(data.columns[1:]) == order
    shown = axes.images[0].get_array()
    assert (shown.mask == np.eye(4)).all()
    table = overlap.table().query("layer == 'decoder.layers.1' and side == 'o2m'")
    assert len(table) == 6
    for a, b, iou in table[["a", "b", "iou"]].itertuples(index=False):
        i, j = order.index(a), order.index(b)
        assert shown[i, j] == shown[j, i] == data[a][j] == data[b][i] == iou


def test_family_bars_follow_their_languages() -> None:
    figure, _ = make_heat_map(make_panel(make_overlap(), FAMILIES, "encoder.layers.0"))
    assert figure.axes[0].get_title() == "Encoder layer 1, X→en"
    colours = colours_of(["B", "A"])
    bars = [(to_hex(bar.get_facecolor()).upper(), bar) for bar in figure.axes[0].patches]
    assert [colour for colour, _ in bars] == [colours[f].upper() for f in "BBAA"]
    below = [bar for _, bar in bars if bar.get_width() > bar.get_height()]
    assert [round(bar.get_x() + bar.get_width() / 2, 2) for bar in below] == [0.5, 2.5]


def test_families_are_ordered_by_their_first_language() -> None:
    assert family_order(["B", "A", "B", "C", "A"]) == [0, 2, 1, 4, 3]


def test_the_linear_scale_covers_the_values() -> None:
    iou_LL = np.array([[1, 0.52, 0.61], [0.52, 1, 0.7], [0.61, 0.7, 1]])
    with paper_style():
        figure = draw_heat_map(Panel(title="", iou_LL=iou_LL, languages="abc", families="ABB"))
    labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert labels == ["0.50", "0.55", "0.60", "0.65", "0.70"]


@pytest.mark.parametrize(
    ("overlap", "layer", "message"),
    [
        (make_overlap(ALONE), LAYERS[0], "Encoder layer 1, X→en, has the neurons of a1 only"),
        (
            make_overlap(dead=LAYERS[2]),
            LAYERS[2],
            "Decoder layer 1, en→X has no active neuron of b1, b2, a1, a2",
        ),
    ],
)
def test_a_figure_explains_why_there_is_nothing_to_show(
    overlap: Overlap, layer: str, message: str
) -> None:
    figure, _ = make_heat_map(make_panel(overlap, FAMILIES, layer))
    assert message in figure.texts[0].get_text()


def test_nothing_to_compare_leaves_no_figure_empty() -> None:
    alone = make_overlap(ALONE)
    for figure, _ in (make_boxes(alone), make_dendrograms(alone, FAMILIES)):
        assert "has the neurons of two languages" in figure.texts[0].get_text()
        assert not figure.axes


def test_a_layer_without_neurons_leaves_its_dendrogram_out() -> None:
    figure, data = make_dendrograms(make_overlap(dead=LAYERS[2]), FAMILIES)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["Encoder layer 1, X→en", "Encoder layer 2, X→en", "Decoder layer 2, en→X"]
    assert set(data["layer"]) == {*LAYERS} - {LAYERS[2]}


def test_boxes_hold_the_pairs_of_their_layer() -> None:
    figure, data = make_boxes(make_overlap())
    assert [axes.get_title() for axes in figure.axes] == ["Encoder (X→en)", "Decoder (en→X)"]
    assert len(data) == 4 * 6
    median = figure.axes[1].lines[9].get_ydata()[0]  # five lines per box, its median last
    expected = data[data["layer"] == "decoder.layers.1"]["iou"].median()
    assert median == pytest.approx(100 * expected)


@pytest.mark.parametrize(("directions", "empty"), [(FROM, 0), (INTO, 1)])
def test_a_stack_without_pairs_is_explained_next_to_the_other(
    directions: list[str], empty: int
) -> None:
    """Use directions of only one side: encoders are shown for directions into the pivot."""
    figure, _ = make_boxes(make_overlap(directions))
    words = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert words[empty] == ["no two languages"]
    assert words[1 - empty] == []
    assert figure.axes[1 - empty].lines


def test_sparsity_has_a_student_interval() -> None:
    overlap = make_overlap(["en-b1", "b1-en", "en-a1", "en-b2"])
    overlap.sparsity_LN[:, 0] = 0.1, 0.7, 0.2, 0.3
    o2m, m2o, *_ = sparsity_by_layer(overlap).itertuples()
    assert (o2m.side, o2m.mean) == ("o2m", pytest.approx(0.2))
    assert o2m.high - o2m.mean == pytest.approx(4.3027 * 0.1 / 3**0.5, rel=1e-4)
    assert (m2o.side, m2o.mean) == ("m2o", 0.7)
    assert np.isnan(m2o.low)


def test_sparsity_is_drawn_by_layer_with_a_line_between_the_stacks() -> None:
    by_layer = sparsity_by_layer(make_overlap())
    axes = draw_sparsity(by_layer, "en").axes[0]
    labels = [label.get_text() for label in axes.get_legend().get_texts()]
    assert labels == ["en→X", "X→en"]
    o2m = by_layer[by_layer["side"] == "o2m"]["mean"]
    shown = [*axes.lines[0].get_ydata(), *axes.lines[1].get_ydata()]  # encoder, decoder
    assert shown == o2m.tolist()
    assert axes.lines[-1].get_xdata() == [1.5, 1.5]


@pytest.mark.parametrize("directions", [FROM + INTO, ALONE])
def test_all_figures_are_written_with_their_data_and_the_same_again(
    tmp_path: Path, directions: list[str]
) -> None:
    names = [f"figure{number}" for number in (1, 2, 5, 6, 7, 8)] + ["dendrograms"]
    digests = []
    for attempt in ("one", "two"):
        folder = tmp_path / attempt
        folder.mkdir()
        files = {n: {f: folder / f"{n}.{f}" for f in ("pdf", "png", "csv")} for n in names}
        draw_all(make_overlap(directions), FAMILIES, files)
        paths = sorted(folder.iterdir())
        assert len(paths) == 21
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])
    assert digests[0] == digests[1]


TABLE = pd.DataFrame(
    {
        "direction": ["o2m"] * 5 + ["m2o"] * 5,
        "system": ["base", "base", "small", "ours", "ours"] * 2,
        "kind": ["absolute", "delta", "delta", "delta", "deviation"] * 2,
        "extra_parameters": [np.nan] * 10,
        "a1": [30, 0, -1, 2, 0.5, 40, 0, -3, 4, np.nan],
        "b1": [20, 0, -2, 1, 0.25, 10, 0, -4, 3, np.nan],
        "avg": [25, 0, -1.5, 1.5, 0.1, 25, 0, -3.5, 3.5, np.nan],
    }
)


def test_bars_are_the_differences_of_the_table() -> None:
    bars = language_bars(TABLE, ["b1", "a1", "z9"])
    assert set(bars["system"]) == {"small", "ours"}
    figure = draw_language_bars(bars, first="base", metric="BLEU", pivot="en")
    top, bottom = figure.axes
    assert [top.get_title(), bottom.get_title()] == ["X→en", "en→X"]
    heights = [[bar.get_height() for bar in group] for group in bottom.containers[:2]]
    assert heights == [[-2, -1], [1, 2]]
    assert to_hex(bottom.containers[1][0].get_facecolor()).upper() == COLOURS[1]
    ours = bars.query("side == 'o2m' and system == 'ours'")
    assert ours["deviation"].tolist() == [0.25, 0.5]


def test_any_number_of_systems_has_bars() -> None:
    names = [f"system {number}" for number in range(10)]
    bars = pd.DataFrame({"system": names, "side": "o2m", "language": "a1", "difference": 1.0})
    figure = draw_language_bars(
        bars.assign(deviation=np.nan), first="base", metric="BLEU", pivot="en"
    )
    assert [text.get_text() for text in figure.legends[0].get_texts()] == names


def test_a_system_may_be_called_null(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(
        "direction,system,kind,de,is\n"
        "o2m,null,absolute,1.0,2.0\no2m,None,absolute,2.0,\n"
        "o2m,null,delta,0.0,0.0\no2m,None,delta,1.0,\n"
    )
    table = read_table(path, ["de", "is"])
    bars = language_bars(table, ["de", "is"])
    assert set(bars["system"]) == {"None"}
    assert bars["difference"].tolist() == pytest.approx([1.0, np.nan], nan_ok=True)


def test_improvement_is_the_mean_over_the_directions_of_a_side() -> None:
    pairs = ["en-a", "en-b", "a-en", "en-a"]
    metrics = ["bleu", "bleu", "bleu", "chrf"]
    parent = pd.DataFrame({"pair": pairs, "metric": metrics, "score": [1.0, 2, 3, 50]})
    ours = parent.assign(score=[2.0, 4, 2, 99])[::-1]
    assert improvements(ours, parent, "bleu", "en") == {"m2o": -1, "o2m": 1.5}


def test_a_sweep_has_a_point_for_each_k_and_the_line_to_beat() -> None:
    sweep = pd.DataFrame(
        [("Ours", k, s, side, k / 10 + s) for k in (50, 95) for s in (1, 3) for side in SIDES]
        + [("Theirs", k, 1, side, -k / 10) for k in (95, 99) for side in SIDES]
        + [("Continued", np.nan, 1, side, 9.0) for side in SIDES],
        columns=["system", "k", "seed", "side", "improvement"],
    )
    labels = {"parent": "Baseline", "control": "Continued"}
    figure = draw_sweep(sweep, labels=labels, metric="BLEU", pivot="en")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["50", "95", "99"]
    ours, theirs = (container.lines[0] for container in axes.containers)
    assert (list(ours.get_xdata()), list(ours.get_ydata())) == ([0, 1], [7, 11.5])
    assert (list(theirs.get_xdata()), list(theirs.get_ydata())) == ([1, 2], [-9.5, -9.9])
    assert ours.get_color() != theirs.get_color()
    assert list(axes.lines[1].get_ydata()) == [9, 9]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["Continued (k = 100)", "Ours", "Theirs"]
    into = draw_sweep(sweep[sweep["side"] == "m2o"], labels=labels, metric="BLEU", pivot="en")
    assert {text.get_text() for text in into.legends[0].get_texts()} == set(legend)


def test_the_highlighted_system_has_a_separate_colour() -> None:
    colours = colours_of_systems(["a", "ours", "b"], ["ours"])
    assert colours["ours"] == HIGHLIGHT
    assert len(set(colours.values())) == 3
    many = colours_of_systems([*map(str, range(20)), "ours"], ["ours"])
    assert [name for name, colour in many.items() if colour == HIGHLIGHT] == ["ours"]


def test_the_summary_shows_overlap_and_mean_gains() -> None:
    rows = [
        ("ours", "Continued", "All", "Avg", 3, 0.1, 0.3),
        ("random", "Continued", "All", "Avg", 1, -2, np.nan),
        ("ours", "Continued", "High", "O2M", 3, 9, 9),
    ]
    columns = ["system", "against", "group", "direction", "seeds", "gain", "half_width"]
    gains = pd.DataFrame(rows, columns=columns)
    means = mean_gains(gains)
    assert means["gain"].tolist() == [0.1, -2]
    one_side = gains.replace({"direction": "Avg"}, "M2O")
    assert mean_gains(one_side)["gain"].tolist() == [0.1, -2]
    panel = make_panel(make_overlap(), FAMILIES, "encoder.layers.1")
    left, right = draw_summary(panel, means, metric="BLEU", highlighted=["ours"]).axes[:2]
    assert left.get_title() == "Shared neurons (IoU): Encoder layer 2, X→en"
    assert [label.get_text() for label in right.get_yticklabels()] == ["ours", "random"]
    points = [container.lines[0] for container in right.containers]
    assert [(point.get_xdata()[0], point.get_ydata()[0]) for point in points] == [(0.1, 0), (-2, 1)]
    assert to_hex(points[0].get_color()).upper() == HIGHLIGHT
    ends = right.containers[0].lines[2][0].get_segments()[0][:, 0]
    assert ends.tolist() == pytest.approx([-0.2, 0.4])


def test_labels_are_not_parsed_as_mathematics(tmp_path: Path) -> None:
    bars = pd.DataFrame(
        {"system": ["$x^$", "b$"], "side": "o2m", "language": "a1", "difference": 1.0}
    ).assign(deviation=np.nan)
    with paper_style():
        figure = draw_language_bars(bars, first="$", metric="BLEU", pivot="en")
        save_figure(figure, {"png": tmp_path / "a.png"})
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["$x^$", "b$"]
