"""Draw the sweep of k (Figure 4)."""

from pathlib import Path

import pandas as pd

from neuron_specialization.evaluation.metrics import metric_name
from neuron_specialization.evaluation.scoring import read_scores
from neuron_specialization.figures.scores import draw_sweep, improvements
from neuron_specialization.figures.style import look, save_figure
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]), look():
    inputs, params, metric = snakemake.input, snakemake.params, snakemake.wildcards.metric
    rows = [
        (k, seed, side, difference)
        for (k, seed), scores, parent in zip(
            params.runs, inputs.scores, inputs.parents, strict=True
        )
        for side, difference in improvements(
            read_scores(Path(scores)), read_scores(Path(parent)), metric, params.pivot
        ).items()
    ]
    sweep = pd.DataFrame(rows, columns=["k", "seed", "side", "improvement"])
    sweep["k"] = sweep["k"].astype(float)
    figure = draw_sweep(sweep, labels=params.labels, metric=metric_name(metric), pivot=params.pivot)
    save_figure(figure, snakemake.output, sweep)
