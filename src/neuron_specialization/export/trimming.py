"""Trim a joint vocabulary to the pieces of given texts: SentencePiece model and dictionary.

Text of kept pieces is tokenised as before. Kept are: everything that is not an ordinary piece
(language tags, fillers, bytes), single characters, the pieces of the texts and, for BPE, the pieces
that merging passes through on the way to them. A unigram model also keeps the piece of the lowest
score, from which SentencePiece derives the score of an unknown character.

Axes: P pieces of the SentencePiece model, Q kept pieces, K kept entries of the dictionary.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fairseq.data import Dictionary
from numpy.typing import NDArray
from sentencepiece import SentencePieceProcessor
from sentencepiece.sentencepiece_model_pb2 import ModelProto, TrainerSpec
from torch import Tensor

from neuron_specialization.corpora.text_lines import read_lines
from neuron_specialization.errors import InputError
from neuron_specialization.export.translation import read_line
from neuron_specialization.fairseq_plugin.binarise import piece_indices
from neuron_specialization.fairseq_plugin.external_checkpoints import (
    BUFFERS,
    DECODER_EMBEDDING,
    ENCODER_EMBEDDING,
)
from neuron_specialization.fairseq_plugin.methods import OUTPUT_PROJECTION

logger = logging.getLogger(__name__)

EMBEDDINGS = (ENCODER_EMBEDDING, DECODER_EMBEDDING, OUTPUT_PROJECTION)


@dataclass(frozen=True, kw_only=True)
class TrimmedVocabulary:
    """The kept part of a vocabulary."""

    rows_K: NDArray[np.int64]
    """The former dictionary index of each kept entry, in order."""
    model: bytes
    """The SentencePiece model of the kept pieces."""
    texts: list[dict[str, Any]]
    """For each text: lines, tokens, different pieces, unknown tokens before and after."""

    def cut(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return a state dict with the kept rows of the embeddings, [V, D] to [K, D]."""
        rows_K = torch.from_numpy(self.rows_K)
        return {**tensors, **{name: tensors[name][rows_K] for name in EMBEDDINGS}}

    def sizes(self, tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, int]]:
        """Return the numbers of entries and of parameters before and after trimming."""
        sizes = {
            tensor.data_ptr(): tensor.numel()
            for name, tensor in tensors.items()
            if not BUFFERS.search(name)
        }
        embeddings = {tensors[name].data_ptr(): tensors[name] for name in EMBEDDINGS}
        num_before, num_after = len(tensors[DECODER_EMBEDDING]), len(self.rows_K)
        removed = sum(each[0].numel() for each in embeddings.values()) * (num_before - num_after)
        total = sum(sizes.values())
        found = {"entries": (num_before, num_after), "parameters": (total, total - removed)}
        for name, (before, after) in found.items():
            logger.info("%s: %d before trimming, %d after", name, before, after)
        return found

    def new_ids(self) -> dict[int, int]:
        """Return the new index of each kept entry by its former one."""
        return {int(row): number for number, row in enumerate(self.rows_K)}


def trim_vocabulary(
    model: Path, dictionary: Dictionary, texts: Sequence[Path]
) -> TrimmedVocabulary:
    """Trim a SentencePiece model and its dictionary to the pieces of texts.

    Raises InputError if a text cannot be read, is empty, or would not be tokenised as before.
    """
    processor = SentencePieceProcessor(model_file=str(model))
    proto = ModelProto.FromString(model.read_bytes())
    index_P = piece_indices(processor, dictionary, model.parent)
    unknown_P = index_P == dictionary.unk()
    counts = [count_pieces(processor, text) for text in texts]
    # a piece that the dictionary lacks has no row that could be removed
    kept_P = needed_pieces(proto, np.sum(counts, axis=0) > 0) | unknown_P
    trimmed = keep_pieces(proto, kept_P)
    after = SentencePieceProcessor(model_proto=trimmed)
    reports = []
    for text, count_P in zip(texts, counts, strict=True):
        lines, count_Q = compare_tokens(processor, after, kept_P, text)
        report = {
            "file": text.name,
            "lines": lines,
            "tokens": int(count_P.sum()),
            "pieces": int((count_P > 0).sum()),
            "unknown_before": int(count_P[unknown_P].sum()),
            "unknown_after": int(count_Q[unknown_P[kept_P]].sum()),
        }
        logger.info("%s", ", ".join(f"{name} {value}" for name, value in report.items()))
        reports.append(report)
    rows_K = np.setdiff1d(np.arange(len(dictionary)), index_P[~kept_P])
    return TrimmedVocabulary(rows_K=rows_K, model=trimmed, texts=reports)


