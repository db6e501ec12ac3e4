"""Text files of a sentence per line."""

from collections.abc import Iterable
from pathlib import Path

from neuron_specialization.errors import InputError
from neuron_specialization.files import write_text


def read_text(path: Path) -> str:
    """Read a UTF-8 file; InputError names the file, and the line of a byte that is no UTF-8."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if not data:
        raise InputError(f"{path}: the file is empty; expected one sentence per line")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} is not valid UTF-8; "
            "convert the file to UTF-8"
        ) from error


def read_sentences(path: Path) -> list[str]:
    r"""Read a UTF-8 text file of one sentence per line.

    Lines end at ``\n`` only: translations may contain other separators that ``str.splitlines``
    takes for line ends (U+2028, U+0085), which would shift all later sentences. Raises
    ``InputError`` for a missing or empty file and for invalid UTF-8.
    """
    return read_text(path).removesuffix("\n").split("\n")


def read_aligned(path: Path, other: Path) -> tuple[list[str], list[str]]:
    """Read two files whose line n is the same sentence; InputError where one is longer."""
    sentences, others = read_sentences(path), read_sentences(other)
    if len(sentences) != len(others):
        shorter = min(len(sentences), len(others))
        raise InputError(
            f"{path} has {len(sentences)} lines but {other} has {len(others)}: line n of both "
            f"must be the same sentence, and there is no line {shorter + 1} in one of them"
        )
    return sentences, others


def write_sentences(path: Path, sentences: Iterable[str]) -> None:
    """Write one sentence per line, whole."""
    write_text(path, "".join(f"{sentence}\n" for sentence in sentences))
