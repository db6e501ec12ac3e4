"""Score every direction of a system against the references of a test split."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.evaluation.scoring import score_system
from neuron_specialization.files import write_text
from neuron_specialization.logs import log_to

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def reference_files(paths: list[str], pivot: str) -> dict[str, Path]:
    """The reference of each direction, from the two aligned files of each pair."""
    references = {}
    for source, target in zip(paths[::2], paths[1::2], strict=True):
        language = Path(target).suffix[1:]
        references[f"{pivot}-{language}"] = Path(target)
        references[f"{language}-{pivot}"] = Path(source)
    return references


with log_to(snakemake.log[0]):
    folder = Path(snakemake.input.translations)
    scores = score_system(
        {pair: folder / f"{pair}.txt" for pair in snakemake.params.directions},
        reference_files(snakemake.input.references, snakemake.params.pivot),
        snakemake.params.metrics,
    )
    write_text(Path(snakemake.output.scores), scores.to_csv(index=False, lineterminator="\n"))
