r"""Main tables as files: CSV for programs, Markdown for reading, LaTeX for papers.

All take any table of ``tables`` or ``language_tables``. Markdown and LaTeX print one decimal, as
the paper does, and "–" for what is missing. Files appear whole or not at all, and the same table
gives the same bytes.
"""

import math
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pandas as pd

from neuron_specialization.analysis.tables import DELTA, EXTRA_PARAMETERS
from neuron_specialization.files import write_text

_MISSING = "–"
_LATEX_ESCAPES = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        # A row that begins with [ or * would be read as an option of the \\ before it.
        **{character: f"{{{character}}}" for character in "[]*"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        # LaTeX's default font encoding has dashes and quotes where ASCII has these.
        "|": r"\textbar{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "−": "$-$",
        "–": "--",
        "Δ": r"$\Delta$",
    }
)


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table at full precision, empty where missing.

    Columns: ``system``, ``kind`` (``absolute``, or ``delta`` to the first system),
    ``extra_parameters`` (percent), then ``high_o2m``, ``high_m2o``, ``high_avg``, ``med_o2m``
    and so on. With a ``score_table`` every system has a row of either kind. A table by language
    has ``direction`` (``o2m`` or ``m2o``) in front, and the scores' columns are the languages'
    codes, then ``high``, ``med``, ``low`` and ``avg``.
    """
    flat = table.copy()
    flat.columns = pd.Index([_flat_name(column) for column in table.columns])
    flat = flat.reset_index()
    if "direction" in table.index.names:
        flat["direction"] = flat["direction"].str.lower()
    write_text(path, flat.to_csv(index=False, lineterminator="\n"))


def write_markdown(table: pd.DataFrame, path: Path, *, title: str, footer: Sequence[str]) -> None:
    """Write a table with a title and one list item per footer line, aligned as plain text too."""
    labels = _label_names(table)
    header = [*labels, *(" ".join(filter(None, map(_capitalise, column))) for column in table)]
    rows = [[cell.replace("|", "\\|") for cell in row] for row in _format_rows(table)]
    lines = _markdown_lines(header, rows, num_labels=len(labels))
    notes = [f"- {line}" for line in footer]
    write_text(path, "\n".join([f"## {title}", "", *lines, *([""] if notes else []), *notes, ""]))


def write_parameters(table: pd.DataFrame, path: Path) -> None:
    """Write the parameters of systems as Markdown.

    ``table`` is indexed by system and has the columns models, total, trainable and added; a
    number is over all models of a system.
    """
    header = ["System", "Models", "Total", "Trainable", "Added"]
    rows = [
        [row.Index, str(row.models), *(f"{n:,}" for n in (row.total, row.trainable, row.added))]
        for row in table.itertuples()
    ]
    write_text(path, "\n".join([*_markdown_lines(header, rows, num_labels=1), ""]))


def write_latex(table: pd.DataFrame, path: Path, *, title: str, footer: Sequence[str]) -> None:
    r"""Write a floating table to ``\input`` in a document that loads booktabs.

    The title is its caption, which LaTeX numbers itself, the footer small lines below the
    tabular; both, like the labels, are plain text that is escaped here. Rules separate the
    blocks, if there are any, and the first row of a table or block from the others.
    """
    lines = [
        r"\begin{table*}",
        r"\centering",
        r"\small",
        r"\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{_escape_latex(title)}}}\smallskip",
        rf"\begin{{tabular}}{{{'l' * len(_label_names(table))}{'r' * len(table.columns)}}}",
        r"\toprule",
        *_latex_header(table),
        *_latex_body(table),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\smallskip{{\footnotesize {_escape_latex(line)}\par}}" for line in footer),
        r"\end{table*}",
    ]
    write_text(path, "\n".join([*lines, ""]))


def _flat_name(column: tuple[str, str]) -> str:
    if column == EXTRA_PARAMETERS:
        return "extra_parameters"
    group, direction = column
    return f"{group}_{direction}".lower() if direction else group


def _label_names(table: pd.DataFrame) -> list[str]:
    return [_capitalise(str(name)) for name in table.index.names if name != "kind"]


def _capitalise(name: str) -> str:
    return name[:1].upper() + name[1:]


def _format_rows(table: pd.DataFrame) -> list[list[str]]:
    return [
        [*map(str, labels), *(_format_cell(value, column, kind) for column, value in row.items())]
        for (*labels, kind), row in table.iterrows()
    ]


def _format_cell(value: float, column: tuple[str, str], kind: str) -> str:
    if math.isnan(value):
        return _MISSING
    if column == EXTRA_PARAMETERS:
        return f"{_format_signed(value, 0)} %"
    return _format_signed(value, 1) if kind == DELTA else f"{value:.1f}"


def _format_signed(value: float, decimals: int) -> str:
    digits = f"{abs(value):.{decimals}f}"
    # A sign in front of a rounded zero would claim a difference that the digits do not show.
    sign = "" if float(digits) == 0 else "+" if value > 0 else "−"
    return sign + digits


def _markdown_lines(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, num_labels: int
) -> list[str]:
    columns = [
        _align(cells, left=position < num_labels)
        for position, cells in enumerate(zip(header, *rows, strict=True))
    ]
    return [f"| {' | '.join(cells)} |" for cells in zip(*columns, strict=True)]


def _align(cells: Sequence[str], *, left: bool) -> list[str]:
    """Pad the cells of a column, with a delimiter below the header."""
    # Three is the narrowest delimiter that every Markdown dialect accepts.
    width = max(3, *map(len, cells))
    delimiter = "-" * width if left else "-" * (width - 1) + ":"
    header, *others = (cell.ljust(width) if left else cell.rjust(width) for cell in cells)
    return [header, delimiter, *others]


def _latex_header(table: pd.DataFrame) -> list[str]:
    names = [*_label_names(table), *(_capitalise(way or group) for group, way in table.columns)]
    has_groups = any(way for _, way in table.columns)
    return [*(_latex_groups(table) if has_groups else []), _latex_row(names)]


def _latex_groups(table: pd.DataFrame) -> list[str]:
    cells, rules, position = [""], [], 2
    for group, columns in groupby(table.columns, key=lambda column: column[0]):
        width = len(list(columns))
        if group == EXTRA_PARAMETERS[0]:
            cells.append("")
        else:
            cells.append(rf"\multicolumn{{{width}}}{{c}}{{{_escape_latex(group)}}}")
            rules.append(rf"\cmidrule(lr){{{position}-{position + width - 1}}}")
        position += width
    return [" & ".join(cells) + r" \\", "".join(rules)]


def _latex_body(table: pd.DataFrame) -> list[str]:
    width = table.index.nlevels - 2  # of what names a block, before the system: 0 without blocks
    lines = []
    for _, rows in groupby(_format_rows(table), key=lambda row: row[:width]):
        base, *others = rows
        unnamed = [[""] * width + row[width:] for row in others]
        lines += [r"\midrule", _latex_row(base)]
        lines += [r"\midrule", *map(_latex_row, unnamed)] if unnamed else []
    return lines


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(_escape_latex, cells)) + r" \\"


def _escape_latex(text: str) -> str:
    return text.translate(_LATEX_ESCAPES)
