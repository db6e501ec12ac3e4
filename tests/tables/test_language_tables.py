"""Tables by language: exact small cases and the files written."""

import re
import shutil
import subprocess

import pandas as pd
import pytest
from neuron_specialization.tables.language_tables import language_score_table
from neuron_specialization.tables.latex import write_latex
from neuron_specialization.tables.text_tables import score_text
from neuron_specialization.tables.writers import write_csv, write_markdown

from neuron_specialization.errors import InputError
from neuron_specialization.settings.languages import TABLE_COLUMNS
from neuron_specialization.tables.score_tables import EXTRA_PARAMETERS, main_table
from tests.tables.test_score_tables import count_latex_columns, system

LEVELS = {"de": "high", "es": "high", "sv": "medium", "lb": "low", "gu": "low", "oc": ""}
LANGUAGES = ["lb", "de", "es"]  # not sorted, to show that their order is kept
SCORES = {
    "en-de": 30.0,
    "en-es": 20.0,
    "en-lb": 4.0,
    "de-en": 40.0,
    "es-en": 31.0,
    "lb-en": 7.0,
    "en-sv": 99.0,  # not of this table
}
SYSTEMS = [
    system("Bilingual", SCORES),
    system("mT_big", {**SCORES, "en-de": 31.5, "lb-en": 13.0}, 0.0),
    system("Partial", {"en-de": 29.0, "en-es": 20.0, "en-lb": 4.5, "es-en": 31.25}, -38.2),
]
NAN = float("nan")


def arguments(languages=LANGUAGES, metric="bleu", levels=LEVELS):
    return {"metric": metric, "languages": languages, "levels": levels, "pivot": "en"}


def cells(table, row):
    return table.loc[row].drop(EXTRA_PARAMETERS).tolist()


def names(table):
    return [name for name, _ in table.columns[1:]]


def test_columns_are_languages_in_order_then_averages():
    table = language_score_table(SYSTEMS, **arguments())
    expected = [EXTRA_PARAMETERS, *((name, "") for name in [*LANGUAGES, "high", "low", "avg"])]
    assert list(table.columns) == expected
    assert table[EXTRA_PARAMETERS].tolist() == pytest.approx([NAN, 0.0, -38.2] * 4, nan_ok=True)


def test_every_block_has_every_system_absolute_and_as_delta():
    table = language_score_table(SYSTEMS, **arguments())
    assert list(table.index.names) == ["direction", "system", "kind"]
    assert list(table.index) == [
        (block, entry.label, kind)
        for block in ("O2M", "M2O")
        for kind in ("absolute", "delta")
        for entry in SYSTEMS
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (("O2M", "Bilingual", "absolute"), [4.0, 30.0, 20.0, 25.0, 4.0, 18.0]),
        (("O2M", "Bilingual", "delta"), [0.0] * 6),
        (("O2M", "mT_big", "absolute"), [4.0, 31.5, 20.0, 25.75, 4.0, 18.5]),
        (("O2M", "mT_big", "delta"), [0.0, 1.5, 0.0, 0.75, 0.0, 0.5]),
        (("M2O", "Bilingual", "absolute"), [7.0, 40.0, 31.0, 35.5, 7.0, 26.0]),
        (("M2O", "mT_big", "delta"), [6.0, 0.0, 0.0, 0.0, 6.0, 2.0]),
        # what a system lacks is missing, and so are the averages it belongs to
        (("M2O", "Partial", "absolute"), [NAN, NAN, 31.25, NAN, NAN, NAN]),
        (("M2O", "Partial", "delta"), [NAN, NAN, 0.25, NAN, NAN, NAN]),
    ],
)
def test_cells(row, expected):
    table = language_score_table(SYSTEMS, **arguments())
    assert cells(table, row) == pytest.approx(expected, rel=0, abs=0, nan_ok=True)


def test_deltas_to_a_reference_without_a_direction_are_missing():
    table = language_score_table([SYSTEMS[2], SYSTEMS[0]], **arguments())
    row = cells(table, ("M2O", "Bilingual", "delta"))
    assert row == pytest.approx([NAN, NAN, -0.25, NAN, NAN, NAN], nan_ok=True)


