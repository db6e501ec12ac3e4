"""SentencePiece models and fairseq dictionaries: joint, or of one side of a pair."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sentencepiece

from neuron_specialization.corpora.sampling import keep_rates
from neuron_specialization.errors import InputError
from neuron_specialization.files import whole, write_text

NUM_SPECIAL_PIECES = 3  # <unk>, <s> and </s> lead SentencePiece's list; fairseq has its own
FAIRSEQ_SYMBOLS = 4  # <s>, <pad>, </s> and <unk>, not written in dictionary files
TAG = re.compile(r"__[a-z0-9]+__ ")  # a line of a dictionary that holds a language tag
DICTIONARY_COUNT = 100  # fairseq reads a count per line; it orders nothing here


@dataclass(frozen=True, kw_only=True)
class VocabularySettings:
    """How the vocabulary is learned."""

    model_type: str
    """`unigram` or `bpe`."""
    size: int
    """Number of pieces, SentencePiece's three special ones included."""
    character_coverage: float
    """Share of characters that get a piece of their own."""
    temperature: float
    """Smoothing of corpus sizes in the sampled input."""
    max_sentences: int
    """At most so many lines are used, chosen at random by SentencePiece."""
    seed: int
    """Seed of the sampling."""


def language_tag(language: str) -> str:
    """The token that names a language, e.g. `__de__`."""
    return f"__{language}__"


def sample_lines(
    corpora: Sequence[tuple[Path, Path]], temperature: float, seed: int
) -> Iterator[str]:
    """Yield both sides of a temperature-sampled share of the pairs of each corpus.

    Args:
        corpora: the two aligned files of each pair.
        temperature: the kept share of a corpus of n pairs is n^(1/T - 1), the smallest kept whole.
    """
    sizes = np.array([count_lines(files[0]) for files in corpora])
    generator = np.random.default_rng(seed)
    for (source, target), rate in zip(corpora, keep_rates(sizes, temperature), strict=True):
        with (
            source.open(encoding="utf-8", newline="\n") as left,
            target.open(encoding="utf-8", newline="\n") as right,
        ):
            for pair in zip(left, right, strict=True):
                if generator.random() < rate:
                    yield from (line.rstrip("\n") for line in pair)


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text file."""
    with path.open(encoding="utf-8", newline="\n") as file:
        yield from (line.rstrip("\n") for line in file)


def count_lines(path: Path) -> int:
    """Number of lines of a text file."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def learn_vocabulary(
    lines: Iterable[str],
    tags: Sequence[str],
    settings: VocabularySettings,
    model: Path,
    dictionary: Path,
) -> None:
    """Learn a SentencePiece model and write it with its fairseq dictionary.

    The dictionary lists the pieces in SentencePiece's order without its special ones, then one
    tag per language in `tags`, so that a piece's fairseq index is its SentencePiece id plus one.
    """
    try:
        with whole(model) as partial, partial.open("wb") as writer:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines),
                model_writer=writer,
                model_type=settings.model_type,
                vocab_size=settings.size,
                character_coverage=settings.character_coverage,
                input_sentence_size=settings.max_sentences,
                shuffle_input_sentence=True,
                minloglevel=1,
            )
    except RuntimeError as error:
        raise InputError(
            f"{model}: SentencePiece refuses to learn {settings.size} {settings.model_type} "
            f"pieces from these corpora; change the size in the config ({error})"
        ) from error
    write_dictionary(model, tags, dictionary)


def write_dictionary(model: Path, tags: Sequence[str], dictionary: Path) -> None:
    """Write the fairseq dictionary (`token count` lines) of a SentencePiece model."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    pieces = [processor.id_to_piece(i) for i in range(NUM_SPECIAL_PIECES, len(processor))]
    tokens = [*pieces, *map(language_tag, tags)]
    write_text(dictionary, "".join(f"{token} {DICTIONARY_COUNT}\n" for token in tokens))


def dictionary_size(pieces: int, tags: int) -> int:
    """Entries of the dictionary of so many pieces and tags, fairseq's special ones included."""
    return pieces - NUM_SPECIAL_PIECES + FAIRSEQ_SYMBOLS + tags


def language_file(folder: Path, name: str, language: str) -> Path:
    """A language's own file in a folder (`dict.de.txt`), or the joint one (`dict.txt`)."""
    own = folder / f"{Path(name).stem}.{language}{Path(name).suffix}"
    return own if own.is_file() else folder / name


def load_pieces(folder: Path, language: str) -> sentencepiece.SentencePieceProcessor:
    """The SentencePiece model of a language in a folder of vocabularies."""
    path = language_file(folder, "spm.model", language)
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def vocabulary_folder(folders: Iterable[str], direction: str) -> Path:
    """Of the folders named `joint`, or after pairs, the one that serves a direction."""
    source, target = direction.split("-")
    names = ("joint", direction, f"{target}-{source}")
    return next(Path(folder) for folder in folders if Path(folder).name in names)
