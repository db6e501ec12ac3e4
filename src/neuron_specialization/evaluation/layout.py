"""Names of the files of a direction's outputs: those of the paper's released ones, and ours."""

from pathlib import Path

LOG = "generate-{split}.txt"
TEXTS = {
    "sources": "{split}-src.txt",
    "references": "{split}-ref.txt",
    "hypotheses": "{split}-sys.txt",
    "reference_words": "{split}-ref.words.txt",
    "hypothesis_words": "{split}-sys.words.txt",
}
UNTOUCHED_REFERENCES = "{split}-untouched.txt"
FINISHED = {
    "bleu": "{split}_detok_bleu.txt",
    "chrf": "{split}_detok_chrfpp.txt",
    "comet": "{split}_comet.txt",
}
"""Finished scores by metric."""


def input_files(folder: Path, split: str) -> list[Path]:
    """The files in a direction's folder that can be imported, as far as they are there."""
    names = [LOG, *TEXTS.values(), *FINISHED.values()]
    return [path for name in names if (path := folder / name.format(split=split)).is_file()]
