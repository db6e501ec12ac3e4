"""Main tables: exact small cases, laws, the paper's released scores, and the files written."""

import os
import re
import shutil
import subprocess

import pandas as pd
import pytest
from neuron_specialization.tables.latex import write_latex
from neuron_specialization.tables.text_tables import score_text
from neuron_specialization.tables.writers import (
    write_csv,
    write_html,
    write_markdown,
)

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.scoring import SCORE_COLUMNS
from neuron_specialization.tables.cells import aggregate
from neuron_specialization.tables.score_tables import (
    EXTRA_PARAMETERS,
    SystemRow,
    find_signatures,
    main_table,
    merge_scores,
    score_table,
)
from tests.conftest import DATA

PUBLISHED_SCORES = DATA.parent / "facts" / "published_scores.csv"

LEVELS = {"de": "high", "nl": "high", "sv": "medium", "lb": "low", "oc": ""}
SMALL = {
    "en-de": 30.0,
    "en-nl": 20.0,
    "de-en": 40.0,
    "nl-en": 31.0,
    "en-sv": 10.0,
    "sv-en": 15.0,
    "en-oc": 4.0,
    "oc-en": 6.0,
}
SMALL_CELLS = {
    ("High", "O2M"): 25.0,
    ("High", "M2O"): 35.5,
    ("High", "Avg"): 30.25,
    ("Med", "O2M"): 10.0,
    ("Med", "M2O"): 15.0,
    ("Med", "Avg"): 12.5,
    ("All", "O2M"): 16.0,
    ("All", "M2O"): 23.0,
    ("All", "Avg"): 19.5,
}


def system(label, scores, extra=None, metric="bleu", signature="tok:13a"):
    rows = [(pair, metric, score, 2, signature) for pair, score in scores.items()]
    columns = ["pair", "metric", "score", "sentences", "signature"]
    return SystemRow(
        label=label, scores=pd.DataFrame(rows, columns=columns), extra_parameters=extra
    )


def arguments(pairs=SMALL, metric="bleu"):
    return {"metric": metric, "levels": LEVELS, "pivot": "en", "pairs": list(pairs)}


SYSTEMS = [
    system("mT-big", SMALL),
    system("Adapter_LP", {pair: score + 1.26 for pair, score in SMALL.items()}, 86.6),
    system("Ours & more", {pair: score - 0.04 for pair, score in SMALL.items()}, 0.0),
    system("Bilingual", {pair: SMALL[pair] for pair in ("en-de", "en-nl", "de-en")}),
]


@pytest.mark.parametrize(
    ("scores", "cells"),
    [
        (SMALL, SMALL_CELLS),
        # languages without a level count in All only
        (
            {"en-oc": 4.0, "oc-en": 6.0},
            {("All", "O2M"): 4.0, ("All", "M2O"): 6.0, ("All", "Avg"): 5.0},
        ),
        # one way only: no other cells, and no average of one
        ({"en-lb": 3.0}, {("Low", "O2M"): 3.0, ("All", "O2M"): 3.0}),
    ],
)
def test_aggregate(scores, cells):
    result = aggregate(pd.Series(scores), LEVELS, "en")
    assert list(result.index) == list(cells)
    assert list(result.index.names) == ["group", "direction"]
    assert result.to_dict() == cells


def test_any_language_can_be_the_pivot():
    result = aggregate(pd.Series({"de-nl": 3.0, "nl-de": 5.0}), LEVELS, "de")
    assert result["High"].to_dict() == {"O2M": 3.0, "M2O": 5.0, "Avg": 4.0}


def test_a_missing_score_empties_its_cells_and_no_others():
    result = aggregate(pd.Series({**SMALL, "en-nl": float("nan")}), LEVELS, "en")
    missing = [cell for cell, value in result.items() if pd.isna(value)]
    assert missing == [("High", "O2M"), ("High", "Avg"), ("All", "O2M"), ("All", "Avg")]
    assert result["High", "M2O"] == 35.5


def test_order_of_directions_does_not_matter():
    # summed in a row, these give 0.6 or 0.6000000000000001 depending on the order
    scores = pd.Series({"en-de": 0.1, "en-nl": 0.2, "en-sv": 0.3, "de-en": 7.0})
    expected = aggregate(scores, LEVELS, "en")
    for shift in range(1, 4):
        shuffled = scores.iloc[[*range(shift, 4), *range(shift)]]
        pd.testing.assert_series_equal(aggregate(shuffled, LEVELS, "en"), expected, rtol=0, atol=0)


