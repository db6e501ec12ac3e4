"""Downloads, by gdown from a web server of this machine, and the unpacking of archives."""

import bz2
import errno
import gzip
import hashlib
import io
import lzma
import multiprocessing
import os
import random
import re
import socket
import stat
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.utils import formatdate
from pathlib import Path

import pytest
import yaml
from backports import zstd

from neuron_specialization.corpora.fetching import archives, transfers
from neuron_specialization.corpora.fetching.archives import unpack
from neuron_specialization.corpora.fetching.checking import check_room
from neuron_specialization.corpora.fetching.checksums import Facts, read_checksums, record
from neuron_specialization.corpora.fetching.corpus import fetch_corpus
from neuron_specialization.corpora.fetching.fetching import Retries
from neuron_specialization.corpora.fetching.table import Source, is_left_out, read_sources
from neuron_specialization.errors import InputError
from tests.corpora.local_server import HTML, PAUSE, QUOTA, Server, running

FAST = Retries(attempts=3, first_wait=0.001)
TEXT = b"ein Satz\nnoch ein Satz\n"
LONG = random.Random(1).randbytes(2**22)
IDS = [f"{letter * 30}" for letter in "ABCDEFGH"]
HEAD = "corpus\tfile\turl\tsha256\tbytes\tunpack\tleave_out\tlicence\tabout\n"
CHECKED = {zstd.CompressionParameter.checksum_flag: 1}
TAR_KINDS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.xz": lzma.compress,
    "tar.bz2": bz2.compress,
    "tar.zst": lambda data: zstd.compress(
        data, options={zstd.CompressionParameter.checksum_flag: 1}
    ),
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with running(monkeypatch) as server:
        yield server


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    return tmp_path / "downloads"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def row(url: str, file: str = "a.txt", **settings: object) -> Source:
    defaults = {"sha256": "unknown", "licence": "CC0", "about": "two sentences"}
    return Source(corpus="news", file=file, url=url, **{**defaults, **settings})


def fetch(
    downloads: Path, *sources: Source, mirror: str = "", terminal: io.StringIO | None = None
) -> None:
    fetch_corpus(
        sources,
        downloads,
        mirror,
        retries=FAST,
        terminal=io.StringIO() if terminal is None else terminal,
    )


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones and what a download was cut off at included."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths}


def corpus(downloads: Path) -> dict[str, bytes]:
    """The files of the corpus but those that every fetched corpus has."""
    files = tree(downloads / "news")
    assert files.pop("LICENCE.txt").startswith(b"news: ")
    assert files.pop("fetched.tsv").startswith(b"file\tbytes\tsha256\turl\tlicence\n")
    return files


def fails(
    message: str, downloads: Path, *sources: Source, mirror: str = "", keeps: Sequence[str] = ()
) -> str:
    """Assert that fetching is an InputError that leaves nothing (or just some files) behind."""
    with pytest.raises(InputError) as error:
        fetch(downloads, *sources, mirror=mirror)
    assert re.search(message, str(error.value)), error.value
    assert sorted(tree(downloads / "news")) == sorted(keeps)
    return str(error.value)


# The table


def test_the_shipped_table_is_read(project: Path) -> None:
    sources = read_sources(
        project / "config/sources.tsv", project / "config/schemas/sources.schema.yaml"
    )
    assert len(sources["ntrex"]) == 31
    assert len(sources["ec30_models"]) == 2
    german = sources["ntrex"][0]
    assert german.name == "ntrex/newstest2019-ref.deu.txt"
    assert german.url.endswith(f"/NTREX-128/{german.file}")
    assert all(len(source.sha256) == 64 and source.bytes for source in sources["ntrex"])
    archives = {name for name, rows in sources.items() if rows[0].unpack}
    assert archives == {"flores200", "iwslt14", "ec30_tokenised", "ec30_binarised"}


def test_the_folder_of_ec40_is_cut_to_ec30(project: Path) -> None:
    sources = read_sources(
        project / "config/sources.tsv", project / "config/schemas/sources.schema.yaml"
    )
    (folder,) = sources["ec40_text"]
    for path, left_out in {
        "EC40-train-set/en-de.de": False,
        "EC40-train-set/en-nl.en": False,
        "EC40-train-set/en-no.en": True,
        "EC40-train-set/en-ast.ast": True,
        "test-set/en-test-set/en-so/test.en": True,
        "test-set/en-test-set/en-sv/test.en": False,
        "test-set/zeroshot-test-set/de-fr.de": True,
    }.items():
        assert is_left_out(path, folder.leave_out) == left_out, path


