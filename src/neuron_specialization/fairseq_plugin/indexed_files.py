"""Write and read fairseq's `mmap` form of tokens, `{name}.bin` and `{name}.idx`, piece by piece.

fairseq's own builder and reader keep a corpus's sizes in lists, and read each whole file.

Axes: S sentences, T tokens of these sentences.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fairseq.data.indexed_dataset import (
    MMapIndexedDataset,
    _code_to_dtype,
    _dtype_header_code,
    data_file_path,
    index_file_path,
)
from numpy.typing import NDArray

from neuron_specialization.errors import InputError
from neuron_specialization.files import atomic_write

VERSION = 1
# magic, version, code of the tokens' integer type, number of sentences; followed by the sentences'
# sizes in tokens and their positions in bytes
HEADER = struct.Struct("<9sQBQ")
MAGIC = MMapIndexedDataset.Index._HDR_MAGIC
SIZE, POSITION = np.dtype("<i4"), np.dtype("<i8")

Block = tuple[NDArray[Any], NDArray[np.int32]]
"""The tokens [T] and the sizes [S] of consecutive sentences."""


@dataclass(frozen=True, kw_only=True)
class IndexedFile:
    """An open corpus; nothing is in memory until it is accessed."""

    tokens_T: NDArray[Any]
    sizes_S: NDArray[np.int32]
    positions_S: NDArray[np.int64]
    """Start of each sentence, in bytes."""

    def sentence(self, number: int) -> NDArray[Any]:
        """Return the tokens of one sentence."""
        start = int(self.positions_S[number]) // self.tokens_T.itemsize
        return self.tokens_T[start : start + int(self.sizes_S[number])]


def write_indexed(prefix: Path, count: int, blocks: Iterable[Block], dtype: np.dtype[Any]) -> None:
    """Write `{prefix}.bin` and `{prefix}.idx`, which appear only when they are complete.

    `count` sentences are in `blocks`; one block at a time is in memory.
    """
    # the index appears last: if it exists, so do both
    with (
        atomic_write(Path(index_file_path(str(prefix)))) as index,
        atomic_write(Path(data_file_path(str(prefix)))) as data,
        index.open("wb") as sizes,
        index.open("r+b") as positions,
        data.open("wb") as tokens,
    ):
        sizes.write(HEADER.pack(MAGIC, VERSION, _dtype_header_code(dtype), count))
        positions.seek(HEADER.size + count * SIZE.itemsize)
        end = 0
        for tokens_T, sizes_S in blocks:
            tokens.write(tokens_T.tobytes())
            sizes.write(sizes_S.astype(SIZE).tobytes())
            bytes_S = sizes_S.astype(POSITION) * tokens_T.itemsize
            ends_S = end + np.cumsum(bytes_S)
            positions.write((ends_S - bytes_S).tobytes())
            end = ends_S[-1]


def open_indexed(prefix: Path) -> IndexedFile:
    """Open a corpus for reading.

    Raise InputError if one of the two files is missing, damaged, empty or truncated.
    """
    index, data = Path(index_file_path(str(prefix))), Path(data_file_path(str(prefix)))
    dtype, count = read_header(index)
    bytes_index = np.memmap(index, mode="r")
    middle = HEADER.size + count * SIZE.itemsize
    sizes_S = bytes_index[HEADER.size : middle].view(SIZE)
    positions_S = bytes_index[middle:].view(POSITION)
    check_size(data, int(positions_S[-1]) + int(sizes_S[-1]) * dtype.itemsize)
    return IndexedFile(
        tokens_T=np.memmap(data, dtype, mode="r"), sizes_S=sizes_S, positions_S=positions_S
    )


def read_header(index: Path) -> tuple[np.dtype[Any], int]:
    """Return the tokens' integer type and the number of sentences; raise InputError if damaged."""
    header = b""
    if index.is_file():
        with index.open("rb") as file:
            header = file.read(HEADER.size)
    if len(header) == HEADER.size and header.startswith(MAGIC):
        _, version, code, count = HEADER.unpack(header)
        if version == VERSION and code in _code_to_dtype and count:
            check_size(index, HEADER.size + count * (SIZE.itemsize + POSITION.itemsize))
            return np.dtype(_code_to_dtype[code]), count
    raise InputError(
        f"{index}: not an index of fairseq's mmap form with at least one sentence; "
        "copy it again, or binarise with --dataset-impl mmap"
    )


def check_size(path: Path, expected: int) -> None:
    """Raise InputError if a file is missing or has another size."""
    if not path.is_file():
        raise InputError(f"{path}: no such file, though its index exists; copy it again")
    found = path.stat().st_size
    if found != expected or not found:
        raise InputError(f"{path}: {found} bytes, its index requires {expected}; copy it again")
