"""The files of a public folder of Google Drive, or of its copy in a mirror."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import gdown
import requests
from gdown.exceptions import DownloadError

from neuron_specialization.downloads.fetching import Options, persistently
from neuron_specialization.downloads.mirrors import mirror_folder
from neuron_specialization.downloads.table import FOLDER, LICENCE, MANIFEST, Source, is_left_out
from neuron_specialization.downloads.transfers import DRIVE, TIMEOUT
from neuron_specialization.errors import InputError

UNFINISHED = (".part", ".unchecked")
PASSING = re.compile(r"status code (5\d\d|429)")  # in gdown's message


def list_folder(source: Source, options: Options) -> list[Source]:
    """The wanted files of a Drive folder, each as a row of its own, sorted.

    A mirror on a disk that has the corpus stands for the folder; Google is then not asked.

    Raises:
        InputError: the folder cannot be listed, or has no file, or two of one name.
    """
    mirror = mirror_folder(options.mirror)
    copy = mirror / source.corpus if mirror else None
    if copy is not None and copy.is_dir():
        place, files = str(copy), [(path, source.url) for path in finished_files(copy)]
    else:
        place, files = source.url, drive_files(source, options)
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


def finished_files(folder: Path) -> list[str]:
    """Paths of all files below a folder, without those of downloads that were cut off."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return [p.relative_to(folder).as_posix() for p in paths if not p.name.endswith(UNFINISHED)]


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
