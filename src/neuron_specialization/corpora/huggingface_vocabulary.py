"""The vocabulary of a model folder as Hugging Face delivers it, as a dictionary of this project.

The ids of such models are fairseq's indices: four special tokens, pieces, codes of languages,
fillers. Our dictionary lists them in the same order, with our own tags in place of the codes.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuron_specialization.corpora.existing_vocabulary import open_pieces, with_counts
from neuron_specialization.corpora.vocabulary import (
    FAIRSEQ_TOKENS,
    NUM_SPECIAL_PIECES,
    language_tag,
)
from neuron_specialization.errors import InputError
from neuron_specialization.files import atomic_write, write_text
from neuron_specialization.settings.languages import Language
from neuron_specialization.settings.model_folders import (
    CONFIG,
    TOKENIZER_CONFIG,
    read_json,
    read_model_config,
    read_tokenizer_config,
)

logger = logging.getLogger(__name__)

VOCABULARY = "vocab.json"
"""Ids of pieces; only M2M100Tokenizer has it. Others add 1 to SentencePiece's."""
PIECES = ("sentencepiece.bpe.model", "spm.model")
SPECIAL_TOKENS, ADDED_TOKENS, FAST = (
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.json",
)
TOKENIZER_FILES = (CONFIG, TOKENIZER_CONFIG, SPECIAL_TOKENS, ADDED_TOKENS, FAST, VOCABULARY)
M2M100_CODES = (
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu "
    "ha he hi hr ht hu hy id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr "
    "ms my ne nl no ns oc or pa pl ps pt ro ru sd si sk sl so sq sr ss su sv sw ta th tl tn tr "
    "uk ur uz vi wo xh yi yo zh zu"
)
"""Codes of M2M-100 by id, joined by blanks, which its tokenizer's files need not state."""
MOST_FILLERS = 128
"""Embedding rows without a token: at most the padding to a multiple of this."""


def folder_pieces(folder: Path) -> Path:
    """Return the SentencePiece model of a folder; raise InputError if it has none."""
    found = [folder / name for name in PIECES if (folder / name).is_file()]
    if not found:
        raise InputError(
            f"{folder}: no SentencePiece model ({' or '.join(PIECES)}), which is needed to "
            "tokenise text as the model was trained; tokenizer.json alone is not enough"
        )
    return found[0]


def tokenizer_files(folder: Path) -> list[Path]:
    """Return the files of a folder that its vocabulary is made of."""
    named = [folder / name for name in (*TOKENIZER_FILES, *PIECES)]
    return [path for path in named if path.is_file()]


@dataclass(frozen=True, kw_only=True)
class FolderVocabulary:
    """The tokens of a folder's model."""

    tokens: Sequence[str | None]
    """The token of every id, in order; None for a filler, which the tokenizer never makes."""
    first_code: int
    """The id of the first code of a language; pieces come before it."""


def read_folder_vocabulary(folder: Path) -> FolderVocabulary:
    """Return the tokens of a folder's model.

    Raises:
        InputError: a file is missing or damaged, the tokenizer is another one, or it does not
            belong to the model, which has other ids.
    """
    rows = int(read_model_config(folder)["vocab_size"])
    read_tokenizer_config(folder)
    pieces = piece_ids(folder)
    first = max(pieces) + 1
    named = pieces | added_tokens(folder, first)
    fillers = rows - 1 - max(named)
    if not 0 <= fillers <= MOST_FILLERS:
        raise InputError(
            f"{folder}: the tokenizer has {max(named) + 1} tokens, but the model's embeddings have "
            f"{rows} rows ({CONFIG}); give the tokenizer that belongs to the model"
        )
    return FolderVocabulary(tokens=[named.get(number) for number in range(rows)], first_code=first)


def piece_ids(folder: Path) -> dict[int, str]:
    """Return the tokens before the codes of languages, by id: special ones and pieces."""
    model, path = folder_pieces(folder), folder / VOCABULARY
    processor = open_pieces(model)
    pieces = [processor.id_to_piece(i) for i in range(len(processor))]
    if not path.is_file():
        if [processor.is_unknown(0), *map(processor.is_control, (1, 2))] != 3 * [True]:
            raise InputError(
                f"{model}: its first pieces are {pieces[:3]}, not the special ones; this is not "
                "the SentencePiece model of NLLB-200 or mBART-50"
            )
        return dict(enumerate([*FAIRSEQ_TOKENS, *pieces[NUM_SPECIAL_PIECES:]]))
    found = {number: token for token, number in read_json(path).items()}
    special = tuple(found.get(number) for number in range(len(FAIRSEQ_TOKENS)))
    shared = len({*pieces} & {*found.values()})
    if special != FAIRSEQ_TOKENS or shared < len(pieces) / 2:
        raise InputError(
            f"{path}: begins with {special} and has {shared} of the {len(pieces)} pieces of "
            f"{model.name}; give the two files of M2M-100 that belong together"
        )
    return found


