"""The figures of neurons: 1, 2, 5, 6, 7 and 8, and dendrograms, each with its data."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from neuron_specialization.figures.heat_maps import (
    Panel,
    draw_dendrograms,
    draw_heat_map,
    family_order,
)
from neuron_specialization.figures.layers import (
    draw_overlap_boxes,
    draw_sparsity,
    informative_pairs,
    sparsity_by_layer,
)
from neuron_specialization.figures.style import message_figure, paper_style, save_figure
from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.sides import informative_side, layer_label, side_label

HEAT_MAPS = {
    "figure1": ("decoder", 0),
    "figure6": ("encoder", 0),
    "figure7": ("encoder", -1),
    "figure8": ("decoder", -1),
}
"""Stack of the layer that each heat map shows, and its index in the stack."""
Drawing = tuple[Figure, pd.DataFrame]


def draw_all(
    overlap: Overlap,
    families: Mapping[str, str],
    files: Mapping[str, Mapping[str, Path]],
) -> None:
    """Write every figure as PDF and PNG, and its data as CSV.

    Args:
        overlap: the overlap to draw.
        families: family of each language.
        files: files of each figure by format: `pdf`, `png` and `csv`.
    """
    with paper_style():
        drawings = {
            name: make_heat_map(make_panel(overlap, families, find_layer(overlap, *place)))
            for name, place in HEAT_MAPS.items()
        }
        drawings["figure2"] = make_boxes(overlap)
        drawings["figure5"] = make_sparsity(overlap)
        drawings["dendrograms"] = make_dendrograms(overlap, families)
        for name, (figure, data) in drawings.items():
            save_figure(figure, files[name], data)


def find_layer(overlap: Overlap, stack: str, place: int) -> str:
    """Return a layer by its index in a stack; negative indices count from the end."""
    return [name for name in overlap.layers if name.startswith(stack)][place]


def make_panel(overlap: Overlap, families: Mapping[str, str], layer: str) -> Panel:
    """Return the IoU of a layer on its informative side, its languages family by family."""
    recorded = overlap.recorded(layer)
    codes = [code for code in families if code in recorded]
    languages = [codes[i] for i in family_order([families[code] for code in codes])]
    return Panel(
        title=f"{layer_label(layer)}, {side_label(informative_side(layer), overlap.pivot)}",
        iou_LL=overlap.matrix(layer, languages),
        languages=languages,
        families=[families[code] for code in languages],
    )


def make_heat_map(panel: Panel) -> Drawing:
    """Draw Figure 1, 6, 7 or 8."""
    data = pd.DataFrame(panel.iou_LL, columns=panel.languages)
    data.insert(0, "language", panel.languages)
    if absent := explain_absence(panel):
        return message_figure(f"No heat map: {absent}"), data
    return draw_heat_map(panel), data


def explain_absence(panel: Panel) -> str:
    """Return why the neurons of a layer cannot be compared; empty if they can."""
    title, languages = panel.title, panel.languages
    if not languages:
        return f"{title}: no such direction was recorded."
    if len(languages) < 2:
        return f"{title}, has the neurons of {languages[0]} only."
    unknown_LL = np.isnan(panel.iou_LL)
    lacking_L = unknown_LL.all(axis=1, where=~np.eye(len(languages), dtype=bool))
    if lacking_L.any():
        names = [code for code, lacks in zip(languages, lacking_L, strict=True) if lacks]
        return f"{title} has no active neuron of {', '.join(names)}, or they were not recorded."
    if unknown_LL.any():
        return f"{title} has no active neuron of two languages or more."
    return ""


def make_boxes(overlap: Overlap) -> Drawing:
    """Draw Figure 2."""
    data = informative_pairs(overlap)
    if data["iou"].dropna().empty:
        return message_figure("No overlap: no layer has the neurons of two languages."), data
    return draw_overlap_boxes(data.dropna(), overlap.pivot), data


def make_sparsity(overlap: Overlap) -> Drawing:
    """Draw Figure 5."""
    data = sparsity_by_layer(overlap)
    return draw_sparsity(data, overlap.pivot), data


def make_dendrograms(overlap: Overlap, families: Mapping[str, str]) -> Drawing:
    """Draw the clusterings of languages in the layers of the heat maps."""
    wanted = {find_layer(overlap, *place) for place in HEAT_MAPS.values()}
    panels = {
        layer: make_panel(overlap, families, layer) for layer in overlap.layers if layer in wanted
    }
    shown = {layer: panel for layer, panel in panels.items() if not explain_absence(panel)}
    data = informative_pairs(overlap)
    data = data[data["layer"].isin(shown)]
    if not shown:
        return message_figure("No dendrogram: no layer has the neurons of two languages."), data
    return draw_dendrograms(list(shown.values()), families), data
