"""Files of Debian packages: their members, their control fields, the order of versions."""

import io
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, cast

from neuron_specialization.corpora.archives import (
    ALWAYS_ALLOWED,
    DAMAGE,
    BoundedStream,
    decompressed,
)
from neuron_specialization.errors import InputError

AR = b"!<arch>\n"
HEADER_BYTES = 60
"""Size of an ar member's header: name (16 bytes), times and modes, size (10), end mark (2)."""
FIELD = re.compile(r"^([A-Za-z0-9-]+):[ \t]*(.*)$", re.MULTILINE)
VERSION = re.compile(r"[0-9A-Za-z.+:~-]+")
PARTS = re.compile(r"([^0-9]*)([0-9]*)")


def read_control(package: Path) -> dict[str, str]:
    """Return the control fields of a package, such as `Package` and `Version`.

    Only the first line of a field is kept.

    Raises:
        InputError: the file is damaged, truncated, or not a package. The message has no path.
    """
    try:
        for name, content in read_members(package):
            if name.startswith("control.tar"):
                fields = parse_fields(read_from_tar(content, "control"))
                if fields.get("Package") and VERSION.fullmatch(fields.get("Version", "")):
                    return fields
        raise InputError("it has no package name and version")
    except (*DAMAGE, OSError, ValueError) as error:
        raise InputError(f"it is not a complete Debian package: {error}") from error


def read_members(package: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield name and content of each member of a package, an ar archive.

    All sizes are checked first, so a truncated package yields nothing. A member is read before
    the next one.

    Raises:
        InputError: the file is truncated or not an ar archive. The message has no path.
    """
    with package.open("rb") as file:
        if file.read(len(AR)) != AR:
            raise InputError("the file does not start like one")
        length, members = os.fstat(file.fileno()).st_size, []
        while header := file.read(HEADER_BYTES):
            digits = header[48:58].strip()
            if len(header) < HEADER_BYTES or not header.endswith(b"`\n") or not digits.isdigit():
                raise InputError("the file is damaged or truncated")
            name, start, size = header[:16].decode("ascii").rstrip(" /"), file.tell(), int(digits)
            if start + size > length:
                raise InputError("the file is truncated")
            members.append((name, start, size))
            file.seek(start + size + size % 2)
        for name, start, size in members:
            file.seek(start)
            yield name, io.BytesIO(file.read(size))


def read_from_tar(archive: IO[bytes], name: str) -> str:
    """Return the text of a member at the top of a compressed tar archive; empty if missing."""
    with decompressed(archive) as content:
        bounded = cast(IO[bytes], BoundedStream(content, ALWAYS_ALLOWED, "its control files"))
        with tarfile.open(fileobj=bounded, mode="r:") as tar:
            for member in tar:
                if member.isreg() and PurePosixPath(member.name) == PurePosixPath(name):
                    inside = tar.extractfile(member)
                    return inside.read().decode("utf-8") if inside else ""
    return ""


def parse_fields(text: str) -> dict[str, str]:
    """Return the fields of a control file or of a package in an index; first lines only."""
    return dict(FIELD.findall(text))


def version_key(version: str) -> tuple[int, tuple[object, ...], tuple[object, ...]]:
    """Return a key that sorts versions as Debian does: by epoch, upstream version and revision.

    In runs of non-digits, `~` sorts before the end, letters after it, and other characters last;
    runs of digits are numbers.
    """
    epoch, _, rest = version.rpartition(":")
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "0")
    return int(epoch) if epoch.isdecimal() else 0, part_key(upstream), part_key(revision)


def part_key(part: str) -> tuple[object, ...]:
    """Return a key that sorts upstream versions or revisions."""
    # the last match is empty: an end mark, which sorts after `~` and before all else
    return tuple(
        ((*map(character_key, text), 0), int(digits or 0)) for text, digits in PARTS.findall(part)
    )


def character_key(character: str) -> int:
    """Return the place of a non-digit in the order of versions; the end of a part has 0."""
    if character == "~":
        return -1
    return ord(character) + (0 if character.isalpha() else 256)
