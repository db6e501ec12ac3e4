"""Figures show what their tables say, in the right order; where there is nothing, they say so."""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from neuron_specialization.figures.heat_maps import draw_heat_map, family_order, scaled
from neuron_specialization.figures.layers import draw_sparsity, sparsity_by_layer
from neuron_specialization.figures.neurons import (
    NeuronTables,
    draw_all,
    make_boxes,
    make_dendrograms,
    make_heat_map,
    read_layers,
)
from neuron_specialization.figures.scores import (
    draw_language_bars,
    draw_sweep,
    improvements,
    language_bars,
    read_gains,
    read_languages,
)
from neuron_specialization.figures.style import COLOURS, colours_of, look
from neuron_specialization.neurons.neuron_tables import overlap_table, sparsity_table
from neuron_specialization.neurons.storage import Masks

FAMILIES = {"b1": "B", "a1": "A", "b2": "B", "a2": "A"}
LAYERS = ("encoder.layers.0", "encoder.layers.1", "decoder.layers.0", "decoder.layers.1")


def make_tables(codes: Sequence[str] = tuple(FAMILIES), **changes: np.ndarray) -> NeuronTables:
    directions = [f"en-{code}" for code in codes] + [f"{code}-en" for code in codes]
    mask_LNF = np.random.default_rng(1).random((len(directions), len(LAYERS), 200)) < 0.6
    for layer, values in changes.items():
        mask_LNF[:, LAYERS.index(layer.replace("_", "."))] = values
    masks = Masks(directions=tuple(directions), layers=LAYERS, mask_LNF=mask_LNF, provenance={})
    return NeuronTables(
        overlap=overlap_table(masks, "en"),
        sparsity=sparsity_table(masks, "en"),
        families=FAMILIES,
        pivot="en",
    )


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def tick_labels(figure: Figure) -> tuple[list[str], list[str]]:
    axes = figure.axes[0]
    return (
        [label.get_text() for label in axes.get_xticklabels()],
        [label.get_text() for label in axes.get_yticklabels()],
    )


def test_languages_stand_family_by_family_and_cells_below_their_labels() -> None:
    tables = make_tables()
    figure, data = make_heat_map(tables, "decoder.layers.1", "linear")
    order = ["b1", "b2", "a1", "a2"]
    assert tick_labels(figure) == (order, order)
    assert figure.axes[0].get_title() == "Decoder layer 2, en→X"
    assert list(data["language"]) == list(data.columns[1:]) == order
    shown = figure.axes[0].images[0].get_array()
    overlap = tables.overlap
    for i, one in enumerate(order):
        for j, other in enumerate(order):
            pair = overlap[
                (overlap["layer"] == "decoder.layers.1")
                & (overlap["side"] == "o2m")
                & overlap["a"].isin([one, other])
                & overlap["b"].isin([one, other])
            ]
            if i == j:
                assert shown.mask[i, j]
            else:
                assert shown[i, j] == data[other][i] == pair["iou"].item()


def test_family_bars_lie_along_their_languages() -> None:
    figure, _ = make_heat_map(make_tables(), "encoder.layers.0", "linear")
    assert figure.axes[0].get_title() == "Encoder layer 1, X→en"
    colours = colours_of(["B", "A"])
    bars = [(to_hex(bar.get_facecolor()).upper(), bar) for bar in figure.axes[0].patches]
    assert [colour for colour, _ in bars] == [colours[f].upper() for f in "BBAA"]
    below = [bar for _, bar in bars if bar.get_width() > bar.get_height()]
    assert [round(bar.get_x() + bar.get_width() / 2, 2) for bar in below] == [0.5, 2.5]


def test_the_order_of_families_is_that_of_their_first_language() -> None:
    assert family_order(["B", "A", "B", "C", "A"]) == [0, 2, 1, 4, 3]


