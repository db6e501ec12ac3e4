"""Transfers by gdown: one attempt, which goes on from what an earlier one has left."""

import glob
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import mktime_tz, parsedate_tz
from http import HTTPStatus
from pathlib import Path
from typing import TextIO

import gdown
import requests
from gdown.download import get_url_from_gdrive_confirmation
from gdown.exceptions import DownloadCancelled, DownloadError, FileURLRetrievalError
from gdown.parse_url import parse_url
from tqdm import tqdm

from neuron_specialization.corpora.fetching.checking import check_room

DRIVE = "drive:"
DRIVE_ADDRESS = "https://drive.google.com/uc?id="
TIMEOUT = 60  # seconds without a byte
LONGEST_START = 300.0  # seconds until Google Drive sends the first bytes of a file
INCOMPLETE = "incomplete"  # in gdown's message when a connection ends too early
NO_RANGE = "did not honor"  # in its message when the rest of a file does not come
FILE_FOLLOWS = "Content-Disposition"  # header of Google Drive before a file, not a page


def download(address: str, unchecked: Path, terminal: TextIO) -> None:
    """Attempt once to download a file, going on from what has come from the same address.

    Args:
        address: `http(s)://...` or `drive:FILE_ID`.
        unchecked: where the file goes, once all of it has come.
        terminal: where progress is shown.

    Raises:
        FileURLRetrievalError: Google Drive refuses the file.
        DownloadError, requests.RequestException: of anything else on the way.
        InputError: the server tells a size that the disk has no room for.
        OSError: the disk is full.
    """
    from_drive = address.startswith(DRIVE)
    url = f"{DRIVE_ADDRESS}{address.removeprefix(DRIVE)}" if from_drive else address
    arriving = arriving_path(unchecked, address)
    if not from_drive:
        drop_outdated(url, arriving)
    try:
        with progress_bar(unchecked, terminal) as show, start_limit(from_drive) as (cancel, begun):

            def progress(done: int, total: int | None) -> None:
                begun()
                show(done, total)

            gdown.download(
                url=url,
                output=str(arriving),
                resume=True,
                quiet=True,
                use_cookies=False,
                timeout=TIMEOUT,
                progress=progress,
                cancel=cancel,
            )
    except DownloadCancelled as error:
        raise FileURLRetrievalError(f"no file came within {LONGEST_START:g} s") from error
    except KeyError as error:  # gdown relies on some headers
        raise DownloadError(f"the answer of Google Drive has no header {error}") from error
    except DownloadError as error:
        drop_useless(error, url, arriving)
        raise
    os.replace(arriving, unchecked)


@contextmanager
def start_limit(needed: bool) -> Iterator[tuple[threading.Event | None, Callable[[], None]]]:
    """Yield what ends a transfer that does not begin in time, and what tells that it has begun.

    gdown follows the pages of Google Drive that ask to confirm a large file without an end.
    """
    cancel = threading.Event()
    timer = threading.Timer(LONGEST_START, cancel.set)
    timer.daemon = True
    if needed:
        timer.start()
    try:
        yield cancel if needed else None, timer.cancel
    finally:
        timer.cancel()


@contextmanager
def progress_bar(unchecked: Path, terminal: TextIO) -> Iterator[Callable[[int, int | None], None]]:
    """Show bytes on a terminal (nowhere else); yields what is told the bytes so far and of all."""
    name = unchecked.stem
    with tqdm(desc=name, unit="B", unit_scale=True, file=terminal, disable=None) as bar:

        def progress(done: int, total: int | None) -> None:
            if total is not None and bar.total is None:
                check_room(unchecked.parent, total - done)
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def arriving_path(unchecked: Path, address: str) -> Path:
    """The path for what comes from an address; each has its own, as copies may differ."""
    short = hashlib.sha256(address.encode()).hexdigest()[:8]
    return unchecked.with_name(f"{unchecked.name}.{short}")


def partial_files(path: Path) -> list[Path]:
    """What is left of downloads that were cut off.

    Args:
        path: of what comes from one address (`arriving_path`), or of the unchecked file for all.
    """
    return list(path.parent.glob(f"{glob.escape(path.name)}?*"))


def partial_bytes(path: Path) -> int:
    """Bytes that have come before downloads were cut off; for the path, see `partial_files`."""
    return sum(partial.stat().st_size for partial in partial_files(path))


def drop_useless(error: DownloadError, url: str, arriving: Path) -> None:
    """Remove what is left of a download, unless a later attempt may go on from there.

    Raises:
        DownloadError: it is removed because its server does not send the rest of the file.
        FileURLRetrievalError, requests.RequestException: whether it does cannot be told now.
    """
    if isinstance(error, FileURLRetrievalError) or INCOMPLETE in str(error):
        return
    if NO_RANGE not in str(error):
        drop_partial(arriving)
    elif not sends_rest(url, partial_bytes(arriving)):
        drop_partial(arriving)
        raise DownloadError(
            "the server does not send the rest of a file that was cut off; it starts anew"
        ) from error


def sends_rest(url: str, start: int) -> bool:
    """Whether a server sends a file from an offset on; also if it fails, which may pass."""
    drive_id, _ = parse_url(url)
    if drive_id:
        url = confirmed_address(f"{DRIVE_ADDRESS}{drive_id}")
    headers = {"Range": f"bytes={start}-", "Accept-Encoding": "identity"}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        is_file = drive_id is None or FILE_FOLLOWS in response.headers
        whole = response.status_code == HTTPStatus.OK and is_file
        beyond_end = response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    return not (whole or beyond_end)


def confirmed_address(url: str) -> str:
    """Where a file of Google Drive is: behind the page that asks to confirm, if there is one."""
    with requests.get(url, stream=True, timeout=TIMEOUT) as response:
        response.raise_for_status()
        return (
            url
            if FILE_FOLLOWS in response.headers
            else get_url_from_gdrive_confirmation(response.text)
        )


def drop_outdated(url: str, arriving: Path) -> None:
    """Remove what is left of a file that its server has changed since: the rest is another's."""
    if partial := partial_files(arriving):
        response = requests.head(url, allow_redirects=True, timeout=TIMEOUT)
        changed = parsedate_tz(response.headers.get("Last-Modified", ""))
        if changed and mktime_tz(changed) > max(path.stat().st_mtime for path in partial):
            drop_partial(arriving)


def drop_partial(path: Path) -> None:
    """Remove what is left of downloads that were cut off; for the path, see `partial_files`."""
    for partial in partial_files(path):
        partial.unlink()
