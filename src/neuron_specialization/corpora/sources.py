"""Sources of corpora: `config/sources.tsv`, checksums, licences."""

import glob
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from urllib.request import url2pathname

from neuron_specialization.errors import InputError
from neuron_specialization.files import write_text
from neuron_specialization.settings.rows import check_unique, read_rows

TABLE = "the table of sources"  # for messages
UNKNOWN = "unknown"
FILE = "file://"
FOLDER = "drive-folder:"
"""Prefix of the address of a public Google Drive folder; the folder's id follows."""
DEB = "deb:"
"""Prefix of the address of a Debian package; its name follows."""
LICENCE, MANIFEST, CHECKSUMS = "LICENCE.txt", "fetched.tsv", "checksums.tsv"
"""Files written with downloads: the first two per corpus, the last once for all."""
MANIFEST_COLUMNS = ("file", "bytes", "sha256", "url", "licence")
CHECKSUM_COLUMNS = ("file", "sha256", "bytes")
SHA256 = re.compile("[0-9a-f]{64}")
PAGE_STARTS = (b"<!doctype html", b"<html")

Records = Mapping[str, Mapping[str, str]]
"""Rows of a manifest or of recorded checksums, by file."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A row of sources.tsv: a file, a Debian package, or a folder of Google Drive."""

    corpus: str
    """Folder below the downloads folder."""
    file: str
    """Path below the corpus's folder; `.` for a folder of Google Drive."""
    url: str
    """`http(s)://...`, `file:///...`, `drive:ID`, `drive-folder:ID` or `deb:PACKAGE`."""
    sha256: str
    """SHA-256 of the file in hexadecimal digits, or `unknown`."""
    bytes: int | None = None
    """Size of the file, None if unknown."""
    unpack: bool = False
    """True for an archive, to be unpacked into its folder."""
    leave_out: tuple[str, ...] = ()
    """Patterns of paths within the archive or folder to skip; `*` matches `/` too."""
    licence: str
    """Licence, for human readers."""
    about: str
    """Description, for human readers."""

    @property
    def name(self) -> str:
        """Path below the downloads folder."""
        return f"{self.corpus}/{self.file}"

    @property
    def is_folder(self) -> bool:
        """True if the row is a folder of Google Drive."""
        return self.url.startswith(FOLDER)

    @property
    def package(self) -> str:
        """Name of the Debian package; empty for other rows."""
        return self.url.removeprefix(DEB) if self.url.startswith(DEB) else ""


def read_sources(path: Path, schema_path: Path) -> dict[str, list[Source]]:
    """Read sources.tsv; return the rows of each corpus, in the order of the file.

    An InputError names the file, line and column of a bad cell, or a file with two rows.
    """
    sources: dict[str, list[Source]] = {}
    for row in read_rows(path, schema_path):
        patterns = tuple(row.pop("leave_out", "").split())
        source = Source(**row, leave_out=patterns)
        sources.setdefault(source.corpus, []).append(source)
    check_unique((source.name for rows in sources.values() for source in rows), path, "file")
    return sources


