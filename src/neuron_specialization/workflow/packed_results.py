"""Pack the results of a run, and merge them with results of other seeds and the same settings.

A pack has everything that tables and figures are made from: scores of sentences and of directions,
paired tests, activation counts, masks, cross-mask matrices, validations, records of jobs. It has no
text or models.
"""

import json
import logging
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from neuron_specialization.corpora.archives import ALWAYS_ALLOWED, LARGEST_RATIO, check_bound
from neuron_specialization.errors import InputError
from neuron_specialization.files import atomic_write, check_output

logger = logging.getLogger(__name__)
SETTINGS = "settings.json"
TAKEN = (
    *("scores", "comet", "nll", "off_target", "significance", "activations", "masks"),
    *("benchmarks", "tables", "figures", "neurons"),
)
OF_RUN = re.compile(
    r"(?:scores|comet|nll|off_target|significance)/\w+/(?P<tested>[^/]+)/seed\d+(?:\.\w+)+"
    r"|activations/(?P<recorded>[^/]+)/seed\d+(?:\.untrained)?\.npz"
    r"|masks/(?P<masked>[^/]+)/seed\d+\.npz"
    r"|neurons/(?P<crossed>[^/]+)/seed\d+/cross_masks\.csv"
    r"|models/(?P<trained>[^/]+)/seed\d+/checkpoint\.curve\.csv"
)
"""Files of a run, which merging adds."""
LARGE = (".parquet", ".png", ".pdf", ".html")
"""Sentence scores, which only new tests need, and pictures and pages, which are regenerated."""
REPORT = "corpora/report.tsv"
OF_TEXT = re.compile(rf"{re.escape(REPORT)}|tables/\w+/language_identifier\.csv")
"""Measured on the corpora, for tables: also added if the corpora have not been prepared."""


@dataclass(frozen=True)
class RunSettings:
    """Hashes of the settings of a run (`settings_digests`)."""

    shared: str
    """Hash of the settings that all systems have in common."""
    systems: Mapping[str, str]
    """By system, the hash of its settings."""


def pack(results: Path, archive: Path, *, small: bool = False) -> None:
    """Write the results of a run, without text and models, to a zip file.

    Args:
        results: results of a dataset, such as `results/experiment`.
        archive: the zip file; an existing one is replaced.
        small: omit files with the suffixes in `LARGE`.
    """
    settings = read_settings(results)
    check_output(archive)
    unknown = {
        path: system_of(path.relative_to(results).as_posix())
        for path in taken_files(results)
        if system_of(path.relative_to(results).as_posix()) not in (None, *settings.systems)
    }
    if unknown:
        names = ", ".join(sorted({str(system) for system in unknown.values()}))
        logger.warning("not packed: %d files of systems without a row, %s", len(unknown), names)
    with (
        atomic_write(archive) as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as file,
    ):
        for path in sorted(taken_files(results)):
            if path not in unknown and not (small and path.suffix in LARGE):
                file.write(path, path.relative_to(results))


def taken_files(results: Path) -> Iterator[Path]:
    """Yield the files to pack."""
    yield results / SETTINGS
    yield from results.glob(REPORT)
    yield from results.glob("models/*/*/*.curve.csv")
    for name in TAKEN:
        yield from (path for path in (results / name).rglob("*") if path.is_file())


def merge(archive: Path, results: Path) -> list[str]:
    """Add the runs of packed results to a folder of results; return the files added.

    Only runs of systems that the results have, with the same settings, are added. Existing files
    are kept; `snakemake merged` then makes tables and figures of all runs.

    Args:
        archive: a file that `pack` wrote.
        results: results of a dataset, whose settings name all systems and seeds (`snakemake
            results/NAME/settings.json` writes them).

    Raises:
        InputError: the archive is damaged, settings differ, or a file exists with other contents;
            nothing is added.
    """
    ours = read_settings(results)
    with open_archive(archive) as file:
        theirs = parse_settings(file.read(SETTINGS), f"{archive}, {SETTINGS}", "pack it again")
        check_alike(theirs, ours, archive, results)
        names = [
            name
            for name in file.namelist()
            if OF_TEXT.fullmatch(name) or system_of(name) in ours.systems
        ]
        compared = (None, *theirs.systems)
        unnamed = next((name for name in names if system_of(name) not in compared), None)
        if unnamed:
            raise InputError(
                f"{archive}: has {unnamed}, but its {SETTINGS} does not name the system, so that "
                "its settings cannot be compared; pack it again"
            )
        new = [name for name in names if not is_there(file, name, archive, results)]
        for name in new:
            path = results / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as partial:
                partial.write_bytes(file.read(name))
    return new


def open_archive(archive: Path) -> zipfile.ZipFile:
    """Open packed results; raise InputError if any of their files cannot be read."""
    try:
        file = zipfile.ZipFile(archive)
        file.getinfo(SETTINGS)
        allowed = max(ALWAYS_ALLOWED, LARGEST_RATIO * archive.stat().st_size)
        check_bound(allowed - sum(member.file_size for member in file.infolist()), str(archive))
        damaged = file.testzip()
    except FileNotFoundError:
        raise InputError(f"{archive}: no such file") from None
    except (OSError, EOFError, KeyError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(f"{archive}: not a file of packed results ({error})") from error
    if damaged:
        raise InputError(f"{archive}: {damaged} in it is damaged; copy or pack it again")
    return file


def read_settings(results: Path) -> RunSettings:
    """Return the settings of some results; raise InputError if they are missing."""
    path = results / SETTINGS
    if not path.is_file():
        raise InputError(f"{path}: no such file; `snakemake {path}` writes it")
    return parse_settings(path.read_bytes(), str(path), f"delete it and run `snakemake {path}`")


def parse_settings(text: bytes, name: str, remedy: str) -> RunSettings:
    """Return the settings of a run; raise InputError, with a remedy, if the text has none."""
    try:
        found = json.loads(text)
        settings = RunSettings(shared=found["shared"], systems=dict(found["systems"]))
        if not all(isinstance(each, str) for each in (settings.shared, *settings.systems.values())):
            raise TypeError("a hash is not a text")
        return settings
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{name}: not the settings of a run ({error!r}); {remedy}") from error


def check_alike(theirs: RunSettings, ours: RunSettings, archive: Path, results: Path) -> None:
    """Raise InputError if the settings of the two runs are incompatible."""
    if theirs.shared != ours.shared:
        raise InputError(
            f"{archive}: has other corpora, vocabulary or decoding than {results} "
            f"({theirs.shared}, not {ours.shared})"
        )
    for system in theirs.systems.keys() & ours.systems.keys():
        if theirs.systems[system] != ours.systems[system]:
            raise InputError(
                f"{archive}: its system {system} has other settings than in {results} "
                f"({theirs.systems[system]}, not {ours.systems[system]}); rename one of them"
            )


def system_of(name: str) -> str | None:
    """Return the system of a file of a run, or None for another file."""
    match = OF_RUN.fullmatch(name)
    return match and next(filter(None, match.groups()))


def is_there(file: zipfile.ZipFile, name: str, archive: Path, results: Path) -> bool:
    """Return whether the results already have a file; raise InputError if theirs differs."""
    path = results / name
    if path.is_file() and path.read_bytes() != file.read(name):
        raise InputError(
            f"{path}: {archive} has another version, made with the same settings and seed; keep "
            "only one of them"
        )
    return path.is_file()
