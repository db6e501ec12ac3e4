"""Fetching one file: from a mirror, the web or Google Drive; it is checked before it is there."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO, TypeVar

import requests
from gdown.exceptions import DownloadError, FileURLRetrievalError

from neuron_specialization.corpora.fetching.checking import check_new, check_present, check_room
from neuron_specialization.corpora.fetching.checksums import Facts, expected_facts
from neuron_specialization.corpora.fetching.mirrors import local_path, mirror_address
from neuron_specialization.corpora.fetching.table import Source
from neuron_specialization.corpora.fetching.transfers import (
    arriving_path,
    download,
    drop_partial,
    partial_bytes,
)
from neuron_specialization.errors import InputError
from neuron_specialization.files import whole

TOO_MANY_REQUESTS, SERVER_ERROR, NOT_FOUND = 429, 500, 404

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Retries:
    """How often a download is attempted while errors are of the kind that pass."""

    attempts: int = 5
    """Attempts, the first included."""
    first_wait: float = 2.0
    """Seconds before the second attempt; doubled before each later one."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What all downloads of a run share."""

    downloads: Path
    """Folder of downloads, with a folder per corpus."""
    mirror: str
    """Folder, or its `file://` or http(s) address, where files are looked for first; or empty."""
    retries: Retries
    """How often a download is attempted."""
    terminal: TextIO
    """Where progress is shown."""


def fetch_file(source: Source, options: Options) -> Facts:
    """Fetch a file unless it is there; it appears under its name once it is found to be right.

    Args:
        source: the file. Where neither the table nor `checksums.tsv` knows its checksum, any file
            that is no web page is taken.
        options: where from and to.

    Raises:
        InputError: the file cannot be had, is not what it should be, or is there and differs.
        OSError: the disk is full.
    """
    path = options.downloads / source.name
    expected = expected_facts(source, options.downloads)
    if path.exists():
        return check_present(path, expected)
    path.parent.mkdir(parents=True, exist_ok=True)
    unchecked = path.with_name(f"{path.name}.unchecked")
    origin = str(unchecked)  # of a run that ended before the check
    if not unchecked.exists():
        origin = obtain(replace(source, bytes=expected.bytes), unchecked, options)
    facts = check_new(unchecked, path, origin, expected)
    unchecked.chmod(0o644)  # partial files are for their owner only
    os.replace(unchecked, path)
    return facts


def obtain(source: Source, unchecked: Path, options: Options) -> str:
    """Bring a file from the mirror, or from its address; returns which of the two."""
    mirrored = mirror_address(options.mirror, source.name)
    if mirrored and bring(mirrored, source, unchecked, options, may_lack=True):
        return str(local_path(mirrored) or mirrored)
    bring(source.url, source, unchecked, options, may_lack=False)
    return source.url


def bring(
    address: str, source: Source, unchecked: Path, options: Options, *, may_lack: bool
) -> bool:
    """Bring a file from an address; whether the address has it, where it may lack it."""
    local = local_path(address)
    if local is not None:
        copy(local, unchecked)
    else:
        arriving = arriving_path(unchecked, address)
        check_room(unchecked.parent, (source.bytes or 0) - partial_bytes(arriving))
        try:
            persistently(lambda: download(address, unchecked, options.terminal), options)
        except (requests.RequestException, DownloadError) as error:
            if may_lack and http_status(error) == NOT_FOUND:
                drop_partial(arriving)
                return False
            path, kept = options.downloads / source.name, partial_bytes(arriving) > 0
            raise InputError(explanation(error, address, path, options.retries, kept)) from error
    drop_partial(unchecked)  # of other addresses
    return True


def copy(local: Path, unchecked: Path) -> None:
    """Copy a file of this machine."""
    if not local.is_file():
        raise InputError(f"{local}: no such file; correct its address in the table of sources")
    check_room(unchecked.parent, local.stat().st_size)
    with whole(unchecked) as partial:
        shutil.copyfile(local, partial)


def persistently(attempt: Callable[[], Result], options: Options) -> Result:
    """The result of a download, attempted anew after errors that pass; others are raised."""
    wait = options.retries.first_wait
    for _ in range(options.retries.attempts - 1):
        try:
            return attempt()
        except (requests.RequestException, DownloadError) as error:
            if not passes(error):
                raise
            print(f"{first_line(error)}; trying again in {wait:g} s", file=options.terminal)
        time.sleep(wait)
        wait *= 2
    return attempt()


def passes(error: Exception) -> bool:
    """Whether an error of a download may be gone a little later."""
    status = http_status(error)
    if status is not None:
        return status >= SERVER_ERROR or status == TOO_MANY_REQUESTS
    if isinstance(error, DownloadError):
        return not isinstance(error, FileURLRetrievalError)
    return isinstance(
        error,
        requests.ConnectionError | requests.Timeout | requests.exceptions.ChunkedEncodingError,
    )


def http_status(error: Exception) -> int | None:
    """The status that a server answered with, None for any other error."""
    return error.response.status_code if isinstance(error, requests.HTTPError) else None


def first_line(error: Exception) -> str:
    """What an error says, without what gdown advises its own users to do."""
    return str(error).split("\n")[0].rstrip(".")


def explanation(error: Exception, address: str, path: Path, retries: Retries, kept: bool) -> str:
    """What to do about a file that cannot be downloaded, of which something may be kept."""
    what = f"{path}: cannot be fetched from {address}"
    by_hand = f"put it at {path} by hand, or into the mirror"
    if isinstance(error, FileURLRetrievalError):
        return (
            f"{what}: Google Drive refuses it, because too many have fetched it or it is no longer "
            f"public. Wait a day, or download it in a browser and {by_hand}. Its answer: "
            f"{' '.join(str(error).split())}"
        )
    if not passes(error):
        return f"{what}: {error}. The address may have moved: find the file and {by_hand}"
    rest = "What has come is kept, and the next run goes on from there. " if kept else ""
    return (
        f"{what}, in {retries.attempts} attempts: {first_line(error)}. {rest}Without internet "
        "here, run the `download` target on a machine that has it, or set a mirror"
    )
