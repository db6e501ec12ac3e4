"""Text to fairseq's binary form: every corpus of a dataset in one process.

Axis: P pieces of a SentencePiece model.
"""

import shutil
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import sentencepiece
from fairseq.data import Dictionary
from fairseq.data.indexed_dataset import (
    MMapIndexedDatasetBuilder,
    best_fitting_int_dtype,
    data_file_path,
    index_file_path,
)
from numpy.typing import NDArray
from torch import from_numpy

from neuron_specialization.corpora.vocabulary import load_pieces
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.data import load_dictionary

LINES_PER_BLOCK = 10_000


def binarise_corpora(corpora: Iterable[Path], vocabulary: Path, folder: Path) -> None:
    """Write `{name}.bin` and `{name}.idx` for each text file, and copy the dictionaries.

    Args:
        corpora: text files whose names end in their language, e.g. `train.en-de.de`.
        vocabulary: folder of the SentencePiece models and dictionaries, joint or by language.
        folder: where to write.
    """
    for dictionary in vocabulary.glob("dict*.txt"):
        shutil.copy(dictionary, folder)
    for corpus in corpora:
        language = corpus.suffix[1:]
        processor = load_pieces(vocabulary, language)
        dictionary = load_dictionary(folder, language)
        index_P = piece_indices(processor, dictionary, folder)
        binarise_file(corpus, processor, index_P, dictionary, folder / corpus.name)


def binarise_file(
    corpus: Path,
    processor: sentencepiece.SentencePieceProcessor,
    index_P: NDArray[np.int64],
    dictionary: Dictionary,
    prefix: Path,
) -> None:
    """Write one file of sentences, each closed by </s>; `index_P` is that of each piece."""
    builder = MMapIndexedDatasetBuilder(
        data_file_path(str(prefix)), dtype=best_fitting_int_dtype(len(dictionary))
    )
    with corpus.open(encoding="utf-8", newline="\n") as file:
        while lines := [line.rstrip("\n") for line in islice(file, LINES_PER_BLOCK)]:
            for piece_ids in processor.encode(lines):
                builder.add_item(from_numpy(np.append(index_P[piece_ids], dictionary.eos())))
    builder.finalize(index_file_path(str(prefix)))


def piece_indices(
    processor: sentencepiece.SentencePieceProcessor, dictionary: Dictionary, folder: Path
) -> NDArray[np.int64]:
    """The fairseq index of each SentencePiece id, [P]; that of <unk> for what is not listed.

    Raises InputError where the dictionary lists less than half of the pieces.
    """
    pieces = [processor.id_to_piece(i) for i in range(len(processor))]
    index_P = np.array([dictionary.index(piece) for piece in pieces], dtype=np.int64)
    index_P[processor.unk_id()] = dictionary.unk()
    if (index_P == dictionary.unk()).sum() > len(pieces) / 2:
        raise InputError(f"{folder}: the dictionary does not belong to the SentencePiece model")
    return index_P
