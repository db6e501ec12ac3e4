"""Fetching corpora with gdown from a local web server."""

import errno
import gzip
import multiprocessing
import re
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from neuron_specialization.errors import InputError
from tests.corpora.fetching_helpers import (
    CUTS,
    IDS,
    LONG,
    TEXT,
    checksums,
    corpus,
    drive_folder,
    fails,
    fetch,
    row,
    sha256,
    tar,
    tree,
    zipped,
)
from tests.corpora.local_server import HTML, QUOTA, Server
from tests.corpora.preparing import fill

# Rows of every kind


def test_a_plain_file_is_fetched_once(server: Server, downloads: Path) -> None:
    url = server.put("/a.txt", TEXT)
    source = row(url, sha256=sha256(TEXT), bytes=len(TEXT))
    assert fetch(downloads, source) == "news: licence: CC0 (see news/LICENCE.txt)\n"
    assert corpus(downloads) == {"a.txt": TEXT}
    assert stat.S_IMODE((downloads / "news/a.txt").stat().st_mode) == 0o644
    assert not (downloads / "checksums.tsv").exists()
    manifest = (downloads / "news/fetched.tsv").read_text().splitlines()
    assert manifest[1:] == [f"a.txt\t{len(TEXT)}\t{sha256(TEXT)}\t{url}\tCC0"]
    licence = (downloads / "news/LICENCE.txt").read_text()
    assert all(text in licence for text in ("CC0", "two sentences", url, "a.txt"))

    asked, before = len(server.requests), tree(downloads)
    assert fetch(downloads, source) == "", "licences are shown once"
    assert (len(server.requests), tree(downloads)) == (asked, before)


def test_drive_files_small_and_large(server: Server, downloads: Path) -> None:
    small = row(server.put_drive("small", TEXT))
    large = row(server.put_drive("large", LONG, large=True), "b/c.bin")
    fetch(downloads, small, large)
    assert corpus(downloads) == {"a.txt": TEXT, "b/c.bin": LONG}
    assert "/drive.usercontent.google.com/download?id=large&confirm=t" in server.seen()
    assert checksums(downloads) == {"news/a.txt": sha256(TEXT), "news/b/c.bin": sha256(LONG)}


def test_a_drive_folder_is_fetched_with_its_folders(server: Server, downloads: Path) -> None:
    source = drive_folder(server, 503)
    fetch(downloads, source)
    wanted = {"readme": b"text 0", "train/en-de.de": b"text 1", "train/LICENCE.txt": b"text 4"}
    assert corpus(downloads) == wanted
    assert f"/drive.google.com/uc?id={IDS[2]}" not in server.seen()
    asked = len(server.requests)
    fetch(downloads, source)
    assert len(server.requests) == asked
    (downloads / "news/readme").unlink()
    fetch(downloads, source)
    assert corpus(downloads) == wanted


@pytest.mark.parametrize(
    ("names", "faults", "requests", "message"),
    [
        ([], [404], 1, r"drive-folder:H+: the folder of corpus news cannot be listed.*404"),
        ([], [503] * 3, 3, "cannot be listed.*503"),
        ([".x"], [], 1, "no wanted file found"),
        (["a\x07"], [], 1, "not a printable relative path"),
        (["a", "a "], [], 1, "2 files have the name a"),
    ],
)
def test_drive_folders_that_cannot_be_fetched(
    server: Server,
    downloads: Path,
    names: list[str],
    faults: list[int],
    requests: int,
    message: str,
) -> None:
    links = dict.fromkeys(names, f"file/d/{IDS[0]}/view")
    fails(message, downloads, row(server.put_folder("EC40", IDS[7], links, *faults), "."))
    assert len(server.requests) == requests


# Wrong content


