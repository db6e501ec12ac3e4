r"""Tables and pages rendered from templates: Markdown, LaTeX and HTML.

To use the LaTeX, `\input` it in a document that loads booktabs and graphicx; a table too wide for
the page is scaled down. Files are written atomically, and the same table gives the same bytes.
"""

import math
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from neuron_specialization.files import write_text

TEMPLATES = Path(__file__).with_name("templates")
MISSING = "–"
PACKAGES = (
    *("torch", "fairseq-fixed", "sentencepiece", "sacrebleu", "sacremoses", "unbabel-comet"),
    *("snakemake", "numpy", "scipy", "pandas", "matplotlib"),
)
_FORMS = {"markdown": "table.md.j2", "latex": "table.tex.j2", "html": "table.html.j2"}
# LaTeX is full of braces and percent signs
_LATEX_SYNTAX: dict[str, Any] = {
    **{"variable_start_string": "<<", "variable_end_string": ">>"},
    **{"block_start_string": "<%", "block_end_string": "%>"},
    **{"comment_start_string": "<#", "comment_end_string": "#>"},
}
_LATEX_ESCAPES = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        # LaTeX would read a leading [ or * as an option of the preceding \\.
        **{character: f"{{{character}}}" for character in "[]*"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        # LaTeX's default font encoding replaces these by dashes and quotes.
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


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """A table whose cells are text, to be written as Markdown, LaTeX or HTML."""

    labels: tuple[str, ...]
    """Headers of the columns that name a row."""
    columns: tuple[tuple[str, str], ...]
    """Headers of the other columns, in two levels, of which the second may be empty."""
    rows: tuple[tuple[str, ...], ...]
    """Cells, labels first."""
    block_labels: int = 0
    """Number of labels that name a block of rows; printed only in its first row."""
    base_row: bool = False
    """True if the first row of each block is the reference for the others."""
    caption: str = ""
    """Title of a table that follows another one."""

    @property
    def names(self) -> tuple[str, ...]:
        """The lower level of the header: the side of a group, or the name of a lone column."""
        return tuple(capitalise(side or group) for group, side in self.columns)

    @property
    def groups(self) -> list[tuple[str, int, int]]:
        """The upper level of the header, [] if empty: each group's name, "" for a lone column, its
        first column of the table (from 1) and the number of columns that it spans.
        """
        if not any(side for _, side in self.columns):
            return []
        groups, first = [], len(self.labels) + 1
        for name, members in groupby(group if side else "" for group, side in self.columns):
            size = len(list(members))
            for width in [size] if name else [1] * size:
                groups.append((name, first, width))
                first += width
        return groups

    @property
    def blocks(self) -> list[list[tuple[str, ...]]]:
        """The rows of each block; only the first row has the block's name."""
        width = self.block_labels
        blocks = [list(rows) for _, rows in groupby(self.rows, key=lambda row: row[:width])]
        return [
            [first, *(("",) * width + row[width:] for row in others)] for first, *others in blocks
        ]


def write_texts(
    tables: Sequence[TextTable], out: Mapping[str, Path], *, title: str, footer: Sequence[str]
) -> None:
    """Write tables, one below the other, with a title and footer lines.

    Title, footer and cells are plain text, which is escaped here.

    Args:
        tables: the tables of one file.
        out: the files, by `markdown`, `latex` and `html`.
        title: title of the page, or the caption in LaTeX, which numbers it.
        footer: lines of a list below the tables.
    """
    for form, template in _FORMS.items():
        write_text(Path(out[form]), render(template, tables=tables, title=title, footer=footer))


def write_page(
    tables: Sequence[TextTable], path: Path, *, title: str, footer: Sequence[str]
) -> None:
    """Write tables as HTML only."""
    write_text(path, render(_FORMS["html"], tables=tables, title=title, footer=footer))


def write_settings(config: Mapping[str, Any], path: Path) -> None:
    """Write a page with the whole configuration as YAML and the versions of packages."""
    versions = [f"Python {platform.python_version()} on {platform.machine()}"]
    versions += [f"{name} {_installed(name)}" for name in PACKAGES]
    page = render(
        "settings.html.j2",
        title=f"Settings of {config['dataset']}",
        versions=versions,
        settings=yaml.safe_dump(dict(config), allow_unicode=True, sort_keys=True),
    )
    write_text(path, page)


def render(template: str, **values: Any) -> str:
    """Fill in a template; escape all values for the format in its name."""
    form = template.split(".")[1]
    escapes: dict[str, Callable[[str], str]]
    escapes = {
        "md": _escape_markdown,
        "tex": lambda text: " ".join(text.splitlines()).translate(_LATEX_ESCAPES),
        "html": escape,
    }
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        finalize=lambda value: value if isinstance(value, Markup) else escapes[form](str(value)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **(_LATEX_SYNTAX if form == "tex" else {}),
    )
    environment.filters["markdown"] = _markdown
    return environment.get_template(template).render(values)


def capitalise(name: str) -> str:
    """Return the name with its first letter capitalised, the others unchanged."""
    return name[:1].upper() + name[1:]


def format_number(value: float, decimals: int, *, signed: bool = False) -> str:
    """Format a number with thousands separators, or a signed difference; MISSING for nan."""
    if math.isnan(value):
        return MISSING
    return format_signed(value, decimals) if signed else f"{value:,.{decimals}f}"


def format_signed(value: float, decimals: int) -> str:
    """Format a difference with its sign, but a rounded zero without one."""
    digits = f"{abs(value):.{decimals}f}"
    # A sign in front of a rounded zero would claim a difference that the digits do not show.
    sign = "" if float(digits) == 0 else "+" if value > 0 else "−"
    return sign + digits


def _markdown(table: TextTable) -> Markup:
    """Return the lines of a table, aligned for reading as plain text."""
    width = len(table.labels)
    header = [*table.labels, *(" ".join(filter(None, map(capitalise, c))) for c in table.columns)]
    rows = [
        [_escape_markdown(cell).replace("|", "\\|") for cell in row]
        for row in (header, *table.rows)
    ]
    columns = [
        _align(column, left=position < width)
        for position, column in enumerate(zip(*rows, strict=True))
    ]
    return Markup("\n".join(f"| {' | '.join(line)} |" for line in zip(*columns, strict=True)))


def _align(cells: Sequence[str], *, left: bool) -> list[str]:
    """Pad the cells of a column, with a delimiter below the header."""
    # Three is the narrowest delimiter that every Markdown dialect accepts.
    width = max(3, *map(len, cells))
    delimiter = "-" * width if left else "-" * (width - 1) + ":"
    header, *others = (cell.ljust(width) if left else cell.rjust(width) for cell in cells)
    return [header, delimiter, *others]


def _escape_markdown(text: str) -> str:
    """Escape plain text for one line of Markdown.

    Harmless characters stay: _ within a word, < before a space, and brackets that make no link.
    """
    text = " ".join(text.splitlines())
    text = re.sub(r"[\\`*]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:])", r"\\\g<0>", text)
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text)
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)


def _installed(package: str) -> str:
    """Return a package's version; conda environments have only the packages of their rules."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not in the environment of this job)"
