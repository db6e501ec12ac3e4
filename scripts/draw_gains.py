"""Draw the differences to the continued baselines, with intervals over seeds."""

from pathlib import Path

from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.evaluation.metrics import metric_name
from neuron_specialization.figures.scores import draw_gains
from neuron_specialization.figures.style import look, save_figure
from neuron_specialization.logs import log_to
from neuron_specialization.tables.comparisons import CONTROL

with log_to(snakemake.log[0]), look():
    gains = read_table(Path(snakemake.input.gains[0]), ["gain", "half_width"])
    gains = gains[gains["role"] == CONTROL].drop(columns=["block", "role"])
    metric = metric_name(snakemake.wildcards.metric)
    figure = draw_gains(gains, metric=metric, pivot=snakemake.params.pivot)
    save_figure(figure, snakemake.output, gains)
