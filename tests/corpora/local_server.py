"""A local web server with faults on demand that also imitates Google Drive."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import requests

GOOGLE = {"drive.google.com", "docs.google.com", "drive.usercontent.google.com"}
CONFIRM = """<!DOCTYPE html><html><title>Google Drive - Virus scan warning</title><form
 id="download-form" action="https://drive.usercontent.google.com/download" method="get"><input
 type="hidden" name="id" value="{id}"><input type="hidden" name="confirm" value="t"></form>"""
QUOTA = """<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title>
<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently.</p>"""


@dataclass
class Page:
    """Content at an address, and faults of the next requests for it, one each."""

    body: bytes
    faults: list[object] = field(default_factory=list)
    """A status to answer with, a number of bytes to cut after (`"cut 100"`), or None."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    """True to honour byte ranges."""
    length: bool = True
    """True to announce the size."""


@dataclass
class Server:
    """The running server."""

    port: int
    pages: dict[str, Page] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and Range header of each request."""

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(self, path: str, body: bytes, *faults: object, **settings: object) -> str:
        """Put a page at a path; return its address."""
        self.pages[path] = Page(body, list(faults), **settings)
        return self.base + path

    def put_drive(self, drive_id: str, body: bytes, *faults: object, large: bool = False) -> str:
        """Put a file on Drive, a large one behind a confirmation page; return its address."""
        path = f"/drive.google.com/uc?id={drive_id}"
        if large:
            self.put(path, CONFIRM.replace("\n", "").format(id=drive_id).encode(), **HTML)
            path = f"/drive.usercontent.google.com/download?id={drive_id}&confirm=t"
        headers = {"Content-Disposition": 'attachment; filename="x"', "Content-Type": "text/plain"}
        self.put(path, body, *faults, headers=headers)
        return f"drive:{drive_id}"

    def put_folder(self, name: str, drive_id: str, links: dict[str, str], *faults: object) -> str:
        """Put a folder on Drive: names and their link targets, relative to drive.google.com."""
        entries = "".join(
            f'<a href="https://drive.google.com/{link}">{text}</a>' for text, link in links.items()
        )
        path = f"/drive.google.com/embeddedfolderview?id={drive_id}"
        self.put(path, f"<title>{name}</title>{entries}".encode(), *faults, **HTML)
        return f"drive-folder:{drive_id}"

    def seen(self) -> list[str]:
        """Return the paths requested so far."""
        return [path for path, _ in self.requests]


HTML = {"headers": {"Content-Type": "text/html; charset=utf-8"}}


@contextmanager
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Run a server that also answers requests to Google."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    http.state = Server(http.server_port)
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}).start()
    send = requests.adapters.HTTPAdapter.send

    def redirected(
        self: object, request: requests.PreparedRequest, *args: object, **options: object
    ) -> requests.Response:
        url = urlsplit(request.url)
        if url.hostname in GOOGLE:
            request.url = f"{http.state.base}/{url.hostname}{url.path}?{url.query}"
        elif url.hostname != "127.0.0.1":
            raise AssertionError(f"a test requests {request.url}")
        return send(self, request, *args, **options)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", redirected)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    try:
        yield http.state
    finally:
        http.shutdown()
        http.server_close()


class Handler(BaseHTTPRequestHandler):
    """Answer requests from the pages of the server."""

    def do_GET(self) -> None:
        state: Server = self.server.state
        state.requests.append((self.path, self.headers["Range"]))
        page = state.pages.get(self.path, Page(b"<html>nothing here", status=404))
        fault = page.faults.pop(0) if page.faults else None
        with suppress(BrokenPipeError, ConnectionResetError):
            self.answer(page, fault)

    def answer(self, page: Page, fault: object) -> None:
        status = fault if isinstance(fault, int) else page.status
        match = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "") if page.ranges else None
        body, headers = page.body, dict(page.headers)
        if match and status == 200:
            start, whole = int(match[1]), len(page.body)
            body, status = page.body[start:], 206 if start < whole else 416
            headers["Content-Range"] = f"bytes {start}-{whole - 1}/{whole}"
        if page.length:
            headers["Content-Length"] = str(len(body))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        cut = int(fault.split()[1]) if isinstance(fault, str) else None
        self.wfile.write(body[:cut])

    def log_message(self, *_: object) -> None:
        """Log nothing."""
