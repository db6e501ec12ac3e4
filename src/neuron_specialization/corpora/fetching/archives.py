"""Unpacking archives that others have made: with a bound on their size, and into one folder."""

import errno
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from neuron_specialization.corpora.fetching.members import CHUNK, Member, damage_named, members
from neuron_specialization.corpora.fetching.table import is_left_out, leads_out
from neuron_specialization.errors import InputError

ALWAYS_ALLOWED = 64 * 2**20
"""Bytes that any archive may unpack to."""
LARGEST_RATIO = 100
"""Times its own bytes that a larger archive may unpack to; text is 3 to 10 times smaller packed."""
OVERHEAD = 512  # bytes that a member counts for besides its own
NESTED = (".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst", ".zip")


@dataclass(kw_only=True)
class Allowance:
    """The bytes that an archive may still unpack to, archives within it included."""

    left: int
    """Bytes."""

    def take(self, size: int, label: str) -> None:
        """Use some bytes; InputError, naming what is unpacked, where there are too few."""
        self.left -= size
        if self.left < 0:
            raise InputError(
                f"{label}: the archive unpacks to more than {LARGEST_RATIO} times its size (and "
                f"{ALWAYS_ALLOWED:,} bytes), so it is not what it should be; remove it, or unpack "
                "it by hand"
            )


def unpack(archive: Path, folder: Path, leave_out: Sequence[str]) -> None:
    """Unpack an archive, and the archives within it where they lie; those are then removed.

    Files get their names at the end, when all of them are whole, and replace those of the same
    name. Kinds: tar (also with gzip, xz, bzip2 or zstandard) and zip.

    Args:
        archive: whose name does not matter.
        folder: where to unpack; it is made.
        leave_out: patterns of paths that are not wanted; `*` matches `/` too.

    Raises:
        InputError: the archive is damaged or cut off, or a member is a link, a device, leads out
            of the folder, has too long a name, or is far larger than it is packed; or a file of
            the folder is where a folder should be, or the reverse. Nothing is then unpacked.
        OSError: the disk is full. Nothing is then unpacked.
    """
    hidden = folder / f".{archive.name}.unpacking"
    shutil.rmtree(hidden, ignore_errors=True)
    allowed = max(ALWAYS_ALLOWED, LARGEST_RATIO * archive.stat().st_size)
    job = Job(tree=hidden / "tree", leave_out=tuple(leave_out), allowance=Allowance(left=allowed))
    try:
        job.tree.mkdir(parents=True)
        job.extract(archive, str(archive), PurePosixPath())
        for inner in [path for path in files_below(job.tree) if path.name.endswith(NESTED)]:
            aside = inner.rename(hidden / "inner")
            below = PurePosixPath(inner.relative_to(job.tree).as_posix())
            job.extract(aside, f"{archive}: {below}", below.parent)
        targets = {path: folder / path.relative_to(job.tree) for path in files_below(job.tree)}
        check_targets(archive, folder, targets.values())
        for path, target in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def files_below(folder: Path) -> list[Path]:
    """All files below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def check_targets(archive: Path, folder: Path, targets: Iterable[Path]) -> None:
    """InputError where a file would replace a folder, or would be in a folder that is a file.

    Args:
        archive: for messages.
        folder: where the archive is unpacked.
        targets: paths that the files are to have, below the folder.
    """
    parents: set[Path] = set()
    for target in targets:
        if target.is_dir():
            raise InputError(
                f"{target}: a folder is here, where {archive} has a file; remove it, so that the "
                "archive can be unpacked"
            )
        parents.update(parent for parent in target.parents if folder in parent.parents)
    for parent in sorted(parents):
        if os.path.lexists(parent) and not parent.is_dir():
            raise InputError(
                f"{parent}: a file is here, where {archive} has a folder; remove it, so that the "
                "archive can be unpacked"
            )


@dataclass(frozen=True, kw_only=True)
class Job:
    """The unpacking of an archive."""

    tree: Path
    """Folder that nobody else looks at."""
    leave_out: tuple[str, ...]
    """Patterns of paths that are not wanted."""
    allowance: Allowance
    """Bytes that may still come."""

    def extract(self, archive: Path, label: str, below: PurePosixPath) -> None:
        """Unpack the wanted files of an archive into a folder of the tree."""
        with damage_named(label):
            for member in members(archive):
                name = f"{label}: {member.name}"
                self.allowance.take(OVERHEAD, name)
                path = below / inner_path(member, name)
                if not (member.is_folder or self.is_unwanted(path)):
                    self.write(content_of(member, name), path, name)

    def is_unwanted(self, path: PurePosixPath) -> bool:
        """Whether a file is left out, or is one that macOS adds to archives."""
        return path.name.startswith("._") or is_left_out(str(path), self.leave_out)

    def write(self, content: IO[bytes], path: PurePosixPath, name: str) -> None:
        """Write a file of the tree."""
        target = self.tree / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                while chunk := content.read(CHUNK):
                    self.allowance.take(len(chunk), name)
                    file.write(chunk)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise InputError(f"{name}: this is a file and a folder in one; leave it out") from error
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise InputError(
                f"{name}: refused, as this name is longer than the disk takes; leave it out, or "
                "unpack the archive by hand"
            ) from error
        target.chmod(0o644)


def inner_path(member: Member, name: str) -> PurePosixPath:
    """The path of a member within the folder; InputError where it leads out of it."""
    if leads_out(member.name):
        raise InputError(
            f"{name}: refused, as this leads out of the folder of the archive; get the archive "
            "from elsewhere, or unpack it by hand"
        )
    return PurePosixPath(member.name)


def content_of(member: Member, name: str) -> IO[bytes]:
    """What is in a file; InputError for a member that is no file."""
    if member.content is None:
        raise InputError(
            f"{name}: refused, as this is a link or a device; leave it out, or unpack the archive "
            "by hand"
        )
    return member.content
