"""Fetch Debian packages by name: from a folder of .deb files, with apt, or from an archive."""

import lzma
import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from neuron_specialization.corpora import sources as table
from neuron_specialization.corpora.deb_files import parse_fields, read_control, version_key
from neuron_specialization.corpora.sources import Facts, Source, local_path
from neuron_specialization.corpora.transfers import (
    FAILURES,
    Options,
    bring,
    download,
    first_line,
)
from neuron_specialization.errors import InputError
from neuron_specialization.files import emptied_folder, sha256_of

RELEASE = "bookworm"
"""The Debian release of all packages, with apt too: other releases have other text."""
ARCHIVE = "https://deb.debian.org/debian"
"""Where packages are fetched without apt; old releases move to https://archive.debian.org/debian."""
INDEX = f"dists/{RELEASE}/main/binary-all/Packages.xz"
"""The list of architecture-independent packages."""
ONLY_NEWEST = (
    "If the package was updated: Debian's archives keep only the newest version; get the one with "
    f"this checksum from https://snapshot.debian.org, or write `{table.UNKNOWN}` as the checksum "
    "to accept every version, as updates rarely change the text. "
)
"""Advice on a package whose checksum is not the one in the table."""
NOT_IN_LISTS = "Unable to locate package"  # in the message of apt-get


def obtain_package(source: Source, path: Path, options: Options) -> tuple[Path, str]:
    """Fetch a package; return the path of the unchecked file and the origin used.

    Places are tried in this order: a file under Debian's own name in a mirror folder; apt, which
    downloads without administrator rights; an archive on the web, of which https vouches for the
    index, and the index for the package.

    Raises:
        InputError: the package is in none of them; the message says why for each.
    """
    if named := find_in_mirror(source, options):
        return bring(named.as_uri(), path, options, source.bytes), str(named)
    try:
        return run_apt(source.package, path), f"apt-get download {source.package}/{RELEASE}"
    except InputError as error:
        reason = error
    try:
        return fetch_from_archive(source, path, options)
    except InputError as error:
        raise InputError(f"{error}. Tried before: {reason}") from error


def find_in_mirror(source: Source, options: Options) -> Path | None:
    """Return the newest `PACKAGE_VERSION_all.deb` of a mirror folder or its corpus's folder.

    Versions are read from the files, since their names may lack the epoch.
    """
    folder = local_path(options.mirror)
    if not folder:
        return None
    versions = {}
    for place in (folder, folder / source.corpus):
        for path in sorted(place.glob(f"{source.package}_*_all.deb")):
            try:
                versions[path] = version_key(read_control(path)["Version"])
            except InputError as error:
                raise InputError(f"{error}; remove or replace this file") from error
    return max(versions, key=versions.__getitem__, default=None)


def run_apt(package: str, path: Path) -> Path:
    """Download a package with apt; return its hidden path.

    Raises:
        InputError: apt is missing or fails; the message is apt's.
    """
    if not shutil.which("apt-get"):
        raise InputError("apt-get is not installed")
    arriving = table.hidden(path, f"{table.DEB}{package}")
    with emptied_folder(path.with_name(f".{path.name}.apt")) as folder:
        ended = subprocess.run(
            ["apt-get", "download", f"{package}/{RELEASE}"],
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        found = sorted(folder.glob("*.deb"))
        if ended.returncode or len(found) != 1:
            lines = [line for line in ended.stderr.splitlines() if line.startswith("E: ")]
            answer = "; ".join(lines) or f"exit status {ended.returncode}"
            advice = " (does `apt-get update` have to be run?)" if NOT_IN_LISTS in answer else ""
            raise InputError(f"`apt-get download {package}/{RELEASE}`: {answer}{advice}")
        os.replace(found[0], arriving)
    return arriving


def fetch_from_archive(source: Source, path: Path, options: Options) -> tuple[Path, str]:
    """Download a package from the archive; return its hidden path and its address.

    Raises:
        InputError: the archive cannot be reached or lacks the package, or the checksum is wrong.
    """
    found = [
        fields
        for stanza in read_index(options).split("\n\n")
        if f"Package: {source.package}\n" in stanza
        and (fields := parse_fields(stanza)).get("Package") == source.package
    ]
    if not found:
        raise InputError(
            f"{source.url}: Debian {RELEASE} has no architecture-independent package of this name "
            f"({ARCHIVE}/{INDEX}); correct it in {table.TABLE}, or put the package at {path}"
        )
    fields = max(found, key=lambda fields: version_key(fields["Version"]))
    address = f"{ARCHIVE}/{quote(fields['Filename'])}"
    arrived = bring(address, path, options, source.bytes)
    if (sha256 := sha256_of(arrived)) != fields["SHA256"]:
        arrived.unlink()
        raise InputError(
            f"{address}: the file has the SHA-256 {sha256}, but the archive's index has "
            f"{fields['SHA256']}; it was not kept. Try again later"
        )
    return arrived, address


@lru_cache(maxsize=1)
def read_index(options: Options) -> str:
    """Return the archive's index of packages, downloaded once for all packages of a corpus."""
    address = f"{ARCHIVE}/{INDEX}"
    arriving = table.hidden(options.downloads / "Packages.xz", address)
    table.drop(arriving)  # of an earlier run: the index changes
    try:
        download(address, arriving, "Packages.xz", options.terminal, None)
        return lzma.decompress(arriving.read_bytes()).decode("utf-8")
    except (*FAILURES, lzma.LZMAError, UnicodeError) as error:
        raise InputError(
            f"{address}: the list of packages cannot be fetched: {first_line(error)}. If this "
            "machine has no internet, run the `download` target on one that has, or put the "
            "packages (`PACKAGE_VERSION_all.deb`) into a folder and set it as the mirror"
        ) from error
    finally:
        table.drop(arriving)


def find_package_problem(file: Path, package: str, difference: str | None) -> str | None:
    """Describe the problem with a file that should be a package; return None if it has none.

    Args:
        file: the file.
        package: expected name of the package.
        difference: another problem of the file, such as a wrong checksum; None if it has none.
    """
    try:
        control = read_control(file)
    except InputError as error:
        problem = str(error).removeprefix(f"{file}: ")
        return f"{difference}; {problem}" if difference else problem
    if control["Package"] != package:
        return f"it is the package {control['Package']}, not {package}"
    return f"{difference} (it is version {control['Version']})" if difference else None


def accept_update(source: Source, file: Path, facts: Facts, options: Options) -> tuple[Facts, str]:
    """Return the expected facts of a fetched package and their source, as `expected_facts`.

    A recorded checksum does not reject a package, unlike other files: Debian's updates remove the
    old packages from archives, so nobody could fetch the recorded one again, while the text within
    rarely changes. A warning is shown instead, and the new checksum is recorded. To pin a version,
    write its checksum in the table of sources; to pin the text, check what is extracted.
    """
    expected, written = table.expected_facts(source, options.downloads)
    is_update = written != table.TABLE and facts != expected
    if not is_update or find_package_problem(file, source.package, None):
        return expected, written
    print(
        f"{source.name}: version {read_control(file)['Version']} of the package is not the one "
        f"recorded: it has {facts}, but {written} has {expected}. Debian has probably updated it. "
        "Its checksum is recorded anew; updates rarely change the text in a package, but may",
        file=options.terminal,
        flush=True,
    )
    return Facts(sha256=None, bytes=source.bytes), table.TABLE


def recorded_address(source: Source, file: Path) -> str:
    """Return the address of a row, for a package followed by the version of its file."""
    return f"{source.url}={read_control(file)['Version']}" if source.package else source.url
