"""Mirrors, on disk and on the web, and local files."""

import errno
from pathlib import Path

import pytest

from neuron_specialization.errors import InputError
from tests.corpora.fetching_helpers import (
    LONG,
    TEXT,
    corpus,
    drive_folder,
    fails,
    fetch,
    ranges,
    row,
    sha256,
    tree,
)
from tests.corpora.local_server import Server
from tests.corpora.preparing import fill

OTHER = LONG[::-1]
"""Content of a mirror that differs from the source."""


@pytest.mark.parametrize("kind", ["path", "address", "web"])
def test_a_mirror_comes_first(server: Server, downloads: Path, tmp_path: Path, kind: str) -> None:
    folder = fill(tmp_path / "my mirror", {"news/a.txt": TEXT})
    server.put("/mirror/news/a.txt", TEXT)
    sources = row(server.put("/a.txt", b"x")), row(server.put("/b.txt", b"b"), "b.txt")
    places = {"path": str(folder), "address": folder.as_uri(), "web": f"{server.base}/mirror/"}
    fetch(downloads, *sources, mirror=places[kind])
    assert corpus(downloads) == {"a.txt": TEXT, "b.txt": b"b"}
    asked = ["/mirror/news/a.txt", "/mirror/news/b.txt", "/b.txt"]
    assert server.seen() == (asked if kind == "web" else ["/b.txt"])


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_partial_web_download_is_not_mixed_with_a_mirror(
    server: Server, downloads: Path, mirrored: bool
) -> None:
    source = row(server.put("/a.bin", LONG, "cut 1500000", *[500] * 2))
    with pytest.raises(InputError, match="500"):
        fetch(downloads, source)
    if mirrored:
        server.put("/mirror/news/a.txt", OTHER)
    fetch(downloads, source, mirror=f"{server.base}/mirror")
    assert corpus(downloads) == {"a.txt": OTHER if mirrored else LONG}
    assert len(ranges(server)) == (0 if mirrored else 1)


def test_bad_mirrors_are_errors(server: Server, downloads: Path, tmp_path: Path) -> None:
    source = row(server.put("/a.txt", TEXT), sha256=sha256(TEXT))
    for none in (str(tmp_path / "none"), (tmp_path / "none").as_uri(), "file://server/x"):
        with pytest.raises(InputError, match=rf"mirror '{none}': no such folder"):
            fetch(downloads, source, mirror=none)
    mirror = fill(tmp_path / "mirror", {"news/a.txt": b"bad"})
    fails(f"^{mirror}/news/a.txt: .*{sha256(b'bad')}", downloads, source, mirror=str(mirror))
    url = server.put("/mirror/news/a.txt", TEXT, 403)
    fails(f"from {url}: 403", downloads, source, mirror=f"{server.base}/mirror")
    assert "/a.txt" not in server.seen()
    fails(r"x y\.txt: no such file", downloads, row((tmp_path / "x y.txt").as_uri()))


def test_a_copy_that_ends_early_leaves_nothing(
    downloads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:9])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("neuron_specialization.corpora.transfers.shutil.copyfile", half)
    with pytest.raises(OSError, match="No space left"):
        fetch(downloads, row(fill(tmp_path, {"a": TEXT}).joinpath("a").as_uri()))
    assert not tree(downloads / "news")


def test_a_mirror_on_disk_replaces_a_drive_folder(
    server: Server, downloads: Path, tmp_path: Path
) -> None:
    source = drive_folder(server)
    names = "a", "b/en-de.de", "b/en-no.no", ".x", ".c.unchecked.01.part", "fetched.tsv"
    mirror = fill(tmp_path / "mirror", {f"news/{name}": TEXT for name in names})
    fetch(downloads, source, mirror=str(mirror))
    assert corpus(downloads) == {"a": TEXT, "b/en-de.de": TEXT}
    assert not server.requests
    fetch(tmp_path / "more", source, mirror=str(fill(tmp_path / "other", {"talks/a": TEXT})))
    assert "readme" in corpus(tmp_path / "more")


@pytest.mark.parametrize("faults", [(), (503,), (429,), ("cut 20",)])
def test_downloads_on_the_web_replace_a_drive_folder(
    server: Server, downloads: Path, tmp_path: Path, faults: tuple[object, ...]
) -> None:
    sources = drive_folder(server), row(server.put("/b.txt", b"b"), "b.txt")
    fetch(tmp_path / "before", *sources)
    for name, data in tree(tmp_path / "before").items():
        server.put(f"/mirror/{name}", data, *faults if name.endswith("fetched.tsv") else ())
    server.requests.clear()
    fetch(downloads, *sources, mirror=f"{server.base}/mirror")
    assert tree(downloads / "news") == tree(tmp_path / "before/news")
    assert all(path.startswith("/mirror/news/") for path in server.seen())


@pytest.mark.parametrize(
    ("name", "message"), [("../x", "no wanted file"), ("/x", "not a printable"), ("a", "")]
)
def test_manifests_of_other_mirrors(
    server: Server, downloads: Path, name: str, message: str
) -> None:
    source = drive_folder(server)
    url = source.url if message else "drive-folder:another"
    manifest = f"file\tbytes\tsha256\turl\tlicence\n{name}\t1\t{'0' * 64}\t{url}\tCC0\n"
    server.put("/mirror/news/fetched.tsv", manifest.encode())
    if message:
        fails(message, downloads, source, mirror=f"{server.base}/mirror")
    else:
        fetch(downloads, source, mirror=f"{server.base}/mirror")
        assert {"readme", "train/en-de.de"} < set(corpus(downloads))
