"""Convert all corpora of a dataset to fairseq's binary form, in chunks that processes share.

Memory use and load balance depend on the chunk size, not on the size or number of corpora.

Axes: P pieces of a SentencePiece model, S sentences of a block, T tokens of these sentences.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import sentencepiece
from fairseq.data import Dictionary
from fairseq.data.indexed_dataset import best_fitting_int_dtype
from numpy.typing import NDArray

from neuron_specialization.corpora.corpus_files import TRAIN
from neuron_specialization.corpora.shards import shard_name
from neuron_specialization.corpora.vocabulary import language_file, load_pieces
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.chunks import Chunk, cut_corpus, join_chunks, read_blocks
from neuron_specialization.fairseq_plugin.data import ABSENT, load_dictionary
from neuron_specialization.fairseq_plugin.indexed_files import Block
from neuron_specialization.parallel import parallel_map


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A language's SentencePiece model, and fairseq's indices of its pieces and of </s>."""

    processor: sentencepiece.SentencePieceProcessor
    index_P: NDArray[Any]
    """In the integer type that fairseq uses for a dictionary of this size."""
    eos: int

    def encode(self, lines: list[bytes]) -> Block:
        """Return the tokens of UTF-8 lines, concatenated, and the size of each sentence."""
        pieces = self.processor.encode(lines, num_threads=1)
        sizes_S = np.fromiter(map(len, pieces), np.int32, len(pieces))
        pieces_T = np.fromiter(chain.from_iterable(pieces), np.int64, sizes_S.sum())
        tokens_T = np.insert(self.index_P[pieces_T], np.cumsum(sizes_S), self.eos)
        return tokens_T, sizes_S + np.int32(1)


def binarise_corpora(
    corpora: Iterable[Path],
    vocabulary: Path,
    folder: Path,
    *,
    shards: int = 1,
    processes: int = 1,
) -> None:
    """Write `{name}.bin` and `{name}.idx` for each text file, and copy the dictionaries.

    Args:
        corpora: UTF-8 text files named by split, pair and language, such as `train.en-de.de`;
            only a line feed ends a line.
        vocabulary: folder of the SentencePiece models and dictionaries, joint or by language.
        folder: where to write; files appear only when they are complete.
        shards: number of equal parts that training corpora are split into, in order; with more
            than one, `folder` has `shard0` and so on, and the first has all other splits.
        processes: number of parallel processes; the files do not depend on it.

    A pair whose files of a split are both empty has no such split: `{name}.none` says so.

    Raise InputError if another corpus is empty, not UTF-8, or has fewer lines than there are
    shards, the sides of a pair differ in length, or dictionary and model do not belong together.
    """
    absent, corpora = leave_out_absent(list(corpora))
    encoders = load_encoders(vocabulary, corpora)
    with TemporaryDirectory(dir=folder, prefix="chunks-") as work:
        chunks = {corpus: cut_corpus(corpus, Path(work)) for corpus in corpora}
        tasks = list(chain.from_iterable(chunks.values()))
        counts = iter(parallel_map(partial(binarise_chunk, encoders), tasks, processes))
        sentences = {corpus: sum(islice(counts, len(chunks[corpus]))) for corpus in corpora}
        check_lengths(sentences, shards)
        targets = make_targets(folder, shards, vocabulary)
        for name in absent:
            (targets[0] / f"{name}{ABSENT}").touch()
        for corpus in corpora:
            parts = [target / corpus.name for target in targets[: None if is_shared(corpus) else 1]]
            dtype = encoders[corpus.suffix[1:]].index_P.dtype
            join_chunks(chunks[corpus], sentences[corpus], parts, dtype)


def leave_out_absent(corpora: Sequence[Path]) -> tuple[set[str], list[Path]]:
    """Return the names of pairs without a split, whose files are both empty, and all other files.

    An empty training corpus is no such pair.
    """
    filled = {corpus.stem for corpus in corpora if is_shared(corpus) or corpus.stat().st_size}
    absent = {corpus.stem for corpus in corpora} - filled
    return absent, [corpus for corpus in corpora if corpus.stem in filled]


def make_targets(folder: Path, shards: int, vocabulary: Path) -> list[Path]:
    """Return the folders of the shards, or the single folder, with the dictionaries in them."""
    targets = [folder / shard_name(i) for i in range(shards)] if shards > 1 else [folder]
    for target in targets:
        target.mkdir(exist_ok=True)
        for dictionary in vocabulary.glob("dict*.txt"):
            shutil.copy(dictionary, target)
    return targets


def load_encoders(vocabulary: Path, corpora: Iterable[Path]) -> dict[str, Encoder]:
    """Return the encoder of each corpus's language; a joint vocabulary is loaded once."""
    loaded: dict[tuple[Path, Path], Encoder] = {}
    encoders: dict[str, Encoder] = {}
    for language in dict.fromkeys(corpus.suffix[1:] for corpus in corpora):
        model, dictionary = (
            language_file(vocabulary, name, language) for name in ("spm.model", "dict.txt")
        )
        if (model, dictionary) not in loaded:
            loaded[model, dictionary] = load_encoder(vocabulary, language)
        encoders[language] = loaded[model, dictionary]
    return encoders


def load_encoder(vocabulary: Path, language: str) -> Encoder:
    """Return the encoder of one language."""
    processor = load_pieces(vocabulary, language)
    dictionary = load_dictionary(vocabulary, language)
    index_P = piece_indices(processor, dictionary, vocabulary)
    dtype = best_fitting_int_dtype(len(dictionary))
    return Encoder(processor=processor, index_P=index_P.astype(dtype), eos=dictionary.eos())


def piece_indices(
    processor: sentencepiece.SentencePieceProcessor, dictionary: Dictionary, folder: Path
) -> NDArray[np.int64]:
    """Return the fairseq index of each SentencePiece id, [P]; unlisted pieces get <unk>'s.

    So do pieces that are only named like fairseq's own tokens, such as <pad>.

    Raise InputError if the dictionary lists less than half of the pieces.
    """
    pieces = [processor.id_to_piece(i) for i in range(len(processor))]
    index_P = np.array([dictionary.index(piece) for piece in pieces], dtype=np.int64)
    index_P[index_P < dictionary.nspecial] = dictionary.unk()
    if (index_P == dictionary.unk()).sum() > len(pieces) / 2:
        raise InputError(f"{folder}: the dictionary does not belong to the SentencePiece model")
    return index_P


def binarise_chunk(encoders: Mapping[str, Encoder], chunk: Chunk) -> int:
    """Write the tokens of a chunk; return the number of its sentences."""
    encoder = encoders[chunk.corpus.suffix[1:]]
    return chunk.write(map(encoder.encode, read_blocks(chunk)))


def check_lengths(sentences: Mapping[Path, int], shards: int) -> None:
    """Raise InputError if the sides of a pair differ in length or cannot be split into shards."""
    first: dict[str, Path] = {}
    for corpus, count in sentences.items():
        other = first.setdefault(corpus.stem, corpus)
        if sentences[other] != count:
            raise InputError(
                f"{other} has {sentences[other]} lines, {corpus} has {count}; the two sides of a "
                "pair must be aligned line by line"
            )
        if is_shared(corpus) and count < shards:
            raise InputError(
                f"{corpus}: {count} lines cannot be split into {shards} shards; "
                "ask for fewer shards, or omit the pair"
            )


def is_shared(corpus: Path) -> bool:
    """Return whether a corpus is split into shards; only training corpora are."""
    return corpus.name.startswith(f"{TRAIN}.")
