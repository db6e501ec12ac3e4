"""Mirrors: folders that are laid out like the downloads folder, on a disk or a web server."""

from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from neuron_specialization.errors import InputError

WEB = ("http://", "https://")
FILE = "file://"


def local_path(address: str) -> Path | None:
    """The path of a `file://` address, None for any other.

    Raises:
        InputError: the address names another machine, or is no absolute path.
    """
    if not address.startswith(FILE):
        return None
    parts = urlsplit(address)
    if parts.netloc not in ("", "localhost"):
        raise InputError(
            f"{address}: no file of this machine, which would be {FILE}/{parts.netloc}{parts.path}"
        )
    return Path(url2pathname(parts.path))


def mirror_folder(mirror: str) -> Path | None:
    """The folder of a mirror on a disk, None for no mirror or one on the web.

    Raises:
        InputError: there is no such folder.
    """
    if not mirror or mirror.startswith(WEB):
        return None
    folder = local_path(mirror) or Path(mirror)
    if not folder.is_dir():
        raise InputError(
            f"mirror {mirror!r}: no such folder; give one that is laid out like the downloads "
            "folder, an http(s) address of such a folder, or nothing"
        )
    return folder


def web_address(mirror: str, name: str) -> str:
    """Where a mirror on the web may have a file.

    Args:
        mirror: an http(s) address.
        name: path below the downloads folder.
    """
    return f"{mirror.rstrip('/')}/{quote(name)}"


def mirror_address(mirror: str, name: str) -> str | None:
    """Where a mirror may have a file, None where it is known to have none.

    Args:
        mirror: a folder, its `file://` address, or an http(s) address; empty for no mirror.
        name: path below the downloads folder.

    Raises:
        InputError: the mirror is a folder that does not exist.
    """
    if mirror.startswith(WEB):
        return web_address(mirror, name)
    folder = mirror_folder(mirror)
    if folder is None or not (folder / name).is_file():
        return None
    return (folder / name).absolute().as_uri()
