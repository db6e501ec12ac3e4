"""The off-target rate of `score`: its language identifier learns from a folder of text."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.outputs import read_outputs
from neuron_specialization.evaluation.scoring import Score
from neuron_specialization.files import write_text

OFF_TARGET = "off_target"
LANGUAGES, ACCURACY = "identified_languages.csv", "language_identifier.csv"


def find_identifier_text(folder: Path | None) -> dict[str, Path]:
    """Return the files of text by language; raise InputError if there are fewer than two."""
    files = {path.stem: path for path in sorted(folder.glob("*.txt"))} if folder else {}
    if len(files) < 2:
        given = f"{folder} has {len(files)}" if folder else "it is not given"
        raise InputError(
            f"--metrics {OFF_TARGET} needs --identifier-text, a folder with text of each language, "
            f"such as en.txt and de.txt, that its language identifier learns from, but {given}"
        )
    return files


def identify_languages(
    texts: Path, directions: Sequence[str], split: str, files: Mapping[str, Path], out: Path
) -> list[Score]:
    """Return the off-target rates; write the hypotheses' languages, the identifier's accuracy.

    Args:
        texts: folder of the outputs.
        directions: the directions.
        split: the test split.
        files: text of each language; the outputs' own sources and references are left out.
        out: folder of the two tables.
    """
    # only here: scikit-learn takes a while to import
    from neuron_specialization.evaluation.language_identifier import (
        LanguageIdentifier,
        measure_accuracy,
        training_sentences,
    )
    from neuron_specialization.evaluation.off_target import score_off_target

    held_out: dict[str, dict[str, None]] = {}
    for pair in directions:
        outputs = read_outputs(texts / pair, split)
        sides = (outputs.sources or [], outputs.references) if outputs else ([], [])
        for language, sentences in zip(pair.split("-"), sides, strict=True):
            held_out.setdefault(language, {}).update(dict.fromkeys(sentences))
    tests = {language: list(sentences) for language, sentences in held_out.items()}
    identifier = LanguageIdentifier(
        {code: training_sentences([path], tests.get(code, ())) for code, path in files.items()}
    )
    scores, languages = score_off_target(texts, directions, split, identifier)
    accuracy = measure_accuracy(identifier, tests)
    for name, table in ((LANGUAGES, languages), (ACCURACY, accuracy)):
        write_text(out / name, table.to_csv(index=False, lineterminator="\n"))
    return scores
