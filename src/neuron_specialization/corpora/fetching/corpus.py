"""Fetching a corpus: all its files, what is in its archives, its licences, and a list of them."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from filelock import FileLock

from neuron_specialization.corpora.fetching.archives import unpack
from neuron_specialization.corpora.fetching.checksums import record
from neuron_specialization.corpora.fetching.drive_folders import is_wanted, list_folder
from neuron_specialization.corpora.fetching.fetching import Options, Retries, fetch_file
from neuron_specialization.corpora.fetching.manifests import (
    Fetched,
    files_from,
    manifest_text,
    read_manifest,
)
from neuron_specialization.corpora.fetching.mirrors import mirror_folder
from neuron_specialization.corpora.fetching.table import LICENCE, MANIFEST, UNKNOWN, Source
from neuron_specialization.files import write_text

DEFAULT_RETRIES = Retries()


def fetch_corpus(
    sources: Sequence[Source],
    folder: Path,
    mirror: str,
    *,
    retries: Retries = DEFAULT_RETRIES,
    terminal: TextIO = sys.stderr,
) -> None:
    """Fetch the files of a corpus into `folder/<corpus>`, and unpack those that are archives.

    `LICENCE.txt` and, last of all, the manifest `fetched.tsv` are written beside them. A file that
    is there is checked and kept: to fetch it again, remove it. Archives that the manifest lists are
    not unpacked a second time: to unpack them again, remove the manifest. Checksums that the table
    does not know are recorded in `folder/checksums.tsv`, and enforced from then on: remove the line
    of a file that is meant to be another one.

    Args:
        sources: the rows of one corpus.
        folder: the downloads folder; it is made.
        mirror: where files are looked for first, laid out like the downloads folder: a folder,
            its `file://` or http(s) address, or empty for none.
        retries: how often a download is attempted.
        terminal: where licences and progress are shown.

    Raises:
        InputError: a file cannot be had, or is not what it should be, or cannot be unpacked.
        OSError: the disk is full.
    """
    mirror_folder(mirror)  # a mirror that does not exist is an error also if it is not needed
    place = folder / sources[0].corpus
    place.mkdir(parents=True, exist_ok=True)
    options = Options(downloads=folder, mirror=mirror, retries=retries, terminal=terminal)
    with FileLock(folder / f".{place.name}.lock"):
        before = read_manifest(place / MANIFEST)
        if not before:
            print(licence_notice(sources), file=terminal, flush=True)
        rows = [row for source in sources for row in fetch_source(source, before, options)]
        write_text(place / LICENCE, licence_text(sources))
        write_text(place / MANIFEST, manifest_text(rows))


def fetch_source(source: Source, before: Fetched, options: Options) -> Iterator[tuple[str, ...]]:
    """Fetch and unpack the files of a row; yields what the manifest says about each."""
    for file in files_of(source, before, options):
        facts = fetch_file(file, options)
        path = options.downloads / file.name
        if file.unpack and before.get(file.file, {}).get("sha256") != facts.sha256:
            unpack(path, path.parent, file.leave_out)
        if file.sha256 == UNKNOWN:
            record(file, facts, options.downloads)
        yield file.file, str(facts.bytes), facts.sha256, source.url, source.licence


def files_of(source: Source, before: Fetched, options: Options) -> list[Source]:
    """The files of a row; a folder whose files are all there is not listed a second time."""
    if not source.is_folder:
        return [source]
    names = (name for name in files_from(before, source.url) if is_wanted(name, source))
    files = [replace(source, file=name) for name in names]
    if files and all((options.downloads / file.name).exists() for file in files):
        return files
    return list_folder(source, options)


def licences(sources: Sequence[Source]) -> list[str]:
    """The different licences of a corpus."""
    return list(dict.fromkeys(source.licence for source in sources))


def licence_notice(sources: Sequence[Source]) -> str:
    """What is shown when a corpus is fetched for the first time."""
    corpus = sources[0].corpus
    return f"{corpus}: licence: {'; '.join(licences(sources))} (see {corpus}/{LICENCE})"


def licence_text(sources: Sequence[Source]) -> str:
    """The licences of a corpus, each with the files that are under it."""
    parts = [f"{sources[0].corpus}: published by others, under the licences of its makers.\n"]
    for licence in licences(sources):
        parts.append(f"\nLicence: {licence}\n")
        parts += [
            f"  {source.file}: {source.about}\n    {source.url}\n"
            for source in sources
            if source.licence == licence
        ]
    return "".join(parts)
