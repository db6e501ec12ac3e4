"""Tiny Debian packages in the layout of the real ones."""

import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import polib
from backports import zstd

VERSION = "4:7.4.7-1+deb12u14"
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstd.compress,
}
LICENCE = """Format: http://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: LibreOffice contributors
License: MPL-2.0
 See /usr/share/common-licenses/MPL-2.0.

Files: icons/*
License: CC0
"""
ENGLISH = [
    "The document could not be saved to this folder.",
    "Select the colour of the border around each table.",
    "Press any arrow key to move an object by one pixel.",
    "Spelling is checked while you type new paragraphs.",
    "Macros from unknown senders may harm your computer!",
    "Do you want to replace the existing backup copy?",
    "Formulas are recalculated whenever a cell changes.",
    "Charts show numbers as bars, lines, or slices of pie.",
    "Footnotes appear at the bottom of every printed page.",
    "Choose which printer receives large envelopes.",
    "Hidden slides are skipped during a presentation.",
    "Passwords must have at least eight characters.",
]
"""Sentences unlike one another."""


def deb(
    folder: Path, name: str, files: Mapping[str, bytes], version: str = VERSION, suffix: str = ".xz"
) -> Path:
    """Write a package that has files, its licence, a folder and a link."""
    content = {**files, f"usr/share/doc/{name}/copyright": LICENCE.encode()}
    fields = f"Package: {name}\nVersion: {version}\nDescription: text\n of several lines\n"
    parts = {
        "debian-binary": b"2.0\n",
        f"control.tar{suffix}": COMPRESS[suffix](tar({"control": fields.encode()})),
        f"data.tar{suffix}": COMPRESS[suffix](tar(content)),
    }
    path = folder / f"{name}_{version.replace(':', '%3a')}_all.deb"
    path.write_bytes(ar(parts))
    return path


def ar(parts: Mapping[str, bytes]) -> bytes:
    """Return an ar archive; members start at even places."""
    heads = (f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(parts[name]):<10}`\n" for name in parts)
    members = zip(heads, parts.values(), strict=True)
    return b"!<arch>\n" + b"".join(
        head.encode() + content + b"\n" * (len(content) % 2) for head, content in members
    )


def tar(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        folder, link = tarfile.TarInfo("./usr"), tarfile.TarInfo("./usr/link.mo")
        folder.type, link.type, link.linkname = tarfile.DIRTYPE, tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(folder)
        archive.addfile(link)
        for name, content in files.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def catalogue(*entries: polib.POEntry, plural: str = "nplurals=2; plural=n != 1;") -> polib.POFile:
    """Return a catalogue; without `plural`, its header lacks the rule."""
    found = polib.POFile()
    found.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
    if plural:
        found.metadata["Plural-Forms"] = plural
    found.extend(entries)
    return found


def mo(strings: Mapping[str, str], context: str = "dialog|label") -> bytes:
    entries = [polib.POEntry(msgctxt=context, msgid=a, msgstr=b) for a, b in strings.items()]
    return catalogue(*entries).to_binary()


def strings_deb(folder: Path, lang: str, strings: Mapping[str, str]) -> Path:
    path = f"usr/lib/libreoffice/program/resource/{lang}/LC_MESSAGES/sw.mo"
    return deb(folder, f"libreoffice-l10n-{lang}", {path: mo(strings)})


def help_deb(folder: Path, lang: str, *blocks: str) -> Path:
    """Write the help of a language: one page of blocks with ids par_id1, par_id2, ..."""
    html = "".join(
        f'<p id="par_id{number}" class="paragraph" dir="auto">{block}</p>\n'
        for number, block in enumerate(blocks, start=1)
    )
    page = f'<!DOCTYPE html>\n<html lang="{lang}">\n<p dir="auto">Help</p>\n{html}</html>\n'
    path = f"usr/share/libreoffice/help/{lang}/text/shared/main.html"
    return deb(folder, f"libreoffice-help-{lang.lower()}", {path: page.encode()})


def gnome_deb(folder: Path, pages: Mapping[str, str]) -> Path:
    """Write GNOME's help: by language (C is English), the inside of its one page."""
    head = '<page xmlns="http://projectmallard.org/1.0/" id="files-copy">'
    files = {
        f"usr/share/help/{lang}/gnome-help/files-copy.page": f"{head}{inside}</page>".encode()
        for lang, inside in pages.items()
    }
    return deb(folder, "gnome-user-docs", files, version="43.0-2")


def translated(english: str, lang: str) -> str:
    """Return something unlike English, of about the same length and with the same words."""
    return " ".join(f"{lang}{word[::-1]}" for word in english.split())
