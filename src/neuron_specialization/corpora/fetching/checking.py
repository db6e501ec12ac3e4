"""Is a file what it should be, and is there room for it?"""

import shutil
from pathlib import Path

from tqdm import tqdm

from neuron_specialization.corpora.fetching.checksums import Expected, Facts, facts_of
from neuron_specialization.errors import InputError

WEB_PAGE = (
    "a web page came instead of the file (quota or virus-scan page of Google Drive, "
    "a login page, ...)"
)
PAGE_STARTS = (b"<!doctype html", b"<html")


def check_present(path: Path, expected: Expected) -> Facts:
    """The facts of a file that was there before; InputError if it is not what it should be."""
    facts = facts_of(path)
    if wrong := problem(path, path.name, facts, expected):
        raise InputError(
            f"{path}: the file has changed, or is another: {wrong}. Remove it to fetch it again; "
            f"if it is the right one, correct {expected.origin}"
        )
    return facts


def check_new(unchecked: Path, path: Path, origin: str, expected: Expected) -> Facts:
    """The facts of a file that has come for `path`; one that is wrong is removed: InputError."""
    facts = facts_of(unchecked)
    if wrong := problem(unchecked, path.name, facts, expected):
        unchecked.unlink()
        raise InputError(
            f"{origin}: {wrong}. It was not kept. Try again; if it stays so, put the right file "
            f"at {path}, or, if what came is right, correct {expected.origin}"
        )
    return facts


def problem(path: Path, name: str, facts: Facts, expected: Expected) -> str | None:
    """What is wrong with a file, None if nothing is.

    Args:
        path: the file.
        name: the name that it is to have, which tells whether it may be a web page.
        facts: of the file.
        expected: what they should be.
    """
    agrees = expected.sha256 in (None, facts.sha256) and expected.bytes in (None, facts.bytes)
    if agrees and expected.sha256:
        return None
    if not name.endswith(".html") and is_web_page(path):
        return WEB_PAGE
    if agrees:
        return None
    return (
        f"{described(facts.bytes, facts.sha256)}, but {expected.origin} has "
        f"{described(expected.bytes, expected.sha256)}"
    )


def described(size: int | None, sha256: str | None) -> str:
    """Size and checksum in words."""
    sizes = "unknown size" if size is None else f"{size:,} bytes"
    return f"{sizes} and {'an unknown SHA-256' if sha256 is None else f'the SHA-256 {sha256}'}"


def is_web_page(path: Path) -> bool:
    """Whether a file starts like HTML."""
    with path.open("rb") as file:
        start = file.read(1024)
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(PAGE_STARTS)


def check_room(folder: Path, needed: int) -> None:
    """InputError where a disk has less room than the needed bytes."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"{folder}: {readable(needed)} are needed and {readable(free)} are free on this disk; "
            "make room, or choose another folder for downloads"
        )


def readable(size: int) -> str:
    """Bytes for people, such as 25.6MB."""
    return str(tqdm.format_sizeof(size, "B"))