def test_average_is_halfway_between_both_ways():
    table = score_table(SYSTEMS, **arguments())
    for group in ("High", "Med", "All"):
        cells = table[group].dropna()
        assert len(cells) == 2 * 3
        halfway = (cells["O2M"] + cells["M2O"]) / 2
        assert cells["Avg"].tolist() == pytest.approx(halfway.tolist(), abs=1e-12)


@pytest.mark.parametrize(
    ("pair", "levels", "message"),
    [
        ("ende", LEVELS, "direction 'ende': expected 'en-X' or 'X-en'"),
        ("de-nl", LEVELS, "direction 'de-nl'"),
        ("en-en", LEVELS, "direction 'en-en'"),
        ("en-", LEVELS, "direction 'en-'"),
        ("en-xx", LEVELS, "language 'xx' is translated but has no entry"),
        ("en-de", {"de": "hi"}, "language 'de': level 'hi' is not one of high, medium, low"),
    ],
)
def test_unusable_directions_and_levels(pair, levels, message):
    with pytest.raises(InputError, match=message):
        aggregate(pd.Series({pair: 1.0}), levels, "en")


def test_score_table_has_every_system_absolute_and_as_delta():
    table = score_table(SYSTEMS, **arguments())
    labels = [entry.label for entry in SYSTEMS]
    assert list(table.index) == [
        (label, kind) for kind in ("absolute", "delta") for label in labels
    ]
    assert list(table.columns) == [EXTRA_PARAMETERS, *SMALL_CELLS]
    assert table.loc[("mT-big", "absolute"), "High"].tolist() == [25.0, 35.5, 30.25]
    assert table.loc[("Adapter_LP", "delta"), "High"].tolist() == pytest.approx([1.26] * 3)
    assert table[EXTRA_PARAMETERS].isna().tolist() == [True, False, False, True] * 2


def test_deltas_of_the_reference_to_itself_are_zero():
    table = score_table(SYSTEMS, **arguments())
    assert (table.loc[("mT-big", "delta"), list(SMALL_CELLS)] == 0).all()


def test_main_table_has_the_first_system_absolute_and_the_others_as_deltas():
    full = score_table(SYSTEMS, **arguments())
    main = main_table(full)
    assert list(main.index) == [
        ("mT-big", "absolute"),
        ("Adapter_LP", "delta"),
        ("Ours & more", "delta"),
        ("Bilingual", "delta"),
    ]
    pd.testing.assert_frame_equal(main, full.loc[list(main.index)])


def test_incomplete_groups_are_missing_and_absent_groups_have_no_column():
    table = main_table(score_table(SYSTEMS, **arguments()))
    assert "Low" not in table.columns.get_level_values("group")
    row = table.loc[("Bilingual", "delta")]
    assert row["High", "O2M"] == 0
    assert row.drop(("High", "O2M")).isna().all()


def test_a_direction_that_no_system_has_is_missing_too():
    table = main_table(score_table(SYSTEMS, **arguments([*SMALL, "en-lb"])))
    assert table["Low", "O2M"].isna().all()
    assert table["All", "O2M"].isna().all()
    assert ("Low", "M2O") not in table.columns


def test_other_directions_and_metrics_are_left_aside():
    both = pd.concat([SYSTEMS[0].scores, system("", {"en-de": 0.8}, metric="comet").scores])
    row = SystemRow(label="mT-big", scores=both, extra_parameters=None)
    comet = main_table(score_table([row], **arguments(["en-de"], "comet")))
    assert comet["All", "O2M"].tolist() == [0.8]
    assert main_table(score_table([row], **arguments(["en-de"])))["All", "O2M"].tolist() == [30.0]


@pytest.mark.parametrize(
    ("systems", "request_", "message"),
    [
        ([], arguments(), "at least one system and one direction"),
        (SYSTEMS, arguments([]), "at least one system and one direction"),
        ([SYSTEMS[0], SYSTEMS[0]], arguments(), "same label: mT-big"),
        (SYSTEMS, arguments(metric="comet"), "metric 'comet': found bleu"),
        (
            [
                SystemRow(
                    label="a",
                    scores=pd.concat([SYSTEMS[0].scores] * 2),
                    extra_parameters=None,
                )
            ],
            arguments(),
            "scores of 'a' have bleu of 'en-de' more than once",
        ),
        (
            [
                SystemRow(
                    label="a",
                    scores=SYSTEMS[0].scores.drop(columns="signature"),
                    extra_parameters=None,
                )
            ],
            arguments(),
            "scores of 'a' have no column signature",
        ),
    ],
)
def test_unusable_requests(systems, request_, message):
    with pytest.raises(InputError, match=message):
        main_table(score_table(systems, **request_))


