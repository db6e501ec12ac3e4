r"""Tables as files: CSV for programs, Markdown and HTML for reading, LaTeX for papers.

CSV takes tables of numbers, the others text (``text_tables``), of which several may stand in one
file. Files appear whole or not at all, and the same table gives the same bytes.
"""

from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path

import pandas as pd

from neuron_specialization.analysis.tables import EXTRA_PARAMETERS
from neuron_specialization.analysis.text_tables import TextTable, capitalise
from neuron_specialization.files import write_text

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
        "±": r"$\pm$",
        "†": r"\textsuperscript{\dag}",
        "‡": r"\textsuperscript{\ddag}",
        "↓": r"\textsuperscript{$\downarrow$}",
        "§": r"\textsuperscript{\S}",
        "Δ": r"$\Delta$",
    }
)
_STYLE = """\
body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem; color: #222; }
h2 { font-size: 1.2rem; } h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: right; white-space: nowrap; }
th.label, td.label { text-align: left; }
thead th[colspan] { text-align: center; }
thead tr:last-child th { border-bottom: 1px solid #222; }
tr.base td { border-top: 1px solid #222; border-bottom: 1px solid #bbb; }
ul { font-size: .85rem; color: #444; padding-left: 1.2rem; }
"""


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table at full precision, empty where missing.

    Columns: ``system``, ``kind`` (``absolute``, ``delta`` to the first system, ``deviation`` over
    seeds), ``extra_parameters`` (percent), then ``high_o2m``, ``high_m2o``, ``high_avg``,
    ``med_o2m`` and so on. A table by language has ``direction`` (``o2m`` or ``m2o``) in front, and
    the scores' columns are the languages' codes, then ``high``, ``med``, ``low`` and ``avg``.
    Averages against untouched references come last.
    """
    flat = table.copy()
    flat.columns = pd.Index([_flat_name(column) for column in table.columns])
    flat = flat.reset_index()
    if "direction" in table.index.names:
        flat["direction"] = flat["direction"].str.lower()
    write_text(path, flat.to_csv(index=False, lineterminator="\n"))


def write_markdown(
    tables: Sequence[TextTable], path: Path, *, title: str, footer: Sequence[str]
) -> None:
    """Write tables with a title and one list item per footer line, aligned as plain text too."""
    lines = [f"## {title}"] if title else []
    for table in tables:
        header = [
            *table.labels,
            *(" ".join(filter(None, map(capitalise, c))) for c in table.columns),
        ]
        rows = [[cell.replace("|", "\\|") for cell in row] for row in table.rows]
        lines += [
            *([""] if lines else []),
            *([f"### {table.caption}", ""] if table.caption else []),
        ]
        lines += _markdown_lines(header, rows, num_labels=len(table.labels))
    notes = [f"- {line}" for line in footer]
    write_text(path, "\n".join([*lines, *([""] if notes else []), *notes, ""]))


def write_latex(
    tables: Sequence[TextTable], path: Path, *, title: str, footer: Sequence[str]
) -> None:
    r"""Write a floating table to ``\input`` in a document that loads booktabs and graphicx.

    The title is its caption, which LaTeX numbers itself, the footer small lines below; both, like
    the labels, are plain text that is escaped here. Rules separate the blocks, if there are any,
    and the first row of a table or block from the others. A table too wide for the page is
    made smaller.
    """
    lines = [
        r"\begin{table*}",
        r"\centering",
        r"\small",
        r"\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{_escape_latex(title)}}}\smallskip",
        *(line for table in tables for line in _latex_tabular(table)),
        *(rf"\par\smallskip{{\footnotesize {_escape_latex(line)}\par}}" for line in footer),
        r"\end{table*}",
    ]
    write_text(path, "\n".join([*lines, ""]))


def write_html(
    tables: Sequence[TextTable], path: Path, *, title: str, footer: Sequence[str]
) -> None:
    """Write a page that stands alone: tables, and the footer as a list."""
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        f'<head><meta charset="utf-8"><title>{escape(title)}</title>',
        f"<style>\n{_STYLE}</style></head>",
        f"<body>\n<h2>{escape(title)}</h2>",
        *(line for table in tables for line in _html_table(table)),
        *(["<ul>", *(f"<li>{escape(line)}</li>" for line in footer), "</ul>"] if footer else []),
        "</body>\n</html>",
    ]
    write_text(path, "\n".join([*lines, ""]))


def _flat_name(column: tuple[str, str]) -> str:
    if column == EXTRA_PARAMETERS:
        return "extra_parameters"
    group, direction = column
    return f"{group}_{direction}".lower() if direction else group


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


def _html_table(table: TextTable) -> list[str]:
    lines = [f"<h3>{escape(table.caption)}</h3>"] if table.caption else []
    cells = [f'<th class="label">{escape(name)}</th>' for name in table.labels]
    groups = "".join(
        f'<th colspan="{width}">{escape(group)}</th>' for group, width in _group_widths(table)
    )
    names = [f"<th>{escape(name)}</th>" for name in _column_names(table)]
    lines += ["<table>", "<thead>"]
    if groups:
        empty = f'<th colspan="{len(table.labels)}"></th>'
        lines.append(f"<tr>{empty}{groups}</tr>")
    lines += [f"<tr>{''.join(cells + names)}</tr>", "</thead>", "<tbody>"]
    for first, row in _rows_by_block(table):
        kind = ' class="base"' if first and table.base_row else ""
        labels = "".join(f'<td class="label">{escape(c)}</td>' for c in row[: len(table.labels)])
        numbers = "".join(f"<td>{escape(c)}</td>" for c in row[len(table.labels) :])
        lines.append(f"<tr{kind}>{labels}{numbers}</tr>")
    return [*lines, "</tbody>", "</table>"]


def _latex_tabular(table: TextTable) -> list[str]:
    alignment = "l" * len(table.labels) + "r" * len(table.columns)
    caption = rf"\par\medskip{{\small {_escape_latex(table.caption)}\par}}\smallskip"
    return [
        *([caption] if table.caption else []),
        r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        *_latex_header(table),
        *_latex_body(table),
        r"\bottomrule",
        r"\end{tabular}",
        "}",
    ]


def _latex_header(table: TextTable) -> list[str]:
    cells, rules, position = [""] * len(table.labels), [], len(table.labels) + 1
    for group, width in _group_widths(table):
        name = _escape_latex(group)
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{name}}}" if group else "")
        if group:
            rules.append(rf"\cmidrule(lr){{{position}-{position + width - 1}}}")
        position += width
    groups = [" & ".join(cells) + r" \\", "".join(rules)] if rules else []
    return [*groups, _latex_row([*table.labels, *_column_names(table)])]


def _latex_body(table: TextTable) -> list[str]:
    lines = []
    after_base = False
    for first, row in _rows_by_block(table):
        if first or after_base:
            lines.append(r"\midrule")
        lines.append(_latex_row(row))
        after_base = first and table.base_row
    return lines


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(_escape_latex, cells)) + r" \\"


def _escape_latex(text: str) -> str:
    return text.translate(_LATEX_ESCAPES)


def _column_names(table: TextTable) -> list[str]:
    """The lower level of the header: the side of a group, or the name of a lone column."""
    return [capitalise(side or group) for group, side in table.columns]


def _group_widths(table: TextTable) -> list[tuple[str, int]]:
    """The upper level of the header: groups and how many columns each spans; lone columns ""."""
    if not any(side for _, side in table.columns):
        return []
    names = [group if side else "" for group, side in table.columns]
    widths = []
    for name, members in groupby(names):
        size = len(list(members))
        widths += [(name, size)] if name else [("", 1)] * size
    return widths


def _rows_by_block(table: TextTable) -> list[tuple[bool, tuple[str, ...]]]:
    """Each row with whether it is the first of its block, whose name only that one has."""
    width = table.block_labels
    rows = []
    for _, block in groupby(table.rows, key=lambda row: row[:width]):
        first, *others = block
        rows += [(True, first), *((False, ("",) * width + row[width:]) for row in others)]
    return rows