def added_tokens(folder: Path, first: int) -> dict[int, str]:
    """Return the tokens from the id `first` on: codes of languages, and `<mask>`.

    Their ids are in one of four files, depending on the tokenizer's version and form; the last,
    older ones only have their order, and M2M-100 may have none of them.
    """
    tokenizer = read_tokenizer_config(folder)
    stated = {
        int(number): token["content"]
        for number, token in tokenizer.get("added_tokens_decoder", {}).items()
    }
    if (folder / FAST).is_file():
        tokens = read_json(folder / FAST).get("added_tokens", [])
        stated |= {token["id"]: token["content"] for token in tokens}
    if (folder / ADDED_TOKENS).is_file():
        stated |= {number: token for token, number in read_json(folder / ADDED_TOKENS).items()}
    found = {number: token for number, token in stated.items() if number >= first}
    if found:
        return found
    special = read_json(folder / SPECIAL_TOKENS) if (folder / SPECIAL_TOKENS).is_file() else {}
    ordered = special.get("additional_special_tokens", [])
    is_m2m100 = tokenizer.get("language_codes", "m2m100") == "m2m100"
    if not ordered and is_m2m100 and (folder / VOCABULARY).is_file():
        ordered = [f"__{code}__" for code in M2M100_CODES.split()]
    if not ordered:
        raise InputError(
            f"{folder}: no codes of languages in {TOKENIZER_CONFIG}, {FAST}, {ADDED_TOKENS} or "
            f"{SPECIAL_TOKENS}; give all files of the tokenizer"
        )
    return dict(enumerate(ordered, start=first))


def language_codes(languages: Iterable[Language], column: str) -> dict[str, str]:
    """Return the model's code of each of our languages: the cell of a column, or our own code.

    Raise InputError if a language has no such cell.
    """
    codes = {row.code: row.codes.get(column, "") if column else row.code for row in languages}
    lacking = [code for code, theirs in codes.items() if not theirs]
    if lacking:
        raise InputError(
            f"languages.tsv has no cell in the column {column} for {', '.join(lacking)}: give the "
            "model's codes of these languages"
        )
    return codes


def dictionary_tokens(folder: Path, codes: Mapping[str, str]) -> list[str]:
    """Return the tokens of our dictionary for a folder's model, from index 4 on.

    Its ids are in order, so that row i of its embeddings is the dictionary's index i. A code of
    `codes`, which has the model's by ours, is our tag; other codes are in angle brackets. What
    fairseq cannot list has the name of a filler: line ends, and tokens that occur twice.

    Raise InputError as `read_folder_vocabulary` does, or if the model lacks a code or two of the
    languages have the same.
    """
    vocabulary = read_folder_vocabulary(folder)
    tag_of = tags_by_token(folder, codes, vocabulary)
    known, listed, unlisted = {*FAIRSEQ_TOKENS, *tag_of.values()}, [], 0
    for number, token in list(enumerate(vocabulary.tokens))[len(FAIRSEQ_TOKENS) :]:
        is_code = token is not None and number >= vocabulary.first_code
        if is_code and token in tag_of:
            listed.append(tag_of[token])
            continue
        name = code_name(token) if is_code and token else token
        if name is None or name in known or {*"\n\r"} & {*name}:
            unlisted += token is not None
            name = f"madeupword{number:04d}"
        known.add(name)
        listed.append(name)
    if unlisted:
        logger.warning("%s: %d of its pieces cannot be listed and are unknown", folder, unlisted)
    return listed


def code_name(token: str) -> str:
    """Return how a language that is not used is listed: not as a tag, which would seem ours."""
    return token if token.startswith("<") else f"<{token.strip('_')}>"


def tags_by_token(
    folder: Path, codes: Mapping[str, str], vocabulary: FolderVocabulary
) -> dict[str, str]:
    """Return our tag of each of the model's code tokens (`deu_Latn`, or `__de__` for `de`)."""
    known = {*vocabulary.tokens[vocabulary.first_code :]}
    tags: dict[str, str] = {}
    for ours, theirs in codes.items():
        found = next((name for name in (theirs, f"__{theirs}__") if name in known), None)
        if found is None:
            raise InputError(
                f"{folder}: the model has no code {theirs} for the language {ours}; name a column "
                "of languages.tsv with its codes (codes=... in systems.tsv), or leave the language "
                "out"
            )
        if found in tags:
            raise InputError(
                f"{folder}: the languages {tags[found].strip('_')} and {ours} both have the code "
                f"{theirs}; give each its own"
            )
        tags[found] = language_tag(ours)
    return tags


def use_folder_vocabulary(model_folder: Path, codes: Mapping[str, str], folder: Path) -> None:
    """Write `spm.model` and `dict.txt` of a model folder; `dictionary_tokens` has the errors."""
    tokens = dictionary_tokens(model_folder, codes)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / "spm.model") as partial:
        partial.write_bytes(folder_pieces(model_folder).read_bytes())
    write_text(folder / "dict.txt", "".join(f"{line}\n" for line in with_counts(tokens)))
