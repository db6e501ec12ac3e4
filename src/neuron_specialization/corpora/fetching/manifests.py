"""Manifests: what was fetched of a corpus, in `fetched.tsv` beside its files."""

from collections.abc import Iterable, Mapping
from pathlib import Path

COLUMNS = ("file", "bytes", "sha256", "url", "licence")

Fetched = Mapping[str, Mapping[str, str]]
"""Rows of a manifest by file."""


def read_manifest(path: Path) -> Fetched:
    """The rows of a manifest by file; none where there is no manifest, or a damaged one."""
    return parse_manifest(path.read_text(encoding="utf-8")) if path.exists() else {}


def parse_manifest(text: str) -> Fetched:
    """The rows of a manifest by file; none where the text is no manifest, or a damaged one."""
    # not splitlines: names may hold whatever else Unicode ends a line with
    head, *lines = text.removesuffix("\n").split("\n")
    rows = [line.split("\t") for line in lines]
    if head != "\t".join(COLUMNS) or any(len(row) != len(COLUMNS) for row in rows):
        return {}
    return {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in rows}


def manifest_text(rows: Iterable[tuple[str, ...]]) -> str:
    """A manifest with these rows."""
    return "".join("\t".join(row) + "\n" for row in (COLUMNS, *rows))


def files_from(fetched: Fetched, url: str) -> list[str]:
    """The files that were fetched from an address of the table of sources."""
    return [name for name, row in fetched.items() if row["url"] == url]
