"""Files of a direction's outputs: names, as in the paper's release, and sentences."""

from collections.abc import Iterable
from pathlib import Path

from neuron_specialization.errors import InputError
from neuron_specialization.files import read_text, write_text

LOG = "generate-{split}.txt"
TEXTS = {
    "sources": "{split}-src.txt",
    "references": "{split}-ref.txt",
    "hypotheses": "{split}-sys.txt",
    "reference_words": "{split}-ref.words.txt",
    "hypothesis_words": "{split}-sys.words.txt",
}
RAW_REFERENCES = "{split}-raw.txt"
NOTES = "{split}-note.txt"
"""What makes the text of a direction doubtful, for the notes of its scores."""
FINISHED = {
    "bleu": "{split}_detok_bleu.txt",
    "chrf": "{split}_detok_chrfpp.txt",
    "comet": "{split}_comet.txt",
}
"""Finished scores by metric."""


def input_files(folder: Path, split: str) -> list[Path]:
    """Return the existing files in a direction's folder that can be imported."""
    names = [LOG, *TEXTS.values(), *FINISHED.values()]
    return [path for name in names if (path := folder / name.format(split=split)).is_file()]


def read_sentences(path: Path) -> list[str]:
    r"""Read a UTF-8 text file of one sentence per line.

    Lines end at `\n` only: translations may contain other separators that `str.splitlines`
    treats as line ends (U+2028, U+0085), which would shift all later sentences. Raises
    InputError if the file is missing, empty or not UTF-8.
    """
    return read_text(path).removesuffix("\n").split("\n")


def read_aligned(path: Path, other: Path) -> tuple[list[str], list[str]]:
    """Read two line-aligned files; raise InputError if one is longer."""
    sentences, others = read_sentences(path), read_sentences(other)
    if len(sentences) != len(others):
        shorter = min(len(sentences), len(others))
        raise InputError(
            f"{path} has {len(sentences)} lines but {other} has {len(others)}: line n of both "
            f"must be the same sentence, but one of them has no line {shorter + 1}"
        )
    return sentences, others


def write_sentences(path: Path, sentences: Iterable[str]) -> None:
    """Write one sentence per line, atomically."""
    write_text(path, "".join(f"{sentence}\n" for sentence in sentences))
