"""Read Debian packages without installing them; nothing of a package is written to disk.

A .deb file is an ar archive of two compressed tar archives: control (fields such as the version)
and data (the files).
"""

import io
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from neuron_specialization.corpora.archives import (
    ALWAYS_ALLOWED,
    CHUNK,
    LARGEST_RATIO,
    BoundedStream,
    damage_named,
)
from neuron_specialization.corpora.text_lines import OPENERS
from neuron_specialization.errors import InputError

AR_MAGIC = b"!<arch>\n"
AR_HEADER = 60
"""Bytes of the header of a member: name, time, owner, group, mode, size and two fixed bytes."""
COPYRIGHT = "usr/share/doc/*/copyright"
LICENCE = re.compile(r"^Files: \*\n(?:.+\n)*?License: *(.+)$", re.MULTILINE)
"""The licence of most files, in a machine-readable copyright file."""
FIELD = re.compile(r"^([A-Za-z0-9-]+):[ \t]*(.*)$", re.MULTILINE)
VERSION_PARTS = re.compile(r"([^0-9]*)([0-9]*)")
UNKNOWN = "unknown"
DEB = ".deb"


@dataclass(frozen=True, kw_only=True)
class Package:
    """The wanted files of a package, and its control fields."""

    path: Path
    name: str
    version: str
    licence: str
    files: Mapping[str, bytes]
    """Content by path, without a leading slash."""


def find_package(folder: Path, name: str) -> Path | None:
    """Return the .deb file of a package in a folder, by its file name; None if there is none.

    Raise InputError if there are several.
    """
    found = sorted([*folder.glob(f"{name}_*{DEB}"), *folder.glob(f"{name}{DEB}")])
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InputError(f"{folder}: {len(found)} files of the package {name} ({names}); keep one")
    return found[0] if found else None


def require_package(folder: Path, name: str) -> Path:
    """Return the .deb file of a package in a folder; raise InputError if there is none."""
    path = find_package(folder, name)
    if path is None:
        raise InputError(
            f"{folder}: no file {name}_*{DEB}; fetch it there (`apt-get download {name}` does, "
            "and needs no administrator)"
        )
    return path


def load_package(path: Path, patterns: Sequence[str]) -> Package:
    """Read the files of a package whose paths match a pattern; `*` matches `/` too."""
    fields = read_control(path)
    files = dict(read_members(path, [*patterns, COPYRIGHT]))
    copyrights = [name for name in files if fnmatchcase(name, COPYRIGHT)]
    texts = [files.pop(name).decode(errors="replace") for name in copyrights]
    licences = [found[1].strip() for text in texts if (found := LICENCE.search(text))]
    return Package(
        path=path,
        name=fields["Package"],
        version=fields["Version"],
        licence=" and ".join(sorted(set(licences))) or UNKNOWN,
        files=files,
    )


def read_control(path: Path) -> dict[str, str]:
    """Return the control fields of a package, each with its first line.

    Raise InputError if there is no such file, or it is no package, truncated or damaged.
    """
    members = _members(path, "control", ["control"])
    fields = parse_fields("\n".join(content.decode(errors="replace") for _, content in members))
    for name in ("Package", "Version"):
        if name not in fields:
            raise InputError(f"{path}: no field {name} in the control file; fetch it again")
    return fields


def parse_fields(text: str) -> dict[str, str]:
    """Return the fields of a control file or of a package in an index, each with its first line."""
    return dict(FIELD.findall(text))


def read_members(path: Path, patterns: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of the regular files of a package that match a pattern.

    Paths have no leading slash; `*` matches `/` too. Links and devices are skipped.

    Raises:
        InputError: there is no such file, or it is no package, truncated or damaged.
    """
    return _members(path, "data", patterns)


def content_hash(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of files by their paths.

    A package that is built anew with the same text has another hash itself, but not its text.
    """
    lines = (f"{sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return sha256("".join(lines).encode()).hexdigest()


def of_language(folder: str, code: str) -> bool:
    """Return whether a folder belongs to a language: pt_BR and pt-BR to pt-br."""
    return folder.casefold().replace("_", "-") == code.casefold().replace("_", "-")


def version_key(version: str) -> tuple[int, tuple[object, ...], tuple[object, ...]]:
    """Return a key that sorts versions as Debian does: by epoch, upstream version and revision.

    In runs of non-digits, `~` sorts before the end, letters after it, and other characters last;
    runs of digits are numbers.
    """
    epoch, _, rest = version.rpartition(":")
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "0")
    return int(epoch) if epoch.isdecimal() else 0, _part_key(upstream), _part_key(revision)


def _part_key(part: str) -> tuple[object, ...]:
    # the last match is empty: an end mark, which sorts after `~` and before all else
    return tuple(
        ((*map(_character_key, text), 0), int(digits or 0))
        for text, digits in VERSION_PARTS.findall(part)
    )


def _character_key(character: str) -> int:
    """Return the place of a non-digit in the order of versions; the end of a part has 0."""
    if character == "~":
        return -1
    return ord(character) + (0 if character.isalpha() else 256)


def _members(path: Path, part: str, patterns: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    with damage_named(str(path)), _open_part(path, part) as (content, size):
        bounded = BoundedStream(content, max(ALWAYS_ALLOWED, LARGEST_RATIO * size), str(path))
        with tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r:") as tar:
            for member in tar:
                name = str(PurePosixPath(member.name.lstrip("/")))
                if member.isreg() and any(fnmatchcase(name, pattern) for pattern in patterns):
                    yield name, cast(IO[bytes], tar.extractfile(member)).read()
        while content.read(CHUNK):  # the checksum is at the end
            pass


@contextmanager
def _open_part(path: Path, part: str) -> Iterator[tuple[Any, int]]:
    """Open a tar archive of a package, decompressed; yield its compressed size, too."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; fetch the package again")
    parts = _read_ar(path)
    names = [name for name in parts if name.split(".")[:2] == [part, "tar"]]
    suffixes = ["", *OPENERS]
    suffix = names[0].removeprefix(f"{part}.tar") if names else None
    if suffix not in suffixes:
        known = ", ".join(f"{part}.tar{known}" for known in suffixes)
        raise InputError(f"{path}: no Debian package: has {', '.join(parts)}, but none of {known}")
    raw = io.BytesIO(parts[names[0]])
    with OPENERS[suffix](raw) if suffix else raw as content:
        yield content, len(parts[names[0]])


def _read_ar(path: Path) -> dict[str, bytes]:
    """Return the members of an ar archive."""
    data = path.read_bytes()
    if not data.startswith(AR_MAGIC):
        raise InputError(f"{path}: no Debian package: an ar archive starts with {AR_MAGIC!r}")
    parts: dict[str, bytes] = {}
    place = len(AR_MAGIC)
    while place < len(data):
        header = data[place : place + AR_HEADER]
        digits = header[48:58].strip()
        place += AR_HEADER
        size = int(digits) if digits.isdigit() else len(data)
        if len(header) < AR_HEADER or place + size > len(data):
            raise InputError(
                f"{path}: truncated or damaged: {len(data):,} bytes, but its parts have more; "
                "fetch the package again"
            )
        parts[header[:16].decode("latin-1").strip().rstrip("/")] = data[place : place + size]
        place += size + size % 2
    return parts
