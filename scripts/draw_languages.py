"""Draw the differences of a table by language (Figure 3)."""

from pathlib import Path

from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.evaluation.metrics import metric_name
from neuron_specialization.figures.scores import draw_language_bars, language_bars
from neuron_specialization.figures.style import look, save_figure
from neuron_specialization.logs import log_to

with log_to(snakemake.log[0]), look():
    languages = snakemake.params.languages
    table = read_table(Path(snakemake.input.table[0]), languages)
    bars = language_bars(table, languages)
    figure = draw_language_bars(
        bars,
        first=table["system"].iloc[0],
        metric=metric_name(snakemake.wildcards.metric),
        pivot=snakemake.params.pivot,
    )
    save_figure(figure, snakemake.output, bars)
