"""Rendering: the whole text of small tables, and escapes."""

import re
from html import escape
from pathlib import Path

import markdown
import pytest
import yaml

from neuron_specialization.tables.render import TextTable, render, write_settings, write_texts

TABLE = TextTable(
    labels=("Direction", "System"),
    columns=(("Δ params", ""), ("High", "O2M"), ("High", "M2O"), ("avg", "")),
    rows=(
        ("O2M", "mT_big", "–", "25.0", "35.5", "1.0"),
        ("O2M", "Ours", "0 %", "+0.1†", "−2.0", "1.0"),
        ("O2M", "Random", "0 %", "0.0", "0.0", "1.0"),
        ("M2O", "mT_big", "–", "25.0", "35.5", "1.0"),
    ),
    block_labels=1,
    base_row=True,
)
SECOND = TextTable(
    labels=("System",),
    columns=(("zh_Hans", ""),),
    rows=(("A", "1"), ("B", "2")),
    caption="± & more",
)
TITLE, FOOTER = "BLEU & more", ["tok:13a|smooth:exp", "p < 0.05"]

MARKDOWN = """\
## BLEU & more

| Direction | System | Δ params | High O2M | High M2O | Avg |
| --------- | ------ | -------: | -------: | -------: | --: |
| O2M       | mT_big |        – |     25.0 |     35.5 | 1.0 |
| O2M       | Ours   |      0 % |    +0.1† |     −2.0 | 1.0 |
| O2M       | Random |      0 % |      0.0 |      0.0 | 1.0 |
| M2O       | mT_big |        – |     25.0 |     35.5 | 1.0 |

### ± & more

| System | Zh_Hans |
| ------ | ------: |
| A      |       1 |
| B      |       2 |

- tok:13a|smooth:exp
- p < 0.05
"""

LATEX = r"""\begin{table*}
\centering
\small
\setlength{\tabcolsep}{3pt}
\caption{BLEU \& more}\smallskip
\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%
\begin{tabular}{llrrrr}
\toprule
 &  &  & \multicolumn{2}{c}{High} &  \\
\cmidrule(lr){4-5}
Direction & System & $\Delta$ params & O2M & M2O & Avg \\
\midrule
O2M & mT\_big & -- & 25.0 & 35.5 & 1.0 \\
\midrule
 & Ours & 0 \% & +0.1\textsuperscript{\dag} & $-$2.0 & 1.0 \\
 & Random & 0 \% & 0.0 & 0.0 & 1.0 \\
\midrule
M2O & mT\_big & -- & 25.0 & 35.5 & 1.0 \\
\bottomrule
\end{tabular}
}
\par\medskip{\small $\pm$ \& more\par}\smallskip
\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%
\begin{tabular}{lr}
\toprule
System & Zh\_Hans \\
\midrule
A & 1 \\
B & 2 \\
\bottomrule
\end{tabular}
}
\par\smallskip{\footnotesize tok:13a\textbar{}smooth:exp\par}
\par\smallskip{\footnotesize p \textless{} 0.05\par}
\end{table*}
"""

HTML = """\
<body>
<h2>BLEU &amp; more</h2>
<table>
<thead>
<tr><th colspan="2"></th><th colspan="1"></th><th colspan="2">High</th><th colspan="1"></th></tr>
<tr><th class="label">Direction</th><th class="label">System</th><th>Δ params</th><th>O2M</th>\
<th>M2O</th><th>Avg</th></tr>
</thead>
<tbody>
<tr class="base"><td class="label">O2M</td><td class="label">mT_big</td><td>–</td><td>25.0</td>\
<td>35.5</td><td>1.0</td></tr>
<tr><td class="label"></td><td class="label">Ours</td><td>0 %</td><td>+0.1†</td>\
<td>−2.0</td><td>1.0</td></tr>
<tr><td class="label"></td><td class="label">Random</td><td>0 %</td><td>0.0</td>\
<td>0.0</td><td>1.0</td></tr>
<tr class="base"><td class="label">M2O</td><td class="label">mT_big</td><td>–</td><td>25.0</td>\
<td>35.5</td><td>1.0</td></tr>
</tbody>
</table>
<h3>± &amp; more</h3>
<table>
<thead>
<tr><th class="label">System</th><th>Zh_Hans</th></tr>
</thead>
<tbody>
<tr><td class="label">A</td><td>1</td></tr>
<tr><td class="label">B</td><td>2</td></tr>
</tbody>
</table>
<ul>
<li>tok:13a|smooth:exp</li>
<li>p &lt; 0.05</li>
</ul>
</body>
</html>
"""


def test_tables_in_every_form(tmp_path: Path) -> None:
    out = {form: tmp_path / form for form in ("markdown", "latex", "html")}
    write_texts([TABLE, SECOND], out, title=TITLE, footer=FOOTER)
    texts = {form: path.read_text(encoding="utf-8") for form, path in out.items()}
    assert texts["markdown"] == MARKDOWN
    assert texts["latex"] == LATEX
    head, body = texts["html"].split("</head>\n")
    assert body == HTML
    assert head.startswith('<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>')


