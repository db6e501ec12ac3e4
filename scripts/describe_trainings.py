"""What became of each training: its validations, as a table and as curves."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.figures.curves import (
    curve_table,
    curve_text,
    draw_curves,
    read_curves,
)
from neuron_specialization.figures.style import look, save_figure
from neuron_specialization.files import write_text
from neuron_specialization.logs import log_to
from neuron_specialization.tables.writers import write_texts

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

FOOTER = [
    "Validation: of the checkpoint that was kept",
    "Batches: number, and digits that are the same for trainings that saw the same in one order",
]

with log_to(snakemake.log[0]), look():
    params, output = snakemake.params, snakemake.output
    curves = read_curves(
        zip(params.trainings["system"], params.trainings["seed"], strict=True),
        [Path(path) for path in snakemake.input.curves],
        params.labels,
        params.parents,
    )
    write_text(Path(output.csv), curve_table(curves).to_csv(index=False, lineterminator="\n"))
    title = f"Trainings on {params.dataset}"
    write_texts([curve_text(curves)], output, title=title, footer=FOOTER)
    save_figure(draw_curves(curves), pdf=Path(output.pdf), png=Path(output.png))
