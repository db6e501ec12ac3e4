"""Downloads that break off, from a local web server."""

import re
import socket
from pathlib import Path

import pytest

from neuron_specialization.corpora import transfers
from neuron_specialization.corpora.transfers import WAITS
from neuron_specialization.errors import InputError
from tests.corpora.fetching_helpers import (
    CUTS,
    LONG,
    TEXT,
    corpus,
    fails,
    fetch,
    ranges,
    row,
    sha256,
    tree,
)
from tests.corpora.local_server import Server


@pytest.mark.parametrize("status", [500, 503, 429])
def test_servers_recover(
    server: Server, downloads: Path, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(transfers, "WAITS", WAITS)
    monkeypatch.setattr(transfers.time, "sleep", waits.append)
    output = fetch(downloads, row(server.put("/a.txt", TEXT, *[status] * 4)))
    assert corpus(downloads) == {"a.txt": TEXT}
    assert waits == [2, 4, 8, 16]
    assert f"{status}" in output
    assert "trying again in 16 s" in output


@pytest.mark.parametrize(
    ("status", "requests", "advice"),
    [
        (404, 1, "may have moved"),
        (403, 1, "by hand"),
        (500, 3, r"set a mirror, or put it at .*a\.txt by hand"),
        (429, 3, ""),
    ],
)
def test_servers_that_do_not_recover(
    server: Server, downloads: Path, status: int, requests: int, advice: str
) -> None:
    source = row(server.put("/a.txt", TEXT, *[status] * 9))
    fails(rf"a\.txt: cannot be fetched from {source.url}.*{status}.*{advice}", downloads, source)
    assert len(server.requests) == requests


@pytest.mark.parametrize("kind", ["web", "drive", "large drive"])
@pytest.mark.parametrize("faults", [[], [503], [429], [500, 503]])
def test_a_download_resumes_where_it_was_cut(
    server: Server, downloads: Path, kind: str, faults: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "WAITS", (0.001,) * 4)
    # a resuming attempt sends two requests: for the file, then for the rest of it
    all_faults = ["cut 3000000", None, *(fault for each in faults for fault in (each, None))]
    if kind == "web":
        url = server.put("/a.bin", LONG, *all_faults)
    else:
        url = server.put_drive("file", LONG, *all_faults, large=kind == "large drive")
    fetch(downloads, row(url))
    assert corpus(downloads) == {"a.txt": LONG}
    (start,) = set(ranges(server))
    assert 2000000 < start <= 3000000
    assert server.requests[-1][1] == f"bytes={start}-"


def test_a_download_resumes_in_the_next_run(server: Server, downloads: Path) -> None:
    source = row(server.put("/a.bin", LONG, *CUTS), sha256=sha256(LONG), bytes=len(LONG))
    with pytest.raises(InputError, match=r"incomplete.*The next run resumes"):
        fetch(downloads, source)
    (partial,) = tree(downloads / "news")
    assert re.fullmatch(r"\.a\.txt\.unchecked.+\.part", partial)
    fetch(downloads, source)
    assert corpus(downloads) == {"a.txt": LONG}
    assert len(ranges(server)) == 3
    assert ranges(server) == sorted(set(ranges(server)))


def test_servers_that_only_send_whole_files(server: Server, downloads: Path) -> None:
    url = server.put("/a.bin", LONG, "cut 1500000", ranges=False)
    fetch(downloads, row(url, sha256=sha256(LONG)))
    assert corpus(downloads) == {"a.txt": LONG}
    assert server.requests[-1][1] is None


def test_without_a_network(server: Server, downloads: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/a"
    fails(f"{url}: .*refused.*`download` target.*set a mirror", downloads, row(url))
