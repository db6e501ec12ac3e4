"""Atomic file writes, and checks of input and output files."""

import fcntl
import hashlib
import os
import resource
import shutil
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from neuron_specialization.errors import InputError, Stopped

BLOCK_BYTES = 1 << 20
"""Bytes read into memory at a time."""
SPARE_FILES = 100
"""Files that a process may open besides those that it counts: libraries, logs, checkpoints."""
held_locks: dict[Path, str] = {}
"""Lock files of this job, and what they contain until another job takes over."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a path to write to; rename it to `path` at the end, or remove it after an error.

    Symlinks are preserved; their target is replaced. Special files such as /dev/null and named
    pipes are written directly.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    partial = path.with_name(f"{path.name}.part")
    with exclusive(partial):
        try:
            yield partial
            check_locks()
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def check_locks() -> None:
    """Raise Stopped if another job has taken over: this one may have been suspended for long."""
    for path, content in held_locks.items():
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            raise Stopped(
                f"{path} no longer belongs to this job, which was unresponsive for so long that "
                "another job took over"
            )


@contextmanager
def exclusive(partial: Path) -> Iterator[None]:
    """Create a file if necessary, and hold it so that no second process writes to it.

    Raises InputError if another process holds it. A killed process holds nothing.
    """
    with partial.open("ab") as held:
        hold(held.fileno(), partial)
        yield


def hold(descriptor: int, path: Path) -> None:
    """Lock an open file or folder; raise InputError if another process holds the lock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(
            f"{path}: another process is writing it; wait until it has finished"
        ) from None
    except OSError:
        pass  # a file system without locks


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder; rename it to `path` at the end, or remove it after an error."""
    with emptied_folder(path.with_name(f"{path.name}.part")) as partial:
        yield partial
        check_locks()
        os.rename(partial, path)


@contextmanager
def emptied_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder, without what a killed process left in it; remove it at the end.

    Raises InputError if another process uses it.
    """
    path.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        hold(descriptor, path)
        for left in path.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(descriptor)


def read_text(path: Path) -> str:
    """Read a UTF-8 file without byte order mark; an InputError names the line of a bad byte."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if not data.removeprefix(BOM_UTF8):
        raise InputError(f"{path}: the file is empty; it must have at least one line")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = line_of(path, error.start)
        raise InputError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} is not valid UTF-8; "
            "convert the file to UTF-8"
        ) from error


def line_of(path: Path, byte: int) -> int:
    """Return the 1-based number of the line that contains the byte at an offset."""
    line = 1
    with path.open("rb") as file:
        while block := file.read(min(BLOCK_BYTES, byte - file.tell())):
            line += block.count(b"\n")
    return line


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_output(path: Path) -> None:
    """Raise InputError if an output path is a folder or its parent folder does not exist."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file to write")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent}: no such folder; create it, or write elsewhere")


def link(path: Path, name: Path) -> None:
    """Hard-link a file to a name, replacing any file there; copy it if links are not possible."""
    check_locks()
    partial = name.with_name(f"{name.name}.part")
    partial.unlink(missing_ok=True)
    try:
        os.link(path, partial)
    except OSError:
        shutil.copyfile(path, partial)
    os.replace(partial, name)


def single_or_none(paths: Sequence[str]) -> Path | None:
    """Return the path of an optional rule input, or None."""
    return Path(paths[0]) if paths else None


def require_space(
    folder: Path,
    needed: int,
    purpose: str,
    remedy: str = "write the results elsewhere (--directory)",
) -> None:
    """Raise InputError if the disk of a folder has fewer free bytes than needed."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(
            f"{folder}: {needed / 1e9:.2f} GB are needed for {purpose}, but the disk has "
            f"{free / 1e9:.2f} GB free; free some space, or {remedy}"
        )


def allow_open_files(more: int) -> None:
    """Raise this process's limit of open files, so that `more` can be open besides its own.

    Raise InputError if the machine does not allow as many.
    """
    needed = len(os.listdir("/dev/fd")) + more + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or needed <= soft:
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise InputError(
            f"{needed:,} files must be open at a time, but the limit is {hard:,}: use "
            "fewer languages, or ask the administrator for a higher one (ulimit -Hn, or "
            "LimitNOFILE of the cluster's daemon)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