def test_every_column_of_the_table_is_described(project: Path) -> None:
    schema = yaml.safe_load((project / "config/schemas/sources.schema.yaml").read_text())
    assert "\t".join(schema["properties"]) + "\n" == HEAD
    assert all("description" in column for column in schema["properties"].values())
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("News\ta\thttp://x/a\tunknown\t\t\t\tCC0\tx", "column corpus: 'News'"),
        ("news\t../a\thttp://x/a\tunknown\t\t\t\tCC0\tx", r"column file: '\.\./a'"),
        ("news\tb/../a\thttp://x/a\tunknown\t\t\t\tCC0\tx", r"column file: 'b/\.\./a'"),
        ("news\t/a\thttp://x/a\tunknown\t\t\t\tCC0\tx", "column file: '/a'"),
        ("news\t\thttp://x/a\tunknown\t\t\t\tCC0\tx", "'file' is a required property"),
        ("news\ta\tftp://x/a\tunknown\t\t\t\tCC0\tx", "column url: 'ftp://x/a'"),
        ("news\ta\tfile://x/a\tunknown\t\t\t\tCC0\tx", "column url: 'file://x/a'"),
        ("news\ta\tdrive:\tunknown\t\t\t\tCC0\tx", "column url: 'drive:'"),
        ("news\ta\thttp://x/a\tABC\t\t\t\tCC0\tx", "column sha256: 'ABC'"),
        ("news\ta\thttp://x/a\t\t\t\t\tCC0\tx", "'sha256' is a required property"),
        ("news\ta\thttp://x/a\tunknown\t12 kB\t\t\tCC0\tx", "column bytes: '12 kB'"),
        ("news\ta\thttp://x/a\tunknown\t\tmaybe\t\tCC0\tx", "column unpack: 'maybe'"),
        ("news\ta\thttp://x/a\tunknown\t\t\t\t\tx", "'licence' is a required property"),
        ("news\ta\thttp://x/a\tunknown\t\t\t\tCC0\tx\textra", ": more cells than the header has"),
        ("news\t.\thttp://x/a\tunknown\t\t\t\tCC0\tx", "column file: '.' should not be valid"),
        ("news\ta\tdrive-folder:x\tunknown\t\t\t\tCC0\tx", "column file: '.' was expected"),
        ("news\t.\tdrive-folder:x\tunknown\t\tyes\t\tCC0\tx", "column unpack: False was"),
    ],
)
def test_bad_cells_of_the_table_are_errors(
    tmp_path: Path, project: Path, cells: str, message: str
) -> None:
    table = tmp_path / "sources.tsv"
    table.write_text(f"{HEAD}{cells}\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"sources.tsv, line 2.*{message}"):
        read_sources(table, project / "config/schemas/sources.schema.yaml")


def test_a_file_has_one_row(tmp_path: Path, project: Path) -> None:
    table = tmp_path / "sources.tsv"
    line = "news\ta\thttp://x/a\tunknown\t\t\t*.b c\tCC0\tx\n"
    table.write_text(HEAD + line + line.replace("news", "talks"), encoding="utf-8")
    schema = project / "config/schemas/sources.schema.yaml"
    assert read_sources(table, schema)["talks"][0].leave_out == ("*.b", "c")
    table.write_text(HEAD + line + line, encoding="utf-8")
    with pytest.raises(InputError, match=r"sources.tsv: file news/a has two rows"):
        read_sources(table, schema)


# Rows of every kind


def test_a_plain_file_is_fetched_once(server: Server, downloads: Path) -> None:
    url = server.put("/a.txt", TEXT)
    source = row(url, sha256=sha256(TEXT), bytes=len(TEXT))
    terminal = io.StringIO()
    fetch(downloads, source, terminal=terminal)
    assert corpus(downloads) == {"a.txt": TEXT}
    assert stat.S_IMODE((downloads / "news/a.txt").stat().st_mode) == 0o644
    assert not (downloads / "checksums.tsv").exists()
    manifest = (downloads / "news/fetched.tsv").read_text().splitlines()
    assert manifest[1:] == [f"a.txt\t{len(TEXT)}\t{sha256(TEXT)}\t{url}\tCC0"]
    licence = (downloads / "news/LICENCE.txt").read_text()
    assert all(text in licence for text in ("CC0", "two sentences", url, "a.txt"))
    assert terminal.getvalue() == "news: licence: CC0 (see news/LICENCE.txt)\n"

    asked, before = len(server.requests), tree(downloads)
    terminal = io.StringIO()
    fetch(downloads, source, terminal=terminal)
    assert (len(server.requests), tree(downloads)) == (asked, before)
    assert terminal.getvalue() == "", "licences are shown once"


def test_progress_is_for_terminals(server: Server, downloads: Path) -> None:
    source = row(server.put("/a.txt", TEXT))
    fetch(downloads, source, terminal=(terminal := Terminal()))
    assert "a.txt: 100%" in terminal.getvalue()
    assert f"{len(TEXT)}.0/{len(TEXT)}.0" in terminal.getvalue()


def test_drive_files_small_and_large(server: Server, downloads: Path) -> None:
    small = row(server.put_drive("small", TEXT))
    large = row(server.put_drive("large", LONG, large=True), "b/c.bin")
    fetch(downloads, small, large)
    assert corpus(downloads) == {"a.txt": TEXT, "b/c.bin": LONG}
    assert "/drive.usercontent.google.com/download?id=large&confirm=t" in server.seen()
    asked = len(server.requests)
    fetch(downloads, small, large)
    assert len(server.requests) == asked
    assert read_checksums(downloads / "checksums.tsv") == {
        "news/a.txt": Facts(sha256=sha256(TEXT), bytes=len(TEXT)),
        "news/b/c.bin": Facts(sha256=sha256(LONG), bytes=len(LONG)),
    }


def drive_folder(server: Server, *faults: object) -> Source:
    """A folder with a sub-folder, and with files that are not wanted."""
    for number, drive_id in enumerate(IDS[:5]):
        server.put_drive(drive_id, b"text %d" % number)
    server.put_folder(
        "train",
        IDS[6],
        {
            "en-de.de": f"file/d/{IDS[1]}/view",
            "en-no.no": f"file/d/{IDS[2]}/view",
            "LICENCE.txt": f"file/d/{IDS[4]}/view",
        },
    )
    links = {
        "readme": f"file/d/{IDS[0]}/view",
        "train": f"drive/folders/{IDS[6]}",
        ".hidden": f"file/d/{IDS[3]}/view",
    }
    return row(server.put_folder("EC40", IDS[7], links, *faults), ".", leave_out=("*en-no.*",))


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
    ("links", "faults", "requests", "message"),
    [
        ({}, [404], 1, r"drive-folder:H+: the folder of corpus news cannot be listed.*404"),
        ({}, [503] * 3, 3, "cannot be listed.*503"),
        ({}, [], 1, "no file is there that is wanted"),
        ({".x": f"file/d/{IDS[0]}/view"}, [], 1, "no file is there that is wanted"),
        ({"a\x07": f"file/d/{IDS[0]}/view"}, [], 1, "control characters"),
    ],
)
def test_drive_folders_that_cannot_be_listed(
    server: Server,
    downloads: Path,
    links: dict[str, str],
    faults: list[int],
    requests: int,
    message: str,
) -> None:
    fails(message, downloads, row(server.put_folder("EC40", IDS[7], links, *faults), "."))
    assert len(server.requests) == requests


def test_two_files_of_one_name_in_a_drive_folder(server: Server, downloads: Path) -> None:
    source = drive_folder(server)
    page = server.pages[f"/drive.google.com/embeddedfolderview?id={IDS[7]}"]
    page.body += f'<a href="https://drive.google.com/file/d/{IDS[1]}/view">readme</a>'.encode()
    fails("2 files have the name readme", downloads, source)


# What goes wrong on the way


def test_a_file_that_is_not_there(server: Server, downloads: Path) -> None:
    message = fails(r"a\.txt: cannot be fetched .*404.*may have moved", downloads, row(server.base))
    assert server.base in message
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [500, 503, 429])
def test_servers_recover(server: Server, downloads: Path, status: int) -> None:
    fetch(downloads, row(server.put("/a.txt", TEXT, status, status)))
    assert corpus(downloads) == {"a.txt": TEXT}
    assert len(server.requests) == 3


