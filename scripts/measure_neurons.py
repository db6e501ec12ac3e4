"""How alike and how sparse the neurons of directions are, and what that says of languages."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.files import only, write_text
from neuron_specialization.logs import log_to
from neuron_specialization.neurons.distances import language_distances
from neuron_specialization.neurons.family_statistics import (
    dead_layers,
    family_means,
    relation_notes,
    relation_table,
    relation_text,
)
from neuron_specialization.neurons.neuron_tables import overlap_table, select_all, sparsity_table
from neuron_specialization.neurons.storage import Counts, Masks
from neuron_specialization.settings.languages import Language
from neuron_specialization.tables.writers import write_texts

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def read_masks(counts: Path) -> Masks:
    """The neurons of all recorded directions."""
    return select_all(Counts.load(counts), k=float(wildcards.k), counting=wildcards.counting)


with log_to(snakemake.log[0]):
    inputs, output = snakemake.input, snakemake.output
    params, wildcards = snakemake.params, snakemake.wildcards
    languages = {row["code"]: Language(**row) for row in params.languages}
    masks = read_masks(Path(inputs.counts))
    overlap, sparsity = overlap_table(masks, params.pivot), sparsity_table(masks, params.pivot)
    distances = only(inputs.distances) or ("builtin" if params.distances == "builtin" else "")
    relations = relation_table(
        overlap,
        overlap_table(read_masks(Path(inputs.untrained)), params.pivot),
        {code: language.family for code, language in languages.items()},
        language_distances(distances, languages, list(languages)),
        layers=masks.layers,
        seed=params.seed,
    )
    for table, path in (
        (overlap, output.overlap),
        (sparsity, output.sparsity),
        (family_means(overlap, languages), output.families),
        (relations, output.relations),
    ):
        write_text(Path(path), table.to_csv(index=False, lineterminator="\n"))
    title = f"Related languages and their neurons: {params.label}, k = {wildcards.k} %"
    footer = relation_notes(relations) + dead_layers(masks)
    text = relation_text(relations, params.pivot)
    write_texts([text], output, title=title, footer=footer)