def test_main_table_has_in_each_block_the_first_absolute_and_the_others_as_deltas():
    full = language_score_table(SYSTEMS, **arguments())
    main = main_table(language_score_table(SYSTEMS, **arguments()))
    expected = [
        (block, label, kind)
        for block in ("O2M", "M2O")
        for label, kind in (("Bilingual", "absolute"), ("mT_big", "delta"), ("Partial", "delta"))
    ]
    assert list(main.index) == expected
    pd.testing.assert_frame_equal(main, full.loc[expected])


@pytest.mark.parametrize(
    ("languages", "averages"),
    [
        (["de"], ["avg"]),
        (["de", "es"], ["avg"]),
        (["oc"], ["avg"]),
        (["lb", "gu", "sv", "de"], ["high", "med", "low", "avg"]),
        (["sv", "lb"], ["med", "low", "avg"]),
        # some languages have no level: the average of the others is not that of all
        (["de", "oc", "es"], ["high", "avg"]),
    ],
)
def test_averages_are_of_the_levels_that_occur_unless_there_is_one(languages, averages):
    table = main_table(language_score_table(SYSTEMS, **arguments(languages)))
    assert names(table) == [*languages, *averages]


def test_without_levels_there_is_one_average():
    table = language_score_table(SYSTEMS, **arguments(levels=dict.fromkeys(LANGUAGES, "")))
    assert names(table) == [*LANGUAGES, "avg"]
    assert cells(table, ("O2M", "Bilingual", "absolute")) == [4.0, 30.0, 20.0, 18.0]


@pytest.mark.parametrize(
    ("systems", "request_", "message"),
    [
        ([], arguments(), "at least one system"),
        (SYSTEMS, arguments([]), "at least one system and one direction"),
        ([SYSTEMS[0], SYSTEMS[0]], arguments(), "same label: Bilingual"),
        (SYSTEMS, arguments(metric="comet"), "metric 'comet': found bleu"),
        (SYSTEMS, arguments(["de", "es", "de"]), "columns with the same name: de; list every"),
        (SYSTEMS, arguments(["low"], levels={"low": ""}), "columns with the same name: low;"),
        (SYSTEMS, arguments(["kind"], levels={"kind": ""}), "columns with the same name: kind;"),
        (SYSTEMS, arguments(["de", "xx"]), "language 'xx' is translated but has no entry"),
        (SYSTEMS, arguments(["de"], levels={"de": "hi"}), "level 'hi' is not one of high"),
    ],
)
def test_unusable_requests(systems, request_, message):
    with pytest.raises(InputError, match=message):
        main_table(language_score_table(systems, **request_))


# ---- files ----

CSV = """\
direction,system,kind,extra_parameters,lb,de,es,high,low,avg
o2m,Bilingual,absolute,,4.0,30.0,20.0,25.0,4.0,18.0
o2m,mT_big,absolute,0.0,4.0,31.5,20.0,25.75,4.0,18.5
o2m,Bilingual,delta,,0.0,0.0,0.0,0.0,0.0,0.0
o2m,mT_big,delta,0.0,0.0,1.5,0.0,0.75,0.0,0.5
m2o,Bilingual,absolute,,7.0,40.0,31.0,35.5,7.0,26.0
m2o,mT_big,absolute,0.0,13.0,40.0,31.0,35.5,13.0,28.0
m2o,Bilingual,delta,,0.0,0.0,0.0,0.0,0.0,0.0
m2o,mT_big,delta,0.0,6.0,0.0,0.0,0.0,6.0,2.0
"""

