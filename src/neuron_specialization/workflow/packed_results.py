"""Results of a run to take along, and to merge with those of the same settings and other seeds.

What is taken is all that tables and figures are made of: scores of sentences and of directions,
paired tests, activation counts, masks, validations, records of jobs. No text and no model is.
"""

import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from neuron_specialization.errors import InputError
from neuron_specialization.files import atomic_write, check_output

SETTINGS = "settings.json"
TAKEN = (
    *("scores", "comet", "significance", "activations", "masks", "benchmarks"),
    *("tables", "figures", "neurons"),
)
OF_TRAINING = re.compile(
    r"(?:scores|comet|significance)/\w+/(?P<tested>[^/]+)/seed\d+\.\w+"
    r"|activations/(?P<recorded>[^/]+)/seed\d+(?:\.untrained)?\.npz"
    r"|masks/(?P<masked>[^/]+)/seed\d+\.npz"
    r"|models/(?P<trained>[^/]+)/seed\d+/checkpoint\.curve\.csv"
)
"""Files of one training: what merging adds."""
LARGE = (".parquet", ".png", ".pdf", ".html")
"""Scores of sentences, which only new tests need, and pictures and pages, which are made again."""
REPORT = "corpora/report.tsv"
"""Of the corpora, which tables count: added, too, where they have not been prepared."""


@dataclass(frozen=True)
class RunSettings:
    """Hashes of the settings of a run (`system_settings.settings_digests`)."""

    shared: str
    """Of what all systems have in common."""
    systems: Mapping[str, str]
    """By system, of its own."""


def pack(results: Path, archive: Path, *, small: bool = False) -> None:
    """Write the results of a run, without text and models, to a zip file.

    Args:
        results: of a dataset, such as `results/experiment`.
        archive: the zip file; one that is there is replaced.
        small: without files of the kinds in `LARGE`.
    """
    read_settings(results)
    check_output(archive)
    with (
        atomic_write(archive) as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as file,
    ):
        for path in sorted(taken_files(results)):
            if not (small and path.suffix in LARGE):
                file.write(path, path.relative_to(results))


def taken_files(results: Path) -> Iterator[Path]:
    """The files of some results that are taken along."""
    yield results / SETTINGS
    yield from results.glob(REPORT)
    yield from results.glob("models/*/*/*.curve.csv")
    for name in TAKEN:
        yield from (path for path in (results / name).rglob("*") if path.is_file())


def merge(archive: Path, results: Path) -> list[str]:
    """Add the trainings of packed results to a folder of results; returns the files added.

    Only trainings of systems that the results have, with the same settings, are added. What is
    there stays; `snakemake merged` then makes tables and figures of all.

    Args:
        archive: a file that `pack` wrote.
        results: of a dataset, whose settings name all systems and seeds (`snakemake
            results/NAME/settings.json` writes them).

    Raises:
        InputError: a damaged archive, other settings, or other contents under a name that is
            there; nothing is added.
    """
    ours = read_settings(results)
    with open_archive(archive) as file:
        theirs = parse_settings(file.read(SETTINGS), f"{archive}, {SETTINGS}", "pack it again")
        check_alike(theirs, ours, archive, results)
        names = [
            name for name in file.namelist() if name == REPORT or system_of(name) in ours.systems
        ]
        new = [name for name in names if not is_there(file, name, archive, results)]
        for name in new:
            path = results / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as partial:
                partial.write_bytes(file.read(name))
    return new


def open_archive(archive: Path) -> zipfile.ZipFile:
    """Packed results of which every file can be read; InputError where that is not so."""
    try:
        file = zipfile.ZipFile(archive)
        file.getinfo(SETTINGS)
        damaged = file.testzip()
    except FileNotFoundError:
        raise InputError(f"{archive}: no such file") from None
    except (OSError, EOFError, KeyError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(f"{archive}: not a file of packed results ({error})") from error
    if damaged:
        raise InputError(f"{archive}: {damaged} in it is damaged; copy or pack it again")
    return file


def read_settings(results: Path) -> RunSettings:
    """The settings of some results; InputError without them."""
    path = results / SETTINGS
    if not path.is_file():
        raise InputError(f"{path}: no such file; `snakemake {path}` writes it")
    return parse_settings(path.read_bytes(), str(path), f"delete it, and `snakemake {path}`")


def parse_settings(text: bytes, name: str, remedy: str) -> RunSettings:
    """The settings of a run; InputError, with the remedy, where a text is something else."""
    try:
        found = json.loads(text)
        return RunSettings(shared=found["shared"], systems=dict(found["systems"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{name}: not the settings of a run ({error!r}); {remedy}") from error


def check_alike(theirs: RunSettings, ours: RunSettings, archive: Path, results: Path) -> None:
    """InputError where two runs cannot stand beside each other."""
    if theirs.shared != ours.shared:
        raise InputError(
            f"{archive}: of other corpora, vocabulary or decoding than {results} "
            f"({theirs.shared}, not {ours.shared})"
        )
    for system in theirs.systems.keys() & ours.systems.keys():
        if theirs.systems[system] != ours.systems[system]:
            raise InputError(
                f"{archive}: its system {system} has other settings than that of {results} "
                f"({theirs.systems[system]}, not {ours.systems[system]}); name one otherwise"
            )


def system_of(name: str) -> str | None:
    """The system of a file of one training; none of another file."""
    match = OF_TRAINING.fullmatch(name)
    return match and next(filter(None, match.groups()))


def is_there(file: zipfile.ZipFile, name: str, archive: Path, results: Path) -> bool:
    """Whether the results have a file already; InputError where theirs differs."""
    path = results / name
    if path.is_file() and path.read_bytes() != file.read(name):
        raise InputError(
            f"{path}: {archive} has another one, made with the same settings and seed; keep one of "
            "the two"
        )
    return path.is_file()
