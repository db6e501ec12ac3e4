"""The figures of neurons: 1, 2, 5, 6, 7 and 8, and dendrograms, each with the data behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.figures.heat_maps import draw_dendrograms, draw_heat_map, family_order
from neuron_specialization.figures.layers import (
    draw_overlap_boxes,
    draw_sparsity,
    sparsity_by_layer,
    telling_overlap,
)
from neuron_specialization.figures.style import (
    layer_label,
    look,
    message_figure,
    save_figure,
    side_label,
)
from neuron_specialization.files import write_text
from neuron_specialization.neurons.neuron_tables import iou_matrix, telling_side

HEAT_MAPS = {
    "figure1": ("decoder", 0),
    "figure6": ("encoder", 0),
    "figure7": ("encoder", -1),
    "figure8": ("decoder", -1),
}
"""Stack and place in it of the layer that a heat map shows."""


@dataclass(frozen=True, kw_only=True)
class NeuronTables:
    """What the figures are drawn from."""

    overlap: pd.DataFrame
    """`neuron_tables.overlap_table`."""
    sparsity: pd.DataFrame
    """`neuron_tables.sparsity_table`."""
    families: Mapping[str, str]
    """Family of each language."""
    pivot: str
    """The language of all directions."""

    def languages(self, layer: str) -> list[str]:
        """The languages that were recorded on a layer's telling side, family by family."""
        on_side = self.sparsity["side"] == telling_side(layer)
        recorded = set(self.sparsity["language"][on_side])
        codes = [code for code in self.families if code in recorded]
        order = family_order([self.families[code] for code in codes])
        return [codes[i] for i in order]

    def layer(self, stack: str, place: int) -> str:
        """The name of a layer by its place in a stack, counted from 0 or, below 0, from the end."""
        layers = dict.fromkeys(self.sparsity["layer"])
        return [name for name in layers if name.startswith(stack)][place]

    def title(self, layer: str) -> str:
        """What a panel of a layer shows."""
        return f"{layer_label(layer)}, {side_label(telling_side(layer), self.pivot)}"

    def matrix(self, layer: str) -> NDArray[np.float64]:
        """The IoU of the languages in a layer, on its telling side."""
        return iou_matrix(self.overlap, layer, telling_side(layer), self.languages(layer))


def read_layers(path: Path) -> pd.DataFrame:
    """Read a table of overlap or of sparsity; `nan` is a language, Min Nan, and "" is no value."""
    return read_table(path, ["iou", "sparsity"])


Drawing = tuple[Figure, pd.DataFrame]


def draw_all(
    tables: NeuronTables, files: Mapping[str, Mapping[str, Path]], heat_map_scale: str
) -> None:
    """Write every figure as PDF and PNG, and its data as CSV.

    Args:
        tables: what is drawn.
        files: of each figure by form: `pdf`, `png` and `csv`.
        heat_map_scale: `linear` or `official` (`heat_maps.draw_heat_map`).
    """

    def heat_map(name: str) -> Callable[[], Drawing]:
        return lambda: make_heat_map(tables, tables.layer(*HEAT_MAPS[name]), heat_map_scale)

    drawings: dict[str, Callable[[], Drawing]] = {name: heat_map(name) for name in HEAT_MAPS}
    drawings["figure2"] = lambda: make_boxes(tables)
    drawings["figure5"] = lambda: make_sparsity(tables)
    drawings["dendrograms"] = lambda: make_dendrograms(tables)
    with look():
        for name, draw in drawings.items():
            figure, data = draw()
            save_figure(figure, pdf=files[name]["pdf"], png=files[name]["png"])
            write_text(files[name]["csv"], data.to_csv(index=False, lineterminator="\n"))


def make_heat_map(tables: NeuronTables, layer: str, scale: str) -> Drawing:
    """Figures 1, 6, 7 and 8."""
    iou_LL, languages = tables.matrix(layer), tables.languages(layer)
    data = pd.DataFrame(iou_LL, columns=languages)
    data.insert(0, "language", languages)
    absent = explain_absence(tables, layer)
    if absent:
        return message_figure(f"No heat map: {absent}"), data
    families = [tables.families[code] for code in languages]
    title = tables.title(layer)
    return draw_heat_map(iou_LL, languages, families, title=title, scale=scale), data


def explain_absence(tables: NeuronTables, layer: str) -> str:
    """Why the neurons of a layer cannot be compared; empty where they can."""
    title, languages = tables.title(layer), tables.languages(layer)
    if len(languages) < 2:
        return f"{title}, has the neurons of {', '.join(languages) or 'no language'} only."
    lacking = np.isnan(tables.matrix(layer)).all(axis=1, where=~np.eye(len(languages), dtype=bool))
    if lacking.any():
        names = [code for code, lacks in zip(languages, lacking, strict=True) if lacks]
        return f"{title} has no active neuron of {', '.join(names)}, or they were not recorded."
    if np.isnan(tables.matrix(layer)).any():
        return f"{title} has no active neuron of two languages or more."
    return ""


def make_boxes(tables: NeuronTables) -> Drawing:
    """Figure 2."""
    data = telling_overlap(tables.overlap)
    if data["iou"].dropna().empty:
        return message_figure("No overlap: no layer has the neurons of two languages."), data
    return draw_overlap_boxes(data.dropna(), tables.pivot), data


def make_sparsity(tables: NeuronTables) -> Drawing:
    """Figure 5."""
    data = sparsity_by_layer(tables.sparsity)
    return draw_sparsity(data, tables.pivot), data


def make_dendrograms(tables: NeuronTables) -> Drawing:
    """The clusterings of languages in the layers of the heat maps."""
    wanted = {tables.layer(*place) for place in HEAT_MAPS.values()}
    layers = [layer for layer in dict.fromkeys(tables.sparsity["layer"]) if layer in wanted]
    shown = [layer for layer in layers if not explain_absence(tables, layer)]
    data = telling_overlap(tables.overlap)
    data = data[data["layer"].isin(shown)]
    if not shown:
        return message_figure("No dendrogram: no layer has the neurons of two languages."), data
    panels = [
        (tables.title(layer), tables.matrix(layer), tables.languages(layer)) for layer in shown
    ]
    return draw_dendrograms(panels, tables.families), data
