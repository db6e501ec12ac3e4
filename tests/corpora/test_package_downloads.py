"""Fetching Debian packages from mirrors, with apt, and from an archive on a local web server."""

import lzma
import os
import socket
from pathlib import Path

import pytest

from neuron_specialization.corpora import package_downloads
from neuron_specialization.corpora.package_downloads import INDEX
from neuron_specialization.corpora.sources import Source
from tests.corpora.fetching_helpers import (
    LONG,
    TEXT,
    checksums,
    corpus,
    deb,
    fails,
    fetch,
    ranges,
    row,
    sha256,
)
from tests.corpora.local_server import Server
from tests.corpora.preparing import fill

OLD, NEW = deb("text-de", "4:7.4.7-1+deb12u9"), deb("text-de", "4:7.4.7-1+deb12u14")
POOL = "pool/main/t/text"
APT = """#!/bin/sh
echo "$@ $LC_ALL" >> "$0.calls"
if [ -f "$0.deb" ]; then {cat} < "$0.deb" > text-de_4%3a7_all.deb
else {answer}
fi
"""


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder of programs; it is empty."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


@pytest.fixture
def archive(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Return the server, whose `/debian` is an archive."""
    monkeypatch.setattr(package_downloads, "ARCHIVE", f"{server.base}/debian")
    return server


def package(name: str = "text-de", **settings: object) -> Source:
    return row(f"deb:{name}", f"{name}.deb", **settings)


def add_apt(programs: Path, data: bytes | None, answer: str = "exit 3") -> Path:
    """Add an apt-get that delivers a package or fails; return the file that lists its calls."""
    if data is not None:
        (programs / "apt-get.deb").write_bytes(data)
    cat = next(path for path in ("/bin/cat", "/usr/bin/cat") if os.access(path, os.X_OK))
    (programs / "apt-get").write_text(APT.format(cat=cat, answer=answer))
    (programs / "apt-get").chmod(0o755)
    return programs / "apt-get.calls"


def put_archive(
    server: Server, packages: dict[str, bytes], *faults: object, **settings: object
) -> str:
    """Put packages and their index into the archive; return the path of the pool."""
    stanzas = []
    for name, data in packages.items():
        place = f"{POOL}/{name}.deb"
        server.put(f"/debian/{place.replace('+', '%2B')}", data, *faults, **settings)
        stanzas.append(
            f"Package: {name.partition('_')[0]}\nVersion: {name.split('_')[1]}\nDescription: x\n"
            f" Package: text-de\nFilename: {place}\nSHA256: {sha256(data)}\n"
        )
    server.put(f"/debian/{INDEX}", lzma.compress("\n".join(stanzas).encode()))
    return f"/debian/{POOL}"


def recorded(downloads: Path) -> list[str]:
    """Return the addresses in the manifest."""
    lines = (downloads / "news/fetched.tsv").read_text().splitlines()
    return [line.split("\t")[3] for line in lines[1:]]


# Mirrors


@pytest.mark.parametrize("place", ["", "news/"])
@pytest.mark.parametrize("epoch", ["4%3a", ""])
def test_the_newest_version_in_a_folder_of_packages_is_fetched(
    downloads: Path, tmp_path: Path, place: str, epoch: str
) -> None:
    files = {
        f"{place}text-de_{epoch}7.4.7-1+deb12u14_all.deb": NEW,
        "text-de_7.4.7-1+deb12u9_all.deb": OLD,
        "text-de_9.0_all.deb": deb("text-de", "9.0"),  # without the epoch of the others
        "text-de-extra_5%3a1_all.deb": deb("text-de-extra", "5:1"),
    }
    fetch(downloads, package(), mirror=str(fill(tmp_path / "mirror", files)))
    assert corpus(downloads) == {"text-de.deb": NEW}
    assert recorded(downloads) == ["deb:text-de=4:7.4.7-1+deb12u14"]
    assert checksums(downloads) == {"news/text-de.deb": sha256(NEW)}
    fetch(downloads, package())
    assert recorded(downloads) == ["deb:text-de=4:7.4.7-1+deb12u14"]


@pytest.mark.parametrize("kind", ["folder", "web"])
def test_the_name_of_the_row_comes_first_in_a_mirror(
    archive: Server, downloads: Path, tmp_path: Path, kind: str
) -> None:
    files = {"news/text-de.deb": OLD, "text-de_4%3a7.4.7-1+deb12u14_all.deb": NEW}
    archive.put("/mirror/news/text-de.deb", OLD)
    folder = str(fill(tmp_path / "mirror", files))
    fetch(downloads, package(), mirror=folder if kind == "folder" else f"{archive.base}/mirror")
    assert corpus(downloads) == {"text-de.deb": OLD}


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "text-de_1_all.deb",
            NEW[:-9],
            r"mirror/text-de_1_all\.deb: truncated or damaged.*remove or",
        ),
        ("text-de_1_all.deb", deb("text", "1"), r"1_all\.deb: it is the package text, not"),
        (
            "news/text-de.deb",
            NEW[:-9],
            r"mirror/news/text-de\.deb: truncated or damaged",
        ),
        ("news/text-de.deb", b"<html>", r"text-de\.deb: got a web page"),
    ],
)
def test_wrong_files_in_a_mirror(
    downloads: Path, tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    fails(message, downloads, package(), mirror=str(fill(tmp_path / "mirror", {name: data})))


# apt


def test_apt_comes_before_the_archive(archive: Server, downloads: Path, programs: Path) -> None:
    calls = add_apt(programs, NEW)
    terminal = fetch(downloads, package(), mirror=f"{archive.base}/mirror")
    assert terminal == "news: licence: CC0 (see news/LICENCE.txt)\n"
    assert corpus(downloads) == {"text-de.deb": NEW}
    assert recorded(downloads) == ["deb:text-de=4:7.4.7-1+deb12u14"]
    assert calls.read_text() == "download text-de/bookworm C\n"
    assert archive.seen() == ["/mirror/news/text-de.deb"]
    assert sorted(path.name for path in downloads.glob("news/.*")) == []


def test_a_package_that_apt_cut_off_is_not_kept(downloads: Path, programs: Path) -> None:
    add_apt(programs, NEW[:-9])
    message = r"^apt-get download text-de/bookworm: truncated .*It was not kept\."
    fails(message, downloads, package())


@pytest.mark.parametrize(
    "answer", ["echo 'E: Unable to locate package text-de' >&2; exit 100", "exit 100", "true"]
)
def test_the_archive_comes_after_apt(
    archive: Server, downloads: Path, programs: Path, answer: str
) -> None:
    add_apt(programs, None, answer)
    put_archive(archive, {"text-de_7_all": NEW})
    fetch(downloads, package())
    assert corpus(downloads) == {"text-de.deb": NEW}


# The archive


def test_packages_of_an_archive(archive: Server, downloads: Path) -> None:
    pool = put_archive(
        archive,
        {
            "text-de_7.4+deb12u9_all": OLD,
            "text-de_7.4+deb12u14_all": NEW,
            "text-de-extra_9_all": b"",
            "text_1_all": deb("text", "1"),
        },
    )
    fetch(downloads, package(), package("text"))
    assert corpus(downloads) == {"text-de.deb": NEW, "text.deb": deb("text", "1")}
    files = [f"{pool}/text-de_7.4%2Bdeb12u14_all.deb", f"{pool}/text_1_all.deb"]
    assert archive.seen() == [f"/debian/{INDEX}", *files]
    assert not list(downloads.glob(".Packages*"))
    assert recorded(downloads) == ["deb:text-de=4:7.4.7-1+deb12u14", "deb:text=1"]


def test_an_unknown_package(archive: Server, downloads: Path, programs: Path) -> None:
    put_archive(archive, {"text_1_all": OLD})
    fails(
        "^deb:text-de: Debian bookworm has no .*correct it in the table of sources, or put the "
        rf"package at {downloads}/news/text-de\.deb\. Tried before: apt-get is not installed",
        downloads,
        package(),
    )
    add_apt(programs, None, "echo 'E: Unable to locate package text-de' >&2; exit 100")
    fails("E: Unable to locate package text-de .*`apt-get update`", downloads, package())


def test_no_apt_and_no_network(
    server: Server, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(
            package_downloads, "ARCHIVE", f"http://127.0.0.1:{closed.getsockname()[1]}"
        )
        fails(
            r"Packages\.xz: the list of packages cannot be fetched: .*refused.*`download` target.*"
            r"PACKAGE_VERSION_all\.deb.*mirror\. Tried before: apt-get is not installed",
            downloads,
            package(),
        )
    assert not list(downloads.glob(".Packages*"))


def test_a_package_that_is_not_the_one_of_the_index(archive: Server, downloads: Path) -> None:
    pool = put_archive(archive, {"text-de_7_all": NEW})
    archive.put(f"{pool}/text-de_7_all.deb", OLD)
    message = fails(r"text-de_7_all\.deb: the file has the SHA-256", downloads, package())
    assert sha256(OLD) in message
    assert sha256(NEW) in message
    archive.put(f"{pool}/text-de_7_all.deb", NEW[:-9], length=False)
    fails("the archive's index has", downloads, package())


def test_downloads_that_break_off(archive: Server, downloads: Path) -> None:
    large = deb("text-de", "7", LONG)
    put_archive(archive, {"text-de_7_all": large}, "cut 3000000")
    fetch(downloads, package())
    assert corpus(downloads) == {"text-de.deb": large}
    assert len(ranges(archive)) == 1


def test_a_damaged_index(archive: Server, downloads: Path) -> None:
    put_archive(archive, {"text-de_7_all": NEW})
    index = archive.pages[f"/debian/{INDEX}"].body
    archive.put(f"/debian/{INDEX}", index[:-9])
    fails("the list of packages cannot be fetched", downloads, package())
    archive.put(f"/debian/{INDEX}", index)
    fetch(downloads, package())
    assert corpus(downloads) == {"text-de.deb": NEW}


# Updates


def test_an_updated_package_is_recorded_anew(downloads: Path, programs: Path) -> None:
    add_apt(programs, OLD)
    fetch(downloads, package())
    (downloads / "news/text-de.deb").unlink()
    add_apt(programs, OLD)
    assert fetch(downloads, package()) == "", "the same version"
    (downloads / "news/text-de.deb").unlink()
    add_apt(programs, NEW[:-9])
    fails("truncated", downloads, package(), keeps=["LICENCE.txt", "fetched.tsv"])
    assert checksums(downloads) == {"news/text-de.deb": sha256(OLD)}
    add_apt(programs, NEW)
    warning = fetch(downloads, package())
    assert warning.startswith("news/text-de.deb: version 4:7.4.7-1+deb12u14 of the package is not")
    assert sha256(OLD) in warning
    assert sha256(NEW) in warning
    assert checksums(downloads) == {"news/text-de.deb": sha256(NEW)}
    assert recorded(downloads) == ["deb:text-de=4:7.4.7-1+deb12u14"]


def test_a_pinned_package_is_not_replaced_by_an_update(downloads: Path, programs: Path) -> None:
    source = package(sha256=sha256(OLD), bytes=len(OLD))
    add_apt(programs, NEW)
    message = fails(
        r"but the table of sources has .* \(it is version 4:7\.4\.7-1\+deb12u14\)\. It was not "
        r"kept\. If the package was updated: .*snapshot\.debian\.org, or write `unknown` .*\.deb",
        downloads,
        source,
    )
    assert sha256(OLD) in message
    fill(downloads, {"news/text-de.deb": OLD})
    fetch(downloads, source)
    assert corpus(downloads) == {"text-de.deb": OLD}


def test_a_package_that_changed_on_disk_is_an_error(downloads: Path, programs: Path) -> None:
    add_apt(programs, OLD)
    fetch(downloads, package())
    everything = ["LICENCE.txt", "fetched.tsv", "text-de.deb"]
    for data, message in ((NEW, r"deb12u14\)\. The file has changed"), (TEXT, "no Debian package")):
        fill(downloads, {"news/text-de.deb": data})
        fails(message, downloads, package(), keeps=everything)