@pytest.mark.parametrize(("status", "requests"), [(403, 1), (410, 1), (500, 3), (429, 3)])
def test_servers_that_do_not_recover(
    server: Server, downloads: Path, status: int, requests: int
) -> None:
    source = row(server.put("/a.txt", TEXT, *[status] * 9))
    fails(f"cannot be fetched from {source.url}.*{status}", downloads, source)
    assert len(server.requests) == requests


def ranges(server: Server) -> list[int]:
    """Where downloads went on from."""
    return [int(asked[len("bytes=") : -1]) for _, asked in server.requests if asked]


def test_waits_are_doubled(
    server: Server, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("neuron_specialization.corpora.fetching.fetching.time.sleep", waits.append)
    source = row(server.put("/a.txt", TEXT, *[500] * 4))
    fetch_corpus([source], downloads, "", terminal=io.StringIO())
    assert waits == [2, 4, 8, 16]


def test_a_download_goes_on_where_it_was_cut(server: Server, downloads: Path) -> None:
    fetch(downloads, row(server.put("/a.bin", LONG, "cut 1500000"), sha256=sha256(LONG)))
    assert corpus(downloads) == {"a.txt": LONG}
    assert len(ranges(server)) == 1
    assert 0 < ranges(server)[0] <= 1500000


def test_a_drive_download_goes_on_where_it_was_cut(server: Server, downloads: Path) -> None:
    source = row(server.put_drive("large", LONG, "cut 1500000", large=True))
    fetch(downloads, source)
    assert corpus(downloads) == {"a.txt": LONG}
    assert len(ranges(server)) == 1


@pytest.mark.parametrize("kind", ["web", "drive", "large drive"])
@pytest.mark.parametrize("faults", [[503], [429], [500], [503, 503], [503, None, None, 429]])
def test_a_rest_that_does_not_come_at_once(
    server: Server, downloads: Path, kind: str, faults: list[int | None]
) -> None:
    all_faults = ["cut 3000000", None, *faults]
    if kind == "web":
        url = server.put("/a.bin", LONG, *all_faults)
    else:
        url = server.put_drive("file", LONG, *all_faults, large=kind == "large drive")
    fetch_corpus(
        [row(url)],
        downloads,
        "",
        retries=Retries(attempts=5, first_wait=0.001),
        terminal=io.StringIO(),
    )
    assert corpus(downloads) == {"a.txt": LONG}
    (start,) = set(ranges(server))
    assert 2000000 < start <= 3000000
    assert server.requests[-1][1] == f"bytes={start}-"


def test_a_file_that_had_come_whole_starts_anew(server: Server, downloads: Path) -> None:
    cuts = ["cut 600000", None, "cut 0", None, "cut 0"]
    for source in (
        row(server.put("/a.bin", LONG, *cuts), "web"),
        row(server.put_drive("large", LONG, *cuts, large=True), "drive"),
    ):
        with pytest.raises(InputError, match="incomplete"):
            fetch(downloads, source)
        (partial,) = (downloads / "news").glob("*.part")
        partial.write_bytes(LONG)
        fetch(downloads, source)
        assert corpus(downloads)[source.file] == LONG


def test_a_download_goes_on_in_the_next_run(server: Server, downloads: Path) -> None:
    # an attempt that goes on asks twice: for the file, then for the rest of it
    cuts = ["cut 600000", None, "cut 600000", None, "cut 600000"]
    source = row(server.put("/a.bin", LONG, *cuts), sha256=sha256(LONG), bytes=len(LONG))
    with pytest.raises(InputError, match=r"in 3 attempts.*incomplete.*the next run goes on"):
        fetch(downloads, source)
    (partial,) = tree(downloads / "news")
    assert re.fullmatch(r"a\.txt\.unchecked.+\.part", partial)
    fetch(downloads, source)
    assert corpus(downloads) == {"a.txt": LONG}
    assert len(ranges(server)) == 3
    assert ranges(server) == sorted(set(ranges(server)))


@pytest.mark.parametrize("minutes", [-1, 1, None])
def test_a_file_that_has_changed_meanwhile_starts_anew(
    server: Server, downloads: Path, minutes: int | None
) -> None:
    cuts = ["cut 600000", None, "cut 0", None, "cut 0"]
    with pytest.raises(InputError, match="incomplete"):
        fetch(downloads, row(server.put("/a.bin", LONG, *cuts)))
    date = "soon" if minutes is None else formatdate(time.time() + 60 * minutes, usegmt=True)
    headers = {"Last-Modified": date}
    other = LONG[::-1]
    old = len(ranges(server))
    fetch(downloads, row(server.put("/a.bin", other, headers=headers)))
    if minutes == 1:
        assert corpus(downloads) == {"a.txt": other}
    assert len(ranges(server)) == old + (minutes != 1)


def test_a_run_that_ended_before_the_check_is_taken_up(server: Server, downloads: Path) -> None:
    source = row(server.put("/a.txt", TEXT))
    (downloads / "news").mkdir(parents=True)
    (downloads / "news/a.txt.unchecked").write_bytes(TEXT)
    fetch(downloads, source)
    assert corpus(downloads) == {"a.txt": TEXT}
    assert not server.requests


def test_servers_that_send_whole_files_only(server: Server, downloads: Path) -> None:
    url = server.put("/a.bin", LONG, "cut 1500000", ranges=False)
    fetch(downloads, row(url, sha256=sha256(LONG)))
    assert corpus(downloads) == {"a.txt": LONG}
    assert len(ranges(server)) == 2  # the rest is asked for once more


def test_what_is_not_kept_is_not_said_to_be(server: Server, downloads: Path) -> None:
    dropped = [None, None, None]  # for the file, for its rest, for its rest once more
    cuts = ["cut 1500000", *dropped, "cut 1500000"]
    source = row(server.put("/a.bin", LONG, *cuts, *dropped, "cut 1500000", ranges=False))
    with pytest.raises(InputError, match=r"incomplete.*What has come is kept"):
        fetch(downloads, source)
    assert "What has come" not in fails("in 3 attempts: .*starts anew", downloads, source)


def test_without_a_network(downloads: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/a"
    message = fails(f"{url}, in 3 attempts.*`download` target.*set a mirror", downloads, row(url))
    assert "refused" in message
    assert "is kept" not in message


# What comes is not what it should be


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"sha256": "0" * 64}, f"{sha256(TEXT)}, but the table of sources has .*{'0' * 64}"),
        ({"bytes": 99}, f"{len(TEXT)} bytes and .*but the table of sources has 99 bytes"),
        ({"bytes": 99, "sha256": sha256(TEXT)}, "the table of sources has 99 bytes"),
    ],
)
def test_wrong_files_are_not_kept(
    server: Server, downloads: Path, expected: Mapping[str, object], message: str
) -> None:
    source = row(server.put("/a.txt", TEXT), **expected)
    fails(f"{source.url}: .*{message}", downloads, source)
    assert not (downloads / "checksums.tsv").exists()


