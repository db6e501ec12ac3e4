"""Fetch corpora from a mirror, the web, Google Drive or Debian; check files before they appear."""

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

import gdown
from filelock import FileLock

from neuron_specialization.corpora import sources as table
from neuron_specialization.corpora.archives import files_below, unpack
from neuron_specialization.corpora.package_downloads import (
    ONLY_NEWEST,
    accept_update,
    find_package_problem,
    obtain_package,
    recorded_address,
)
from neuron_specialization.corpora.sources import Facts, Records, Source, local_path
from neuron_specialization.corpora.transfers import (
    DRIVE,
    FAILURES,
    SETTINGS,
    MissingError,
    Options,
    bring,
    with_retries,
)
from neuron_specialization.errors import InputError
from neuron_specialization.files import sha256_of, write_text


def fetch_corpus(sources: Sequence[Source], folder: Path, mirror: str, terminal: TextIO) -> None:
    """Fetch the files of a corpus into `folder/<corpus>`, and unpack the archives among them.

    `LICENCE.txt` and, last of all, the manifest `fetched.tsv` are written to the same folder. An
    existing file is checked and kept: to fetch it again, remove it. Archives listed in the manifest
    are not unpacked again: to unpack them again, remove the manifest. Checksums that the table
    lacks are recorded in `folder/checksums.tsv`, and enforced from then on (see `accept_update`
    for packages).

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
        yield {**row, "url": recorded_address(source, path), "licence": source.licence}


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

    If the checksum is unknown, any file except a web page passes, or any version of a package.
    Raise InputError if the file cannot be fetched, has the wrong content, or exists with other
    content.
    """
    path = options.downloads / source.name
    path.parent.mkdir(parents=True, exist_ok=True)
    there = path.exists()
    file, origin = (path, str(path)) if there else obtain(source, path, options)
    facts = Facts(sha256=sha256_of(file), bytes=file.stat().st_size)
    expected, written = table.expected_facts(source, options.downloads)
    if source.package and not there:
        expected, written = accept_update(source, file, facts, options)
    wrong = table.find_problem(file, path.name, facts, expected, written)
    if source.package:
        wrong = find_package_problem(file, source.package, wrong)
    if wrong:
        advice = "The file has changed, or is a different one: remove it to fetch it again"
        if not there:
            file.unlink()
            again = f"Try again; if it fails again, put the right file at {path}"
            advice = f"It was not kept. {ONLY_NEWEST if source.package else ''}{again}"
        raise InputError(f"{origin}: {wrong}. {advice}; if it is right, correct {written}")
    if not there:
        file.chmod(0o644)  # gdown makes files readable by their owner only
        os.replace(file, path)
        table.drop(table.hidden(path))  # partial downloads from other addresses
    return facts


def obtain(source: Source, path: Path, options: Options) -> tuple[Path, str]:
    """Fetch a file from the mirror or its address; return its hidden path and the origin used."""
    if options.mirror:
        address = f"{options.mirror}/{quote(source.name)}"
        with suppress(MissingError):
            arrived = bring(address, path, options, source.bytes)
            return arrived, str(local_path(address) or address)
    if source.package:
        return obtain_package(source, path, options)
    return bring(source.url, path, options, source.bytes), source.url
