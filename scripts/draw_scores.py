"""Draw a figure of scores: by language (Figure 3), the sweep of k (4), or gains over controls."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.evaluation.metrics import metric_name
from neuron_specialization.evaluation.scoring import read_scores
from neuron_specialization.figures import scores
from neuron_specialization.figures.style import paper_style, save_figure
from neuron_specialization.logs import log_to
from neuron_specialization.tables.comparisons import CONTROL


def draw_languages() -> tuple[Figure, pd.DataFrame]:
    """Draw the differences of a table by language as bars."""
    table = read_table(Path(inputs.table[0]), settings["languages"])
    bars = scores.language_bars(table, settings["languages"])
    return scores.draw_language_bars(bars, first=table["system"].iloc[0], **shown), bars


def draw_sweep() -> tuple[Figure, pd.DataFrame]:
    """Draw the gain over the parent against k, with the continued baseline."""
    rows = [
        (k, seed, side, difference)
        for (k, seed), own, parent in zip(
            settings["runs"], inputs.scores, inputs.parents, strict=True
        )
        for side, difference in scores.improvements(
            read_scores(Path(own)), read_scores(Path(parent)), metric, settings["pivot"]
        ).items()
    ]
    sweep = pd.DataFrame(rows, columns=["k", "seed", "side", "improvement"])
    sweep["k"] = sweep["k"].astype(float)
    return scores.draw_sweep(sweep, labels=settings["labels"], **shown), sweep


def draw_gains() -> tuple[Figure, pd.DataFrame]:
    """The differences to the continued baselines, with intervals over seeds."""
    gains = read_table(Path(inputs.gains[0]), ["gain", "half_width"])
    gains = gains[gains["role"] == CONTROL].drop(columns=["block", "role"])
    return scores.draw_gains(gains, **shown), gains


with log_to(snakemake.log[0]), paper_style():
    inputs, settings = snakemake.input, snakemake.params.settings
    metric = snakemake.wildcards.metric
    shown = {"metric": metric_name(metric), "pivot": settings["pivot"]}
    draw = {"languages": draw_languages, "sweep": draw_sweep, "gains": draw_gains}
    figure, data = draw[settings["kind"]]()
    save_figure(figure, snakemake.output, data)