@pytest.mark.parametrize("expected", [{}, {"bytes": 7}, {"sha256": "0" * 64}])
@pytest.mark.parametrize("page", ["<!DOCTYPE html><p>", "\ufeff\n <HTML lang=de>"])
def test_web_pages_are_not_taken_for_files(
    server: Server, downloads: Path, page: str, expected: Mapping[str, object]
) -> None:
    plain = row(server.put("/a.txt", page.encode()), **expected)
    fails(rf"{plain.url}: a web page came instead of the file \(quota", downloads, plain)
    drive = row(server.put_drive("small", page.encode()), **expected)
    fails("drive:small: a web page came instead of the file", downloads, drive)


def test_web_pages_that_are_meant(server: Server, downloads: Path) -> None:
    page = b"<!doctype html><p>"
    named = row(server.put("/a", page), "a.html")
    known = row(server.put("/b", page), "b", sha256=sha256(page))
    fetch(downloads, named, known)
    assert corpus(downloads) == {"a.html": page, "b": page}


@pytest.mark.parametrize("page", [QUOTA, "<!doctype html><title>Sign in</title>"])
def test_drive_refuses(server: Server, downloads: Path, page: str) -> None:
    server.put("/drive.google.com/uc?id=full", page.encode(), **HTML)
    message = fails(
        r"a\.txt: .*drive:full: Google Drive refuses it.*Wait a day, or download it in a browser "
        rf"and put it at {downloads}/news/a\.txt",
        downloads,
        row("drive:full"),
    )
    assert "Too many users" in message or page is not QUOTA
    assert len(server.requests) == 1


def test_drive_asks_to_confirm_again_and_again(
    server: Server, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "LONGEST_START", 0.2)
    source = row(server.put_drive("large", LONG, large=True))
    again, scan = server.pages.values()
    scan.body, scan.headers = again.body, again.headers
    fails("drive:large: Google Drive refuses it.*no file came within 0.2 s", downloads, source)
    assert len(set(server.seen())) == 2


def test_only_the_start_of_a_drive_file_is_limited(
    server: Server, downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "LONGEST_START", PAUSE / 2)
    fetch(downloads, row(server.put_drive("slow", LONG, "pause 1500000")))
    assert corpus(downloads) == {"a.txt": LONG}


def test_drive_answers_with_next_to_nothing(server: Server, downloads: Path) -> None:
    source = row(server.put_drive("small", TEXT))
    page = server.pages["/drive.google.com/uc?id=small"]
    headers, page.status, page.headers = page.headers, 502, {}
    fails("in 3 attempts: the answer of Google Drive has no header", downloads, source)
    page.status, page.headers = 200, headers
    fetch(downloads, source)
    assert corpus(downloads) == {"a.txt": TEXT}


def test_a_refusal_keeps_what_has_come(server: Server, downloads: Path) -> None:
    cuts = ["cut 600000", None, "cut 600000", None, "cut 600000"]
    source = row(server.put_drive("full", LONG, *cuts))
    with pytest.raises(InputError, match="in 3 attempts"):
        fetch(downloads, source)
    before = tree(downloads / "news")
    page = server.pages["/drive.google.com/uc?id=full"]
    server.put("/drive.google.com/uc?id=full", QUOTA.encode(), **HTML)
    with pytest.raises(InputError, match="refuses"):
        fetch(downloads, source)
    assert tree(downloads / "news") == before
    server.pages["/drive.google.com/uc?id=full"] = page
    fetch(downloads, source)
    assert corpus(downloads) == {"a.txt": LONG}


def test_an_unknown_checksum_is_recorded_and_enforced(server: Server, downloads: Path) -> None:
    source = row(server.put("/a.txt", TEXT))
    fetch(downloads, source)
    server.put("/a.txt", TEXT + b"more")
    fetch(downloads, source)  # what is there is not asked for again
    for path in ("a.txt", "fetched.tsv", "LICENCE.txt"):
        (downloads / "news" / path).unlink()
    message = fails(r"but .*/checksums\.tsv has", downloads, source)
    assert sha256(TEXT) in message
    assert sha256(TEXT + b"more") in message
    (downloads / "checksums.tsv").unlink()
    fetch(downloads, source)
    assert corpus(downloads) == {"a.txt": TEXT + b"more"}


def put_by_hand(downloads: Path, data: bytes) -> Path:
    path = downloads / "news/a.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_files_that_changed_are_not_overwritten(server: Server, downloads: Path) -> None:
    source = row(server.put("/a.txt", TEXT))
    fetch(downloads, source)
    path = put_by_hand(downloads, b"edited")
    everything = tree(downloads / "news")
    message = fails(f"{path}: the file has changed", downloads, source, keeps=list(everything))
    assert sha256(TEXT) in message
    assert sha256(b"edited") in message
    fails("table of sources has", downloads, row("drive:x", sha256="0" * 64), keeps=everything)
    assert tree(downloads / "news") == everything
    assert len(server.requests) == 1


def test_files_may_be_put_there_by_hand(server: Server, downloads: Path) -> None:
    source = row("drive:full")
    put_by_hand(downloads, b"<html>quota")
    fails("a.txt: the file .*web page", downloads, source, keeps=["a.txt"])
    put_by_hand(downloads, TEXT)
    fails("99 bytes", downloads, row("drive:full", bytes=99), keeps=["a.txt"])
    fetch(downloads, source)
    assert not server.requests
    assert corpus(downloads) == {"a.txt": TEXT}
    assert read_checksums(downloads / "checksums.tsv")["news/a.txt"].sha256 == sha256(TEXT)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("file\tsha256\n", 1),
        ("file\tsha256\tbytes\na\tb\n", 2),
        (f"file\tsha256\tbytes\na\t{'0' * 64}\t1\nb\t{'0' * 63}\t1\n", 3),
        (f"file\tsha256\tbytes\na\t{'0' * 64}\t1\na\t{'1' * 64}\t1\n", 3),
        (f"file\tsha256\tbytes\na\t{'0' * 64}\tmany\n", 2),
    ],
)
def test_damaged_checksums_are_errors(
    server: Server, downloads: Path, text: str, line: int
) -> None:
    downloads.mkdir()
    (downloads / "checksums.tsv").write_text(text)
    fails(rf"checksums\.tsv, line {line}: ", downloads, row(server.put("/a.txt", TEXT)))