@pytest.mark.parametrize(
    ("form", "start", "end"),
    [
        ("md", "### ± & more\n\n| System | Zh_Hans |\n", "| B      |       2 |\n"),
        ("tex", "\\begin{table*}\n", "\\end{tabular}\n}\n\\end{table*}\n"),
        ("html", "<!DOCTYPE html>\n", "</tbody>\n</table>\n</body>\n</html>\n"),
    ],
)
def test_without_title_and_footer(form: str, start: str, end: str) -> None:
    text = render(f"table.{form}.j2", tables=[SECOND], title="", footer=[])
    assert text.startswith(start)
    assert text.endswith(end)


def labelled(label: str) -> TextTable:
    return TextTable(labels=("System",), columns=(("x", ""),), rows=(("base", "1"), (label, "2")))


def test_markdown_shows_labels_and_footers_as_they_are() -> None:
    label, line = r"<x> a*b* _c_ `d` \e &lt; f_g", "see <b>, *this* and _that_; p < 0.05"
    text = render("table.md.j2", tables=[labelled(label)], title="*toy* <i>", footer=[line])
    html = markdown.markdown(text, extensions=["tables"])
    assert f"<td>{escape(label)}</td>" in html
    assert escape(line) in html
    assert f"<h2>{escape('*toy* <i>')}</h2>" in html
    assert "p < 0.05" in text


HOSTILE = [
    "![x](https://example.org/x.png)",
    "[x](javascript:alert(1))",
    "[x][y] ![x][y]",
    "[x]: https://example.org",
    "<img src=x onerror=alert(1)>",
    "<https://example.org>",
    "a\n\n# b\n\n- c",
    "a\n\n[x]: https://example.org\n",
    "a\r\n<script>alert(1)</script>",
    "a | b\n| --- |",
    "``` \n~~~",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_makes_no_links_images_or_blocks_of_text_from_elsewhere(text: str) -> None:
    table = TextTable(labels=(text,), columns=((text, text),), rows=((text, text),), caption=text)
    written = render("table.md.j2", tables=[table], title=text, footer=[text, "[x][y] [x] ![y]"])
    page = " ".join(markdown.markdown(written, extensions=["tables", "fenced_code"]).split())
    assert set(re.findall(r"<(\w+)", page)) == {
        *("h2", "h3", "ul", "li", "table", "thead"),
        *("tbody", "tr", "th", "td"),
    }
    shown = " ".join(text.split())
    assert all(page.count(f"<{tag}") == 1 for tag in ("h2", "h3", "ul", "table"))
    assert f"<h2>{escape(shown, quote=False)}</h2>" in page


@pytest.mark.parametrize("text", HOSTILE)
def test_latex_keeps_text_from_elsewhere_on_one_line(text: str) -> None:
    table = TextTable(labels=(text,), columns=((text, text),), rows=((text, text),), caption=text)
    plain = TextTable(labels=("a",), columns=(("a", "a"),), rows=(("a", "a"),), caption="a")
    lines = render("table.tex.j2", tables=[table], title=text, footer=[text]).splitlines()
    assert len(lines) == len(
        render("table.tex.j2", tables=[plain], title="a", footer=["a"]).splitlines()
    )


def test_markdown_keeps_bars_within_cells() -> None:
    text = render("table.md.j2", tables=[labelled("a|b")], title="", footer=[])
    assert [cell.strip() for cell in re.split(r"(?<!\\)\|", text.splitlines()[3])[1:-1]] == [
        r"a\|b",
        "2",
    ]


def test_latex_escapes_special_characters() -> None:
    text = render(
        "table.tex.j2", tables=[labelled(r"[a]*_b%{c}\d~^#$|<−")], title="%", footer=["&"]
    )
    assert (
        r"{[}a{]}{*}\_b\%\{c\}\textbackslash{}d\textasciitilde{}\textasciicircum{}\#\$"
        r"\textbar{}\textless{}$-$ & 2 \\"
    ) in text
    assert r"\caption{\%}" in text
    assert r"\footnotesize \&\par" in text


def test_html_escapes() -> None:
    text = render("table.html.j2", tables=[labelled("<b>&'")], title="<i>", footer=["a < b"])
    assert "&lt;b&gt;&amp;&#x27;" in text
    assert "<title>&lt;i&gt;</title>" in text
    assert "<li>a &lt; b</li>" in text
    assert not re.search("<[bi]>", text)


def test_the_page_of_settings_has_all_of_them(tmp_path: Path) -> None:
    config = {"dataset": "a < b", "analysis": {"k": 95, "sweep": {"k": [50]}}, "metrics": ["bleu"]}
    write_settings(config, tmp_path / "settings.html")
    text = (tmp_path / "settings.html").read_text(encoding="utf-8")
    assert "a &lt; b" in text
    assert "snakemake 9" in text
    listed = text.split("<h3>Configuration</h3><pre>")[1].split("</pre>")[0]
    assert yaml.safe_load(listed.replace("&lt;", "<").replace("&#x27;", "'")) == config
