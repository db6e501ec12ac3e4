"""A vocabulary that is given instead of learned: a SentencePiece model, a fairseq dictionary."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import sentencepiece

from neuron_specialization.corpora.vocabulary import (
    DICTIONARY_COUNT,
    FAIRSEQ_TOKENS,
    WORD_START,
    language_tag,
)
from neuron_specialization.errors import InputError
from neuron_specialization.files import atomic_write, read_text, write_text

OVERWRITE = "#fairseq:overwrite"
# what fairseq adds to the pieces: padding to a multiple of 8, and language tags
ADDED = re.compile(r"madeupword\d{4}|__\w+__")
BYTE_PIECE = "<0x41>"  # one of 256 where a SentencePiece model falls back to bytes
SHARED = 0.5  # of the shorter list, at least, where dictionary and model belong together


def use_vocabulary(
    model: Path | None, dictionary: Path | None, tags: Sequence[str], folder: Path
) -> None:
    """Write `spm.model` and `dict.txt` into a folder, once they are found to belong together.

    The entries of a given dictionary stay as they are, since their order is that of a model's
    embeddings; the tags that it lacks follow. Pieces that it lacks are unknown tokens.

    Args:
        model: a SentencePiece model; None for corpora that are binarised already, whose pieces are
            then joined without it. There is no `spm.model` then.
        dictionary: the fairseq dictionary (`token count` lines); None to list the model's pieces.
        tags: the languages whose tags are needed.
        folder: where to write; it is made.

    Raises:
        InputError: a file is missing or damaged, the two do not belong together, or the one does
            not do without the other.
    """
    lines = vocabulary_lines(model, dictionary, tags)
    folder.mkdir(parents=True, exist_ok=True)
    if model is not None:
        with atomic_write(folder / "spm.model") as partial:
            partial.write_bytes(model.read_bytes())
    write_text(folder / "dict.txt", "".join(f"{line}\n" for line in lines))


def vocabulary_lines(model: Path | None, dictionary: Path | None, tags: Sequence[str]) -> list[str]:
    """The lines of `dict.txt`, see `use_vocabulary`; fairseq adds its four own entries to them."""
    pieces = read_pieces(model) if model else None
    if dictionary:
        tokens, lines = read_dictionary(dictionary), dictionary_lines(dictionary)
        if pieces is None:
            check_joinable(dictionary, tokens)
        else:
            check_pair(dictionary, tokens, pieces)
    elif pieces is None:
        raise InputError("no vocabulary is given; give a SentencePiece model or a dictionary")
    else:
        tokens, lines = pieces, with_counts(pieces)
    known = set(tokens)
    return lines + with_counts(tag for tag in map(language_tag, tags) if tag not in known)


def given_size(model: str = "", dictionary: str = "", *, tags: Sequence[str]) -> int:
    """Entries of the dictionary of a given vocabulary, fairseq's own included.

    The files are those of `use_vocabulary`; one of them may be empty for none.
    """
    given = Path(model) if model else None, Path(dictionary) if dictionary else None
    return len(vocabulary_lines(given[0], given[1], tags)) + len(FAIRSEQ_TOKENS)


def with_counts(tokens: Iterable[str]) -> list[str]:
    """The lines of a dictionary that list some tokens."""
    return [f"{token} {DICTIONARY_COUNT}" for token in tokens]


def read_pieces(model: Path) -> list[str]:
    """The pieces of a SentencePiece model in its order, without those that stand for no text."""
    if not model.is_file():
        raise InputError(f"{model}: no such SentencePiece model")
    try:
        processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    except RuntimeError as error:
        raise InputError(
            f"{model}: not a SentencePiece model ({error}); "
            "give the .model file that its training wrote"
        ) from error
    return [
        processor.id_to_piece(i)
        for i in range(len(processor))
        if not processor.is_unknown(i) and not processor.is_control(i)
    ]


def check_pair(dictionary: Path, tokens: Iterable[str], pieces: Iterable[str]) -> None:
    """InputError where dictionary and model share so little that they are of different pairs."""
    listed, known = {token for token in tokens if not ADDED.fullmatch(token)}, set(pieces)
    shared = len(listed & known)
    if shared < SHARED * min(len(listed), len(known)):
        raise InputError(
            f"{dictionary}: {shared} of its {len(listed)} tokens are pieces of the SentencePiece "
            f"model, which has {len(known)}; give the two that were used together"
        )


def check_joinable(dictionary: Path, tokens: Sequence[str]) -> None:
    """InputError where the pieces of a dictionary cannot be joined to text without their model."""
    if BYTE_PIECE in tokens:
        raise InputError(
            f"{dictionary}: {BYTE_PIECE} and such stand for bytes, which only the SentencePiece "
            "model can make text of; give it with the dictionary"
        )
    if not any(WORD_START in token for token in tokens):
        raise InputError(
            f"{dictionary}: no token has SentencePiece's {WORD_START}, so that words could not be "
            "told apart; give the dictionary of SentencePiece's pieces, or its model too"
        )


def read_dictionary(dictionary: Path) -> list[str]:
    """The tokens of a fairseq dictionary in their order, as fairseq reads it.

    A token may be there twice where the later line ends in `#fairseq:overwrite`.

    Raises:
        InputError: a line has no count, or a token that is there before; file and line are named.
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
                "SentencePiece is no dictionary: leave it out)"
            )
        elif token in known and not entry.endswith(OVERWRITE):
            problem = (
                f"{token} is one of fairseq's own tokens, which no file lists; remove the line"
                if token in FAIRSEQ_TOKENS
                else f"{token} is there before; remove the line, or end it in {OVERWRITE}"
            )
        if problem:
            raise InputError(f"{dictionary}, line {number}: {problem}")
        known.add(token)
        tokens.append(token)
    return tokens


def dictionary_lines(dictionary: Path) -> list[str]:
    """The lines of a dictionary; a token may hold whatever else Unicode ends a line with."""
    if not dictionary.is_file():
        raise InputError(f"{dictionary}: no such dictionary")
    text = read_text(dictionary).replace("\r\n", "\n").replace("\r", "\n")  # as fairseq reads it
    return text.removesuffix("\n").split("\n")