def is_left_out(path: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a path within an archive or folder matches one of the patterns."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def is_wanted(path: str, source: Source) -> bool:
    """Return whether to fetch a file of a folder: not if hidden, left out or written by us."""
    hidden = any(part.startswith(".") for part in PurePosixPath(path).parts)
    return not (hidden or path in (LICENCE, MANIFEST) or is_left_out(path, source.leave_out))


def mirror_address(mirror: str) -> str:
    """Return the address of a mirror, without a trailing slash; empty for no mirror.

    Raises:
        InputError: the mirror is a folder that does not exist.
    """
    if not mirror or mirror.startswith(("http://", "https://")):
        return mirror.rstrip("/")
    folder = local_path(mirror) or Path(mirror)
    if not folder.is_dir():
        raise InputError(
            f"mirror {mirror!r}: no such folder; give one that is laid out like the downloads "
            "folder, an http(s) address of such a folder, or nothing"
        )
    return folder.absolute().as_uri()


def local_path(address: str) -> Path | None:
    """Return the path of a `file://` address, None for other addresses."""
    return Path(url2pathname(address.removeprefix(FILE))) if address.startswith(FILE) else None


def check_names(names: Sequence[str], source: Source) -> None:
    """Raise InputError if a Drive folder has no file, duplicate names, or a bad path."""
    place = f"{source.url} (corpus {source.corpus})"
    if not names:
        raise InputError(
            f"{place}: no wanted file found; is the folder still public, or complete in the "
            "mirror, and does `leave_out` keep any files?"
        )
    for name, count in Counter(names).items():
        pure = PurePosixPath(name)
        # `..` counts as a hidden name, which `is_wanted` rejects
        if not pure.name or pure.is_absolute() or not name.isprintable():
            raise InputError(f"{place}: {name!r} is not a printable relative path; leave it out")
        if count > 1:
            raise InputError(f"{place}: {count} files have the name {name}; leave it out")


def hidden(path: Path, address: str = "") -> Path:
    """Return the path of an unchecked file; without an address, the prefix of such paths."""
    short = hashlib.sha256(address.encode()).hexdigest()[:8] if address else ""
    return path.with_name(f".{path.name}.unchecked.{short}")


def drop(start: Path) -> None:
    """Remove files whose paths start with a prefix, such as partial downloads."""
    for path in start.parent.glob(f"{glob.escape(start.name)}*"):
        path.unlink()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """SHA-256 (hexadecimal) and size of a file, as found or expected; None if unknown."""

    sha256: str | None
    bytes: int | None

    def __str__(self) -> str:
        """Describe size and checksum."""
        size = "unknown size" if self.bytes is None else f"{self.bytes:,} bytes"
        return f"{size} and {f'the SHA-256 {self.sha256}' if self.sha256 else 'unknown SHA-256'}"


def expected_facts(source: Source, downloads: Path) -> tuple[Facts, str]:
    """Return the expected facts of a file and their source: the table, or recorded checksums.

    Raises:
        InputError: the file of recorded checksums is damaged.
    """
    path = downloads / CHECKSUMS
    if source.sha256 != UNKNOWN:
        return Facts(sha256=source.sha256, bytes=source.bytes), TABLE
    if row := read_records(path, CHECKSUM_COLUMNS).get(source.name):
        return Facts(sha256=row["sha256"], bytes=int(row["bytes"])), str(path)
    return Facts(sha256=None, bytes=source.bytes), TABLE


def find_problem(path: Path, name: str, facts: Facts, expected: Facts, written: str) -> str | None:
    """Describe the problem with a file; return None if it has none.

    Args:
        path: the file.
        name: its final name; files that end in `.html` may be web pages.
        facts: facts of the file.
        expected: expected facts.
        written: source of the expected facts.
    """
    agrees = expected.sha256 in (None, facts.sha256) and expected.bytes in (None, facts.bytes)
    if agrees and expected.sha256:
        return None
    if not name.endswith(".html") and is_web_page(path):
        return (
            "got a web page instead of the file (quota or virus-scan page of Google Drive, "
            "a login page, ...)"
        )
    return None if agrees else f"{facts}, but {written} has {expected}"


def is_web_page(path: Path) -> bool:
    """Return whether a file starts like HTML."""
    with path.open("rb") as file:
        start = file.read(1024)
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(PAGE_STARTS)


def read_records(path: Path, columns: Sequence[str]) -> Records:
    """Read a manifest or recorded checksums; return an empty dict if the file is missing."""
    if not path.exists():
        return {}
    return parse_records(path.read_text(encoding="utf-8"), columns, str(path))


def parse_records(text: str, columns: Sequence[str], place: str) -> Records:
    """Return the rows of a manifest or of recorded checksums by file.

    Raises:
        InputError: a line is damaged or repeats a file; the message names place and line.
    """
    # not splitlines: names may contain other Unicode line ends
    head, *lines = text.removesuffix("\n").split("\n")
    rows: dict[str, dict[str, str]] = {}
    damaged = None if head == "\t".join(columns) else (1, head)
    for number, line in enumerate(lines, start=2):
        cells = line.split("\t")
        row = dict(zip(columns, cells, strict=False))
        good = len(cells) == len(columns) and row["file"] not in rows
        if not (good and SHA256.fullmatch(row["sha256"]) and row["bytes"].isdecimal()):
            damaged = damaged or (number, line)
        rows[row["file"]] = row
    if damaged:
        raise InputError(
            f"{place}, line {damaged[0]}: {damaged[1]!r} is not the only line for a file, "
            f"{' '.join(columns)!r} with a checksum of 64 hexadecimal digits; restore the line, or "
            "remove this file to accept the downloads as they are"
        )
    return rows


def files_from(manifest: Records, source: Source) -> list[str]:
    """Return the files that were fetched from the address of a row."""
    return [name for name, row in manifest.items() if row["url"] == source.url]


def records_text(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """Return the text of a manifest or of recorded checksums."""
    lines = (columns, *([row[column] for column in columns] for row in rows))
    return "".join("\t".join(line) + "\n" for line in lines)


def record(downloads: Path, row: Mapping[str, str]) -> None:
    """Record the checksum of a file, to be enforced from now on."""
    path = downloads / CHECKSUMS
    rows = {**read_records(path, CHECKSUM_COLUMNS), row["file"]: row}
    write_text(path, records_text(CHECKSUM_COLUMNS, [rows[name] for name in sorted(rows)]))


def licence_text(sources: Sequence[Source]) -> str:
    """Return the licences of a corpus, each with the files it covers."""
    parts = [f"{sources[0].corpus}: published by others, under the licences of its makers.\n"]
    for licence in licences(sources):
        parts.append(f"\nLicence: {licence}\n")
        parts += [
            f"  {source.file}: {source.about}\n    {source.url}\n"
            for source in sources
            if source.licence == licence
        ]
    return "".join(parts)


def licences(sources: Sequence[Source]) -> list[str]:
    """Return the distinct licences of a corpus."""
    return list(dict.fromkeys(source.licence for source in sources))
