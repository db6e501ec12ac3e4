"""The members of an archive, one after the other, whatever kind of archive it is."""

import bz2
import errno
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from backports import zstd

from neuron_specialization.errors import InputError

CHUNK = 2**20  # bytes in memory at a time
LARGEST_HEADER = 2**20  # bytes that tarfile reads at once, for the name of a member
ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # with members, without
DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    zstd.ZstdError,
    EOFError,
    # of zipfile: an encrypted member, an unknown compression; a damaged name
    RuntimeError,
    IndexError,
    UnicodeError,
)


@dataclass(frozen=True, kw_only=True)
class Member:
    """A member of an archive."""

    name: str
    """Path as it is written in the archive, which may lead anywhere."""
    is_folder: bool
    """Whether it is a folder."""
    content: IO[bytes] | None
    """What is in it, to be read before the next member; None for links, devices, folders."""


class StrictHeader(tarfile.TarInfo):
    """A header that, if it is damaged or missing, is an error in the middle of an archive too."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header; a block of zeros is the only regular end of an archive."""
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if buf and not buf.strip(b"\0"):
                raise
            raise tarfile.ReadError(str(error)) from error
        if not header.isreg() and header.size > LARGEST_HEADER:
            raise tarfile.ReadError("a header is too large")
        return header


DECOMPRESSORS: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ\0": lzma.open,
    b"BZh": bz2.open,
    b"\x28\xb5\x2f\xfd": zstd.open,
}
"""By what a file starts with, as the name of a download need not tell."""


def members(archive: Path) -> Iterator[Member]:
    """The members of a tar archive, which may be compressed, or of a zip archive.

    Raises:
        Any of DAMAGE, or an OSError: see `damage_named`.
    """
    with archive.open("rb") as file:
        start = file.read(8)
    if start.startswith(ZIP):
        yield from zip_members(archive)
        return
    openers = [opener for magic, opener in DECOMPRESSORS.items() if start.startswith(magic)]
    with openers[0](archive) if openers else archive.open("rb") as content:
        yield from tar_members(content)
        while content.read(CHUNK):  # up to the checksum at the end
            pass


def tar_members(content: IO[bytes]) -> Iterator[Member]:
    """The members of a tar archive."""
    with tarfile.open(fileobj=content, mode="r|", bufsize=CHUNK, tarinfo=StrictHeader) as tar:
        for header in tar:
            inside = tar.extractfile(header) if header.isreg() else None
            yield Member(name=header.name, is_folder=header.isdir(), content=inside)


def zip_members(archive: Path) -> Iterator[Member]:
    """The members of a zip archive."""
    with zipfile.ZipFile(archive) as zipped:
        for info in zipped.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir() or kind not in (0, stat.S_IFREG):
                yield Member(name=info.filename, is_folder=info.is_dir(), content=None)
            else:
                with zipped.open(info) as inside:
                    yield Member(name=info.filename, is_folder=False, content=inside)


@contextmanager
def damage_named(archive: str) -> Iterator[None]:
    """Turn the errors of a damaged archive into an InputError; a full disk stays an OSError."""
    try:
        yield
    except (*DAMAGE, OSError) as error:
        # no number: from a decompressor; EINVAL: an offset before the start of the file
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise InputError(
            f"{archive}: damaged, cut off, or no archive of a known kind (tar, tar.gz, tar.xz, "
            f"tar.bz2, tar.zst, zip): {error}. Remove it and fetch it again"
        ) from error
