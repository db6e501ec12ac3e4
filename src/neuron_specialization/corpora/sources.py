"""What can be fetched and how it is recognised: `config/sources.tsv`, checksums, licences."""

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
LICENCE, MANIFEST, CHECKSUMS = "LICENCE.txt", "fetched.tsv", "checksums.tsv"
"""Files written beside what is fetched: the first two per corpus, the last in the downloads."""
MANIFEST_COLUMNS = ("file", "bytes", "sha256", "url", "licence")
CHECKSUM_COLUMNS = ("file", "sha256", "bytes")
SHA256 = re.compile("[0-9a-f]{64}")
PAGE_STARTS = (b"<!doctype html", b"<html")

Records = Mapping[str, Mapping[str, str]]
"""Rows of a manifest or of recorded checksums, by file."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A row of sources.tsv: a file, or a folder of Google Drive."""

    corpus: str
    """Folder below the downloads folder."""
    file: str
    """Path below the corpus's folder; `.` for a folder of Google Drive."""
    url: str
    """`http(s)://...`, `file:///...`, `drive:FILE_ID` or `drive-folder:FOLDER_ID`."""
    sha256: str
    """SHA-256 of the file in hexadecimal digits, or `unknown`."""
    bytes: int | None = None
    """Size of the file, None if it is not known."""
    unpack: bool = False
    """Whether it is an archive, to be unpacked into the folder where it lies."""
    leave_out: tuple[str, ...] = ()
    """Patterns of paths within the archive or folder that are not wanted; `*` matches `/` too."""
    licence: str
    """Licence, for people."""
    about: str
    """What it is, for people."""

    @property
    def name(self) -> str:
        """Path below the downloads folder."""
        return f"{self.corpus}/{self.file}"

    @property
    def is_folder(self) -> bool:
        """Whether the row is a folder of Google Drive."""
        return self.url.startswith(FOLDER)


def read_sources(path: Path, schema_path: Path) -> dict[str, list[Source]]:
    """Read sources.tsv: the rows of each corpus, in the order of the file.

    InputError names the file, the line and the column of a bad cell, or a file with two rows.
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
    """Return whether to fetch a file of a folder: it is not hidden, left out or written by us."""
    hidden = any(part.startswith(".") for part in PurePosixPath(path).parts)
    return not (hidden or path in (LICENCE, MANIFEST) or is_left_out(path, source.leave_out))


def mirror_address(mirror: str) -> str:
    """Return the address of a mirror, without a slash at its end; empty for no mirror.

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
    """Return the path of a `file://` address, None for any other."""
    return Path(url2pathname(address.removeprefix(FILE))) if address.startswith(FILE) else None


def check_names(names: Sequence[str], source: Source) -> None:
    """Raise InputError if a Drive folder has no file, two of one name, or one with a bad path."""
    place = f"{source.url} (corpus {source.corpus})"
    if not names:
        raise InputError(
            f"{place}: no file is there that is wanted; is the folder still public, or complete "
            "in the mirror, and does `leave_out` leave some?"
        )
    for name, count in Counter(names).items():
        pure = PurePosixPath(name)
        # `..` is among the hidden names that are not wanted
        if not pure.name or pure.is_absolute() or not name.isprintable():
            raise InputError(f"{place}: {name!r} is no printable path below a folder; leave it out")
        if count > 1:
            raise InputError(f"{place}: {count} files have the name {name}; leave it out")


def hidden(path: Path, address: str = "") -> Path:
    """Return the path of a file until it is checked, or how such paths begin at any address."""
    short = hashlib.sha256(address.encode()).hexdigest()[:8] if address else ""
    return path.with_name(f".{path.name}.unchecked.{short}")


def drop(start: Path) -> None:
    """Remove the files whose paths begin like this, such as what is left of a download."""
    for path in start.parent.glob(f"{glob.escape(start.name)}*"):
        path.unlink()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """SHA-256 in hexadecimal digits and size of a file, as found or expected; None if unknown."""

    sha256: str | None
    bytes: int | None

    def __str__(self) -> str:
        """Return size and checksum in words."""
        size = "unknown size" if self.bytes is None else f"{self.bytes:,} bytes"
        return f"{size} and {f'the SHA-256 {self.sha256}' if self.sha256 else 'unknown SHA-256'}"


def expected_facts(source: Source, downloads: Path) -> tuple[Facts, str]:
    """Return what a file should be and where this is written: in the table, or recorded before.

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
    """Return what is wrong with a file, None if nothing is.

    Args:
        path: the file.
        name: the name that it is to have: one that ends in `.html` may be a web page.
        facts: of the file.
        expected: what they should be.
        written: where this is written.
    """
    agrees = expected.sha256 in (None, facts.sha256) and expected.bytes in (None, facts.bytes)
    if agrees and expected.sha256:
        return None
    if not name.endswith(".html") and is_web_page(path):
        return (
            "a web page came instead of the file (quota or virus-scan page of Google Drive, "
            "a login page, ...)"
        )
    return None if agrees else f"{facts}, but {written} has {expected}"


def is_web_page(path: Path) -> bool:
    """Return whether a file starts like HTML."""
    with path.open("rb") as file:
        start = file.read(1024)
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(PAGE_STARTS)


def read_records(path: Path, columns: Sequence[str]) -> Records:
    """Read a manifest or recorded checksums; empty if there is no such file."""
    if not path.exists():
        return {}
    return parse_records(path.read_text(encoding="utf-8"), columns, str(path))


def parse_records(text: str, columns: Sequence[str], place: str) -> Records:
    """Return the rows of a manifest or of recorded checksums by file.

    Raises:
        InputError: a line is damaged or the second of its file; place and line are named.
    """
    # not splitlines: names may hold whatever else Unicode ends a line with
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
            f"{place}, line {damaged[0]}: {damaged[1]!r} is not the one line of a file, "
            f"{' '.join(columns)!r} with the checksum in 64 digits; restore the line, or remove "
            "the file to take what is downloaded as it is"
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
    """Record the checksum of a file, which is enforced from now on."""
    path = downloads / CHECKSUMS
    rows = {**read_records(path, CHECKSUM_COLUMNS), row["file"]: row}
    write_text(path, records_text(CHECKSUM_COLUMNS, [rows[name] for name in sorted(rows)]))


def licence_text(sources: Sequence[Source]) -> str:
    """Return the licences of a corpus, each with the files that are under it."""
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
    """Return the different licences of a corpus."""
    return list(dict.fromkeys(source.licence for source in sources))
