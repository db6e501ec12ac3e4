"""Checksums of files for which the table of sources has none: recorded once, enforced later."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from neuron_specialization.corpora.fetching.table import UNKNOWN, Source
from neuron_specialization.errors import InputError
from neuron_specialization.files import write_text

HEADER = "file\tsha256\tbytes"
LINE = re.compile(r"([^\t]+)\t([0-9a-f]{64})\t([0-9]+)")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a file is recognised by."""

    sha256: str
    """SHA-256 in hexadecimal digits."""
    bytes: int
    """Size."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a file should be."""

    sha256: str | None
    """SHA-256 in hexadecimal digits, None if it is not known."""
    bytes: int | None
    """Size, None if it is not known."""
    origin: str
    """Where this is written, for messages."""


def facts_of(path: Path) -> Facts:
    """Size and checksum of a file."""
    with path.open("rb") as file:
        return Facts(
            sha256=hashlib.file_digest(file, "sha256").hexdigest(), bytes=path.stat().st_size
        )


def checksums_path(downloads: Path) -> Path:
    """The file of recorded checksums in a downloads folder."""
    return downloads / "checksums.tsv"


def expected_facts(source: Source, downloads: Path) -> Expected:
    """What a file should be by the table of sources, or by what was recorded before.

    Raises:
        InputError: the file of recorded checksums is damaged.
    """
    table = "the table of sources"
    if source.sha256 != UNKNOWN:
        return Expected(sha256=source.sha256, bytes=source.bytes, origin=table)
    path = checksums_path(downloads)
    recorded = read_checksums(path).get(source.name)
    if recorded is None:
        return Expected(sha256=None, bytes=source.bytes, origin=table)
    return Expected(sha256=recorded.sha256, bytes=recorded.bytes, origin=str(path))


def read_checksums(path: Path) -> dict[str, Facts]:
    """The recorded facts by path below the downloads folder; none where there is no such file.

    Raises:
        InputError: a line is damaged; file and line are named.
    """
    if not path.exists():
        return {}
    # not splitlines: names may hold whatever else Unicode ends a line with
    head, *lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    if head != HEADER:
        raise damaged(path, 1, head)
    recorded: dict[str, Facts] = {}
    for number, line in enumerate(lines, start=2):
        match = LINE.fullmatch(line)
        if match is None or match[1] in recorded:
            raise damaged(path, number, line)
        recorded[match[1]] = Facts(sha256=match[2], bytes=int(match[3]))
    return recorded


def damaged(path: Path, number: int, line: str) -> InputError:
    """The error of a line that is none of a file's checksum, or is of a file that had one."""
    return InputError(
        f"{path}, line {number}: {line!r} is not the one line of a file, "
        f"{HEADER!r} with the checksum in 64 digits; restore the line, or remove the file "
        "to take what is downloaded as it is"
    )


def record(source: Source, facts: Facts, downloads: Path) -> None:
    """Record what a file is, so that it is expected from now on; other processes may do so too.

    Raises:
        InputError: the file of recorded checksums is damaged.
    """
    path = checksums_path(downloads)
    with FileLock(path.with_name(f".{path.name}.lock")):
        recorded = read_checksums(path)
        if recorded.get(source.name) != facts:
            write_text(path, checksums_text({**recorded, source.name: facts}))


def checksums_text(recorded: Mapping[str, Facts]) -> str:
    """The file of recorded checksums, sorted."""
    lines = (f"{name}\t{facts.sha256}\t{facts.bytes}" for name, facts in sorted(recorded.items()))
    return "".join(f"{line}\n" for line in (HEADER, *lines))
