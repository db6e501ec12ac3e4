"""Draw a figure of scores: by language (Figure 3), the sweep of k (4), differences to controls."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from neuron_specialization.evaluation.metrics import metric_name
from neuron_specialization.evaluation.scoring import read_scores
from neuron_specialization.figures import scores
from neuron_specialization.figures.style import look, save_figure
from neuron_specialization.files import write_text
from neuron_specialization.logs import log_to
from neuron_specialization.tables.comparisons import CONTROL

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from snakemake.iocontainers import snakemake


def draw_languages() -> tuple["Figure", pd.DataFrame]:
    """The differences of a table by language as bars."""
    table = scores.read_languages(Path(inputs.table[0]), settings["languages"])
    bars = scores.language_bars(table, settings["languages"])
    return scores.draw_language_bars(bars, first=table["system"].iloc[0], **shown), bars


def draw_sweep() -> tuple["Figure", pd.DataFrame]:
    """The improvement over the parent against k, beside the continued baseline."""
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


def draw_gains() -> tuple["Figure", pd.DataFrame]:
    """The differences to the continued baselines, with intervals over seeds."""
    gains = scores.read_gains(Path(inputs.gains[0]))
    gains = gains[gains["role"] == CONTROL].drop(columns=["block", "role"])
    return scores.draw_gains(gains, **shown), gains


with log_to(snakemake.log[0]), look():
    inputs, settings, output = snakemake.input, snakemake.params.settings, snakemake.output
    metric = snakemake.wildcards.metric
    shown = {"metric": metric_name(metric), "pivot": settings["pivot"]}
    draw = {"languages": draw_languages, "sweep": draw_sweep, "gains": draw_gains}
    figure, data = draw[settings["kind"]]()
    write_text(Path(output.csv), data.to_csv(index=False, lineterminator="\n"))
    save_figure(figure, pdf=Path(output.pdf), png=Path(output.png))
