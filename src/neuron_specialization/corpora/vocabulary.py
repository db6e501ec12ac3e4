"""Learn and use SentencePiece models and fairseq dictionaries, joint or per side of a pair."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from pathlib import Path

import numpy as np
import sentencepiece

from neuron_specialization.corpora.sampling import keep_rates
from neuron_specialization.corpora.text_lines import count_lines
from neuron_specialization.errors import InputError
from neuron_specialization.files import atomic_write, write_text

NUM_SPECIAL_PIECES = 3  # <unk>, <s> and </s> head SentencePiece's list; fairseq has separate ones
FAIRSEQ_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")  # head every dictionary, but are in no file
TAG = re.compile(r"__\w+__ ")  # a dictionary line with a language tag
DICTIONARY_COUNT = 100  # fairseq needs a count per line; it has no effect here
WORD_START = "\u2581"  # marks the start of a word
UNKNOWN, UNKNOWN_TEXT = "<unk>", " \u2047 "  # and how SentencePiece decodes it
END = "</s>"
NO_TEXT = {*FAIRSEQ_TOKENS} - {UNKNOWN}
PAIRS_PER_DRAW = 1 << 16  # random numbers in memory at a time
# SentencePiece's default. Another number changes scores of unigram pieces, does not speed up bpe,
# and is stored in the model, so models would differ between machines
THREADS = 16
LONGEST_LINE = 1 << 20  # bytes; SentencePiece skips longer ones, by default those over 4,192
RESERVED = "\u2585"  # SentencePiece skips lines with its own sign of an unknown character
LARGE = 1 << 31  # bytes of text that may overflow 32-bit positions; 64 bits double the memory


@dataclass(frozen=True, kw_only=True)
class VocabularySettings:
    """Settings for learning a vocabulary: `vocabulary` in config/README.md."""

    model_type: str
    size: int
    character_coverage: float
    temperature: float
    normalisation: str = "nmt_nfkc"
    max_sentences: int = 12_000_000
    """Maximum number of lines that SentencePiece uses, chosen at random."""
    seed: int
    """Seed of the temperature sampling."""


def language_tag(language: str) -> str:
    """Return the token that names a language, e.g. `__de__`."""
    return f"__{language}__"


def read_tags(dictionary: Path) -> list[str]:
    """Return the languages whose tags are in a dictionary."""
    lines = dictionary.read_text(encoding="utf-8").splitlines()
    return [match[0].strip("_ ") for match in map(TAG.match, lines) if match]


def sample_lines(
    corpora: Sequence[tuple[Path, Path]], temperature: float, seed: int
) -> Iterator[str]:
    """Yield both sides of a temperature-sampled share of the pairs of each corpus.

    Args:
        corpora: the two aligned files of each pair.
        temperature: the kept share of n pairs is n^(1/T - 1), scaled to keep the smallest whole.
    """
    sizes = np.array([count_lines(files[0]) for files in corpora])
    generator = np.random.default_rng(seed)
    rates = keep_rates(sizes, temperature)
    for (source, target), size, rate in zip(corpora, sizes, rates, strict=True):
        with source.open("rb") as left, target.open("rb") as right:
            pairs = zip(left, right, strict=True)
            for line in chain.from_iterable(compress(pairs, draw(generator, int(size), rate))):
                yield line.decode().removesuffix("\n")


def draw(generator: np.random.Generator, count: int, rate: float) -> Iterator[bool]:
    """Yield for each of `count` items whether to keep it, at random at this rate."""
    for start in range(0, count, PAIRS_PER_DRAW):
        yield from (generator.random(min(PAIRS_PER_DRAW, count - start)) < rate).tolist()


def read_sentences(path: Path) -> Iterator[str]:
    """Yield the lines of a prepared corpus."""
    with path.open(encoding="utf-8", newline="\n") as file:
        yield from (line.rstrip("\n") for line in file)


def learn_vocabulary(
    lines: Iterable[str],
    tags: Sequence[str],
    settings: VocabularySettings,
    model: Path,
    dictionary: Path,
    *,
    text_bytes: int = 0,
) -> None:
    """Learn a SentencePiece model and write it with its fairseq dictionary.

    The dictionary lists the pieces in SentencePiece's order without its special ones, then one
    tag per language in `tags`, so that a piece's fairseq index is its SentencePiece id plus one.
    The same lines and settings give the same files on every machine. For `LARGE` or more bytes of
    text, pass an upper bound as `text_bytes`, or SentencePiece may end the process.
    """
    try:
        with atomic_write(model) as partial, partial.open("wb") as writer:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=(line.replace(RESERVED, " ") for line in lines),
                model_writer=writer,
                model_type=settings.model_type,
                vocab_size=settings.size,
                character_coverage=settings.character_coverage,
                normalization_rule_name=settings.normalisation,
                max_sentence_length=LONGEST_LINE,
                input_sentence_size=settings.max_sentences,
                shuffle_input_sentence=True,
                num_threads=THREADS,
                train_extremely_large_corpus=text_bytes >= LARGE,
                minloglevel=1,
            )
    except RuntimeError as error:
        raise InputError(
            f"{model}: SentencePiece refuses to learn {settings.size} {settings.model_type} "
            f"pieces from these corpora; change the size in the config ({error})"
        ) from error
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    pieces = [processor.id_to_piece(i) for i in range(NUM_SPECIAL_PIECES, len(processor))]
    tokens = [*listed(model, pieces), *map(language_tag, tags)]
    write_text(dictionary, "".join(f"{token} {DICTIONARY_COUNT}\n" for token in tokens))


def listed(model: Path, pieces: Sequence[str]) -> list[str]:
    """Return the tokens that stand for pieces in a fairseq dictionary, in their order.

    A piece that is a token of fairseq's own or has a line end cannot be listed: a placeholder takes
    its place, and the piece is unknown.
    """
    unlisted = [piece for piece in pieces if piece in FAIRSEQ_TOKENS or {*"\n\r"} & {*piece}]
    if unlisted:
        logging.warning("%s: unknown in fairseq are its pieces %s", model, unlisted)
    return [
        f"madeupword{number:04d}" if piece in unlisted else piece
        for number, piece in enumerate(pieces)
    ]


def learn_joint(
    files: Sequence[Path], tags: Sequence[str], settings: VocabularySettings, folder: Path
) -> None:
    """Learn one model of all languages, with a dictionary that ends with their tags.

    Args:
        files: both sides of each pair, one after the other.
        tags: the languages.
        settings: settings for learning.
        folder: where `spm.model` and `dict.txt` are written.
    """
    corpora = list(zip(files[::2], files[1::2], strict=True))
    lines = sample_lines(corpora, settings.temperature, settings.seed)
    model, dictionary = folder / "spm.model", folder / "dict.txt"
    size = sum(path.stat().st_size for path in files)
    learn_vocabulary(lines, tags, settings, model, dictionary, text_bytes=size)


def learn_sides(files: Iterable[Path], settings: VocabularySettings, folder: Path) -> None:
    """Learn a model per side of a pair, e.g. `spm.de.model` and `dict.de.txt`, without tags."""
    for file in files:
        model, dictionary = folder / f"spm{file.suffix}.model", folder / f"dict{file.suffix}.txt"
        size = file.stat().st_size
        learn_vocabulary(read_sentences(file), [], settings, model, dictionary, text_bytes=size)


def dictionary_size(pieces: int, tags: int) -> int:
    """Return the size of a dictionary with these pieces and tags and fairseq's own entries."""
    return pieces - NUM_SPECIAL_PIECES + len(FAIRSEQ_TOKENS) + tags


