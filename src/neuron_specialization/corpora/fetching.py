"""Fetch corpora from a mirror, the web or Google Drive; check files before they appear."""

import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, TextIO, TypeVar
from urllib.parse import quote

import gdown
import requests
from filelock import FileLock
from gdown.exceptions import DownloadError, FileURLRetrievalError
from requests.exceptions import ChunkedEncodingError
from tqdm import tqdm

from neuron_specialization.corpora import sources as table
from neuron_specialization.corpora.archives import files_below, unpack
from neuron_specialization.corpora.sources import Facts, Records, Source, local_path
from neuron_specialization.errors import InputError
from neuron_specialization.files import atomic_write, require_space, sha256_of, write_text

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


def fetch_corpus(sources: Sequence[Source], folder: Path, mirror: str, terminal: TextIO) -> None:
    """Fetch the files of a corpus into `folder/<corpus>`, and unpack the archives among them.

    `LICENCE.txt` and, last of all, the manifest `fetched.tsv` are written to the same folder. An
    existing file is checked and kept: to fetch it again, remove it. Archives listed in the manifest
    are not unpacked again: to unpack them again, remove the manifest. Checksums that the table
    lacks are recorded in `folder/checksums.tsv`, and enforced from then on.

    Args:
        sources: the rows of one corpus.
        folder: the downloads folder; created if missing.
        mirror: a folder with the same layout, searched first; a path, a `file://` or an http(s)
            address; empty for none.
        terminal: where licences and progress are shown.

    Raises:
        InputError: a file cannot be fetched, has the wrong content, or cannot be unpacked.
        OSError: the disk is full.
    """
    address = table.mirror_address(mirror)
    options = Options(downloads=folder, mirror=address, terminal=terminal)
    place = folder / sources[0].corpus
    place.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{place.name}.lock"):
        before = table.read_records(place / table.MANIFEST, table.MANIFEST_COLUMNS)
        if not before:
            names = "; ".join(table.licences(sources))
            notice = f"{place.name}: licence: {names} (see {place.name}/{table.LICENCE})"
            print(notice, file=terminal, flush=True)
        files = {table.LICENCE, table.MANIFEST, *(source.file for source in sources)}
        reserved = {place / file for file in files}
        rows = [
            row for source in sources for row in fetch_source(source, before, options, reserved)
        ]
        write_text(place / table.LICENCE, table.licence_text(sources))
        write_text(place / table.MANIFEST, table.records_text(table.MANIFEST_COLUMNS, rows))


def fetch_source(
    source: Source, before: Records, options: Options, reserved: Collection[Path]
) -> Iterator[dict[str, str]]:
    """Fetch and unpack the files of a row; yield the manifest row of each.

    `reserved` are paths that no member of an archive may have.
    """
    for file in files_of(source, before, options):
        facts = fetch_file(file, options)
        path = options.downloads / file.name
        if file.unpack and before.get(file.file, {}).get("sha256") != facts.sha256:
            unpack(path, path.parent, file.leave_out, reserved)
        row = {"file": file.file, "bytes": str(facts.bytes), "sha256": str(facts.sha256)}
        if file.sha256 == table.UNKNOWN:
            with FileLock(options.downloads / f".{table.CHECKSUMS}.lock"):
                table.record(options.downloads, {**row, "file": file.name})
        yield {**row, "url": source.url, "licence": source.licence}


def files_of(source: Source, before: Records, options: Options) -> list[Source]:
    """Return the files of a row; for a Drive folder, the wanted files as separate rows.

    A folder is not listed again if all its files exist. If the mirror has the corpus, the mirror
    replaces the folder, and Google is not contacted.
    """
    if not source.is_folder:
        return [source]
    names = [name for name in table.files_from(before, source) if table.is_wanted(name, source)]
    if names and all((options.downloads / source.corpus / name).exists() for name in names):
        return [replace(source, file=name) for name in names]
    found = mirrored_files(source, options) or drive_files(source, options)
    wanted = sorted((path, url) for path, url in found if table.is_wanted(path, source))
    table.check_names([path for path, _ in wanted], source)
    return [replace(source, file=path, url=url) for path, url in wanted]


def mirrored_files(source: Source, options: Options) -> list[tuple[str, str]]:
    """Return path and address of each file of a Drive folder that the mirror has, if any.

    Files are found in the corpus folder of a mirror on disk, or the manifest of one on the web.
    """
    copy = f"{options.mirror}/{source.corpus}"
    names: list[str] = []
    if folder := local_path(copy):
        names = [path.relative_to(folder).as_posix() for path in files_below(folder)]
    elif options.mirror:
        address = f"{copy}/{table.MANIFEST}"
        with suppress(MissingError):
            arrived = bring(address, options.downloads / source.corpus / table.MANIFEST, options)
            text = arrived.read_text(encoding="utf-8", errors="replace")
            arrived.unlink()
            manifest = table.parse_records(text, table.MANIFEST_COLUMNS, address)
            names = table.files_from(manifest, source)
    return [(name, f"{copy}/{quote(name)}") for name in names]


def drive_files(source: Source, options: Options) -> list[tuple[str, str]]:
    """Return path and address of each file in a Drive folder and its subfolders."""
    folder = source.url.removeprefix(table.FOLDER)
    ask = partial(gdown.download_folder, id=folder, skip_download=True, **SETTINGS)
    try:
        files = with_retries(ask, options.terminal)
    except FAILURES as error:
        raise InputError(
            f"{source.url}: the folder of corpus {source.corpus} cannot be listed: {error}. "
            "Run the `download` target on a machine with internet; or download the folder in a "
            f"browser, as the folder {source.corpus} of a mirror, and set that mirror"
        ) from error
    return [(file.path, f"{DRIVE}{file.id}") for file in files if not isinstance(file, str)]


def fetch_file(source: Source, options: Options) -> Facts:
    """Fetch a file unless it exists; give it its name after checking it.

    If the checksum is unknown, any file except a web page passes. Raise InputError if the file
    cannot be fetched, has the wrong content, or exists with other content.
    """
    path = options.downloads / source.name
    path.parent.mkdir(parents=True, exist_ok=True)
    there = path.exists()
    file, origin = (path, str(path)) if there else obtain(source, path, options)
    facts = Facts(sha256=sha256_of(file), bytes=file.stat().st_size)
    expected, written = table.expected_facts(source, options.downloads)
    if wrong := table.find_problem(file, path.name, facts, expected, written):
        advice = "The file has changed, or is a different one: remove it to fetch it again"
        if not there:
            file.unlink()
            advice = f"It was not kept. Try again; if it fails again, put the right file at {path}"
        raise InputError(f"{origin}: {wrong}. {advice}; if it is right, correct {written}")
    if not there:
        file.chmod(0o644)  # gdown makes files readable by their owner only
        os.replace(file, path)
        table.drop(table.hidden(path))  # partial downloads from other addresses
    return facts


def obtain(source: Source, path: Path, options: Options) -> tuple[Path, str]:
    """Fetch a file from the mirror or its address; return its path and the origin used."""
    if options.mirror:
        address = f"{options.mirror}/{quote(source.name)}"
        with suppress(MissingError):
            arrived = bring(address, path, options, source.bytes)
            return arrived, str(local_path(address) or address)
    return bring(source.url, path, options, source.bytes), source.url


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
