"""Existing vocabularies, used instead of learned ones: SentencePiece models, dictionaries."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import sentencepiece

from neuron_specialization.corpora.vocabulary import (
    DICTIONARY_COUNT,
    FAIRSEQ_TOKENS,
    WORD_START,
    language_tag,
    listed,
)
from neuron_specialization.errors import InputError
from neuron_specialization.files import atomic_write, read_text, write_text

OVERWRITE = "#fairseq:overwrite"
# tokens that fairseq adds to the pieces: padding to a multiple of 8, and language tags
ADDED = re.compile(r"madeupword\d{4,}|__\w+__")
BYTE_PIECE = "<0x41>"  # one of 256 pieces of a SentencePiece model with byte fallback
SHARED = 0.5  # least share of the shorter list if dictionary and model belong together


def use_vocabulary(
    model: Path | None, dictionary: Path | None, tags: Sequence[str], folder: Path
) -> None:
    """Write `spm.model` and `dict.txt` into a folder, after checking that they belong together.

    The entries of a given dictionary are kept in order, since a model's embeddings have the same
    order; missing tags are appended. Pieces missing from the dictionary become unknown tokens.

    Args:
        model: a SentencePiece model; None for corpora that are already binarised. Their pieces are
            then joined without a model, and no `spm.model` is written.
        dictionary: the fairseq dictionary (`token count` lines); None to use the model's pieces.
        tags: the languages that need a tag.
        folder: where to write; created if missing.

    Raises:
        InputError: a file is missing or damaged, the two do not belong together, or one cannot be
            used without the other.
    """
    lines = vocabulary_lines(model, dictionary, tags)
    folder.mkdir(parents=True, exist_ok=True)
    if model is not None:
        with atomic_write(folder / "spm.model") as partial:
            partial.write_bytes(model.read_bytes())
    write_text(folder / "dict.txt", "".join(f"{line}\n" for line in lines))


def vocabulary_lines(model: Path | None, dictionary: Path | None, tags: Sequence[str]) -> list[str]:
    """Return the lines of `dict.txt` (see `use_vocabulary`), without fairseq's four own entries."""
    pieces = read_pieces(model) if model else None
    if dictionary:
        tokens, lines = read_dictionary(dictionary), dictionary_lines(dictionary)
        if pieces is None:
            check_joinable(dictionary, tokens)
        else:
            check_pair(dictionary, tokens, pieces)
    elif model is None or pieces is None:
        raise InputError("no vocabulary is given; give a SentencePiece model or a dictionary")
    else:
        tokens = listed(model, pieces)
        lines = with_counts(tokens)
    known = set(tokens)
    return lines + with_counts(tag for tag in map(language_tag, tags) if tag not in known)


def given_size(model: str = "", dictionary: str = "", *, tags: Sequence[str]) -> int:
    """Return the number of dictionary entries of a given vocabulary, including fairseq's own.

    The arguments are as in `use_vocabulary`; an empty path means no file, but one must be given.
    """
    given = Path(model) if model else None, Path(dictionary) if dictionary else None
    return len(vocabulary_lines(given[0], given[1], tags)) + len(FAIRSEQ_TOKENS)


def with_counts(tokens: Iterable[str]) -> list[str]:
    """Return a dictionary line for each token."""
    return [f"{token} {DICTIONARY_COUNT}" for token in tokens]


def read_pieces(model: Path) -> list[str]:
    """Return the pieces of a SentencePiece model in order, without unknown and control pieces."""
    processor = open_pieces(model)
    return [
        processor.id_to_piece(i)
        for i in range(len(processor))
        if not processor.is_unknown(i) and not processor.is_control(i)
    ]


def open_pieces(model: Path) -> sentencepiece.SentencePieceProcessor:
    """Open a SentencePiece model; raise InputError if it is missing or damaged."""
    if not model.is_file():
        raise InputError(f"{model}: no such SentencePiece model")
    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(model))
    except RuntimeError as error:
        raise InputError(
            f"{model}: not a SentencePiece model ({error}); "
            "give the .model file that SentencePiece wrote"
        ) from error


def check_pair(dictionary: Path, tokens: Iterable[str], pieces: Iterable[str]) -> None:
    """Raise InputError if dictionary and model share too few pieces to belong together."""
    listed, known = {token for token in tokens if not ADDED.fullmatch(token)}, set(pieces)
    shared = len(listed & known)
    if shared < SHARED * min(len(listed), len(known)):
        raise InputError(
            f"{dictionary}: {shared} of its {len(listed)} tokens are pieces of the SentencePiece "
            f"model, which has {len(known)}; give two files that were used together"
        )


def check_joinable(dictionary: Path, tokens: Sequence[str]) -> None:
    """Raise InputError if the pieces of a dictionary cannot be joined without their model."""
    if BYTE_PIECE in tokens:
        raise InputError(
            f"{dictionary}: tokens such as {BYTE_PIECE} stand for bytes, which only the "
            "SentencePiece model can decode; give the model with the dictionary"
        )
    if not any(WORD_START in token for token in tokens):
        raise InputError(
            f"{dictionary}: no token has SentencePiece's {WORD_START}, so word boundaries are "
            "unknown; give a dictionary of SentencePiece pieces, or the model too"
        )


def read_dictionary(dictionary: Path) -> list[str]:
    """Return the tokens of a fairseq dictionary in order, as fairseq reads it.

    A token may occur again if the later line ends in `#fairseq:overwrite`.

    Raises:
        InputError: a line has no count, or repeats a token; the message names file and line.
    """
    tokens: list[str] = []
    known = set(FAIRSEQ_TOKENS)
    for number, line in enumerate(dictionary_lines(dictionary), 1):
        entry = line.rstrip()
        token, space, count = entry.removesuffix(f" {OVERWRITE}").rpartition(" ")
        problem = ""
        if not space or not count.isdecimal():
            problem = (
                f"{entry!r} is not a token and a count, such as 'the 100' (the .vocab file of "
                "SentencePiece is not a dictionary: leave it out)"
            )
        elif token in known and not entry.endswith(OVERWRITE):
            problem = (
                f"{token} is one of fairseq's own tokens, which must not be listed; remove it"
                if token in FAIRSEQ_TOKENS
                else f"{token} occurs twice; remove the line, or end it with {OVERWRITE}"
            )
        if problem:
            raise InputError(f"{dictionary}, line {number}: {problem}")
        known.add(token)
        tokens.append(token)
    return tokens


def dictionary_lines(dictionary: Path) -> list[str]:
    """Return the lines of a dictionary; tokens may contain other Unicode line ends."""
    if not dictionary.is_file():
        raise InputError(f"{dictionary}: no such dictionary")
    text = read_text(dictionary).replace("\r\n", "\n").replace("\r", "\n")  # as fairseq reads it
    return text.removesuffix("\n").split("\n")