def numbered_lines(text: Path) -> Iterator[str]:
    """Yield the lines of a text; raise InputError if it is missing, empty or not UTF-8."""
    if not text.is_file():
        raise InputError(f"{text}: no such text; give files of the languages (--trim-text)")
    number = 0
    for number, line in enumerate(read_lines(text), 1):
        yield read_line(str(text), number, line)
    if not number:
        raise InputError(f"{text}: the file is empty; it must have at least one line")


def count_pieces(processor: SentencePieceProcessor, text: Path) -> NDArray[np.int64]:
    """Return the number of occurrences of each piece in a text, [P]."""
    count_P = np.zeros(len(processor), dtype=np.int64)
    for line in numbered_lines(text):
        np.add.at(count_P, processor.encode(line), 1)
    return count_P


def needed_pieces(proto: Any, occurring_P: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pieces to keep, [P], if these occur."""
    pieces = list(proto.pieces)
    kept_P = occurring_P | np.array([p.type != p.NORMAL or len(p.piece) == 1 for p in pieces])
    ids = {p.piece: number for number, p in enumerate(pieces)}
    if proto.trainer_spec.model_type == TrainerSpec.BPE:
        scores = {p.piece: p.score for p in pieces if p.type == p.NORMAL}
        for number in np.flatnonzero(kept_P):
            for piece in merged_pieces(pieces[number].piece, scores):
                kept_P[ids[piece]] = True
    else:
        normal = [number for number, p in enumerate(pieces) if p.type == p.NORMAL]
        kept_P[min(normal, key=lambda number: pieces[number].score)] = True
    return kept_P


def merged_pieces(piece: str, scores: Mapping[str, float]) -> Iterator[str]:
    """Yield the pieces that BPE makes of the characters of a piece, in the order of merging.

    The neighbours of a piece in a text do not matter: had they been merged with a part of it, it
    would not be a token.
    """
    parts = list(piece)
    while len(parts) > 1:
        joined = [left + right for left, right in pairwise(parts)]
        known = [number for number, each in enumerate(joined) if each in scores]
        if not known:
            return
        best = max(known, key=lambda number: (scores[joined[number]], -number))
        parts[best : best + 2] = [joined[best]]
        yield joined[best]


def keep_pieces(proto: Any, kept_P: NDArray[np.bool_]) -> bytes:
    """Return a SentencePiece model that has only the kept pieces, in order."""
    trimmed = ModelProto()
    trimmed.CopyFrom(proto)
    del trimmed.pieces[:]
    trimmed.pieces.extend(piece for piece, kept in zip(proto.pieces, kept_P, strict=True) if kept)
    trimmed.trainer_spec.vocab_size = len(trimmed.pieces)
    return bytes(trimmed.SerializeToString())


def compare_tokens(
    before: SentencePieceProcessor,
    after: SentencePieceProcessor,
    kept_P: NDArray[np.bool_],
    text: Path,
) -> tuple[int, NDArray[np.int64]]:
    """Return the lines of a text, and the occurrences of each kept piece, [Q].

    Raises InputError if the trimmed model tokenises a line otherwise.
    """
    new_P = np.where(kept_P, np.cumsum(kept_P) - 1, -1)
    count_Q = np.zeros(len(after), dtype=np.int64)
    number = 0
    for number, line in enumerate(numbered_lines(text), 1):
        ids = after.encode(line)
        if ids != new_P[before.encode(line)].tolist():
            raise InputError(
                f"{text}, line {number}: the trimmed vocabulary tokenises it otherwise; export "
                "the whole vocabulary (without --trim-text)"
            )
        np.add.at(count_Q, ids, 1)
    return number, count_Q
