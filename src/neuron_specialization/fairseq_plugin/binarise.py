"""Text to fairseq's binary form: every corpus of a dataset in one process."""

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
        check_dictionary(processor, dictionary, folder)
        binarise_file(corpus, processor, dictionary, folder / corpus.name)


def binarise_file(
    corpus: Path,
    processor: sentencepiece.SentencePieceProcessor,
    dictionary: Dictionary,
    prefix: Path,
) -> None:
    """Write one file of sentences, each closed by </s>."""
    builder = MMapIndexedDatasetBuilder(
        data_file_path(str(prefix)), dtype=best_fitting_int_dtype(len(dictionary))
    )
    with corpus.open(encoding="utf-8", newline="\n") as file:
        while lines := [line.rstrip("\n") for line in islice(file, LINES_PER_BLOCK)]:
            for piece_ids in processor.encode(lines):
                builder.add_item(from_numpy(fairseq_indices(piece_ids, dictionary)))
    builder.finalize(index_file_path(str(prefix)))


def fairseq_indices(piece_ids: list[int], dictionary: Dictionary) -> NDArray[np.int64]:
    """SentencePiece ids to fairseq indices: shifted by one, the unknown piece apart."""
    ids = np.array([*piece_ids, dictionary.eos() - 1], dtype=np.int64)
    return np.where(ids == 0, dictionary.unk(), ids + 1)


def check_dictionary(
    processor: sentencepiece.SentencePieceProcessor, dictionary: Dictionary, folder: Path
) -> None:
    """InputError unless the dictionary lists the model's pieces in the model's order."""
    last = len(processor) - 1
    if len(dictionary) <= last + 1 or dictionary[last + 1] != processor.id_to_piece(last):
        raise InputError(f"{folder}: the dictionary does not belong to the SentencePiece model")