def test_the_official_scale_has_a_power_and_a_clip() -> None:
    iou_LL = np.array([[1, 0.5], [0.5, 1]])
    shown, lowest, highest = scaled(iou_LL, "official")
    assert shown[0, 1] == pytest.approx(100 * 0.5**1.25)
    assert (lowest, highest) == (40, 80)
    assert scaled(np.array([[1, 0.29], [0.29, 1]]), "official")[0][0, 1] == pytest.approx(
        100 * 0.29**1.25
    )
    with look():
        figure = draw_heat_map(iou_LL, ["a", "b"], ["A", "B"], title="", scale="official")
    assert "1.25" in figure.axes[1].get_ylabel()


def test_the_linear_scale_ends_where_the_values_do() -> None:
    iou_LL = np.array([[1, 0.52, 0.61], [0.52, 1, 0.7], [0.61, 0.7, 1]])
    shown, lowest, highest = scaled(iou_LL, "linear")
    assert (lowest, highest) == pytest.approx((0.5, 0.7))
    assert shown[0, 1] == 0.52
    with look():
        figure = draw_heat_map(iou_LL, ["a", "b", "c"], ["A", "B", "B"], title="")
    labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert labels == ["0.50", "0.55", "0.60", "0.65", "0.70"]


@pytest.mark.parametrize(
    ("tables", "layer", "message"),
    [
        (make_tables(["a1"]), LAYERS[0], "Encoder layer 1, X→en, has the neurons of a1 only"),
        (
            make_tables(decoder_layers_0=False),
            LAYERS[2],
            "Decoder layer 1, en→X has no active neuron of b1, b2, a1, a2",
        ),
    ],
)
def test_a_figure_says_why_there_is_nothing_to_see(
    tables: NeuronTables, layer: str, message: str
) -> None:
    figure, _ = make_heat_map(tables, layer, "linear")
    assert message in texts(figure)[0]


def test_nothing_to_compare_leaves_no_figure_empty() -> None:
    for draw in (make_boxes, make_dendrograms):
        figure, _ = draw(make_tables(["a1"]))
        assert "has the neurons of two languages" in texts(figure)[0]
        assert not figure.axes


def test_a_layer_without_neurons_leaves_its_dendrogram_out() -> None:
    figure, _ = make_dendrograms(make_tables(decoder_layers_0=False))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["Encoder layer 1, X→en", "Encoder layer 2, X→en", "Decoder layer 2, en→X"]


def test_boxes_hold_the_pairs_of_their_layer() -> None:
    tables = make_tables()
    figure, data = make_boxes(tables)
    assert [axes.get_title() for axes in figure.axes] == ["Encoder (X→en)", "Decoder (en→X)"]
    assert len(data) == 4 * 6
    median = figure.axes[1].lines[9].get_ydata()[0]  # five lines a box, its median last
    expected = data[data["layer"] == "decoder.layers.1"]["iou"].median()
    assert median == pytest.approx(100 * expected)


@pytest.mark.parametrize("empty", [0, 1])
def test_a_stack_without_pairs_says_so_beside_the_other(empty: int) -> None:
    """As of directions from the pivot only: encoders are shown on those into it."""
    tables = make_tables()
    shown = tables.overlap[tables.overlap["side"] == ("m2o", "o2m")[1 - empty]]
    figure, _ = make_boxes(dataclasses.replace(tables, overlap=shown))
    words = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert words[empty] == ["no two languages"]
    assert words[1 - empty] == []
    assert figure.axes[1 - empty].lines


def test_a_language_may_be_called_nan(tmp_path: Path) -> None:
    """Min Nan, by ISO 639-3."""
    table = pd.DataFrame({"a": ["nan", "de"], "b": ["de", "zh"], "iou": [0.25, np.nan]})
    table.to_csv(tmp_path / "overlap.csv", index=False)
    pd.testing.assert_frame_equal(read_layers(tmp_path / "overlap.csv"), table)


