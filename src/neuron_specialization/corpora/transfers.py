"""Download one file from the web, Google Drive or a local path; retry and resume."""

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, TextIO, TypeVar

import gdown
import requests
from gdown.exceptions import DownloadError, FileURLRetrievalError
from requests.exceptions import ChunkedEncodingError
from tqdm import tqdm

from neuron_specialization.corpora import sources as table
from neuron_specialization.corpora.sources import local_path
from neuron_specialization.errors import InputError
from neuron_specialization.files import atomic_write, require_space

DRIVE = "drive:"
WAITS = (2.0, 4.0, 8.0, 16.0)
"""Seconds to wait before each retry of a download."""
NO_RANGE = "did not honor"  # in gdown's message when a server does not send the rest of a file
STATUS = re.compile(r"status code (\d+)")  # in gdown's message when a folder cannot be listed
FAILURES = (requests.RequestException, DownloadError)
TRANSIENT = (DownloadError, requests.ConnectionError, requests.Timeout, ChunkedEncodingError)
SETTINGS: Any = {"quiet": True, "use_cookies": False, "timeout": 60}  # seconds without a byte
PAGE = 1 << 20  # bytes: a web page in place of a file may arrive whole, to be recognised
PURPOSE = ("a download", "choose another folder (`downloads.folder`)")

Result = TypeVar("Result")


class MissingError(InputError):
    """No file exists at an address."""


class TooLargeError(InputError):
    """A file is larger than expected."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of all downloads of a run, as in `fetch_corpus`; the mirror is an address."""

    downloads: Path
    mirror: str
    terminal: TextIO


def bring(address: str, path: Path, options: Options, size: int | None = None) -> Path:
    """Fetch a file from a web, Drive or local address; return its hidden path.

    A download stops at the expected `size` (at 1 MiB if that is less). Raise MissingError if no
    file exists there, another InputError if it cannot be fetched.
    """
    arriving = table.hidden(path, address)
    if local := local_path(address):
        if not local.is_file():
            raise MissingError(f"{local}: no such file; correct its address in {table.TABLE}")
        require_space(arriving.parent, local.stat().st_size, *PURPOSE)
        with atomic_write(arriving) as unfinished:
            shutil.copyfile(local, unfinished)
        return arriving
    try:
        download(address, arriving, path.name, options.terminal, size)
    except TooLargeError:
        table.drop(arriving)
        raise
    except FAILURES as error:
        kind = MissingError if http_status(error) == HTTPStatus.NOT_FOUND else InputError
        place = browser_address(address)
        raise kind(f"{path}: cannot be fetched from {place}: {advice_on(error, path)}") from error
    return arriving


def browser_address(address: str) -> str:
    """Return an address that opens in a browser: of a Google Drive file, its page."""
    drive_id = address.removeprefix(DRIVE)
    return address if drive_id == address else f"https://drive.google.com/file/d/{drive_id}"


def download(address: str, arriving: Path, name: str, terminal: TextIO, size: int | None) -> None:
    """Download a file; resume an earlier partial download if the server can send the rest."""
    attempt = partial(transfer, address, arriving, name, terminal, size)
    try:
        with_retries(attempt, terminal)
    except DownloadError as error:
        if NO_RANGE not in str(error):
            raise
        table.drop(arriving)
        with_retries(attempt, terminal)


def transfer(address: str, arriving: Path, name: str, terminal: TextIO, size: int | None) -> None:
    """Try once to download a file; show progress only if the output is a terminal."""
    with tqdm(desc=name, unit="B", unit_scale=True, file=terminal, disable=None) as bar:

        def progress(done: int, total: int | None) -> None:
            if size is not None and max(done, total or 0) > max(size, PAGE):
                raise TooLargeError(
                    f"{address}: has more than the {size:,} bytes that the table of sources has; "
                    f"it was not kept. If the file has changed, correct {table.TABLE}"
                )
            if total is not None and bar.total is None:
                require_space(arriving.parent, total - done, *PURPOSE)
            bar.total = total
            bar.update(done - bar.n)

        drive_id = address.removeprefix(DRIVE) if address.startswith(DRIVE) else None
        url = None if drive_id else address
        gdown.download(url, str(arriving), id=drive_id, resume=True, progress=progress, **SETTINGS)


def with_retries(attempt: Callable[[], Result], terminal: TextIO) -> Result:
    """Return the result of a download, retried after transient errors."""
    for wait in WAITS:
        try:
            return attempt()
        except FAILURES as error:
            if not is_transient(error):
                raise
            print(f"{first_line(error)}; trying again in {wait:g} s", file=terminal)
        time.sleep(wait)
    return attempt()


def is_transient(error: Exception) -> bool:
    """Return whether a download that failed with this error is worth retrying."""
    if status := http_status(error):
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS
    return isinstance(error, TRANSIENT) and not isinstance(error, FileURLRetrievalError)


def http_status(error: Exception) -> int | None:
    """Return the HTTP status of an error; None if it has none."""
    if isinstance(error, requests.HTTPError):
        return error.response.status_code
    found = STATUS.search(str(error)) if isinstance(error, DownloadError) else None
    return int(found[1]) if found else None


def first_line(error: Exception) -> str:
    """Return the first line of an error, without gdown's advice to its users."""
    return str(error).partition("\n")[0].rstrip(".")


def advice_on(error: Exception, path: Path) -> str:
    """Describe why a download failed, and how to fix it."""
    by_hand = f"put it at {path} by hand, or into the mirror"
    if isinstance(error, FileURLRetrievalError):
        answer = " ".join(str(error).split())
        return (
            "Google Drive refuses it: it was fetched too often, or is no longer public. Wait a "
            f"day, or download it in a browser and {by_hand}. Its answer: {answer}"
        )
    if not is_transient(error):
        return f"{error}. The address may have moved: find the file and {by_hand}"
    return (
        f"{first_line(error)}. The next run resumes the download. If this machine has no internet, "
        f"run the `download` target on one that has, set a mirror, or {by_hand}"
    )
