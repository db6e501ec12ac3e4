"""Unpack untrusted archives into one folder, with a bound on their size."""

import bz2
import errno
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from backports import zstd

from neuron_specialization.corpora.sources import is_left_out
from neuron_specialization.errors import InputError
from neuron_specialization.files import emptied_folder

ALWAYS_ALLOWED = 64 * 2**20
"""Number of bytes to which any archive may unpack."""
LARGEST_RATIO = 100
"""Larger archives may unpack to this multiple of their size; text compresses 3 to 10 times."""
CHUNK = 2**20  # bytes
NESTED = (".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst", ".zip")
ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # with members, and empty
DECOMPRESSORS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ\0": lzma.open,
    b"BZh": bz2.open,
    b"\x28\xb5\x2f\xfd": zstd.open,
    b"": lambda file: file,  # anything else: not compressed
}
"""Decompressors by the first bytes of a file, since names of downloads can mislead."""
DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    zstd.ZstdError,
    EOFError,
    # from zipfile: an encrypted member, an unknown compression, a damaged name
    RuntimeError,
    IndexError,
    UnicodeError,
)


def unpack(
    archive: Path, folder: Path, leave_out: Sequence[str], reserved: Collection[Path] = ()
) -> None:
    """Unpack an archive, and in place the archives within it, which are then removed.

    Files get their names at the end, when all are complete, and replace files of the same
    name. Formats: tar (also with gzip, xz, bzip2 or zstandard) and zip.

    Args:
        archive: the file; its name does not matter.
        folder: where to unpack; created if missing.
        leave_out: patterns of paths to skip; `*` matches `/` too.
        reserved: paths that no member may have, such as files whose checksums are known.

    Raises:
        InputError: the archive is damaged or truncated, a member is a link or a device, leads
            out of the folder, has a reserved path or the name of an unchecked download, or the
            archive unpacks to too many bytes. Nothing is then unpacked.
        OSError: the disk is full. Nothing is then unpacked.
    """
    with emptied_folder(folder / f".{archive.name}.unpacking") as hidden:
        tree = hidden / "tree"
        tree.mkdir()
        allowed = max(ALWAYS_ALLOWED, LARGEST_RATIO * archive.stat().st_size)
        job = Job(leave_out=tuple(leave_out), left=allowed)
        job.extract(archive, str(archive), tree, PurePosixPath())
        for inner in [path for path in files_below(tree) if path.name.endswith(NESTED)]:
            below = PurePosixPath(inner.relative_to(tree).as_posix())
            aside = inner.rename(hidden / "inner")
            job.extract(aside, f"{archive}: {below}", inner.parent, below.parent)
        targets = {path: folder / path.relative_to(tree) for path in files_below(tree)}
        for path, target in targets.items():
            if target in reserved or ".unchecked" in target.name:
                raise InputError(
                    f"{archive}: {path.relative_to(tree)}: refused: the corpus has another file of "
                    "this name; leave this member out, or get the archive from elsewhere"
                )
        for path, target in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            path.chmod(0o644)
            os.replace(path, target)


def decompressed(file: IO[bytes]) -> IO[bytes]:
    """Return a file object that decompresses an open file, or reads it if it is not compressed."""
    start = file.read(8)
    file.seek(0)
    return next(DECOMPRESSORS[magic] for magic in DECOMPRESSORS if start.startswith(magic))(file)