def test_signatures_show_scores_made_differently():
    other = system("imported", SMALL, signature="tok:none")
    unrelated = system("other metric", SMALL, metric="chrf", signature="nw:2")
    assert find_signatures([*SYSTEMS, unrelated], "bleu") == ["tok:13a"]
    assert find_signatures([other, *SYSTEMS], "bleu") == ["tok:13a", "tok:none"]


def test_merging_averages_what_is_shared_and_collects_the_rest():
    frames = [
        system("", {"en-de": 10.0, "de-en": 40.0}).scores,
        system("", {"en-de": 20.0}).scores,
        system("", {"en-lb": 5.5, "en-de": 36.0}).scores,
        system("", {"en-de": 50.0}, metric="chrf", signature="nw:2").scores,
    ]
    merged = merge_scores(frames)
    assert list(merged.columns) == list(SCORE_COLUMNS)
    assert merged.to_numpy().tolist() == [
        ["en-de", "bleu", 22.0, 2, "tok:13a"],
        ["de-en", "bleu", 40.0, 2, "tok:13a"],
        ["en-lb", "bleu", 5.5, 2, "tok:13a"],
        ["en-de", "chrf", 50.0, 2, "nw:2"],
    ]
    assert frames[0]["score"].tolist() == [10.0, 40.0]


def test_order_of_seeds_does_not_matter():
    # summed in a row, these give 0.6 or 0.6000000000000001 depending on the order
    frames = [system("", {"en-de": score}).scores for score in (0.1, 0.2, 0.3)]
    pd.testing.assert_frame_equal(merge_scores(frames), merge_scores(frames[::-1]), rtol=0, atol=0)


def test_merging_one_system_changes_nothing():
    scores = system("", {"en-nl": 1 / 3, "en-de": float("nan")}).scores
    pd.testing.assert_frame_equal(merge_scores([scores]), scores, rtol=0, atol=0)


def test_a_mean_with_a_missing_score_is_missing():
    frames = [system("", {"en-de": score}).scores for score in (30.0, float("nan"))]
    assert merge_scores(frames)["score"].isna().tolist() == [True]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            system("", SMALL, signature="tok:none").scores,
            "bleu of 'de-en' cannot be averaged .* differ in signature: tok:13a and tok:none;",
        ),
        (
            SYSTEMS[0].scores.assign(sentences=3),
            "bleu of 'de-en' cannot be averaged .* differ in sentences: 2 and 3;",
        ),
        (pd.concat([SYSTEMS[0].scores] * 2), "merge have bleu of 'en-de' more than once"),
        (SYSTEMS[0].scores.drop(columns="sentences"), "merge have no column sentences"),
    ],
)
def test_scores_that_cannot_be_merged(frame, message):
    with pytest.raises(InputError, match=message):
        merge_scores([SYSTEMS[0].scores, frame])


# ---- the paper's released scores ----

EC30_LEVELS = {
    **dict.fromkeys(["de", "nl", "fr", "es", "ru", "cs", "hi", "bn", "ar", "he"], "high"),
    **dict.fromkeys(["sv", "da", "it", "pt", "pl", "bg", "kn", "mr", "ha", "mt"], "medium"),
    **dict.fromkeys(["af", "lb", "ro", "oc", "uk", "sr", "sd", "gu", "ti", "am"], "low"),
}
# High, Med, Low, All, each O2M, M2O, Avg, rounded once from the released scores. COMET's Low Avg
# is 73.6345: averaging the two rounded cells before it would give 73.64 instead.
RELEASED = {
    "bleu": (
        "28.14 31.60 29.87 29.66 31.61 30.64 18.85 26.02 22.44 25.55 29.74 27.65",
        "1.77 1.40 1.59 1.38 1.13 1.26 1.35 0.86 1.11 1.50 1.13 1.32",
    ),
    "chrfpp": (
        "52.44 57.61 55.03 53.96 56.63 55.30 42.47 49.99 46.23 49.62 54.74 52.18",
        "1.41 1.12 1.27 1.09 0.83 0.96 1.15 0.74 0.95 1.22 0.90 1.06",
    ),
    "comet": (
        "82.37 83.89 83.13 81.12 80.12 80.62 73.85 73.42 73.63 79.11 79.14 79.13",
        "1.35 1.00 1.17 0.85 0.68 0.76 0.83 0.68 0.75 1.01 0.78 0.90",
    ),
}


