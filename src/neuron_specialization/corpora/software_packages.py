"""The kinds of text in Debian packages, and where each kind lies in its package."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from neuron_specialization.corpora import help_pages, mallard_pages
from neuron_specialization.corpora.catalogues import read_catalogue
from neuron_specialization.corpora.deb_files import (
    Package,
    content_hash,
    find_package,
    load_package,
    of_language,
    require_package,
)
from neuron_specialization.corpora.translations import Translation
from neuron_specialization.errors import InputError

STRINGS, HELP, GNOME = "strings", "help", "gnome"
"""LibreOffice's menus and messages, LibreOffice's help, and GNOME's help."""
KINDS = (STRINGS, HELP, GNOME)
LEFT_OUT = (*help_pages.LEFT_OUT, *mallard_pages.LEFT_OUT)
"""Counts of what the readers leave out."""
RELEASE = re.compile(r"(?:\d+:)?(\d+\.\d+)")
"""The release of the software in a package's version: 7.4 in 4:7.4.7-1+deb12u14."""
CATALOGUES = "usr/lib/libreoffice/program/resource/"
HELP_PAGES = "usr/share/libreoffice/help/"
GNOME_PAGES = "usr/share/help/"
GNOME_PACKAGE = "gnome-user-docs"
ENGLISH = {HELP: "en-US", GNOME: "C"}
"""Folder of the English pages."""


@dataclass(frozen=True, kw_only=True)
class KindText:
    """The text of one kind in one language, and the package that it is from."""

    package: str
    version: str
    licence: str
    sha256: str
    """Hash of the files read, not of the package, whose other files may change."""
    strings: Iterable[Translation]
    left_out: Counter[str]
    """By LEFT_OUT; complete when the strings have been read."""

    @property
    def release(self) -> str:
        """The release of the software."""
        found = RELEASE.match(self.version)
        return found[1] if found else self.version


Reader = Callable[[str], KindText | None]
"""Reads the text of a language, by its code in Debian; None if there is none."""


def package_names(kinds: Iterable[str], codes: Iterable[str]) -> list[str]:
    """Return the names of the packages of some kinds and languages; not all of them exist."""
    codes = list(codes)
    names = {
        STRINGS: [f"libreoffice-l10n-{_package_code(code)}" for code in codes],
        HELP: [f"libreoffice-help-{_package_code(code)}" for code in (ENGLISH[HELP], *codes)],
        GNOME: [GNOME_PACKAGE],
    }
    return list(chain.from_iterable(names[kind] for kind in kinds))


def open_kind(kind: str, folder: Path) -> tuple[Reader, KindText | None]:
    """Return the reader of a kind, and its English (without strings), from packages in a folder.

    Raise InputError if the kind is unknown, or the package of its English is missing or damaged.
    """
    if kind == STRINGS:
        return lambda code: _read_strings(folder, code), None
    if kind == HELP:
        return _open_help(folder)
    if kind == GNOME:
        return _open_gnome(folder)
    raise InputError(f"no kind of text {kind!r} in packages; there are {', '.join(KINDS)}")


def _read_strings(folder: Path, code: str) -> KindText:
    (name,) = package_names([STRINGS], [code])
    package = load_package(require_package(folder, name), [f"{CATALOGUES}*/LC_MESSAGES/*"])
    files = _below(package.files, CATALOGUES, code)
    if not files:
        found = sorted({path.removeprefix(CATALOGUES).split("/")[0] for path in package.files})
        raise InputError(
            f"{package.path}: no catalogues of {code!r} in {CATALOGUES}; it has "
            f"{', '.join(found) or 'none at all'}"
        )
    strings = chain.from_iterable(
        read_catalogue(f"{package.path}: {path}", files[path]) for path in sorted(files)
    )
    return _text(package, files, strings, Counter())


def _open_help(folder: Path) -> tuple[Reader, KindText]:
    english_name, *_ = package_names([HELP], [])
    package, files = _load_help(require_package(folder, english_name), ENGLISH[HELP])
    english_counts = Counter(dict.fromkeys(help_pages.LEFT_OUT[:-1], 0))
    english = help_pages.read_blocks(str(package.path), files, english_counts)

    def read(code: str) -> KindText | None:
        path = find_package(folder, package_names([HELP], [code])[-1])
        if path is None:
            return None
        package, files = _load_help(path, code)
        counts = Counter(dict.fromkeys(help_pages.LEFT_OUT, 0))
        translated = help_pages.read_blocks(str(path), files, counts)
        return _text(package, files, help_pages.match_blocks(english, translated, counts), counts)

    return read, _text(package, files, (), english_counts)


def _load_help(path: Path, code: str) -> tuple[Package, dict[str, bytes]]:
    package = load_package(path, [f"{HELP_PAGES}*/text/*.html"])
    return package, _below(package.files, HELP_PAGES, code)


def _open_gnome(folder: Path) -> tuple[Reader, KindText]:
    path = require_package(folder, GNOME_PACKAGE)
    package = load_package(path, [f"{GNOME_PAGES}*.page"])
    pages = _below(package.files, GNOME_PAGES, ENGLISH[GNOME])
    english = mallard_pages.read_pages(str(path), pages)

    def read(code: str) -> KindText | None:
        files = _below(package.files, GNOME_PAGES, code)
        if not files:
            return None
        counts = Counter(dict.fromkeys(mallard_pages.LEFT_OUT, 0))
        translated = mallard_pages.read_pages(str(path), files)
        return _text(package, files, mallard_pages.match_pages(english, translated, counts), counts)

    return read, _text(package, pages, (), Counter())


def _below(files: Mapping[str, bytes], folder: str, code: str) -> dict[str, bytes]:
    """Return the files of a language, by their path within its folder."""
    paths = ((path, path.removeprefix(folder).partition("/")) for path in files)
    return {rest: files[path] for path, (name, _, rest) in paths if of_language(name, code)}


def _text(
    package: Package,
    files: Mapping[str, bytes],
    strings: Iterable[Translation],
    left_out: Counter[str],
) -> KindText:
    return KindText(
        package=package.name,
        version=package.version,
        licence=package.licence,
        sha256=content_hash(files),
        strings=strings,
        left_out=left_out,
    )


def _package_code(code: str) -> str:
    return code.lower().replace("_", "-")


def check_kinds(kinds: Sequence[str]) -> None:
    """Raise InputError if a kind is unknown or named twice, or there is none."""
    if not kinds or len({*kinds}) < len(kinds) or not {*kinds} <= {*KINDS}:
        raise InputError(
            f"kinds of text {', '.join(kinds) or '(none)'}: choose one or more of "
            f"{', '.join(KINDS)}, each once"
        )
