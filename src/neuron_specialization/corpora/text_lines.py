"""Read lines of text files, compressed or not.

Files are read as bytes and split on "\\n" only, because Python's text mode would also break lines
at a lone "\\r" and misalign the two sides of a corpus.
"""

import bz2
import gzip
import io
import lzma
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, cast
from zipfile import BadZipFile, ZipFile

from backports import zstd

from neuron_specialization.errors import InputError
from neuron_specialization.files import BLOCK_BYTES, line_of

ZIP = ".zip"
OPENERS: dict[str, Callable[[Any], Any]] = {
    ".gz": gzip.open,
    ".xz": lzma.open,
    ".bz2": bz2.open,
    ".zst": zstd.open,
}
"""Functions that open compressed files, by suffix."""
MAX_CHARACTERS = 20_000
"""Longest sentence: SentencePiece needs quadratic time for a run of unknown characters."""
DAMAGES = (zlib.error, lzma.LZMAError, zstd.ZstdError, EOFError, OSError, BadZipFile)
"""Errors that damaged files raise; gzip and bz2 raise OSError."""


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file without line ends and byte order mark; decompress by suffix.

    A path may lead into a zip file as into a folder. Raise InputError for a damaged or truncated
    compressed file.
    """
    disk, member = on_disk(path)
    if path.suffix not in OPENERS and not member:
        with path.open("rb") as file:
            yield from split_lines(file)
        return
    try:
        with ExitStack() as stack:
            raw: Any = disk
            if member:
                raw = stack.enter_context(stack.enter_context(ZipFile(disk)).open(member))
            if path.suffix in OPENERS:
                raw = stack.enter_context(OPENERS[path.suffix](raw))
            # their iterators run in Python; BufferedReader splits lines in C
            file = io.BufferedReader(cast(io.RawIOBase, raw), BLOCK_BYTES)
            yield from split_lines(file)
    except DAMAGES as error:
        suffix = ZIP if member else path.suffix
        raise InputError(f"{path}: damaged {suffix} file ({error}), fetch it again") from error


def on_disk(path: Path) -> tuple[Path, str]:
    """Return the file that a path names, and the name within if that is a zip file."""
    for parent in path.parents:
        if parent.suffix == ZIP and parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    return path, ""


def is_present(path: Path) -> bool:
    """Return whether a file exists, on the disk or within a zip file."""
    disk, member = on_disk(path)
    return member in zip_members(disk) if member else disk.is_file()


def zip_members(path: Path) -> list[str]:
    """Return the names of the files within a zip file; raise InputError if it is damaged."""
    try:
        with ZipFile(path) as file:
            return [name for name in file.namelist() if not name.endswith("/")]
    except (OSError, BadZipFile) as error:
        raise InputError(f"{path}: damaged {ZIP} file ({error}), fetch it again") from error


def count_lines(path: Path) -> int:
    """Return the number of lines of a file; the last one may lack a line end."""
    if path.suffix in OPENERS:
        return sum(1 for _ in read_lines(path))
    size = path.stat().st_size
    return line_of(path, size - 1) if size else 0


def decode(raw: bytes) -> str | None:
    """Decode a line; return None if it is not UTF-8, or has a NUL byte, as in UTF-16."""
    if 0 in raw:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def split_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of an open file without line ends and byte order mark."""
    first = next(file, b"").removeprefix(BOM_UTF8)
    for line in chain([first] if first else [], file):
        yield line.removesuffix(b"\n").removesuffix(b"\r")
