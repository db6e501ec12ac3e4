r"""Tables as LaTeX, to ``\input`` in a paper."""

from collections.abc import Sequence
from pathlib import Path

from neuron_specialization.files import write_text
from neuron_specialization.tables.text_tables import (
    TextTable,
    column_names,
    group_widths,
    rows_by_block,
)

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
        "¶": r"\textsuperscript{\P}",
        "↓": r"\textsuperscript{$\downarrow$}",
        "§": r"\textsuperscript{\S}",
        "Δ": r"$\Delta$",
    }
)


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
    for group, width in group_widths(table):
        name = _escape_latex(group)
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{name}}}" if group else "")
        if group:
            rules.append(rf"\cmidrule(lr){{{position}-{position + width - 1}}}")
        position += width
    groups = [" & ".join(cells) + r" \\", "".join(rules)] if rules else []
    return [*groups, _latex_row([*table.labels, *column_names(table)])]


def _latex_body(table: TextTable) -> list[str]:
    lines = []
    after_base = False
    for first, row in rows_by_block(table):
        if first or after_base:
            lines.append(r"\midrule")
        lines.append(_latex_row(row))
        after_base = first and table.base_row
    return lines


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(_escape_latex, cells)) + r" \\"


def _escape_latex(text: str) -> str:
    return text.translate(_LATEX_ESCAPES)