MARKDOWN = """\
## Table 3: BLEU & more

| Direction | System    | Δ params |   Lb |   De |   Es | High |  Low |  Avg |
| --------- | --------- | -------: | ---: | ---: | ---: | ---: | ---: | ---: |
| O2M       | Bilingual |        – |  4.0 | 30.0 | 20.0 | 25.0 |  4.0 | 18.0 |
| O2M       | mT_big    |      0 % |  0.0 | +1.5 |  0.0 | +0.8 |  0.0 | +0.5 |
| O2M       | Partial   |    −38 % | +0.5 | −1.0 |  0.0 | −0.5 | +0.5 | −0.2 |
| M2O       | Bilingual |        – |  7.0 | 40.0 | 31.0 | 35.5 |  7.0 | 26.0 |
| M2O       | mT_big    |      0 % | +6.0 |  0.0 |  0.0 |  0.0 | +6.0 | +2.0 |
| M2O       | Partial   |    −38 % |    – |    – | +0.2 |    – |    – |    – |

- tok:13a
"""

LATEX_BODY = r"""
\begin{tabular}{llrrrrrrr}
\toprule
Direction & System & $\Delta$ params & Lb & De & Es & High & Low & Avg \\
\midrule
O2M & Bilingual & -- & 4.0 & 30.0 & 20.0 & 25.0 & 4.0 & 18.0 \\
\midrule
 & mT\_big & 0 \% & 0.0 & +1.5 & 0.0 & +0.8 & 0.0 & +0.5 \\
\midrule
M2O & Bilingual & -- & 7.0 & 40.0 & 31.0 & 35.5 & 7.0 & 26.0 \\
\midrule
 & mT\_big & 0 \% & +6.0 & 0.0 & 0.0 & 0.0 & +6.0 & +2.0 \\
\bottomrule
\end{tabular}
"""
TITLE = "Table 3: BLEU & more"


def test_csv(tmp_path):
    path = tmp_path / "table.csv"
    write_csv(language_score_table(SYSTEMS[:2], **arguments()), path)
    assert path.read_text(encoding="utf-8") == CSV


def test_columns_beside_the_languages_are_no_codes_of_languages(tmp_path):
    path = tmp_path / "table.csv"
    languages = ["lb", "gu", "sv", "de"]
    untouched = system("X", {"en-de": 1.0}, metric="bleu_untouched")
    write_csv(
        language_score_table(
            [*SYSTEMS, untouched], **arguments(languages), untouched="bleu_untouched"
        ),
        path,
    )
    header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
    assert set(header) - {*languages, "extra_parameters"} < set(TABLE_COLUMNS)
    assert {"med", "untouched"} < set(header)


def test_csv_keeps_full_precision_codes_and_labels(tmp_path):
    path = tmp_path / "table.csv"
    table = language_score_table(
        [system("O2M", {"en-zh_Hans": 100 / 3})], **arguments(["zh_Hans"], levels={"zh_Hans": ""})
    )
    write_csv(table, path)
    header, first, *_ = path.read_text(encoding="utf-8").splitlines()
    assert header == "direction,system,kind,extra_parameters,zh_Hans,avg"
    assert first == f"o2m,O2M,absolute,,{100 / 3},{100 / 3}"


def test_markdown(tmp_path):
    path = tmp_path / "table.md"
    table = language_score_table(SYSTEMS, **arguments())
    write_markdown([score_text(table)], path, title=TITLE, footer=["tok:13a"])
    assert path.read_text(encoding="utf-8") == MARKDOWN


def latex(tmp_path, systems):
    path = tmp_path / "table.tex"
    table = language_score_table(systems, **arguments())
    write_latex([score_text(table)], path, title=TITLE, footer=["tok:13a"])
    return path.read_text(encoding="utf-8")


def test_latex(tmp_path):
    assert LATEX_BODY in latex(tmp_path, SYSTEMS[:2])


@pytest.mark.parametrize(("number", "rules"), [(1, 2), (2, 4), (3, 4)])
def test_latex_rules_and_columns(tmp_path, number, rules):
    text = latex(tmp_path, SYSTEMS[:number])
    assert text.count(r"\midrule") == rules
    assert r"\cmidrule" not in text
    (columns,) = re.findall(r"\\begin\{tabular\}\{(\w+)\}", text)
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 1 + 2 * number
    assert {count_latex_columns(row) for row in rows} == {len(columns)}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(tmp_path):
    latex(tmp_path, [*SYSTEMS, system("[a]*", SCORES)])
    (tmp_path / "main.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs,graphicx}"
        "\\begin{document}\\input{table}\\end{document}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=600)