@pytest.mark.skipif(not PUBLISHED_SCORES.is_file(), reason="the published scores are not here")
@pytest.mark.parametrize("metric", RELEASED)
def test_released_scores_give_the_published_table(metric):
    published = pd.read_csv(PUBLISHED_SCORES)
    published["comet"] *= 100  # released on a scale of 0 to 1, printed on 0 to 100
    rows = [
        system(name, published[published["system"] == name].set_index("direction")[metric])
        for name in ("mT-big", "mT-big-NS")
    ]
    pairs = sorted(set(published["direction"]))
    assert len(pairs) == 60
    table = main_table(
        score_table(rows, metric="bleu", levels=EC30_LEVELS, pivot="en", pairs=pairs)
    )
    for row, printed in zip(table.index, RELEASED[metric], strict=True):
        cells = table.loc[row].drop(EXTRA_PARAMETERS).tolist()
        expected = [float(cell) for cell in printed.split()]
        assert cells == pytest.approx(expected, abs=0.005 + 1e-9)


# ---- files ----

TITLE = "Table 2: BLEU & more"
FOOTER = ["tok:13a|smooth:exp", "deltas are to mT-big; seed 1"]

MARKDOWN = """\
## Table 2: BLEU & more

| System      | Δ params | High O2M | High M2O | High Avg | Med O2M | Med M2O | Med Avg | \
All O2M | All M2O | All Avg |
| ----------- | -------: | -------: | -------: | -------: | ------: | ------: | ------: | \
------: | ------: | ------: |
| mT-big      |        – |     25.0 |     35.5 |     30.2 |    10.0 |    15.0 |    12.5 | \
   16.0 |    23.0 |    19.5 |
| Adapter_LP  |    +87 % |     +1.3 |     +1.3 |     +1.3 |    +1.3 |    +1.3 |    +1.3 | \
   +1.3 |    +1.3 |    +1.3 |
| Ours & more |      0 % |      0.0 |      0.0 |      0.0 |     0.0 |     0.0 |     0.0 | \
    0.0 |     0.0 |     0.0 |
| Bilingual   |        – |      0.0 |        – |        – |       – |       – |       – | \
      – |       – |       – |

- tok:13a|smooth:exp
- deltas are to mT-big; seed 1
"""


def test_markdown(tmp_path):
    path = tmp_path / "table.md"
    write_markdown(
        [score_text(score_table(SYSTEMS, **arguments()))], path, title=TITLE, footer=FOOTER
    )
    assert path.read_text(encoding="utf-8") == MARKDOWN


@pytest.mark.parametrize(
    ("difference", "extra", "shown"),
    [
        (-1.26, -38.2, ["−38 %", "−1.3"]),
        (0.05001, 0.4, ["0 %", "+0.1"]),
        (-0.04, -0.4, ["0 %", "0.0"]),
        (float("nan"), None, ["–", "–"]),
    ],
)
def test_signs_and_missing_cells(tmp_path, difference, extra, shown):
    rows = [
        system("base", {"en-oc": 50.0}),
        system("a|b", {"en-oc": 50.0 + difference}, extra),
    ]
    path = tmp_path / "table.md"
    write_markdown(
        [score_text(score_table(rows, **arguments(["en-oc"])))], path, title="T", footer=[]
    )
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6
    assert [cell.strip() for cell in re.split(r"(?<!\\)\|", lines[5])[1:-1]] == [r"a\|b", *shown]


def test_csv_keeps_full_precision_and_tells_absolute_from_delta(tmp_path):
    path = tmp_path / "table.csv"
    table = score_table(SYSTEMS, **arguments())
    write_csv(table, path)
    read = pd.read_csv(path, float_precision="round_trip")
    assert ",".join(read.columns) == (
        "system,kind,extra_parameters,high_o2m,high_m2o,high_avg,"
        "med_o2m,med_m2o,med_avg,all_o2m,all_m2o,all_avg"
    )
    assert list(zip(read["system"], read["kind"], strict=True)) == list(table.index)
    pd.testing.assert_frame_equal(
        read.iloc[:, 2:], pd.DataFrame(table.to_numpy(), columns=read.columns[2:]), rtol=0, atol=0
    )
    assert b"\r" not in path.read_bytes()


