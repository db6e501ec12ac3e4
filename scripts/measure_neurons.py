"""Measure overlap and sparsity of neurons, and relate them to language families."""

from pathlib import Path

from neuron_specialization.files import single_or_none, write_text
from neuron_specialization.logs import log_to
from neuron_specialization.neurons.distances import language_distances
from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.selection import select_all
from neuron_specialization.neurons.statistics import family_means, relation_table
from neuron_specialization.neurons.storage import Counts
from neuron_specialization.settings.languages import Language
from neuron_specialization.tables.neuron_statistics import relation_notes, relation_text
from neuron_specialization.tables.render import write_texts


def read_overlap(counts: Path) -> Overlap:
    """Return the overlap of the neurons of all recorded directions."""
    masks = select_all(Counts.load(counts), k=float(wildcards.k), counting=wildcards.counting)
    return Overlap.of(masks, params.pivot)


with log_to(snakemake.log[0]):
    inputs, output = snakemake.input, snakemake.output
    params, wildcards = snakemake.params, snakemake.wildcards
    languages = {row["code"]: Language(**row) for row in params.languages}
    overlap = read_overlap(Path(inputs.counts))
    distances = single_or_none(inputs.distances) or (
        "builtin" if params.distances == "builtin" else ""
    )
    relations = relation_table(
        overlap,
        read_overlap(Path(inputs.untrained)),
        {code: language.family for code, language in languages.items()},
        language_distances(distances, languages, list(languages)),
        seed=params.seed,
    )
    for table, path in (
        (overlap.table(), output.overlap),
        (overlap.sparsity_table(), output.sparsity),
        (family_means(overlap, languages), output.families),
        (relations, output.relations),
    ):
        write_text(Path(path), table.to_csv(index=False, lineterminator="\n"))
    title = f"Related languages and their neurons: {params.label}, k = {wildcards.k} %"
    footer = relation_notes(relations, overlap)
    text = relation_text(relations, params.pivot)
    write_texts([text], output, title=title, footer=footer)
