"""Draw cross-mask matrices as heat maps, and test them."""

from pathlib import Path

from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.figures.cross_masks import languages_by_family, make_cross_masks
from neuron_specialization.figures.style import paper_style, save_figure
from neuron_specialization.files import write_text
from neuron_specialization.logs import log_to
from neuron_specialization.neurons.cross_masks import cross_mask_tests, read_sides
from neuron_specialization.tables.cross_masks import cross_mask_notes, cross_mask_text
from neuron_specialization.tables.render import write_texts

with log_to(snakemake.log[0]), paper_style():
    params, output = snakemake.params, snakemake.output
    families, pivot = params.families, params.pivot
    table = read_table(Path(snakemake.input.matrix), ["nll"])
    sides = read_sides(table, languages_by_family(families), pivot)
    for matrix in sides:
        figure, data = make_cross_masks(matrix, families, pivot)
        files = {form: output[f"{matrix.side}_{form}"] for form in ("pdf", "png", "csv")}
        save_figure(figure, files, data)
    tests = cross_mask_tests(sides, families, seed=params.seed)
    write_text(Path(output.tests), tests.to_csv(index=False, lineterminator="\n"))
    title = f"Masks of other directions: {params.label}, seed {snakemake.wildcards.seed}"
    write_texts(
        [cross_mask_text(tests, pivot)], output, title=title, footer=cross_mask_notes(tests, pivot)
    )
