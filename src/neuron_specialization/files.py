"""Files that appear under their name only when they are whole."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from neuron_specialization.errors import InputError

BLOCK_BYTES = 1 << 20
"""Text that is in memory at a time."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a path to write to; it becomes `path` at the end, or is removed after an error.

    A link stays one, and the file it leads to is replaced. What is there and is no file, such as
    /dev/null or a named pipe, is written to itself.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    partial = path.with_name(f"{path.name}.part")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder to fill; it becomes `path` at the end, or is removed after an error."""
    with emptied_folder(path.with_name(f"{path.name}.part")) as partial:
        yield partial
        os.rename(partial, path)


@contextmanager
def emptied_folder(path: Path) -> Iterator[Path]:
    """Make a folder, in place of what a killed process left there; it is removed at the end."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def read_text(path: Path) -> str:
    """Read a UTF-8 file; InputError names the file, and the line of a byte that is no UTF-8."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if not data:
        raise InputError(f"{path}: the file is empty; it must have a line at least")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = line_of(path, error.start)
        raise InputError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} is not valid UTF-8; "
            "convert the file to UTF-8"
        ) from error


def line_of(path: Path, byte: int) -> int:
    """Return the number, from 1, of the line that holds a byte of a file."""
    line = 1
    with path.open("rb") as file:
        while block := file.read(min(BLOCK_BYTES, byte - file.tell())):
            line += block.count(b"\n")
    return line


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_output(path: Path) -> None:
    """InputError where a path cannot be that of a file to write, before any work is done for it."""
    if path.is_dir():
        raise InputError(f"{path}: a folder; give the name of a file to write")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent}: no such folder; make it, or write elsewhere")


def link(path: Path, name: Path) -> None:
    """Give a file a second name, which may be another's; copy it where that cannot be done."""
    partial = name.with_name(f"{name.name}.part")
    partial.unlink(missing_ok=True)
    try:
        os.link(path, partial)
    except OSError:
        shutil.copyfile(path, partial)
    os.replace(partial, name)


def single_or_none(paths: Sequence[str]) -> Path | None:
    """The one path of an optional input of a rule, or none."""
    return Path(paths[0]) if paths else None


def require_space(
    folder: Path,
    needed: int,
    purpose: str,
    remedy: str = "have the results elsewhere (--directory)",
) -> None:
    """Raise InputError if the disk of a folder has fewer bytes left than needed."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(
            f"{folder}: {needed / 1e9:.2f} GB are needed for {purpose}, but the disk has "
            f"{free / 1e9:.2f} GB left; make room, or {remedy}"
        )