def latex(tmp_path, systems=SYSTEMS, pairs=SMALL):
    path = tmp_path / "table.tex"
    write_latex(
        [score_text(score_table(systems, **arguments(pairs)))], path, title=TITLE, footer=FOOTER
    )
    return path.read_text(encoding="utf-8")


def count_latex_columns(row):
    cells = re.split(r"(?<!\\)&", row)
    spans = [re.search(r"\\multicolumn\{(\d+)\}", cell) for cell in cells]
    return sum(int(span[1]) if span else 1 for span in spans)


@pytest.mark.parametrize("pairs", [list(SMALL), ["en-de", "de-en", "en-oc"]])
def test_latex_structure(tmp_path, pairs):
    text = latex(tmp_path, pairs=pairs)
    opened = re.findall(r"\\(begin|end)\{([^}]*)\}", text)
    assert opened == [
        ("begin", "table*"),
        ("begin", "tabular"),
        ("end", "tabular"),
        ("end", "table*"),
    ]
    unescaped = re.sub(r"\\[{}]", "", text)
    assert unescaped.count("{") == unescaped.count("}")
    (columns,) = re.findall(r"\\begin\{tabular\}\{(\w+)\}", text)
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 2 + len(SYSTEMS)
    assert {count_latex_columns(row) for row in rows} == {len(columns)}
    for rule in ("toprule", "midrule", "bottomrule"):
        assert rf"\{rule}" in text


def test_latex_group_rules_span_their_columns(tmp_path):
    lines = latex(tmp_path, pairs=["en-de", "de-en", "en-oc"]).splitlines()
    start = lines.index(r"\toprule") + 1
    assert lines[start : start + 3] == [
        r" &  & \multicolumn{3}{c}{High} & \multicolumn{3}{c}{All} \\",
        r"\cmidrule(lr){3-5}\cmidrule(lr){6-8}",
        r"System & $\Delta$ params & O2M & M2O & Avg & O2M & M2O & Avg \\",
    ]


def test_latex_escapes_special_characters(tmp_path):
    label = r"[a]*_b%{c}\d~^#$|<−"
    text = latex(tmp_path, [system("base", SMALL), system(label, SMALL, -38.0)])
    assert (
        r"{[}a{]}{*}\_b\%\{c\}\textbackslash{}d\textasciitilde{}\textasciicircum{}\#\$"
        r"\textbar{}\textless{}$-$ & $-$38 \% & 0.0"
    ) in text
    assert r"\caption{Table 2: BLEU \& more}" in text
    assert r"tok:13a\textbar{}smooth:exp" in text


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(tmp_path):
    latex(tmp_path, [*SYSTEMS, system(r"[a]*_b%{c}\d~^#$|<", SMALL)])
    (tmp_path / "main.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs,graphicx}"
        "\\begin{document}\\input{table}\\end{document}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=600)


def test_a_table_of_one_system_has_no_empty_rule(tmp_path):
    assert latex(tmp_path, SYSTEMS[:1]).count(r"\midrule") == 1


def test_files_are_byte_identical_and_nothing_else_is_left(tmp_path):
    reordered = [
        SystemRow(
            label=row.label, scores=row.scores.iloc[::-1], extra_parameters=row.extra_parameters
        )
        for row in SYSTEMS
    ]
    for folder, systems in (("a", SYSTEMS), ("b", reordered)):
        (tmp_path / folder).mkdir()
        write_csv(score_table(systems, **arguments()), tmp_path / folder / "table.csv")
        text = [score_text(score_table(systems, **arguments()))]
        write_markdown(text, tmp_path / folder / "table.md", title=TITLE, footer=FOOTER)
        write_html(text, tmp_path / folder / "table.html", title=TITLE, footer=FOOTER)
        latex(tmp_path / folder, systems)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["table.csv", "table.html", "table.md", "table.tex"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space left"):
        write_csv(score_table(SYSTEMS, **arguments()), path)
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [
        ("table.csv", "old")
    ]
