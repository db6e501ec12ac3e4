"""Cut text files into chunks, and join the tokens of the chunks into fairseq's files.

Axes: S sentences, T tokens of these sentences.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.indexed_files import SIZE, Block, write_indexed
from neuron_specialization.files import BLOCK_BYTES, line_of

CHUNK_BYTES = 32 << 20
"""Text per task; about ten seconds of work."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Lines of a corpus, from byte `start` to `end`, and the files for their tokens and sizes."""

    corpus: Path
    start: int
    end: int
    tokens: Path
    sizes: Path

    def write(self, blocks: Iterable[Block]) -> int:
        """Write the two files; return the number of sentences."""
        sentences = 0
        with self.tokens.open("wb") as tokens, self.sizes.open("wb") as sizes:
            for tokens_T, sizes_S in blocks:
                tokens.write(tokens_T.tobytes())
                sizes.write(sizes_S.astype(SIZE).tobytes())
                sentences += len(sizes_S)
        return sentences

    def take(self, dtype: np.dtype[Any]) -> Block:
        """Read the two files and remove them."""
        tokens_T, sizes_S = np.fromfile(self.tokens, dtype), np.fromfile(self.sizes, SIZE)
        self.tokens.unlink()
        self.sizes.unlink()
        return tokens_T, sizes_S


def cut_corpus(corpus: Path, work: Path) -> list[Chunk]:
    """Cut a corpus into chunks of `CHUNK_BYTES`, each extended to the end of its last line.

    Raise InputError if it is empty. `work` is the folder for the tokens of the chunks.
    """
    size = corpus.stat().st_size
    if not size:
        raise InputError(f"{corpus}: empty corpus, the file has no lines")
    chunks: list[Chunk] = []
    end = 0
    with corpus.open("rb") as file:
        while end < size:
            start = end
            file.seek(start + CHUNK_BYTES - 1)
            file.readline()
            end = min(file.tell(), size)
            tokens, sizes = (work / f"{corpus.name}.{start}.{kind}" for kind in ("tokens", "sizes"))
            chunks.append(Chunk(corpus=corpus, start=start, end=end, tokens=tokens, sizes=sizes))
    return chunks


def read_blocks(chunk: Chunk) -> Iterator[list[bytes]]:
    """Yield the lines of a chunk in blocks; raise InputError naming a line that is not UTF-8."""
    position = chunk.start
    with chunk.corpus.open("rb") as file:
        file.seek(position)
        while position < chunk.end:
            block = file.read(min(BLOCK_BYTES, chunk.end - position))
            if not block.endswith(b"\n"):
                block += file.readline()
            try:
                block.decode()
            except UnicodeDecodeError as error:
                line = line_of(chunk.corpus, position + error.start)
                raise InputError(
                    f"{chunk.corpus}, line {line}: not UTF-8 ({error.reason}, byte "
                    f"{block[error.start]:#x}); convert the file, or remove the line"
                ) from error
            position += len(block)
            yield block.removesuffix(b"\n").split(b"\n")


def join_chunks(
    chunks: Sequence[Chunk], sentences: int, prefixes: Sequence[Path], dtype: np.dtype[Any]
) -> None:
    """Write the tokens of a corpus's chunks, in equal parts, as fairseq's files.

    `chunks` are all chunks in order; their files are removed as they are read, so that the tokens
    are on disk once. `prefixes` has the path of each part without its suffix; the first parts
    have one sentence more if the number is not divisible.
    """
    parts = len(prefixes)
    counts = [sentences // parts + (part < sentences % parts) for part in range(parts)]
    blocks = split_blocks((chunk.take(dtype) for chunk in chunks), np.cumsum(counts))
    for part, group in groupby(blocks, key=itemgetter(0)):
        write_indexed(prefixes[part], counts[part], (block for _, block in group), dtype)


def split_blocks(
    blocks: Iterable[Block], ends: NDArray[np.int64]
) -> Iterator[tuple[int, tuple[NDArray[Any], NDArray[np.int32]]]]:
    """Yield the number of a part and sentences that belong to it; parts end at `ends`."""
    first = 0
    for tokens_T, sizes_S in blocks:
        cuts = ends[(ends > first) & (ends < first + len(sizes_S))] - first
        token_cuts = np.cumsum(sizes_S, dtype=np.int64)[cuts - 1]
        for block in zip(np.split(tokens_T, token_cuts), np.split(sizes_S, cuts), strict=True):
            yield int(np.searchsorted(ends, first, side="right")), block
            first += len(block[1])
