"""Transfers by gdown: one attempt, which goes on from what an earlier one has left."""

import glob
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import mktime_tz, parsedate_tz
from pathlib import Path
from typing import TextIO

import gdown
import requests
from gdown.exceptions import DownloadCancelled, DownloadError, FileURLRetrievalError
from tqdm import tqdm

from neuron_specialization.downloads.checking import check_room

DRIVE = "drive:"
TIMEOUT = 60  # seconds without a byte
LONGEST_START = 300.0  # seconds until Google Drive sends the first bytes of a file
INCOMPLETE = "incomplete"  # in gdown's message when a connection ends too early


def download(address: str, unchecked: Path, terminal: TextIO) -> None:
    """Attempt once to download a file.

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
    url = f"https://drive.google.com/uc?id={address.removeprefix(DRIVE)}" if from_drive else address
    if not from_drive:
        drop_outdated(url, unchecked)
    try:
        with progress_bar(unchecked, terminal) as show, start_limit(from_drive) as (cancel, begun):

            def progress(done: int, total: int | None) -> None:
                begun()
                show(done, total)

            gdown.download(
                url=url,
                output=str(unchecked),
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
        # What is left is of no use, e.g. because the server sends whole files only
        if not isinstance(error, FileURLRetrievalError) and INCOMPLETE not in str(error):
            drop_partial(unchecked)
        raise


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


def partial_files(unchecked: Path) -> list[Path]:
    """What gdown has left of a download that was cut off."""
    return list(unchecked.parent.glob(f"{glob.escape(unchecked.name)}*.part"))


def partial_bytes(unchecked: Path) -> int:
    """Bytes that have come before a download was cut off."""
    return sum(path.stat().st_size for path in partial_files(unchecked))


def drop_outdated(url: str, unchecked: Path) -> None:
    """Remove what is left of a file that its server has changed since: the rest is another's."""
    if partial := partial_files(unchecked):
        response = requests.head(url, allow_redirects=True, timeout=TIMEOUT)
        changed = parsedate_tz(response.headers.get("Last-Modified", ""))
        if changed and mktime_tz(changed) > max(path.stat().st_mtime for path in partial):
            drop_partial(unchecked)


def drop_partial(unchecked: Path) -> None:
    """Remove what is left of a download that was cut off."""
    for path in partial_files(unchecked):
        path.unlink()
