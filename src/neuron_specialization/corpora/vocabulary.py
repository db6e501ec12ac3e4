"""SentencePiece models and fairseq dictionaries: joint, or of one side of a pair."""

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

NUM_SPECIAL_PIECES = 3  # <unk>, <s> and </s> lead SentencePiece's list; fairseq has its own
FAIRSEQ_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")  # lead every dictionary, and are in no file
TAG = re.compile(r"__[a-z0-9]+__ ")  # a line of a dictionary that holds a language tag
DICTIONARY_COUNT = 100  # fairseq reads a count per line; it orders nothing here
WORD_START = "\u2581"  # SentencePiece's blank
UNKNOWN, UNKNOWN_TEXT = "<unk>", " \u2047 "  # what SentencePiece makes of the unknown piece
END = "</s>"
NO_TEXT = {*FAIRSEQ_TOKENS} - {UNKNOWN}
PAIRS_PER_DRAW = 1 << 16  # random numbers that are in memory
# of SentencePiece, whose own default it is. Another number gives other scores of unigram pieces,
# gives bpe no speed, and is written into the model: machines would differ
THREADS = 16
LARGE = 1 << 31  # bytes of text that may be too many characters for 32 bits: twice the memory


@dataclass(frozen=True, kw_only=True)
class VocabularySettings:
    """How the vocabulary is learned: `vocabulary` in config/README.md."""

    model_type: str
    size: int
    character_coverage: float
    temperature: float
    max_sentences: int = 12_000_000
    """Lines that SentencePiece reads at most, chosen at random."""
    seed: int
    """Seed of the sampling by temperature."""


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
    rates = keep_rates(sizes, temperature)
    for (source, target), size, rate in zip(corpora, sizes, rates, strict=True):
        with source.open("rb") as left, target.open("rb") as right:
            pairs = zip(left, right, strict=True)
            for line in chain.from_iterable(compress(pairs, draw(generator, int(size), rate))):
                yield line.decode().removesuffix("\n")


def draw(generator: np.random.Generator, count: int, rate: float) -> Iterator[bool]:
    """Yield for each of `count` items whether it is kept, at random at this rate."""
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
    The same lines and settings give the same files on every machine. Above `LARGE` bytes of text
    SentencePiece must be told how many they are at most (`text_bytes`), or it may end the process.
    """
    try:
        with atomic_write(model) as partial, partial.open("wb") as writer:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines),
                model_writer=writer,
                model_type=settings.model_type,
                vocab_size=settings.size,
                character_coverage=settings.character_coverage,
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
    tokens = [*pieces, *map(language_tag, tags)]
    write_text(dictionary, "".join(f"{token} {DICTIONARY_COUNT}\n" for token in tokens))


def learn_joint(
    files: Sequence[Path], tags: Sequence[str], settings: VocabularySettings, folder: Path
) -> None:
    """Learn one model of all languages, whose dictionary ends with their tags.

    Args:
        files: both sides of each pair, one after the other.
        tags: the languages.
        settings: how it is learned.
        folder: where `spm.model` and `dict.txt` are written.
    """
    corpora = list(zip(files[::2], files[1::2], strict=True))
    lines = sample_lines(corpora, settings.temperature, settings.seed)
    model, dictionary = folder / "spm.model", folder / "dict.txt"
    size = sum(path.stat().st_size for path in files)
    learn_vocabulary(lines, tags, settings, model, dictionary, text_bytes=size)


def learn_sides(files: Iterable[Path], settings: VocabularySettings, folder: Path) -> None:
    """Learn a model of each side of a pair, `spm.de.model` and `dict.de.txt`, without tags."""
    for file in files:
        model, dictionary = folder / f"spm{file.suffix}.model", folder / f"dict{file.suffix}.txt"
        size = file.stat().st_size
        learn_vocabulary(read_sentences(file), [], settings, model, dictionary, text_bytes=size)


def dictionary_size(pieces: int, tags: int) -> int:
    """Entries of the dictionary of so many pieces and tags, fairseq's special ones included."""
    return pieces - NUM_SPECIAL_PIECES + len(FAIRSEQ_TOKENS) + tags


def language_file(folder: Path, name: str, language: str) -> Path:
    """A language's own file in a folder (`dict.de.txt`), or the joint one (`dict.txt`)."""
    own = folder / f"{Path(name).stem}.{language}{Path(name).suffix}"
    return own if own.is_file() else folder / name


def load_pieces(folder: Path, language: str) -> sentencepiece.SentencePieceProcessor:
    """The SentencePiece model of a language in a folder of vocabularies; InputError without one."""
    path = language_file(folder, "spm.model", language)
    if not path.is_file():
        raise InputError(
            f"{path}: no such SentencePiece model, which makes tokens of text; give the model of "
            "the vocabulary, or corpora that are binarised already"
        )
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def piece_joiner(folder: Path, language: str) -> Callable[[Sequence[str]], str]:
    """What makes text of pieces: the SentencePiece model of a language, or what it would do."""
    if language_file(folder, "spm.model", language).is_file():
        return load_pieces(folder, language).decode
    return join_pieces


def join_pieces(pieces: Sequence[str]) -> str:
    """The text of some pieces, as SentencePiece decodes them but for blanks at the start."""
    text = "".join(UNKNOWN_TEXT if piece == UNKNOWN else piece for piece in pieces)
    return text.replace(WORD_START, " ")


def detokenise(words: Iterable[str], join: Callable[[Sequence[str]], str]) -> str:
    """Pieces of a hypothesis, fairseq's symbols among them, to a line of plain text."""
    text = join([word for word in words if word not in NO_TEXT])
    return " ".join(text.split())


def vocabulary_folder(folders: Iterable[str], direction: str) -> Path:
    """Of the folders named `joint`, or after pairs, the one that serves a direction."""
    source, target = direction.split("-")
    names = ("joint", direction, f"{target}-{source}")
    return next(Path(folder) for folder in folders if Path(folder).name in names)
