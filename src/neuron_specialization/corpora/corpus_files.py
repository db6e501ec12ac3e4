"""Locate the files of a split: path templates, filled in for each pair and language.

Every corpus is centred on a pivot language: the pair of language `de` is `en-de`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from neuron_specialization.corpora.text_lines import ZIP, is_present, on_disk, zip_members
from neuron_specialization.errors import InputError

Codes = Mapping[str, Mapping[str, str]]
"""By language, its codes in other corpora: the extra columns of the table of languages."""

TRAIN = "train"
"""The split that is cleaned, capped, and distributed over shards."""
NONE, EVERY_NTH = "none", "every_nth"
"""Formats of exceptions: a language without the split, or with every nth pair of its train."""
PACKAGES = "packages"
"""Format of the text of Debian packages, and the source of its files."""
FORMATS = ("text", "wit3", "tsv", "ids", PACKAGES)
"""File formats; builtin, held_out and every_nth splits have no separate files."""
OF_SIDE = ("lang", "side", "alphabetical_side")
"""Placeholders for a side of the pair; a column is another."""
OF_PAIR = ("pair", "alphabetical_pair", "other")
"""Placeholders for the pair; other_{column} is the column of its other language."""
PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class SplitSource:
    """Source of the sentences of one split: one of `corpora.splits` in config/README.md."""

    name: str
    format: str
    paths: tuple[str, ...] = ()
    """Path templates; files of several templates are concatenated."""
    folder: Path = Path()
    """Folder that the paths are relative to."""
    sentences: int = 0
    every: int = 0
    by_text: bool = False
    header: bool = False
    """True if the first line of a TSV file names its columns."""
    kinds: tuple[str, ...] = ()
    """Kinds of text of Debian packages."""
    columns: tuple[int | str, ...] = ()
    """Columns of a TSV file: the pivot's and the other language's, by number or by name."""
    tokenise: str = ""
    romanise: tuple[str, ...] = ()
    origin: str = ""
    """Where to get the corpus, for the message if its files are missing."""
    exceptions: Mapping[str, "SplitSource"] = field(default_factory=dict)
    """By language, a different source for its pair with the pivot."""

    @property
    def all_paths(self) -> list[str]:
        """The path templates of all pairs, and the columns, which may have placeholders too."""
        return [
            str(template)
            for source in (self, *self.exceptions.values())
            for template in (*source.paths, *source.columns)
        ]

    def of(self, lang: str) -> "SplitSource":
        """Return the source of the pair of a language."""
        return self.exceptions.get(lang, self)


@dataclass(frozen=True, kw_only=True)
class PairCorpus:
    """The files of one split and pair."""

    split: SplitSource
    """The split, with the exceptions of this pair applied."""
    pivot: str
    """Language that all pairs share."""
    lang: str
    """The other language."""
    files: Mapping[str, tuple[Path, ...]]
    """By language, the files of that side; the same for both sides of a TSV corpus."""
    columns: Mapping[str, int | str | None]
    """By language, the column of a TSV corpus; None in a file of just two."""

    @property
    def has_header(self) -> bool:
        """Whether the first line of its files names the columns."""
        named = any(isinstance(column, str) for column in self.columns.values())
        return self.split.format == "tsv" and (self.split.header or named)

    def check(self) -> None:
        """Raise InputError if a file is missing."""
        for side, paths in self.files.items():
            for path in paths:
                if is_present(path) and path.suffix != ZIP:
                    continue
                problem = _absence(path)
                origin = self.split.origin
                raise InputError(
                    f"{path}: {problem} (split {self.split.name!r}, language {side!r}, pair "
                    f"{pair_name(self.pivot, self.lang)!r})"
                    + (f". The corpus comes from: {origin}" if origin else "")
                )


def read_split(settings: Mapping[str, Any], folders: Mapping[str, Path]) -> SplitSource:
    """Read a split of the configuration; `folders` maps sources to folders, "" to local files.

    Raise InputError for an unknown source.
    """
    settings = dict(settings)
    exceptions = settings.pop("exceptions", {})
    source = settings.pop("source", "")
    path = settings.pop("path", ())
    if settings["format"] == PACKAGES:
        source, path = PACKAGES, f"{settings['name']}.{{pair}}.{{lang}}"
    paths = (path,) if isinstance(path, str) else tuple(path)
    if source not in folders:
        raise InputError(
            f"split {settings['name']!r}: no source {source!r} in the table of sources; it has "
            f"{', '.join(name for name in folders if name)}"
        )
    lists = {name: tuple(settings.get(name, ())) for name in ("romanise", "columns", "kinds")}
    fields = {**settings, **lists}
    split = SplitSource(**fields, paths=paths, folder=folders[source])
    return replace(
        split,
        exceptions={
            lang: read_split({**settings, "path": path, "source": source, **changes}, folders)
            for lang, changes in exceptions.items()
        },
    )


def pair_name(pivot: str, lang: str) -> str:
    """Return the name of a corpus pair, the pivot first."""
    return f"{pivot}-{lang}"


def find_corpus(split: SplitSource, pivot: str, lang: str, codes: Codes) -> PairCorpus:
    """Return the files of a split for the pair of `lang`, which need not exist.

    Raise InputError for an unknown format, a template with an unknown placeholder or without the
    placeholder that distinguishes sides or pairs, or a language that lacks a code.
    """
    split = split.of(lang)
    if split.format not in FORMATS:
        raise InputError(
            f"split {split.name!r}: unknown format {split.format!r}, "
            f"local corpora are one of {', '.join(FORMATS)}"
        )
    _check_templates(split)
    files = {
        side: tuple(
            _find_file(split.folder, _fill(template, split.name, pivot, lang, side, codes))
            for template in split.paths
        )
        for side in (pivot, lang)
    }
    columns = dict(zip((pivot, lang), split.columns or _default_columns(split), strict=True))
    named = {
        side: _fill(column, split.name, pivot, lang, side, codes)
        for side, column in columns.items()
        if isinstance(column, str)
    }
    return PairCorpus(
        split=split, pivot=pivot, lang=lang, files=files, columns={**columns, **named}
    )


def _default_columns(split: SplitSource) -> tuple[str | None, str | None]:
    return ("{lang}", "{lang}") if split.header else (None, None)


def columns_in(templates: Sequence[str]) -> set[str]:
    """Return the columns of the table of languages that path templates name."""
    names = {name for template in templates for name in PLACEHOLDER.findall(template)}
    return {name.removeprefix("other_") for name in names - {*OF_SIDE, *OF_PAIR}}


def _check_templates(split: SplitSource) -> None:
    """Raise InputError if a template would give the same file for both sides or all pairs."""
    for template in split.paths or ("",):
        names = PLACEHOLDER.findall(template)
        of_pair = [name for name in names if name in OF_PAIR or name.startswith("other_")]
        apart = of_pair if split.format == "tsv" else set(names) - set(of_pair)
        if not apart:
            needed = "{pair}" if split.format == "tsv" else "{lang}"
            raise InputError(
                f"split {split.name!r}: the path {template!r} needs {needed} "
                f"(format {split.format!r})"
            )


def _fill(template: str, split: str, pivot: str, lang: str, side: str, codes: Codes) -> str:
    other = lang if side == pivot else pivot
    names = {
        "lang": side,
        "other": lang,
        "pair": pair_name(pivot, lang),
        "alphabetical_pair": "-".join(sorted((pivot, lang))),
        "side": "src" if side == pivot else "trg",
        "alphabetical_side": "src" if side == min(pivot, lang) else "trg",
        **codes.get(side, {}),
        **{f"other_{column}": code for column, code in codes.get(lang, {}).items()},
    }
    for name in PLACEHOLDER.findall(template):
        if name not in names:
            raise InputError(
                f"split {split!r}: the path {template!r} has {{{name}}}, which language {side!r} "
                f"with {other!r} does not have; known are {', '.join(sorted(names))}; other names "
                "are columns of the table of languages"
            )
    return PLACEHOLDER.sub(lambda match: names[match[1]], template)


def _find_file(folder: Path, path: str) -> Path:
    """Return the only file that a path with wildcards matches, or the path unchanged."""
    found = _matches(folder, path)
    return found[0] if len(found) == 1 else folder / path


def _absence(path: Path) -> str:
    """Say why a path, which may have wildcards, is no file to read."""
    disk, member = on_disk(path)
    if disk.suffix == ZIP and disk.is_file():
        problem = "matches no file or several" if member else "is a zip file: name a file within"
        return f"{problem}; it has {', '.join(zip_members(disk)[:4])}"
    found = _matches(Path(), str(path))
    names = ", ".join(map(str, found[:4]))
    return f"{len(found)} files match ({names})" if found else "no such file"


def _matches(folder: Path, path: str) -> list[Path]:
    """Return files that a path with wildcards matches, below a folder unless it is absolute."""
    if "*" not in path:
        return []
    outer, within, inner = path.partition(f"{ZIP}/")
    if within and "*" not in outer:
        file = folder / f"{outer}{ZIP}"
        names = zip_members(file) if file.is_file() else []
        return sorted(file / name for name in names if fnmatchcase(name, inner))
    anchor = Path(path).anchor
    return sorted((folder / anchor).glob(path.removeprefix(anchor)))
