"""Where the files of a split lie: path templates, filled in for each pair and language.

Every corpus is centred on a pivot language: the pair of language `de` is `en-de`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from neuron_specialization.errors import InputError

Codes = Mapping[str, Mapping[str, str]]
"""By language, its names in other corpora: the further columns of the table of languages."""

TRAIN = "train"
"""The split that is cleaned and capped, and shared out among shards."""
FORMATS = ("text", "wit3", "tsv", "ids")
"""The formats of files; builtin, held_out and every_nth splits have none of their own."""
OF_PAIR = ("pair", "alphabetical_pair", "other")
"""Placeholders that stand for the pair; other_{column} is the column of its other language."""
PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class SplitSource:
    """Where the sentences of one split come from: one of `corpora.splits` in config/README.md."""

    name: str
    format: str
    paths: tuple[str, ...] = ()
    """Path templates; the files of several follow one another."""
    folder: Path = Path()
    """Folder that the paths are relative to."""
    sentences: int = 0
    every: int = 0
    header: bool = False
    """Whether the first line of a TSV file names the languages of its columns."""
    tokenise: str = ""
    romanise: tuple[str, ...] = ()
    origin: str = ""
    """Where the corpus comes from, told to a user who does not have it."""
    exceptions: Mapping[str, "SplitSource"] = field(default_factory=dict)
    """By language, where its pair with the pivot comes from instead."""

    def of(self, lang: str) -> "SplitSource":
        """Where the pair of a language comes from."""
        return self.exceptions.get(lang, self)


@dataclass(frozen=True, kw_only=True)
class PairCorpus:
    """The files of one split and pair."""

    split: SplitSource
    """The split, as it is for this pair."""
    pivot: str
    """Language that all pairs share."""
    lang: str
    """The other language."""
    files: Mapping[str, tuple[Path, ...]]
    """By language, the files of that side; the same for both sides of a TSV corpus."""

    def check(self) -> None:
        """Raise an InputError for a file that is not there."""
        for side, paths in self.files.items():
            for path in paths:
                if path.is_file():
                    continue
                found = _matches(Path(), str(path))
                names = ", ".join(map(str, found[:4]))
                what = f"{len(found)} files match ({names})" if found else "no such file"
                raise InputError(
                    f"{path}: {what} (split {self.split.name!r}, language {side!r}, pair "
                    f"{pair_name(self.pivot, self.lang)!r}). The corpus comes from: "
                    f"{self.split.origin}"
                )


def read_split(settings: Mapping[str, Any], folders: Mapping[str, Path]) -> SplitSource:
    """A split of the configuration; `folders` has the folder of each source, "" of local files.

    Raises InputError for a source that is not among them.
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
    """The name of a corpus pair, the pivot first."""
    return f"{pivot}-{lang}"


def find_corpus(split: SplitSource, pivot: str, lang: str, codes: Codes) -> PairCorpus:
    """The files of a split for the pair of `lang`, there or not.

    Raises InputError on an unknown format, a template with an unknown placeholder or without the
    one that keeps sides or pairs apart, a language that lacks a code.
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
    """The columns of the table of languages that some path templates name."""
    names = {name for template in templates for name in PLACEHOLDER.findall(template)}
    return {name.removeprefix("other_") for name in names - {"lang", *OF_PAIR}}


def _check_templates(split: SplitSource) -> None:
    """Both sides, or all pairs, would otherwise be read from the same files."""
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
    """The one file that a path with wildcards matches, else the path as it is."""
    found = _matches(folder, path)
    return found[0] if len(found) == 1 else folder / path


def _matches(folder: Path, path: str) -> list[Path]:
    """The files that a path with wildcards matches, below a folder unless it is absolute."""
    if "*" not in path:
        return []
    anchor = Path(path).anchor
    return sorted((folder / anchor).glob(path.removeprefix(anchor)))
