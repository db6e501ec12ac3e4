"""Read two columns of TSV files, chosen by number or by name."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from neuron_specialization.corpora.bad_lines import BadLines
from neuron_specialization.corpora.text_lines import decode, read_lines
from neuron_specialization.errors import InputError
from neuron_specialization.settings.languages import two_letter_code

Column = int | str | None
"""Number or name of a column; None for one of just two, in the order of the languages."""
HEADINGS = ("source", "target", "src", "tgt", "trg", "sentence", "text", "translation")
"""Names of columns that are no sentences."""


def read_columns(
    path: Path, columns: Mapping[str, Column], *, header: bool, bad: BadLines
) -> Iterator[list[bytes]]:
    """Yield the two fields of each line, the pivot's first.

    Args:
        path: the file.
        columns: the column of each language of the pair.
        header: the first line names the columns.
        bad: for lines without as many columns as the first.

    Raise InputError if a column does not exist, or if the first line seems to be a header that the
    settings do not have.
    """
    lines = enumerate(read_lines(path), start=1)
    first = next(lines, None)
    if first is None:
        return
    fields = first[1].split(b"\t")
    names = [decode(field) or "" for field in fields]
    places = find_columns(path, names, columns, header=header)
    if not header:
        check_no_header(path, [names[place] for place in places], [*columns])
        yield [fields[place] for place in places]
    for number, line in lines:
        fields = line.split(b"\t")
        if len(fields) != len(names):
            bad.add(f"{path}:{number}: {len(fields) - 1} tabs, the first line has {len(names) - 1}")
        elif header:
            yield [unquoted(fields[place]) for place in places]
        else:
            yield [fields[place] for place in places]


def find_columns(
    path: Path, names: Sequence[str], columns: Mapping[str, Column], *, header: bool
) -> list[int]:
    """Return the position of each language's column in a line; raise InputError if it has none."""
    places = []
    for position, (language, column) in enumerate(columns.items()):
        if column is None and len(names) == len(columns):
            places.append(position)
        elif isinstance(column, int) and column <= len(names):
            places.append(column - 1)
        elif isinstance(column, str) and header and names.count(column) == 1:
            places.append(names.index(column))
        else:
            wanted = f"the column {column!r} of {language!r} once" if column else "just two columns"
            found = ", ".join(names) if header else f"{len(names) - 1} tabs"
            raise InputError(
                f"{path}:1: the first line must have {wanted}, it has {found}; say which columns "
                "are the two languages', such as columns: [2, 4]"
            )
    return places


def check_no_header(path: Path, fields: Sequence[str], languages: Sequence[str]) -> None:
    """Raise InputError if the first line seems to name its columns."""
    known = {two_letter_code(language) for language in languages}
    if all(
        field.strip().lower() in HEADINGS or two_letter_code(field.strip()) in known
        for field in fields
    ):
        raise InputError(
            f"{path}:1: {' and '.join(map(repr, fields))} look like names of columns, not "
            "sentences: set header: true, or remove the line"
        )


def unquoted(field: bytes) -> bytes:
    """Unquote a field that is quoted because it contains quotation marks; keep other fields."""
    if not (field.startswith(b'"') and field.endswith(b'"')):
        return field
    inside = field[1:-1]
    all_doubled = b'"' in inside and b'"' not in inside.replace(b'""', b"")
    return inside.replace(b'""', b'"') if all_doubled else field
