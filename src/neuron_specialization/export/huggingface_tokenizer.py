"""Tokenizer files for transformers: M2M-100's for a model trained here, or a model folder's own.

Axes: V entries of the dictionary, I ids of the tokenizer, which are rows of embeddings, D width.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neuron_specialization.corpora.huggingface_vocabulary import (
    ADDED_TOKENS,
    FAST,
    M2M100_CODES,
    PIECES,
    VOCABULARY,
    dictionary_tokens,
    folder_pieces,
    read_folder_vocabulary,
    tokenizer_files,
)
from neuron_specialization.corpora.vocabulary import FAIRSEQ_TOKENS, TAG, language_tag
from neuron_specialization.errors import InputError
from neuron_specialization.export.trimming import EMBEDDINGS, TrimmedVocabulary
from neuron_specialization.files import sha256_of
from neuron_specialization.settings.model_folders import (
    CONFIG,
    TOKENIZER_CONFIG,
    read_tokenizer_config,
)

FILLERS = 8
"""Rows of M2M-100's embeddings behind the codes, which no text uses."""


@dataclass(frozen=True, kw_only=True)
class TokenizerFiles:
    """A tokenizer of transformers, and the entry of our dictionary that each id stands for."""

    entries_I: list[int]
    """The dictionary index of each id; -1 for an id that the dictionary does not have."""
    codes: dict[str, str]
    """The tokenizer's code of each language."""
    ids: dict[str, int]
    """The id of each language's code."""
    files: dict[str, bytes]

    def arrange(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return a state dict with embeddings in the order of ids, [V, D] to [I, D].

        Ids that the dictionary does not have get zeros.
        """
        entries_I = torch.tensor(self.entries_I)
        absent_I1 = (entries_I < 0).unsqueeze(1)
        rows_I = entries_I.clamp(min=0)
        return {
            name: tensor[rows_I].masked_fill(absent_I1, 0.0) if name in EMBEDDINGS else tensor
            for name, tensor in tensors.items()
        }

    def write(self, folder: Path, directions: Sequence[str]) -> None:
        """Write the files into a folder; a single direction's languages become their default."""
        for name, content in self.files.items():
            if name == TOKENIZER_CONFIG and len(directions) == 1:
                source, target = (self.codes[language] for language in directions[0].split("-"))
                content = as_json(json.loads(content) | {"src_lang": source, "tgt_lang": target})
            (folder / name).write_bytes(content)


def m2m100_tokenizer(
    symbols: Sequence[str], languages: Sequence[str], pieces: bytes
) -> TokenizerFiles:
    """Return an M2M100Tokenizer with the pieces of a dictionary; its 100 codes follow them.

    Args:
        symbols: the entries of the dictionary.
        languages: the languages of the exported directions.
        pieces: the SentencePiece model.

    Raise InputError if the code of a language is not among the 100.
    """
    known = M2M100_CODES.split()
    missing = [language for language in languages if language not in known]
    if missing:
        raise InputError(
            f"{', '.join(missing)}: not among the 100 codes of M2M100Tokenizer, whose list is "
            "fixed; use the formats fairseq, ctranslate2 and ctranslate2-int8, which have none"
        )
    index = {symbol: number for number, symbol in enumerate(symbols)}
    tags = [language_tag(code) for code in known]
    listed = [number for number, symbol in enumerate(symbols) if not TAG.match(f"{symbol} ")]
    # an entry that a later one overwrites keeps its row under another name
    names = [
        symbols[number] if index[symbols[number]] == number else f"<overwritten {number}>"
        for number in listed
    ]
    config = {
        "tokenizer_class": "M2M100Tokenizer",
        "language_codes": "m2m100",
        "num_madeup_words": FILLERS,
        "additional_special_tokens": tags,
    }
    return TokenizerFiles(
        entries_I=[*listed, *(index.get(tag, -1) for tag in tags), *[-1] * FILLERS],
        codes={language: language for language in languages},
        ids={language: len(listed) + known.index(language) for language in languages},
        files={
            PIECES[0]: pieces,
            VOCABULARY: as_json({name: number for number, name in enumerate(names)}),
            TOKENIZER_CONFIG: as_json(config),
        },
    )


def folder_tokenizer(
    folder: Path,
    symbols: Sequence[str],
    languages: Sequence[str],
    pieces: Path,
    source_tag_last: bool,
) -> TokenizerFiles:
    """Return the tokenizer of a model folder, from which a model was imported.

    Args:
        folder: the model folder.
        symbols: the entries of the dictionary, in the order of the folder's ids.
        languages: the languages of the exported directions, whose tags replace codes.
        pieces: the SentencePiece model that the model was imported with.
        source_tag_last: the source's tag is behind `</s>` (`legacy_behaviour` of NllbTokenizer).

    Raise InputError if the model has another dictionary or SentencePiece model.
    """
    tokens = read_folder_vocabulary(folder).tokens
    tags = {symbol: number for number, symbol in enumerate(symbols) if TAG.match(f"{symbol} ")}
    codes = {tag.strip("_"): str(tokens[i]) for tag, i in tags.items() if i < len(tokens)}
    if len(symbols) != len(tokens) or dictionary_tokens(folder, codes) != [
        *symbols[len(FAIRSEQ_TOKENS) :]
    ]:
        raise InputError(
            f"{folder}: its tokenizer has other tokens than the model's dictionary; give the "
            "folder that the model was imported from (--tokenizer)"
        )
    if sha256_of(folder_pieces(folder)) != sha256_of(pieces):
        raise InputError(
            f"{folder_pieces(folder)}: another SentencePiece model than {pieces}; give the folder "
            "that the model was imported from (--tokenizer)"
        )
    files = {path.name: path.read_bytes() for path in tokenizer_files(folder)}
    del files[CONFIG]
    config = read_tokenizer_config(folder)
    if source_tag_last or "legacy_behaviour" in config:
        files[TOKENIZER_CONFIG] = as_json(config | {"legacy_behaviour": source_tag_last})
    return TokenizerFiles(
        entries_I=list(range(len(symbols))),
        codes={language: codes[language].strip("_") for language in languages},
        ids={language: tags[language_tag(language)] for language in languages},
        files=files,
    )


def trim_tokenizer(tokenizer: TokenizerFiles, trimmed: TrimmedVocabulary) -> TokenizerFiles:
    """Return the tokenizer of a folder with the kept pieces and the new ids of all tokens.

    The file of the fast tokenizer is left out: transformers makes one of the others.
    """
    new = trimmed.new_ids()
    files = {name: content for name, content in tokenizer.files.items() if name != FAST}
    for name in files.keys() & {VOCABULARY, ADDED_TOKENS}:
        ids = json.loads(files[name])
        files[name] = as_json({token: new[i] for token, i in ids.items() if i in new})
    files |= dict.fromkeys(files.keys() & set(PIECES), trimmed.model)
    added = added_tokens(tokenizer.files)
    if added:
        config = json.loads(files.get(TOKENIZER_CONFIG, b"{}"))
        moved = {str(new[i]): token for i, token in added.items()}
        files[TOKENIZER_CONFIG] = as_json(config | {"added_tokens_decoder": moved})
    return TokenizerFiles(
        entries_I=list(range(len(new))),
        codes=tokenizer.codes,
        ids={language: new[i] for language, i in tokenizer.ids.items()},
        files=files,
    )


def added_tokens(files: Mapping[str, bytes]) -> dict[int, Any]:
    """Return the added tokens by id, from the tokenizer's settings or its fast form."""
    stated = json.loads(files.get(TOKENIZER_CONFIG, b"{}")).get("added_tokens_decoder", {})
    if not stated and FAST in files:
        tokens = json.loads(files[FAST]).get("added_tokens", [])
        stated = {token.pop("id"): token for token in tokens}
    return {int(number): token for number, token in stated.items()}


def as_json(content: Mapping[str, Any]) -> bytes:
    """Return a file of JSON."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()
