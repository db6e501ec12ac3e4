"""Helpers for tests of fetching: rows, a Drive folder, archives, and the files of folders."""

import hashlib
import io
import lzma
import random
import re
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from neuron_specialization.corpora.fetching import fetch_corpus
from neuron_specialization.corpora.sources import CHECKSUM_COLUMNS, Source, read_records
from neuron_specialization.errors import InputError
from tests.corpora.debs import ar
from tests.corpora.local_server import Server

TEXT = b"ein Satz\nnoch ein Satz\n"
LONG = random.Random(1).randbytes(2**22)
CUTS = ["cut 600000", None, "cut 600000", None, "cut 600000"]
"""Faults of a file that takes more than one run to download."""
IDS = [f"{letter * 30}" for letter in "ABCDEFGH"]


def tree(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, including hidden ones."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths}


def tar(files: Mapping[str, bytes | tarfile.TarInfo]) -> bytes:
    """Return a tar archive of files and of other kinds of members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = content if isinstance(content, bytes) else b""
            member.name, member.size, member.mode = name, len(data), 0o4777
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def deb(package: str, version: str, text: bytes = TEXT) -> bytes:
    """Return a Debian package with one file."""
    control = f"Package: {package}\nVersion: {version}\nArchitecture: all\nDescription: x\n y\n"
    return ar(
        {
            "debian-binary": b"2.0\n",
            "control.tar.xz": lzma.compress(tar({"./control": control.encode()})),
            "data.tar.xz": lzma.compress(tar({"./usr/share/doc/text": text})),
        }
    )


def zipped(files: Mapping[str, bytes], mode: int = 0) -> bytes:
    """Return a zip archive of files; its members have a Unix mode."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def row(url: str, file: str = "a.txt", **settings: object) -> Source:
    defaults = {"sha256": "unknown", "licence": "CC0", "about": "two sentences"}
    return Source(corpus="news", file=file, url=url, **{**defaults, **settings})


def fetch(downloads: Path, *sources: Source, mirror: str = "") -> str:
    """Fetch a corpus; return the terminal output."""
    terminal = io.StringIO()
    fetch_corpus(sources, downloads, mirror, terminal)
    return terminal.getvalue()


def corpus(downloads: Path) -> dict[str, bytes]:
    """Return the files of the corpus, except for manifest and licence."""
    files = tree(downloads / "news")
    assert files.pop("LICENCE.txt").startswith(b"news: ")
    assert files.pop("fetched.tsv").startswith(b"file\tbytes\tsha256\turl\tlicence\n")
    return files


def fails(
    message: str, downloads: Path, *sources: Source, mirror: str = "", keeps: Sequence[str] = ()
) -> str:
    """Assert that fetching raises InputError and leaves no files except `keeps` behind."""
    with pytest.raises(InputError) as error:
        fetch(downloads, *sources, mirror=mirror)
    assert re.search(message, str(error.value)), error.value
    assert sorted(tree(downloads / "news")) == sorted(keeps)
    return str(error.value)


def checksums(downloads: Path) -> dict[str, str]:
    rows = read_records(downloads / "checksums.tsv", CHECKSUM_COLUMNS)
    return {name: row["sha256"] for name, row in rows.items()}


def ranges(server: Server) -> list[int]:
    """Return the bytes from which downloads resumed."""
    return [int(asked[len("bytes=") : -1]) for _, asked in server.requests if asked]


def drive_folder(server: Server, *faults: object) -> Source:
    """Create a Drive folder with a subfolder and unwanted files; return its row."""
    for number, drive_id in enumerate(IDS[:5]):
        server.put_drive(drive_id, b"text %d" % number)
    files = {"en-de.de": IDS[1], "en-no.no": IDS[2], "LICENCE.txt": IDS[4]}
    server.put_folder("train", IDS[6], {name: f"file/d/{id}/view" for name, id in files.items()})
    links = {
        "readme": f"file/d/{IDS[0]}/view",
        "train": f"drive/folders/{IDS[6]}",
        ".hidden": f"file/d/{IDS[3]}/view",
    }
    return row(server.put_folder("EC40", IDS[7], links, *faults), ".", leave_out=("*en-no.*",))
