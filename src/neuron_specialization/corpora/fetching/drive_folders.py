"""The files of a public folder of Google Drive, or of its copy in a mirror."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import gdown
import requests
from gdown.exceptions import DownloadError

from neuron_specialization.corpora.fetching.fetching import NOT_FOUND, Options, persistently
from neuron_specialization.corpora.fetching.manifests import Fetched, files_from, parse_manifest
from neuron_specialization.corpora.fetching.mirrors import WEB, mirror_folder, web_address
from neuron_specialization.corpora.fetching.table import (
    FOLDER,
    LICENCE,
    MANIFEST,
    Source,
    is_left_out,
    leads_out,
)
from neuron_specialization.corpora.fetching.transfers import DRIVE, TIMEOUT
from neuron_specialization.errors import InputError

UNFINISHED = re.compile(r".*\.(part|unchecked(\.[0-9a-f]+)?)")
PASSING = re.compile(r"status code (5\d\d|429)")  # in gdown's message

Listing = tuple[str, list[tuple[str, str]]]
"""Where a list of files is from, for messages; path and address of each file."""


def list_folder(source: Source, options: Options) -> list[Source]:
    """The wanted files of a Drive folder, each as a row of its own, sorted.

    A mirror that has the corpus stands for the folder; Google is then not asked.

    Raises:
        InputError: the folder cannot be listed, or has no file, or two of one name.
    """
    web = options.mirror.startswith(WEB)
    mirrored = web_files(source, options) if web else disk_files(source, options)
    place, files = mirrored or (source.url, drive_files(source, options))
    wanted = sorted((path, url) for path, url in files if is_wanted(path, source))
    check_names(place, [path for path, _ in wanted])
    return [replace(source, file=path, url=url) for path, url in wanted]


def is_wanted(path: str, source: Source) -> bool:
    """Whether a file of a folder is to be fetched: it is not hidden, left out, or this project's.

    Args:
        path: of the file, below the folder.
        source: the folder.
    """
    hidden = any(part.startswith(".") for part in PurePosixPath(path).parts)
    return not (hidden or path in (LICENCE, MANIFEST) or is_left_out(path, source.leave_out))


def disk_files(source: Source, options: Options) -> Listing | None:
    """What a mirror on a disk has of the corpus, None if there is no such folder."""
    mirror = mirror_folder(options.mirror)
    if mirror is None or not (mirror / source.corpus).is_dir():
        return None
    copy = mirror / source.corpus
    return str(copy), [(path, source.url) for path in finished_files(copy)]


def web_files(source: Source, options: Options) -> Listing | None:
    """What a mirror on the web has of a Drive folder by its manifest, None if it lists nothing."""
    manifest = web_address(options.mirror, f"{source.corpus}/{MANIFEST}")
    names = files_from(ask_manifest(manifest, options), source.url)
    for name in names:
        if leads_out(name) or str(PurePosixPath(name)) != name or name == ".":
            raise InputError(
                f"{manifest}: refused, as {name!r} is no path below the folder of the corpus; "
                "correct this manifest of the mirror, or choose another mirror"
            )
    files = [(name, web_address(options.mirror, f"{source.corpus}/{name}")) for name in names]
    return (manifest, files) if files else None


def ask_manifest(address: str, options: Options) -> Fetched:
    """The rows of a manifest on the web; none where there is none."""

    def ask() -> str:
        response = requests.get(address, timeout=TIMEOUT)
        if response.status_code == NOT_FOUND:
            return ""
        response.raise_for_status()
        return response.content.decode("utf-8", errors="replace")

    try:
        return parse_manifest(persistently(ask, options))
    except requests.RequestException as error:
        raise InputError(
            f"{address}: what the mirror has cannot be read: {error}. Try again when the mirror is "
            "up; or correct `downloads.mirror`, or leave it empty to ask Google Drive"
        ) from error


def finished_files(folder: Path) -> list[str]:
    """Paths of all files below a folder, without those of downloads that were cut off."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return [p.relative_to(folder).as_posix() for p in paths if not UNFINISHED.fullmatch(p.name)]


def drive_files(source: Source, options: Options) -> list[tuple[str, str]]:
    """Path and address of each file of a Drive folder and of those within it."""
    folder_id = source.url.removeprefix(FOLDER)
    try:
        return persistently(lambda: ask_drive(folder_id, source), options)
    except (requests.RequestException, DownloadError) as error:
        raise unlistable(source, error) from error


def ask_drive(folder_id: str, source: Source) -> list[tuple[str, str]]:
    """Attempt once to list a Drive folder; InputError where it is no use to ask again."""
    try:
        files = gdown.download_folder(
            id=folder_id, skip_download=True, quiet=True, use_cookies=False, timeout=TIMEOUT
        )
    except DownloadError as error:
        if PASSING.search(str(error)):
            raise
        raise unlistable(source, error) from error
    return [(file.path, f"{DRIVE}{file.id}") for file in files if not isinstance(file, str)]


def unlistable(source: Source, error: Exception) -> InputError:
    """The error of a folder that cannot be listed."""
    return InputError(
        f"{source.url}: the folder of corpus {source.corpus} cannot be listed: {error}. "
        "Run the `download` target where there is internet; or, if Google refuses, download the "
        f"folder in a browser, as the folder {source.corpus} of a mirror, and set that mirror"
    )


def check_names(place: str, paths: Iterable[str]) -> None:
    """InputError where there are no files, two of one name, or a name that no table can hold."""
    counts = Counter(paths)
    if not counts:
        raise InputError(
            f"{place}: no file is there that is wanted; is the folder still public, and does "
            "`leave_out` leave some?"
        )
    for path, count in counts.items():
        if count > 1:
            raise InputError(f"{place}: {count} files have the name {path}; leave it out")
        if not path.isprintable():
            raise InputError(f"{place}: the name {path!r} has control characters; leave it out")
