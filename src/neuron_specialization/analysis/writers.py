r"""Main tables as files: CSV for programs, Markdown for reading, LaTeX for papers.

All take a table of ``tables.score_table`` or ``tables.main_table``. Markdown and LaTeX print one
decimal, as the paper does, and "–" for what is missing. Files appear whole or not at all, and the
same table gives the same bytes.
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
    and so on. With a ``score_table`` every system has a row of either kind.
    """
    flat = table.copy()
    flat.columns = pd.Index([_flat_name(column) for column in table.columns])
    write_text(path, flat.reset_index().to_csv(index=False, lineterminator="\n"))


def write_markdown(table: pd.DataFrame, path: Path, *, title: str, footer: Sequence[str]) -> None:
    """Write a table with a title and one list item per footer line, aligned as plain text too."""
    header = ["System", *(" ".join(filter(None, column)) for column in table.columns)]
    rows = [[cell.replace("|", "\\|") for cell in row] for row in _format_rows(table)]
    # Three is the narrowest delimiter that every Markdown dialect accepts.
    widths = [max(3, *map(len, column)) for column in zip(header, *rows, strict=True)]
    delimiter = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [_align(cells, widths) for cells in (header, delimiter, *rows)]
    notes = [f"- {line}" for line in footer]
    write_text(path, "\n".join([f"## {title}", "", *lines, *([""] if notes else []), *notes, ""]))


def write_latex(table: pd.DataFrame, path: Path, *, title: str, footer: Sequence[str]) -> None:
    r"""Write a floating table to ``\input`` in a document that loads booktabs.

    The title is its caption, which LaTeX numbers itself, the footer small lines below the
    tabular; both, like the labels, are plain text that is escaped here. A rule separates the
    first row from the others.
    """
    base, *others = (_latex_row(row) for row in _format_rows(table))
    lines = [
        r"\begin{table*}",
        r"\centering",
        r"\small",
        r"\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{_escape_latex(title)}}}\smallskip",
        rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        r"\toprule",
        *_latex_header(table),
        r"\midrule",
        base,
        *([r"\midrule", *others] if others else []),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\smallskip{{\footnotesize {_escape_latex(line)}\par}}" for line in footer),
        r"\end{table*}",
    ]
    write_text(path, "\n".join([*lines, ""]))


def _flat_name(column: tuple[str, str]) -> str:
    return "extra_parameters" if column == EXTRA_PARAMETERS else "_".join(column).lower()


def _format_rows(table: pd.DataFrame) -> list[list[str]]:
    return [
        [str(label), *(_format_cell(value, column, kind) for column, value in row.items())]
        for (label, kind), row in table.iterrows()
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


def _align(cells: Sequence[str], widths: Sequence[int]) -> str:
    label, *numbers = cells
    padded = [label.ljust(widths[0])]
    padded += [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)]
    return f"| {' | '.join(padded)} |"


def _latex_header(table: pd.DataFrame) -> list[str]:
    cells, rules, position = [""], [], 2
    for group, columns in groupby(table.columns, key=lambda column: column[0]):
        width = len(list(columns))
        if group == EXTRA_PARAMETERS[0]:
            cells.append("")
        else:
            cells.append(rf"\multicolumn{{{width}}}{{c}}{{{_escape_latex(group)}}}")
            rules.append(rf"\cmidrule(lr){{{position}-{position + width - 1}}}")
        position += width
    names = ["System", *(direction or group for group, direction in table.columns)]
    return [" & ".join(cells) + r" \\", "".join(rules), _latex_row(names)]


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(_escape_latex, cells)) + r" \\"


def _escape_latex(text: str) -> str:
    return text.translate(_LATEX_ESCAPES)
