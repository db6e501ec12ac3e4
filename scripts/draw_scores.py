"""Draw a figure of scores: by language (Figure 3), the sweep of k (4), gains, matrices, summary."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.evaluation.metrics import LOWER_IS_BETTER, axis_label, decimals_of
from neuron_specialization.evaluation.scoring import read_scores
from neuron_specialization.figures import matrices, scores, summary
from neuron_specialization.figures.neurons import find_layer, make_panel
from neuron_specialization.figures.style import paper_style, save_figure
from neuron_specialization.logs import log_to
from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.selection import select_all
from neuron_specialization.neurons.sides import with_pivot
from neuron_specialization.neurons.storage import Counts
from neuron_specialization.tables.comparisons import CONTROL


def draw_languages() -> tuple[Figure, pd.DataFrame]:
    """Draw the differences of a table by language as bars."""
    table = read_table(Path(inputs.table[0]), settings["languages"])
    bars = scores.language_bars(table, settings["languages"])
    first = table["system"].iloc[0]
    return scores.draw_language_bars(bars, first=first, **shown, **highlight), bars


def draw_matrix() -> tuple[Figure, pd.DataFrame]:
    """Draw scores and differences of every source and target, a heat map per system."""
    families = settings["families"]
    table = read_table(Path(inputs.table[0]), families)
    found = matrices.read_matrices(table, families, settings["pivot"])
    style = matrices.MatrixStyle(
        metric=shown["metric"],
        decimals=min(2, decimals_of(metric)),
        lower_is_better=metric in LOWER_IS_BETTER,
    )
    return matrices.draw_matrices(found, families, style), matrices.matrix_data(found)


def draw_sweep() -> tuple[Figure, pd.DataFrame]:
    """Draw the gain over the parent against k, with the continued baseline."""
    rows = [
        (label, k, seed, side, difference)
        for (label, k, seed), own, parent in zip(
            settings["runs"], inputs.scores, inputs.parents, strict=True
        )
        for side, difference in scores.improvements(
            read_scores(Path(own)), read_scores(Path(parent)), metric, settings["pivot"]
        ).items()
    ]
    sweep = pd.DataFrame(rows, columns=["system", "k", "seed", "side", "improvement"])
    sweep["k"] = sweep["k"].astype(float)
    return scores.draw_sweep(sweep, labels=settings["labels"], **shown, **highlight), sweep


def read_gains() -> pd.DataFrame:
    """Read the differences to the continued baselines."""
    gains = read_table(Path(inputs.gains[0]), ["gain", "half_width"])
    return gains[gains["role"] == CONTROL].drop(columns=["block", "role"])


def draw_gains() -> tuple[Figure, pd.DataFrame]:
    """Draw the differences to the continued baselines, with intervals over seeds."""
    gains = read_gains()
    return scores.draw_gains(gains, **shown, **highlight), gains


def draw_summary() -> tuple[Figure, pd.DataFrame]:
    """Draw the overlap of the last encoder layer next to the mean gains."""
    counts = with_pivot(Counts.load(Path(inputs.counts[0])), settings["pivot"])
    masks = select_all(counts, k=settings["k"], counting=settings["counting"])
    overlap = Overlap.of(masks, settings["pivot"])
    panel = make_panel(overlap, settings["families"], find_layer(overlap, "encoder", -1))
    gains = summary.mean_gains(read_gains())
    return summary.draw_summary(panel, gains, metric=shown["metric"], **highlight), gains


with log_to(snakemake.log[0]), paper_style():
    inputs, settings = snakemake.input, snakemake.params.settings
    metric = snakemake.wildcards.metric
    shown = {"metric": axis_label(metric), "pivot": settings["pivot"]}
    highlight = {"highlighted": settings["highlighted"]}
    draw = {
        "languages": draw_languages,
        "matrix": draw_matrix,
        "sweep": draw_sweep,
        "gains": draw_gains,
        "summary": draw_summary,
    }
    figure, data = draw[settings["kind"]]()
    save_figure(figure, snakemake.output, data)
