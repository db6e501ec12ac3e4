"""Measure overlap and sparsity of neurons, and relate them to language families."""

from pathlib import Path

from neuron_specialization.files import single_or_none, write_text
from neuron_specialization.logs import log_to
from neuron_specialization.neurons.activity import activity_table
from neuron_specialization.neurons.distances import language_distances
from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.selection import select_all
from neuron_specialization.neurons.sides import with_pivot
from neuron_specialization.neurons.statistics import family_means, relation_table
from neuron_specialization.neurons.storage import Counts, Masks
from neuron_specialization.settings.languages import Language
from neuron_specialization.tables.neuron_statistics import (
    activity_notes,
    activity_text,
    relation_notes,
    relation_text,
)
from neuron_specialization.tables.render import write_texts


def select(counts: Counts) -> Masks:
    """Return the neurons of all recorded directions."""
    return select_all(counts, k=float(wildcards.k), counting=wildcards.counting)


with log_to(snakemake.log[0]):
    inputs, output = snakemake.input, snakemake.output
    params, wildcards = snakemake.params, snakemake.wildcards
    languages = {row["code"]: Language(**row) for row in params.languages}
    counts, untrained = (
        with_pivot(Counts.load(Path(path)), params.pivot)
        for path in (inputs.counts, inputs.untrained)
    )
    masks = select(counts)
    overlap = Overlap.of(masks, params.pivot)
    activity = activity_table(counts, masks, params.pivot)
    distances = single_or_none(inputs.distances) or (
        "builtin" if params.distances == "builtin" else ""
    )
    relations = relation_table(
        overlap,
        Overlap.of(select(untrained), params.pivot),
        languages,
        language_distances(distances, languages, list(languages)),
        seed=params.seed,
    )
    for table, path in (
        (overlap.table(), output.overlap),
        (overlap.sparsity_table(), output.sparsity),
        (family_means(overlap, languages), output.families),
        (relations, output.relations),
        (activity, output.activity),
    ):
        write_text(Path(path), table.to_csv(index=False, lineterminator="\n"))
    chosen = f"k = {wildcards.k} %, counted per {wildcards.counting}"
    title = f"Related languages and their neurons: {params.label}, {chosen}"
    footer = [*relation_notes(relations, overlap), *activity_notes(activity)]
    texts = [relation_text(relations, params.pivot), activity_text(activity, params.pivot)]
    write_texts(texts, output, title=title, footer=footer)