def test_sparsity_has_students_interval() -> None:
    table = pd.DataFrame({"layer": "encoder.layers.0", "side": "o2m", "sparsity": [0.1, 0.2, 0.3]})
    (row,) = sparsity_by_layer(table).itertuples()
    assert row.mean == pytest.approx(0.2)
    assert row.high - row.mean == pytest.approx(4.3027 * 0.1 / 3**0.5, rel=1e-4)
    alone = sparsity_by_layer(table[:1])
    assert alone["mean"].item() == 0.1
    assert np.isnan(alone["low"].item())


def test_sparsity_is_drawn_by_layer_with_a_line_between_the_stacks() -> None:
    by_layer = sparsity_by_layer(make_tables().sparsity)
    axes = draw_sparsity(by_layer, "en").axes[0]
    labels = [label.get_text() for label in axes.get_legend().get_texts()]
    assert labels == ["en→X", "X→en"]
    o2m = by_layer[by_layer["side"] == "o2m"]["mean"]
    shown = [*axes.lines[0].get_ydata(), *axes.lines[1].get_ydata()]  # encoder, decoder
    assert shown == o2m.tolist()
    assert axes.lines[-1].get_xdata() == [1.5, 1.5]


@pytest.mark.parametrize("codes", [tuple(FAMILIES), ("a1",)])
def test_all_figures_are_written_with_their_data_and_the_same_again(
    tmp_path: Path, codes: tuple[str, ...]
) -> None:
    names = [f"figure{number}" for number in (1, 2, 5, 6, 7, 8)] + ["dendrograms"]
    digests = []
    for attempt in ("one", "two"):
        folder = tmp_path / attempt
        folder.mkdir()
        files = {n: {f: folder / f"{n}.{f}" for f in ("pdf", "png", "csv")} for n in names}
        draw_all(make_tables(codes), files, "linear")
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
    assert bars[(bars["side"] == "o2m") & (bars["system"] == "ours")]["deviation"].tolist() == [
        0.25,
        0.5,
    ]


def test_every_system_has_bars_however_many_there_are() -> None:
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
    table = read_languages(path, ["de", "is"])
    bars = language_bars(table, ["de", "is"])
    assert set(bars["system"]) == {"None"}
    assert bars["difference"].tolist() == pytest.approx([1.0, np.nan], nan_ok=True)


def test_gains_of_one_seed_have_no_interval(tmp_path: Path) -> None:
    path = tmp_path / "gains.csv"
    path.write_text("system,against,gain,half_width\nnan,NA,0.5,\n")
    gains = read_gains(path)
    assert gains[["system", "against"]].values.tolist() == [["nan", "NA"]]
    assert np.isnan(gains["half_width"].item())


def test_improvement_is_the_mean_over_the_directions_of_a_side() -> None:
    pairs = ["en-a", "en-b", "a-en", "en-a"]
    metrics = ["bleu", "bleu", "bleu", "chrf"]
    parent = pd.DataFrame({"pair": pairs, "metric": metrics, "score": [1.0, 2, 3, 50]})
    ours = parent.assign(score=[2.0, 4, 2, 99])[::-1]
    assert improvements(ours, parent, "bleu", "en") == {"m2o": -1, "o2m": 1.5}


def test_a_sweep_has_a_point_for_each_k_and_the_line_to_beat() -> None:
    sweep = pd.DataFrame(
        [(k, seed, side, k / 10 + seed) for k in (50, 95) for seed in (1, 3) for side in SIDES]
        + [(np.nan, 1, side, 9.0) for side in SIDES],
        columns=["k", "seed", "side", "improvement"],
    )
    labels = {"parent": "Baseline", "control": "Continued"}
    figure = draw_sweep(sweep, labels=labels, metric="BLEU", pivot="en")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["50", "95"]
    points = axes.containers[0].lines[0].get_ydata()
    assert list(points) == [7, 11.5]
    assert list(axes.lines[1].get_ydata()) == [9, 9]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[0] == "Continued (k = 100)"
    into = draw_sweep(sweep[sweep["side"] == "m2o"], labels=labels, metric="BLEU", pivot="en")
    assert {text.get_text() for text in into.legends[0].get_texts()} == set(legend)


SIDES = ("o2m", "m2o")
