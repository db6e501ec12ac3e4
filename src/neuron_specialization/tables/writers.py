r"""Tables as files: CSV for programs, Markdown and HTML for reading, LaTeX for papers.

CSV takes tables of numbers, the others text (``text_tables``), of which several may stand in one
file. Files appear whole or not at all, and the same table gives the same bytes.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import pandas as pd

from neuron_specialization.files import write_text
from neuron_specialization.tables.latex import write_latex
from neuron_specialization.tables.score_tables import EXTRA_PARAMETERS
from neuron_specialization.tables.text_tables import (
    TextTable,
    capitalise,
    column_names,
    group_widths,
    rows_by_block,
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
    lines = [f"## {_escape_markdown(title)}"] if title else []
    for table in tables:
        header = [
            *table.labels,
            *(" ".join(filter(None, map(capitalise, c))) for c in table.columns),
        ]
        width = len(table.labels)
        rows = [
            [
                cell.replace("|", "\\|")
                for cell in (*map(_escape_markdown, row[:width]), *row[width:])
            ]
            for row in table.rows
        ]
        lines += [
            *([""] if lines else []),
            *([f"### {table.caption}", ""] if table.caption else []),
        ]
        lines += _markdown_lines(header, rows, num_labels=len(table.labels))
    notes = [f"- {_escape_markdown(line)}" for line in footer]
    write_text(path, "\n".join([*lines, *([""] if notes else []), *notes, ""]))


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


def write_texts(
    tables: Sequence[TextTable], out: Mapping[str, Path], *, title: str, footer: Sequence[str]
) -> None:
    """Write tables in the forms that people read: the files `markdown`, `latex` and `html`."""
    for form, write in (
        ("markdown", write_markdown),
        ("latex", write_latex),
        ("html", write_html),
    ):
        write(tables, Path(out[form]), title=title, footer=footer)


def _flat_name(column: tuple[str, str]) -> str:
    if column == EXTRA_PARAMETERS:
        return "extra_parameters"
    group, direction = column
    return f"{group}_{direction}".lower() if direction else group


def _escape_markdown(text: str) -> str:
    """Plain text in Markdown. What stands for itself stays: _ within a word, < before a space."""
    text = re.sub(r"[\\`*]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", text)
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text)
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)


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
        f'<th colspan="{width}">{escape(group)}</th>' for group, width in group_widths(table)
    )
    names = [f"<th>{escape(name)}</th>" for name in column_names(table)]
    lines += ["<table>", "<thead>"]
    if groups:
        empty = f'<th colspan="{len(table.labels)}"></th>'
        lines.append(f"<tr>{empty}{groups}</tr>")
    lines += [f"<tr>{''.join(cells + names)}</tr>", "</thead>", "<tbody>"]
    for first, row in rows_by_block(table):
        kind = ' class="base"' if first and table.base_row else ""
        labels = "".join(f'<td class="label">{escape(c)}</td>' for c in row[: len(table.labels)])
        numbers = "".join(f"<td>{escape(c)}</td>" for c in row[len(table.labels) :])
        lines.append(f"<tr{kind}>{labels}{numbers}</tr>")
    return [*lines, "</tbody>", "</table>"]
