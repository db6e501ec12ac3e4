"""Draw the validation curves of all runs."""

from neuron_specialization.figures.curves import draw_curves
from neuron_specialization.figures.style import paper_style, save_figure
from neuron_specialization.logs import log_to
from neuron_specialization.tables.curves import read_curves

with log_to(snakemake.log[0]), paper_style():
    settings = dict(snakemake.params.settings)
    highlighted = settings.pop("highlighted")
    curves = read_curves(paths=snakemake.input.curves, **settings)
    save_figure(draw_curves(curves, highlighted), snakemake.output)