@pytest.mark.parametrize("expected", [{"sha256": "0" * 64}, {"bytes": 99}])
def test_wrong_files_are_not_kept(
    server: Server, downloads: Path, expected: Mapping[str, object]
) -> None:
    source = row(server.put("/a.txt", TEXT), **expected)
    message = fails(f"^{source.url}: .*but the table of sources has", downloads, source)
    assert all(f"{value}" in message for value in (sha256(TEXT), len(TEXT), *expected.values()))
    assert not (downloads / "checksums.tsv").exists()


@pytest.mark.parametrize("expected", [{}, {"bytes": 7}, {"sha256": "0" * 64}])
def test_web_pages_are_not_accepted_as_files(
    server: Server, downloads: Path, expected: Mapping[str, object]
) -> None:
    page = "\ufeff\n <HTML lang=de>".encode()
    for url in (server.put("/a.txt", page), server.put_drive("small", page)):
        message = rf"{url}: got a web page instead of the file \(quota"
        fails(message, downloads, row(url, **expected))


def test_web_pages_that_are_intended(server: Server, downloads: Path) -> None:
    page = b"<!doctype html><p>"
    named = row(server.put("/a", page), "a.html")
    known = row(server.put("/b", page), "b", sha256=sha256(page))
    fetch(downloads, named, known)
    assert corpus(downloads) == {"a.html": page, "b": page}


@pytest.mark.parametrize("page", [QUOTA, "<!doctype html><title>Sign in</title>"])
def test_drive_refuses(server: Server, downloads: Path, page: str) -> None:
    server.put("/drive.google.com/uc?id=full", page.encode(), **HTML)
    message = fails(
        r"a\.txt: .*https://drive\.google\.com/file/d/full: Google Drive refuses it.*Wait a day, "
        r"or download it in a browser "
        rf"and put it at {downloads}/news/a\.txt",
        downloads,
        row("drive:full"),
    )
    assert "Too many users" in message or page is not QUOTA
    assert len(server.requests) == 1


def test_a_refusal_keeps_the_partial_download(server: Server, downloads: Path) -> None:
    source = row(server.put_drive("full", LONG, *CUTS))
    with pytest.raises(InputError, match="incomplete"):
        fetch(downloads, source)
    before = tree(downloads / "news")
    page = server.pages["/drive.google.com/uc?id=full"]
    server.put("/drive.google.com/uc?id=full", QUOTA.encode(), **HTML)
    fails("refuses", downloads, source, keeps=before)
    assert tree(downloads / "news") == before
    server.pages["/drive.google.com/uc?id=full"] = page
    fetch(downloads, source)
    assert corpus(downloads) == {"a.txt": LONG}


def test_an_unknown_checksum_is_recorded_and_enforced(server: Server, downloads: Path) -> None:
    source = row(server.put("/a.txt", TEXT))
    fetch(downloads, source)
    server.put("/a.txt", TEXT + b"more")
    fetch(downloads, source)  # existing files are not requested again
    for path in ("a.txt", "fetched.tsv", "LICENCE.txt"):
        (downloads / "news" / path).unlink()
    message = fails(r"but .*/checksums\.tsv has", downloads, source)
    assert sha256(TEXT) in message
    assert sha256(TEXT + b"more") in message
    (downloads / "checksums.tsv").unlink()
    fetch(downloads, source)
    assert corpus(downloads) == {"a.txt": TEXT + b"more"}


def test_files_that_changed_are_not_overwritten(server: Server, downloads: Path) -> None:
    source = row(server.put("/a.txt", TEXT))
    fetch(downloads, source)
    fill(downloads, {"news/a.txt": b"edited"})
    everything = tree(downloads / "news")
    message = fails("news/a.txt: .*The file has changed", downloads, source, keeps=everything)
    assert sha256(TEXT) in message
    assert sha256(b"edited") in message
    assert tree(downloads / "news") == everything
    assert len(server.requests) == 1