def language_file(folder: Path, name: str, language: str) -> Path:
    """Return a language's file in a folder (`dict.de.txt`), or else the joint one (`dict.txt`)."""
    own = folder / f"{Path(name).stem}.{language}{Path(name).suffix}"
    return own if own.is_file() else folder / name


def load_pieces(folder: Path, language: str) -> sentencepiece.SentencePieceProcessor:
    """Load the SentencePiece model of a language from a folder; raise InputError if missing."""
    path = language_file(folder, "spm.model", language)
    if not path.is_file():
        raise InputError(
            f"{path}: no such SentencePiece model, which is needed to tokenise text; give the "
            "vocabulary's model, or corpora that are already binarised"
        )
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def piece_joiner(folder: Path, language: str) -> Callable[[Sequence[str]], str]:
    """Return a function from pieces to text: a language's SentencePiece model or `join_pieces`."""
    if language_file(folder, "spm.model", language).is_file():
        return load_pieces(folder, language).decode
    return join_pieces


def join_pieces(pieces: Sequence[str]) -> str:
    """Join pieces to text as SentencePiece decodes them, except for leading spaces."""
    text = "".join(UNKNOWN_TEXT if piece == UNKNOWN else piece for piece in pieces)
    return text.replace(WORD_START, " ")


def detokenise(words: Iterable[str], join: Callable[[Sequence[str]], str]) -> str:
    """Convert the pieces of a hypothesis, with fairseq's symbols, to a line of plain text."""
    text = join([word for word in words if word not in NO_TEXT])
    return " ".join(text.split())


def vocabulary_folder(folders: Iterable[str], direction: str) -> Path:
    """Return the vocabulary folder of a direction: named `joint`, or after its pair."""
    source, target = direction.split("-")
    names = ("joint", direction, f"{target}-{source}")
    return next(Path(folder) for folder in folders if Path(folder).name in names)