def files_below(folder: Path) -> list[Path]:
    """Return all files below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


@dataclass(kw_only=True)
class Job:
    """One job: unpack an archive and the archives within it."""

    leave_out: tuple[str, ...]
    """Patterns of paths to skip."""
    left: int
    """Bytes that may still be unpacked."""

    def extract(self, archive: Path, label: str, folder: Path, below: PurePosixPath) -> None:
        """Unpack the wanted files of an archive into a folder.

        Args:
            archive: the file.
            label: name of the archive in messages.
            folder: where to unpack.
            below: path of this folder, prefixed to member names before patterns are matched.
        """
        with archive.open("rb") as file, damage_named(label):
            if file.peek(len(ZIP[0])).startswith(ZIP):
                self.extract_zip(archive, label, folder, below)
            else:
                with decompressed(file) as content:
                    self.extract_tar(content, label, folder, below)

    def extract_tar(
        self, content: IO[bytes], label: str, folder: Path, below: PurePosixPath
    ) -> None:
        """Unpack a tar archive; read the compressed stream up to the checksum at its end."""
        bounded = BoundedStream(content, self.left, label)
        with tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r:") as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if member.isdir() or self.is_unwanted(below / path):
                    continue
                inside = tar.extractfile(member) if member.isreg() else None
                # not extractall's filter="data": Python 3.11.2 (Debian 12) lacks it
                if inside is None or path.is_absolute() or ".." in path.parts:
                    raise refused(label, member.name)
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    shutil.copyfileobj(inside, file)
        # tarfile treats any block that is not a header as the end of the archive
        if not bounded.last or bounded.last.strip(b"\0"):
            raise tarfile.ReadError("the blocks of zeros at the end are missing")
        self.left -= content.tell()
        while content.read(CHUNK):
            pass

    def extract_zip(self, archive: Path, label: str, folder: Path, below: PurePosixPath) -> None:
        """Unpack a zip archive; zipfile keeps members within the folder."""
        with zipfile.ZipFile(archive) as zipped:
            members = zipped.infolist()
            self.left -= sum(member.file_size for member in members)
            check_bound(self.left, label)
            for member in members:
                if member.is_dir() or self.is_unwanted(below / member.filename):
                    continue
                if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
                    raise refused(label, member.filename)
                zipped.extract(member, folder)

    def is_unwanted(self, path: PurePosixPath) -> bool:
        """Return whether a path is to be skipped, or is a file that macOS adds to archives."""
        return path.name.startswith("._") or is_left_out(str(path), self.leave_out)


class BoundedStream:
    """A decompressed archive that tarfile can read only up to a bound.

    The bound keeps headers and members from filling memory or disk.
    """

    def __init__(self, content: IO[bytes], bound: int, label: str) -> None:
        self.content, self.bound, self.label = content, bound, label
        self.last = b""
        """Last block read, at which tarfile found no further member."""

    def read(self, size: int) -> bytes:
        """Read bytes; raise InputError beyond the bound."""
        check_bound(self.bound - self.tell() - size, self.label)
        self.last = self.content.read(size)
        return self.last

    def seek(self, position: int) -> int:
        """Go to a position; raise InputError beyond the bound."""
        check_bound(self.bound - position, self.label)
        return self.content.seek(position)

    def tell(self) -> int:
        """Return the position."""
        return self.content.tell()


def check_bound(left: int, label: str) -> None:
    """Raise InputError if an archive unpacks to more bytes than allowed."""
    if left < 0:
        raise InputError(
            f"{label}: the archive unpacks to more than {LARGEST_RATIO} times its size (and "
            f"{ALWAYS_ALLOWED:,} bytes), which is suspicious; remove it, or unpack it by hand"
        )


def refused(label: str, name: str) -> InputError:
    """Return the error for a member that is not a regular file within the folder."""
    return InputError(
        f"{label}: {name}: refused: it is a link or a device, or leads out of the folder; get the "
        "archive from elsewhere, leave this member out, or unpack the archive by hand"
    )


@contextmanager
def damage_named(label: str) -> Iterator[None]:
    """Convert errors of a bad archive to InputError; a full disk remains an OSError."""
    try:
        yield
    except (*DAMAGE, OSError) as error:
        # no errno: from a decompressor; EINVAL: an offset before the start of the file
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise InputError(
            f"{label}: damaged, truncated, or not an archive of a known kind (tar, tar.gz, tar.xz, "
            f"tar.bz2, tar.zst, zip): {error}. Remove it and fetch it again"
        ) from error