def test_files_may_be_added_by_hand(server: Server, downloads: Path) -> None:
    source = row("drive:full")
    fill(downloads, {"news/a.txt": b"<html>quota"})
    fails("a.txt: got a web page", downloads, source, keeps=["a.txt"])
    fill(downloads, {"news/a.txt": TEXT})
    fails("99 bytes", downloads, row("drive:full", bytes=99), keeps=["a.txt"])
    fetch(downloads, source)
    assert not server.requests
    assert corpus(downloads) == {"a.txt": TEXT}
    assert checksums(downloads) == {"news/a.txt": sha256(TEXT)}


def record_many(downloads: Path, name: str) -> None:
    mirror = downloads.parent / "mirror"
    for number in range(9):
        fetch(downloads, row(fill(mirror, {name: TEXT}).joinpath(name).as_uri(), f"{name}{number}"))


def test_processes_record_checksums_concurrently(downloads: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=record_many, args=(downloads, name)) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert list(checksums(downloads)) == [f"news/{name}{n}" for name in "ab" for n in range(9)]


# Full disks, archives


def test_known_sizes_are_compared_with_free_space(
    server: Server, small_disk: Path, tmp_path: Path
) -> None:
    mirror = fill(tmp_path / "mirror", {"news/a.txt": LONG})
    for source, place in ((row("drive:x"), str(mirror)), (row(server.put("/a.bin", LONG)), "")):
        with pytest.raises(InputError, match=r"are needed.*`downloads\.folder`"):
            fetch(small_disk, source, mirror=place)
    assert not (small_disk / "news/a.txt").exists()


def test_a_full_disk(server: Server, small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space left") as error:
        fetch(small_disk, row(server.put("/a.bin", LONG, length=False)))
    assert error.value.errno == errno.ENOSPC
    assert all(name.endswith(".part") for name in tree(small_disk / "news"))


def test_archives_are_unpacked_once(server: Server, downloads: Path) -> None:
    data = gzip.compress(tar({"dev/de": TEXT, "dev/xx": TEXT}))
    sources = [
        row(server.put("/a", data), "a.archive", unpack=True, leave_out=("*/xx",)),
        row(server.put("/b", zipped({"z": b"zip"})), "model.pt"),
    ]
    fetch(downloads, *sources)
    assert set(corpus(downloads)) == {"a.archive", "dev/de", "model.pt"}
    (downloads / "news/dev/de").unlink()
    fetch(downloads, *sources)
    assert "dev/de" not in corpus(downloads)
    (downloads / "news/fetched.tsv").unlink()
    fetch(downloads, *sources)
    assert corpus(downloads)["dev/de"] == TEXT
    assert server.seen() == ["/a", "/b"]


def test_an_archive_that_cannot_be_unpacked_is_not_recorded(
    server: Server, downloads: Path
) -> None:
    source = row(server.put("/a", gzip.compress(tar({"a": TEXT}))[:-9]), "a.tgz", unpack=True)
    fails(r"news/a\.tgz: damaged", downloads, source, keeps=["a.tgz"])
    assert not (downloads / "checksums.tsv").exists()


@pytest.mark.parametrize(
    "name", ["b.txt", "fetched.tsv", "LICENCE.txt", ".b.txt.unchecked.12345678", "c.unchecked"]
)
def test_a_member_does_not_replace_another_file_of_the_corpus(
    server: Server, downloads: Path, name: str
) -> None:
    archive = row(server.put("/a", tar({"data/x": TEXT, name: b"planted"})), "a.tar", unpack=True)
    pinned = row(server.put("/b", TEXT), "b.txt", sha256=sha256(TEXT))
    with pytest.raises(InputError, match=rf"a\.tar: {re.escape(name)}: refused: the corpus has"):
        fetch(downloads, pinned, archive)
    assert (downloads / "news/b.txt").read_bytes() == TEXT
    assert not (downloads / "news/data").exists()


@pytest.mark.parametrize("length", [True, False])
def test_a_download_stops_at_the_size_of_its_row(
    server: Server, downloads: Path, length: bool
) -> None:
    source = row(server.put("/a.bin", LONG, length=length), bytes=1000)
    fails("has more than the 1,000 bytes that the table of sources has", downloads, source)
