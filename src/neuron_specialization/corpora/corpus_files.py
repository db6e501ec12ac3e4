"""Locate the files of a split: path templates, filled in for each pair and language.

Every corpus is centred on a pivot language: the pair of language `de` is `en-de`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from neuron_specialization.errors import InputError

Codes = Mapping[str, Mapping[str, str]]
"""By language, its codes in other corpora: the extra columns of the table of languages."""

TRAIN = "train"
"""The split that is cleaned, capped, and distributed over shards."""
FORMATS = ("text", "wit3", "tsv", "ids")
"""File formats; builtin, held_out and every_nth splits have no separate files."""
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
    header: bool = False
    """True if the first line of a TSV file names the languages of its columns."""
    tokenise: str = ""
    romanise: tuple[str, ...] = ()
    origin: str = ""
    """Where to get the corpus, for the message if its files are missing."""
    exceptions: Mapping[str, "SplitSource"] = field(default_factory=dict)
    """By language, a different source for its pair with the pivot."""

    @property
    def all_paths(self) -> list[str]:
        """The path templates of all pairs."""
        return [path for source in (self, *self.exceptions.values()) for path in source.paths]

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

    def check(self) -> None:
        """Raise InputError if a file is missing."""
        for side, paths in self.files.items():
            for path in paths:
                if path.is_file():
                    continue
                found = _matches(Path(), str(path))
                names = ", ".join(map(str, found[:4]))
                problem = f"{len(found)} files match ({names})" if found else "no such file"
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
    paths = (path,) if isinstance(path, str) else tuple(path)
    if source not in folders:
        raise InputError(
            f"split {settings['name']!r}: no source {source!r} in the table of sources; it has "
            f"{', '.join(name for name in folders if name)}"
        )
    fields = {**settings, "romanise": tuple(settings.get("romanise", ()))}
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
    return PairCorpus(split=split, pivot=pivot, lang=lang, files=files)


def columns_in(templates: Sequence[str]) -> set[str]:
    """Return the columns of the table of languages that path templates name."""
    names = {name for template in templates for name in PLACEHOLDER.findall(template)}
    return {name.removeprefix("other_") for name in names - {"lang", *OF_PAIR}}


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


def _matches(folder: Path, path: str) -> list[Path]:
    """Return files that a path with wildcards matches, below a folder unless it is absolute."""
    if "*" not in path:
        return []
    anchor = Path(path).anchor
    return sorted((folder / anchor).glob(path.removeprefix(anchor)))
