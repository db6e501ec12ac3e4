"""Read gettext catalogues: .mo and .po files."""

import gettext
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

import polib

from neuron_specialization.corpora.translations import Translation
from neuron_specialization.errors import InputError

MO_MAGIC = (b"\xde\x12\x04\x95", b"\x95\x04\x12\xde")
PLURAL = re.compile(r"plural\s*=\s*([^;]+)")
GERMANIC = "n != 1"
"""The rule of a catalogue whose header has none."""
FEW, MANY = 1, 5
"""Numbers whose forms translate the English singular and the plural."""
STOCK = "stock"
"""Context of labels that several windows share."""


def read_catalogue(path: str, content: bytes) -> Iterator[Translation]:
    """Yield the strings of a catalogue; a plural entry is two strings.

    Args:
        path: its name in messages; the suffix is the format, the stem is in the keys.
        content: the bytes of the file.

    Raises:
        InputError: the catalogue is of another format, or damaged.
    """
    catalogue = parse_catalogue(path, content)
    domain = PurePosixPath(path).stem
    form = plural_form(path, catalogue.metadata.get("Plural-Forms", ""))
    for entry in catalogue:
        if isinstance(entry, polib.POEntry) and (entry.obsolete or entry.fuzzy):
            continue
        context = entry.msgctxt or ""
        marked = "|" in context or context == STOCK
        texts = [(entry.msgid, entry.msgstr)]
        if entry.msgid_plural:
            forms = entry.msgstr_plural
            texts = [
                (entry.msgid, forms.get(form(FEW), "")),
                (entry.msgid_plural, forms.get(form(MANY), "")),
            ]
        for english, translation in texts:
            yield Translation((domain, context, english), english, translation, marked)


def parse_catalogue(path: str, content: bytes) -> Any:
    """Return the catalogue as polib parses it.

    Raise InputError if its format is another one, or it is damaged.
    """
    suffix = PurePosixPath(path).suffix
    is_mo = content.startswith(MO_MAGIC)
    if suffix not in (".mo", ".po") or is_mo != (suffix == ".mo"):
        raise InputError(
            f"{path}: not a gettext catalogue; only .mo and .po files are read, not other formats "
            "such as .qm, .ts or .properties: leave this package out"
        )
    try:
        return polib.mofile(content) if is_mo else polib.pofile(content.decode())
    except (OSError, ValueError, IndexError, struct.error) as error:
        raise InputError(f"{path}: damaged catalogue ({error}); fetch the package again") from error


def plural_form(path: str, header: str) -> Callable[[int], int]:
    """Return the function from a number to the form that a header's Plural-Forms gives it."""
    found = PLURAL.search(header)
    try:
        return gettext.c2py(found[1].strip() if found else GERMANIC)
    except ValueError as error:
        raise InputError(f"{path}: Plural-Forms {header!r} cannot be read: {error}") from error
