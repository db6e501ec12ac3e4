"""Learn a SentencePiece model for all languages or for each side of a pair, or take a given one."""

from pathlib import Path
from typing import TYPE_CHECKING

from neuron_specialization.corpora.existing_vocabulary import use_vocabulary
from neuron_specialization.corpora.vocabulary import (
    VocabularySettings,
    learn_vocabulary,
    read_sentences,
    sample_lines,
)
from neuron_specialization.logs import log_to

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def learn_joint(files: list[Path], folder: Path, settings: VocabularySettings) -> None:
    """One model of all languages, whose dictionary ends with their tags."""
    corpora = list(zip(files[::2], files[1::2], strict=True))
    lines = sample_lines(corpora, settings.temperature, settings.seed)
    tags = snakemake.params.languages
    model, dictionary = folder / "spm.model", folder / "dict.txt"
    size = sum(path.stat().st_size for path in files)
    learn_vocabulary(lines, tags, settings, model, dictionary, text_bytes=size)


def learn_side(file: Path, folder: Path, settings: VocabularySettings) -> None:
    """The model of one side of a pair."""
    language = file.suffix
    model, dictionary = folder / f"spm{language}.model", folder / f"dict{language}.txt"
    size = file.stat().st_size
    learn_vocabulary(read_sentences(file), [], settings, model, dictionary, text_bytes=size)


def learn(files: list[Path], folder: Path) -> None:
    """The joint model, or those of both sides of a pair."""
    settings = VocabularySettings(**snakemake.params.settings, seed=snakemake.params.seed)
    if snakemake.wildcards.vocabulary == "joint":
        learn_joint(files, folder, settings)
    else:
        for file in files:
            learn_side(file, folder, settings)


with log_to(snakemake.log[0]):
    folder = Path(snakemake.output.folder)
    folder.mkdir(parents=True)
    given = {name: Path(path) for name, path in snakemake.params.given.items()}
    if given:
        model, dictionary = given.get("model"), given.get("dictionary")
        use_vocabulary(model, dictionary, snakemake.params.languages, folder)
    else:
        learn(list(map(Path, snakemake.input.corpora)), folder)
