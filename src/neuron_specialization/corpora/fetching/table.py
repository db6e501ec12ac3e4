"""The table of what can be downloaded: `config/sources.tsv`."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from neuron_specialization.settings.rows import check_unique, read_rows

UNKNOWN = "unknown"
FOLDER = "drive-folder:"
"""What the address of a public Google Drive folder starts with; its id follows."""
LICENCE, MANIFEST = "LICENCE.txt", "fetched.tsv"
"""The files that a fetched corpus has besides its own."""


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


def leads_out(path: str) -> bool:
    """Whether a path that others have written, read below a folder, leads out of it."""
    pure = PurePosixPath(path)
    return pure.is_absolute() or ".." in pure.parts or "\0" in path


def is_left_out(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a path within an archive or folder matches one of the patterns."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)