def record_many(downloads: Path, name: str) -> None:
    for number in range(25):
        record(row("drive:x", f"{name}{number}"), Facts(sha256="0" * 64, bytes=1), downloads)


def test_processes_record_checksums_side_by_side(downloads: Path) -> None:
    downloads.mkdir()
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=record_many, args=(downloads, name)) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    lines = (downloads / "checksums.tsv").read_text().splitlines()
    assert len(lines) == 1 + 50
    assert lines[1:] == sorted(lines[1:])


# Mirrors


def fill(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("as_address", [False, True])
def test_a_mirror_on_a_disk_comes_first(
    server: Server, downloads: Path, tmp_path: Path, as_address: bool
) -> None:
    mirror = fill(tmp_path / "my mirror", {"news/a.txt": TEXT})
    sources = row(server.put("/a.txt", b"x")), row(server.put("/b.txt", b"b"), "b.txt")
    fetch(downloads, *sources, mirror=mirror.as_uri() if as_address else str(mirror))
    assert corpus(downloads) == {"a.txt": TEXT, "b.txt": b"b"}
    assert server.seen() == ["/b.txt"]
    assert stat.S_IMODE((downloads / "news/a.txt").stat().st_mode) == 0o644


def test_a_mirror_on_the_web_comes_first(server: Server, downloads: Path) -> None:
    server.put("/mirror/news/a.txt", TEXT)
    sources = row(server.put("/a.txt", b"x")), row(server.put("/b.txt", b"b"), "b.txt")
    fetch(downloads, *sources, mirror=f"{server.base}/mirror/")
    assert corpus(downloads) == {"a.txt": TEXT, "b.txt": b"b"}
    assert server.seen() == ["/mirror/news/a.txt", "/mirror/news/b.txt", "/b.txt"]


OTHER = LONG[::-1]
"""What a mirror has, where it differs."""


def test_a_download_does_not_go_on_from_that_of_a_mirror(server: Server, downloads: Path) -> None:
    server.put("/mirror/news/a.txt", OTHER, "cut 1500000", *[500] * 9)
    source, mirror = row(server.put("/a.bin", LONG)), f"{server.base}/mirror"
    with pytest.raises(InputError, match="500"):
        fetch(downloads, source, mirror=mirror)
    assert len(tree(downloads / "news")) == 1
    del server.pages["/mirror/news/a.txt"]
    fetch(downloads, source, mirror=mirror)
    assert corpus(downloads) == {"a.txt": LONG}
    assert not ranges(server)


@pytest.mark.parametrize("mirrored", [False, True])
def test_what_has_come_from_the_web_is_not_mixed_with_a_mirror(
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
    for mirror in (str(tmp_path / "none"), (tmp_path / "none").as_uri()):
        fails(r"mirror '.*/none': no such folder", downloads, source, mirror=mirror)
    fails("would be file:///server/x", downloads, source, mirror="file://server/x")
    mirror = fill(tmp_path / "mirror", {"news/a.txt": b"bad"})
    fails(f"^{mirror}/news/a.txt: .*{sha256(b'bad')}", downloads, source, mirror=str(mirror))
    url = server.put("/mirror/news/a.txt", b"bad")
    fails(f"^{url}: .*{sha256(b'bad')}", downloads, source, mirror=f"{server.base}/mirror")
    server.put("/mirror/news/a.txt", TEXT, 403)
    fails(f"from {url}: 403", downloads, source, mirror=f"{server.base}/mirror")
    assert "/a.txt" not in server.seen()


def test_a_file_of_this_machine(downloads: Path, tmp_path: Path) -> None:
    place = fill(tmp_path, {"x y.txt": TEXT}) / "x y.txt"
    fetch(downloads, row(place.as_uri()))
    assert corpus(downloads) == {"a.txt": TEXT}
    (downloads / "news/a.txt").unlink()
    place.unlink()
    with pytest.raises(InputError, match=r"x y\.txt: no such file"):
        fetch(downloads, row(place.as_uri()))
    assert corpus(downloads) == {}


def test_a_copy_that_ends_early_leaves_nothing(
    downloads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:9])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("neuron_specialization.corpora.fetching.fetching.shutil.copyfile", half)
    with pytest.raises(OSError, match="No space left"):
        fetch(downloads, row(fill(tmp_path, {"a": TEXT}).joinpath("a").as_uri()))
    assert not tree(downloads / "news")


def test_a_mirror_takes_over_from_a_download(
    server: Server, downloads: Path, tmp_path: Path
) -> None:
    source = row(server.put("/a.bin", LONG, "cut 600000", *[500] * 9))
    with pytest.raises(InputError, match="500"):
        fetch(downloads, source)
    assert len(tree(downloads / "news")) == 1
    fetch(downloads, source, mirror=str(fill(tmp_path / "mirror", {"news/a.txt": LONG})))
    assert corpus(downloads) == {"a.txt": LONG}
    with pytest.raises(InputError, match="no such folder"):  # though it is not needed
        fetch(downloads, source, mirror=str(tmp_path / "none"))


def test_a_mirror_stands_for_a_drive_folder(
    server: Server, downloads: Path, tmp_path: Path
) -> None:
    source = drive_folder(server)
    names = "a", "b/en-de.de", "b/en-no.no", ".x", "fetched.tsv", "LICENCE.txt"
    unfinished = "c.unchecked.0123abcd1.part", "c.unchecked.0123abcd", "c.unchecked"
    mirror = fill(tmp_path / "mirror", {f"news/{name}": TEXT for name in names + unfinished})
    fetch(downloads, source, mirror=str(mirror))
    assert corpus(downloads) == {"a": TEXT, "b/en-de.de": TEXT}
    assert not server.requests
    elsewhere = fill(tmp_path / "other", {"talks/a": TEXT})
    fetch(tmp_path / "more", source, mirror=str(elsewhere))
    assert "readme" in corpus(tmp_path / "more")
    (mirror / "news/a").unlink()
    (mirror / "news/b/en-de.de").unlink()
    fails(f"{mirror}/news: no file", tmp_path / "none", source, mirror=str(mirror))


def serve(server: Server, folder: Path, *faults: object) -> str:
    """Put the files of a folder on the web; requests of manifests have faults."""
    for name, data in tree(folder).items():
        server.put(f"/mirror/{name}", data, *faults if name.endswith("fetched.tsv") else ())
    return f"{server.base}/mirror"


@pytest.mark.parametrize("faults", [(), (503,), (429,), ("cut 20",)])
def test_downloads_on_the_web_stand_for_a_drive_folder(
    server: Server, downloads: Path, tmp_path: Path, faults: tuple[object, ...]
) -> None:
    folder = drive_folder(server)
    sources = folder, row(server.put("/b.txt", b"b"), "b.txt")
    fetch(tmp_path / "before", *sources)
    mirror = serve(server, tmp_path / "before", *faults)
    server.requests.clear()
    fetch(downloads, *sources, mirror=mirror)
    assert tree(downloads / "news") == tree(tmp_path / "before/news")
    assert all(path.startswith("/mirror/news/") for path in server.seen())
    asked = len(server.requests)
    fetch(downloads, *sources, mirror=mirror)
    assert len(server.requests) == asked

    gone = f"{mirror}/news/train/en-de.de"
    del server.pages["/mirror/news/train/en-de.de"]
    with pytest.raises(InputError, match=f"{gone}: 404.*put it at .*or into the mirror"):
        fetch(tmp_path / "more", *sources, mirror=mirror)


@pytest.mark.parametrize("url", ["drive-folder:another", None, "<html>"])
def test_a_mirror_on_the_web_without_the_drive_folder(
    server: Server, downloads: Path, url: str | None
) -> None:
    source = drive_folder(server)
    if url is not None:
        manifest = f"file\tbytes\tsha256\turl\tlicence\na\t1\t0\t{url}\tCC0\n"
        server.put("/mirror/news/fetched.tsv", (url if "<" in url else manifest).encode())
    fetch(downloads, source, mirror=f"{server.base}/mirror")
    assert {"readme", "train/en-de.de"} < set(corpus(downloads))
    assert f"/drive.google.com/embeddedfolderview?id={IDS[7]}" in server.seen()


@pytest.mark.parametrize(("status", "requests"), [(403, 1), (500, 3)])
def test_a_manifest_that_a_mirror_does_not_give(
    server: Server, downloads: Path, status: int, requests: int
) -> None:
    source = drive_folder(server)
    url = server.put("/mirror/news/fetched.tsv", b"", *[status] * 9)
    message = rf"^{url}: .*{status}.*`downloads\.mirror`"
    fails(message, downloads, source, mirror=f"{server.base}/mirror")
    assert server.seen() == ["/mirror/news/fetched.tsv"] * requests


@pytest.mark.parametrize(
    "name", ["../x", "b/../../x", "/x", "", ".", "./a", "b//a", "a\0", "a\x07"]
)
def test_bad_names_in_the_manifest_of_a_mirror(server: Server, downloads: Path, name: str) -> None:
    source = drive_folder(server)
    manifest = f"file\tbytes\tsha256\turl\tlicence\n{name}\t1\t0\t{source.url}\tCC0\n"
    url = server.put("/mirror/news/fetched.tsv", manifest.encode())
    message = "control characters" if name == "a\x07" else "refused.*correct this manifest"
    fails(f"^{url}: .*{message}", downloads, source, mirror=f"{server.base}/mirror")


# Full disks


def test_known_sizes_are_compared_with_the_room(
    server: Server, small_disk: Path, tmp_path: Path
) -> None:
    url = server.put("/a.bin", LONG)
    message = fails("are needed", small_disk, row(url, bytes=len(LONG)))
    assert re.search(r"4\.19MB are needed and \d{3}kB|4\.19MB are needed and 1\.0\dMB", message)
    assert not server.requests
    mirror = fill(tmp_path / "mirror", {"news/a.txt": LONG})
    fails("are needed", small_disk, row(url), mirror=str(mirror))
    with pytest.raises(InputError, match="are needed"):  # the server tells the size
        fetch(small_disk, row(url))
    assert not (small_disk / "news/a.txt").exists()


def test_a_disk_that_gets_full(server: Server, small_disk: Path) -> None:
    source = row(server.put("/a.bin", LONG, length=False))
    with pytest.raises(OSError, match="No space left") as error:
        fetch(small_disk, source)
    assert error.value.errno == errno.ENOSPC
    (partial,) = tree(small_disk / "news")
    assert partial.endswith(".part")


def test_a_disk_that_gets_full_while_unpacking(small_disk: Path, tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(gzip.compress(tar({"a": TEXT, "b": bytes(2**21)})))
    with pytest.raises(OSError, match="No space left") as error:
        unpack(archive, small_disk, [])
    assert error.value.errno == errno.ENOSPC
    assert not list(small_disk.iterdir())


def test_room_is_in_units_for_people(tmp_path: Path) -> None:
    check_room(tmp_path, 0)
    with pytest.raises(InputError, match=r"2\.00ZB are needed and [\d.]+[GT]B are free"):
        check_room(tmp_path, 2 * 10**21)


# Archives


def tar(files: Mapping[str, bytes | tarfile.TarInfo], **options: object) -> bytes:
    """A tar archive of files, and of members of other kinds."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", **options) as archive:
        for name, content in files.items():
            member = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = content if isinstance(content, bytes) else b""
            member.name, member.size, member.mode = name, len(data), 0o4777
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes], mode: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def special(kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo()
    member.type, member.linkname = kind, target
    return member


FILES = {
    "./data/": special(tarfile.DIRTYPE),
    "./data/a.de": TEXT,
    "data/b/._a.de": b"apple",
    "data/b/a.nl": b"nl",
    "data/b/text.gz": gzip.compress(TEXT),
    "data/a.xx": b"unwanted",
}
KEPT = {"data/a.de": TEXT, "data/b/a.nl": b"nl", "data/b/text.gz": FILES["data/b/text.gz"]}


@pytest.mark.parametrize("kind", TAR_KINDS)
def test_archives_are_told_by_what_is_in_them(tmp_path: Path, kind: str) -> None:
    archive = tmp_path / "data.archive"
    archive.write_bytes(TAR_KINDS[kind](tar(FILES)))
    fill(tmp_path / "out", {"data/a.de": b"old", "data/c": b"another"})
    unpack(archive, tmp_path / "out", ["*.xx"])
    assert tree(tmp_path / "out") == {**KEPT, "data/c": b"another"}
    assert stat.S_IMODE((tmp_path / "out/data/a.de").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "out/data/b").stat().st_mode) == 0o755
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data.archive", "out"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["data"]


def test_a_tar_whose_first_name_looks_like_a_zip(tmp_path: Path) -> None:
    (tmp_path / "a.archive").write_bytes(tar({"PK.txt": TEXT}))
    unpack(tmp_path / "a.archive", tmp_path / "out", [])
    assert tree(tmp_path / "out") == {"PK.txt": TEXT}
    (tmp_path / "b.archive").write_bytes(zipped({}))
    unpack(tmp_path / "b.archive", tmp_path / "none", [])
    assert not tree(tmp_path / "none")


def test_zip_archives(tmp_path: Path) -> None:
    archive = tmp_path / "data.archive"
    files = {name: data for name, data in FILES.items() if isinstance(data, bytes)}
    archive.write_bytes(zipped({"data/": b"", **files}))
    unpack(archive, tmp_path / "out", ["*.xx"])
    assert tree(tmp_path / "out") == KEPT


def test_zstandard_in_several_pieces(tmp_path: Path) -> None:
    data, compress = tar(FILES), TAR_KINDS["tar.zst"]
    archive = tmp_path / "data.tar.zst"
    archive.write_bytes(compress(data[:700]) + compress(data[700:]))
    unpack(archive, tmp_path / "out", ["*.xx"])
    assert tree(tmp_path / "out") == KEPT


def test_the_published_layouts(server: Server, downloads: Path) -> None:
    flores = gzip.compress(tar({"flores200_dataset/dev/deu_Latn.dev": TEXT}))
    talks = "2014-01/texts/de/en/"
    inner = gzip.compress(
        tar({"de-en/train.tags.de-en.de": TEXT, "de-en/._x": b"", "de-en/y": b""})
    )
    wit = gzip.compress(tar({f"{talks}de-en.tgz": inner, f"{talks}xx.tgz": b"", "2014-01/a": b"a"}))
    sources = [
        row(server.put("/f", flores), "flores.tar.gz", unpack=True),
        row(
            server.put_drive("wit", wit, large=True),
            "2014-01.tgz",
            unpack=True,
            leave_out=("*/y", "*/xx.tgz"),
        ),
        row(server.put("/z", zipped({"z/a": b"zip"})), "z.archive", unpack=True),
        row(server.put("/t.pt", zipped({"z/b": b"zip"})), "model.pt"),
    ]
    fetch(downloads, *sources)
    unpacked = {
        "flores200_dataset/dev/deu_Latn.dev": TEXT,
        f"{talks}de-en/train.tags.de-en.de": TEXT,
        "2014-01/a": b"a",
        "z/a": b"zip",
    }
    archives = {"flores.tar.gz": flores, "2014-01.tgz": wit}
    files = corpus(downloads)
    assert files.pop("z.archive") == server.pages["/z"].body
    assert files.pop("model.pt") == server.pages["/t.pt"].body
    assert files == unpacked | archives

    asked = len(server.requests)
    (downloads / "news/z/a").unlink()
    fetch(downloads, *sources)
    assert len(server.requests) == asked
    assert "z/a" not in corpus(downloads), "nothing is unpacked twice"
    (downloads / "news/fetched.tsv").unlink()
    fetch(downloads, *sources)
    assert len(server.requests) == asked
    assert corpus(downloads)["z/a"] == b"zip"


def test_an_inner_archive_may_have_a_member_of_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar({"x/b.zip": zipped({"b.zip": TEXT, "c": b"c"})}))
    unpack(tmp_path / "a.tar", tmp_path / "out", [])
    assert tree(tmp_path / "out") == {"x/b.zip": TEXT, "x/c": b"c"}


LINK = stat.S_IFLNK | 0o777
REFUSED = {
    "parent": (tar({"a": TEXT, "../x": TEXT}), r"\.\./x: refused.*leads out"),
    "parent inside": (tar({"a": TEXT, "b/../../x": TEXT}), r"b/\.\./\.\./x: refused"),
    "absolute": (tar({"a": TEXT, "/abs": TEXT}), r"a\.archive: /abs: refused"),
    "symbolic link": (
        tar({"a": TEXT, "b": special(tarfile.SYMTYPE, "/etc")}),
        ": b: refused.*link",
    ),
    "hard link": (tar({"a": TEXT, "b": special(tarfile.LNKTYPE, "a")}), ": b: refused.*link"),
    "fifo": (tar({"a": TEXT, "b": special(tarfile.FIFOTYPE)}), ": b: refused.*device"),
    "device": (tar({"a": TEXT, "b": special(tarfile.CHRTYPE)}), ": b: refused.*device"),
    "zero byte": (
        tar({"ä\0b": TEXT}, format=tarfile.PAX_FORMAT),
        r"ä\0b: refused.*leads out",
    ),
    "zip parent": (zipped({"a": TEXT, "../x": TEXT}), r"\.\./x: refused.*leads out"),
    "zip absolute": (zipped({"a": TEXT, "/abs": TEXT}), "/abs: refused.*leads out"),
    "zip link": (zipped({"a": b"/etc"}, LINK), ": a: refused.*link"),
    "nested": (
        tar({"a": TEXT, "i.tgz": gzip.compress(tar({"../x": b""}))}),
        r"i\.tgz: \.\./x: ref",
    ),
    "nested link": (tar({"i.zip": zipped({"a": b"/etc"}, LINK)}), r"i\.zip: a: refused"),
    "file and folder": (tar({"a": TEXT, "a/b": TEXT}), "a/b: this is a file and a folder"),
    "folder and file": (tar({"a/b": TEXT, "a": TEXT}), "a: this is a file and a folder"),
    "long name": (tar({"a": TEXT, f"b/{'x' * 256}": TEXT}), "b/x{256}: refused.*longer"),
    "long folder": (tar({"a": TEXT, f"{'x' * 256}/b": TEXT}), "x{256}/b: refused.*longer"),
    "long path": (tar({"a": TEXT, "b/" * 2500 + "c": TEXT}), "b/c: refused.*longer"),
    "long header": (
        tar({"x" * 2**21: TEXT}, format=tarfile.PAX_FORMAT),
        "damaged.*a header is too large",
    ),
    "no archive": (b"Rar!" * 999, "damaged, cut off, or no archive of a known kind"),
    "empty": (b"", "damaged, cut off"),
    "a text, compressed": (gzip.compress(TEXT), "damaged, cut off"),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_archives_leave_nothing(tmp_path: Path, data: bytes, message: str) -> None:
    archive = tmp_path / "in/a.archive"
    fill(tmp_path, {"in/a.archive": data, "out/a": b"old"})
    with pytest.raises(InputError) as error:
        unpack(archive, tmp_path / "out", [])
    assert str(error.value).startswith(str(archive))
    assert re.search(message, str(error.value)), error.value
    assert tree(tmp_path) == {"in/a.archive": data, "out/a": b"old"}


@pytest.mark.parametrize(
    ("there", "named", "kind"),
    [("b/c/old", "b/c", "folder"), ("b", "b", "file"), ("d/e", "d/e", "file")],
)
def test_what_is_there_and_is_of_another_kind(
    tmp_path: Path, there: str, named: str, kind: str
) -> None:
    archive, out = tmp_path / "a.tar", tmp_path / "out"
    archive.write_bytes(tar({"a": TEXT, "b/c": TEXT, "d/e/f/g": TEXT}))
    fill(out, {"a": b"old", there: b"old"})
    with pytest.raises(InputError, match=f"^{out / named}: a {kind} is here.*{archive}.*remove"):
        unpack(archive, out, [])
    assert tree(out) == {"a": b"old", there: b"old"}
    (out / there).unlink()
    if kind == "folder":
        (out / named).rmdir()
    unpack(archive, out, [])
    assert tree(out) == {"a": TEXT, "b/c": TEXT, "d/e/f/g": TEXT}


def zeros(mebibytes: int) -> bytes:
    """A tar.gz with so many zeros."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        member = tarfile.TarInfo("zeros")
        member.size = mebibytes * 2**20
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    return buffer.getvalue()


BOMBS: dict[str, Callable[[], bytes]] = {
    "tar.gz": lambda: zeros(70),
    "zip": lambda: zipped({"zeros": bytes(70 * 2**20)}),
    "nested": lambda: tar({"a": TEXT, "b/zeros.tgz": zeros(70)}),
    "nested twice": lambda: tar({"a.tgz": zeros(40), "b.tgz": zeros(40)}),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_are_not_unpacked(tmp_path: Path, kind: str) -> None:
    archive = tmp_path / "a.archive"
    archive.write_bytes(BOMBS[kind]())
    with pytest.raises(InputError, match=r"a\.archive.*: zeros: .*more than 100 times its size"):
        unpack(archive, tmp_path / "out", [])
    assert list(tree(tmp_path)) == ["a.archive"]


def test_the_bound_grows_with_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED", 1000)
    monkeypatch.setattr(archives, "LARGEST_RATIO", 1)
    (tmp_path / "a.tar").write_bytes(tar({"a": bytes(1000)}))
    unpack(tmp_path / "a.tar", tmp_path / "out", [])
    (tmp_path / "b.tgz").write_bytes(gzip.compress(tar({"a": bytes(1000)})))
    with pytest.raises(InputError, match=r"b\.tgz: a: "):
        unpack(tmp_path / "b.tgz", tmp_path / "out", [])
    (tmp_path / "c.tgz").write_bytes(gzip.compress(tar({f"{n}": b"" for n in range(99)})))
    with pytest.raises(InputError, match=r"c\.tgz: \d+: "):  # many members without a byte
        unpack(tmp_path / "c.tgz", tmp_path / "out", [])


@pytest.mark.parametrize("kind", [*TAR_KINDS, "zip"])
def test_archives_that_were_cut_off(tmp_path: Path, kind: str) -> None:
    files = {f"{n}.txt": random.Random(n).randbytes(1000) for n in range(20)}
    data = zipped(files) if kind == "zip" else TAR_KINDS[kind](tar(files))
    archive = tmp_path / "a.archive"
    end = 20 * 3 * 512 if kind == "tar" else len(data) - 1  # a tar ends in blocks of zeros
    for size in (0, 1, 100, 3 * 512, end // 2, end // 2 // 512 * 512, end):
        archive.write_bytes(data[:size])
        with pytest.raises(InputError, match=r"a\.archive: damaged, cut off"):
            unpack(archive, tmp_path / "out", [])
        assert list(tree(tmp_path)) == ["a.archive"]


@pytest.mark.parametrize("kind", [*TAR_KINDS, "zip"])
def test_archives_with_flipped_bits(tmp_path: Path, kind: str) -> None:
    files = {f"{n}.txt": random.Random(n).randbytes(300) for n in range(20)}
    data = zipped(files) if kind == "zip" else TAR_KINDS[kind](tar(files))
    archive, found = tmp_path / "a.archive", 0
    for seed in range(60):
        damaged, place = bytearray(data), random.Random(seed).randrange(len(data))
        damaged[place] ^= 1 << seed % 8
        archive.write_bytes(damaged)
        try:
            unpack(archive, tmp_path / f"out{seed}", [])
        except InputError:
            found += 1
            assert not tree(tmp_path / f"out{seed}")
    assert found >= (1 if kind == "tar" else 45)  # only headers of a tar have a checksum


@pytest.mark.parametrize(
    ("place", "byte"),
    [(-186, 1), (-110, 64), (-108, 1), (-70, 0), (-5, 1)],
    ids=["extra field", "compression", "encrypted", "no name", "offset"],
)
def test_zip_archives_with_a_wrong_byte(tmp_path: Path, place: int, byte: int) -> None:
    archive, data = tmp_path / "a.archive", bytearray(zipped({"a": TEXT, "b": TEXT}))
    data[place] = byte
    archive.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.archive: damaged"):
        unpack(archive, tmp_path / "out", [])
    assert list(tree(tmp_path)) == ["a.archive"]


def test_zip_archives_with_a_wrong_name(tmp_path: Path) -> None:
    archive = tmp_path / "a.archive"
    archive.write_bytes(zipped({"ä": TEXT}).replace("ä".encode(), b"\xff\xff"))
    with pytest.raises(InputError, match=r"a\.archive: damaged"):
        unpack(archive, tmp_path / "out", [])


def test_the_checksum_behind_the_last_member_is_read(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(tar(FILES) + bytes(2**22)))
    data[-8] ^= 1
    (tmp_path / "a.tgz").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.tgz: damaged.*CRC"):
        unpack(tmp_path / "a.tgz", tmp_path / "out", [])


def test_permissions_are_plain(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar(FILES))
    before = os.umask(0o077)
    try:
        unpack(tmp_path / "a.tar", tmp_path / "out", [])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out/data/a.de").stat().st_mode) == 0o644


def test_an_archive_that_cannot_be_unpacked_is_not_recorded(
    server: Server, downloads: Path
) -> None:
    source = row(server.put("/a", gzip.compress(tar(FILES))[:-9]), "a.tgz", unpack=True)
    fails(r"news/a\.tgz: damaged", downloads, source, keeps=["a.tgz"])
    assert not (downloads / "checksums.tsv").exists()
    server.put("/a", gzip.compress(tar(FILES)))
    (downloads / "news/a.tgz").unlink()
    fetch(downloads, source)
    assert corpus(downloads)["data/a.de"] == TEXT
