"""Whole tables: the released scores beside the paper's cells, marks, seeds, footers, all forms."""

import math
import re
import shutil
import subprocess
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import markdown
import pandas as pd
import pytest
from neuron_specialization.tables.gains import gains_table

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.scoring import NOTE, SCORE_COLUMNS
from neuron_specialization.evaluation.significance import COMPARISON_COLUMNS
from neuron_specialization.tables.cells import average, level_cells
from neuron_specialization.tables.footers import code_version, describe_origin, describe_sizes
from neuron_specialization.tables.paper_values import PaperValue, paper_table, read_paper_values
from neuron_specialization.tables.rows import (
    Training,
    gather_comparisons,
    gather_rows,
    number_seeds,
)
from neuron_specialization.tables.score_tables import SystemRow, score_table
from neuron_specialization.tables.table_files import TableSettings, write_tables
from tests.conftest import PROJECT
from tests.evaluation.released import needs_scores, released_scores
from tests.tables.test_score_tables import EC30_LEVELS

PAPER = PROJECT / "config/paper_results.tsv"
FORMS = {"csv": "csv", "wins": "wins.csv", "gains": "gains.csv"}
FORMS |= {"markdown": "md", "latex": "tex", "html": "html"}
LEVELS = {"de": "high", "nl": "high", "lb": "low"}
PAIRS = ["en-de", "en-nl", "de-en", "nl-en", "en-lb", "lb-en"]


def scores_of(values: dict[str, float], metric: str = "bleu", note: str = "") -> pd.DataFrame:
    rows = [(pair, metric, score, 9, "tok:13a|version:1", note) for pair, score in values.items()]
    return pd.DataFrame(rows, columns=[*SCORE_COLUMNS, NOTE])


def settings(**changes: object) -> TableSettings:
    values = {
        "title": "toy, test: levels",
        "layout": "levels",
        "metric": "bleu",
        "levels": LEVELS,
        "pivot": "en",
        "directions": PAIRS,
    }
    return TableSettings(**(values | changes))


def files(folder: Path) -> dict[str, Path]:
    return {form: folder / f"table.{ending}" for form, ending in FORMS.items()}


def training(label: str, shift: float, seed: int = 1, **more: object) -> Training:
    values = {pair: 20.0 + i + shift for i, pair in enumerate(PAIRS)} | more.pop("values", {})
    scores = scores_of(values, **more)
    return Training(system=label.lower(), label=label, seed=seed, scores=scores)


def paired_tests(
    other: str, role: str, difference: float, p_value: float, seed: int = 1
) -> pd.DataFrame:
    rows = [(pair, "bleu", 20 + difference, 20.0, p_value, "bs:9|seed:1") for pair in PAIRS]
    tests = pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))
    return tests.assign(role=role, other=other, seed=seed)


# ---- the paper's tables from its released scores ----

COLUMNS = {
    "bleu": ("Table 2", "bleu"),
    "chrf": ("Table 7", "chrfpp"),
    "comet": ("Table 8", "comet"),
}


@needs_scores
@pytest.mark.parametrize("metric", COLUMNS)
def test_every_cell_of_the_paper_comes_out_of_its_released_scores(metric: str) -> None:
    name, column = COLUMNS[metric]
    scale = 100 if metric == "comet" else 1
    rows = [
        SystemRow(
            label=label,
            scores=scores_of(
                {
                    row["direction"]: scale * float(row[column])
                    for row in released_scores()
                    if row["system"] == system
                },
                metric,
            ),
            extra_parameters=None,
        )
        for system, label in (("mT-big", "mT-big"), ("mT-big-NS", "Ours"))
    ]
    pairs = sorted(set(rows[0].scores["pair"]))
    table = score_table(rows, metric=metric, levels=EC30_LEVELS, pivot="en", pairs=pairs)
    values = [value for value in read_paper_values(PAPER) if value.table == name]
    assert len(values) == 2 * 12
    for value in values:
        ours = table.loc[(value.system, value.kind), value.column]
        assert ours == pytest.approx(value.value, abs=0.0101), value
        misprinted = metric == "comet" and value.printed in (83.4, 83.65)
        printed = value.value if value.printed is None else value.printed
        # at the decimal that the paper prints
        assert (abs(round(ours, 1) - printed) <= 0.1 + 1e-6) != misprinted, value
    beside, notes = paper_table(table, values)
    assert (
        beside.loc[[("mT-big", "difference"), ("Ours", "difference")]].abs().max(axis=None) < 0.02
    )
    assert len(notes) == sum(value.printed is not None for value in values)
    if metric == "comet":
        assert "§ mT-big High O2M: 82.37 instead of the printed 83.4 (misprint" in notes[0]


def test_rounding_first_is_what_the_paper_does() -> None:
    scores = pd.Series({"en-de": 10.04, "en-nl": 10.04, "en-lb": 10.06})
    cells = level_cells(scores.index, LEVELS, "en")
    assert average(scores, cells)["High", "O2M"] == pytest.approx(10.04)
    assert average(scores, cells, round_first=True)["High", "O2M"] == 10.0
    assert average(scores, cells, round_first=True)["All", "O2M"] == pytest.approx(
        (10 + 10 + 10.1) / 3
    )
    missing = average(scores * math.nan, cells, round_first=True)
    assert missing.isna().all()


def test_the_papers_values_are_all_of_known_tables_and_cells() -> None:
    values = read_paper_values(PAPER)
    keys = [(v.table, v.metric, v.block, v.system, v.kind, v.column) for v in values]
    assert len(set(keys)) == len(keys)
    assert {v.table for v in values} == {"Table 1", "Table 2", "Table 3", "Table 7", "Table 8"}
    assert all(v.note for v in values if v.printed is not None)


def test_a_bad_line_of_the_papers_values_is_named(tmp_path: Path) -> None:
    text = PAPER.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "paper.tsv"
    path.write_text("\n".join([text[0], text[1], text[2].replace("31.60", "31,60")]) + "\n")
    with pytest.raises(InputError, match=r"paper\.tsv, line 3: .*31,60"):
        read_paper_values(path)


def test_the_paper_is_no_yardstick_for_another_reference() -> None:
    value = PaperValue(
        table="Table 2", metric="bleu", block="", system="mT-big", kind="absolute",
        column=("All", "O2M"), value=1.0, printed=None, note="",
    )  # fmt: skip
    rows = gather_rows([training("Mine", 0), training("mT-big", 1)], {"mine": 1, "mt-big": 1})
    table = score_table(rows, metric="bleu", levels=LEVELS, pivot="en", pairs=PAIRS)
    beside, notes = paper_table(table, [value])
    assert beside.empty
    assert not notes


# ---- rows, seeds and comparisons ----


def test_rows_have_the_mean_of_their_seeds_and_its_deviation(tmp_path: Path) -> None:
    trainings = [
        training("Base", 0),
        training("Ours", 1, seed=1),
        training("Ours", 3, seed=2),
    ]
    rows = gather_rows(trainings, {"base": 100, "ours": 150})
    assert [row.extra_parameters for row in rows] == [None, 50]
    write_tables(rows, [], [], settings(), origin=[], out=files(tmp_path))
    csv = pd.read_csv(tmp_path / "table.csv").set_index(["system", "kind"])
    assert csv.loc[("Ours", "delta"), "all_avg"] == pytest.approx(2)
    assert csv.loc[("Ours", "deviation"), "all_avg"] == pytest.approx(2**0.5)
    assert math.isnan(csv.loc[("Base", "deviation"), "all_avg"])
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "+2.0 ± 1.4" in text
    assert "± behind scores: standard deviation of a system's own scores over its seeds" in text


def test_systems_of_one_label_are_one_row() -> None:
    high = Training(system="high", label="Bilingual", seed=1, scores=scores_of({"en-de": 1.0}))
    low = Training(system="low", label="Bilingual", seed=1, scores=scores_of({"en-lb": 2.0}))
    (row,) = gather_rows([high, low], {"high": 10, "low": 5})
    assert row.scores.set_index("pair")["score"].to_dict() == {"en-de": 1.0, "en-lb": 2.0}
    assert not row.scores_by_seed


def test_unknown_parameters_leave_the_column_empty() -> None:
    rows = gather_rows([training("Base", 0), training("Ours", 1)], {"base": math.nan, "ours": 1})
    assert math.isnan(rows[1].extra_parameters)


def test_comparisons_of_several_seeds_are_one() -> None:
    tests = [("Ours", paired_tests("base", "parent", 1, 0.01)) for _ in range(2)]
    (comparison,) = gather_comparisons(tests, {"base": "Base"})
    assert (comparison.label, comparison.other, comparison.role) == ("Ours", "Base", "parent")
    assert len(comparison.tests) == 2 * len(PAIRS)
    assert gather_comparisons([("Ours", tests[0][1][:0])], {}) == []


def test_seeds_of_a_label_are_told_apart_by_what_they_have_in_common() -> None:
    high, low, every = (
        scores_of(dict.fromkeys(pairs, 1.0)) for pairs in (["en-de"], ["en-lb"], ["en-de", "en-lb"])
    )
    frames = [high, low, every, high, low, low.assign(metric="comet"), every]
    assert number_seeds([*["Ours"] * 6, "Base"], frames) == [0, 0, 1, 2, 2, 0, 0]


def test_means_over_fewer_seeds_than_the_rows_are_named(tmp_path: Path) -> None:
    lacking = training("Ours", 1, seed=2)
    lacking = replace(lacking, scores=lacking.scores.query("pair not in ('en-de', 'lb-en')"))
    chrf = training("Ours", 0, metric="chrf")
    twice = replace(chrf, scores=pd.concat([training("Ours", 0).scores, chrf.scores]))
    line = "Ours: fewer seeds than the row's 2 for"
    assert f"- {line} en-de, lb-en\n" in written(tmp_path, training("Base", 0), twice, lacking)
    text = written(tmp_path, training("Base", 0), twice, lacking, metric="chrf")
    assert f"- {line} all directions\n" in text
    assert "fewer" not in written(tmp_path, training("Ours", 0), training("Ours", 1, seed=2))


@pytest.mark.parametrize("seeds", [(1, 1), (1, 2)])
def test_systems_that_complement_each_other_lack_no_seeds(
    tmp_path: Path, seeds: tuple[int, int]
) -> None:
    high, low = (
        Training(system=name, label="Bilingual", seed=seed, scores=scores_of(scores))
        for name, seed, scores in zip(
            ("high", "low"), seeds, ({"en-de": 1.0}, {"en-lb": 2.0}), strict=True
        )
    )
    assert "fewer seeds" not in written(tmp_path, high, low)


# ---- the files ----


def written(folder: Path, *trainings: Training, **changes: object) -> str:
    """The Markdown of a table of trainings."""
    rows = gather_rows(trainings, {each.system: 1 for each in trainings})
    write_tables(rows, [], [], settings(**changes), origin=[], out=files(folder))
    return (folder / "table.md").read_text(encoding="utf-8")


def test_a_metric_without_tests_has_neither_wins_nor_marks(tmp_path: Path) -> None:
    rows = gather_rows(
        [training("Base", 0, metric="comet"), training("Ours", 1, metric="comet")],
        {"base": 1, "ours": 1},
    )
    comparisons = gather_comparisons(
        [("Ours", paired_tests("base", "parent", 1, 0.01))], {"base": "Base"}
    )
    comet = settings(metric="comet")
    write_tables(rows, comparisons, [], comet, origin=[], out=files(tmp_path))
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "0/0/0" not in text
    assert "Significant" not in text
    assert "Tests:" not in text
    assert len((tmp_path / "table.wins.csv").read_text().splitlines()) == 1


def test_outputs_without_a_score_in_the_metric_are_not_called_missing(tmp_path: Path) -> None:
    base = training("Base", 0)
    base = replace(base, scores=pd.concat([base.scores, training("", 0, metric="chrf").scores]))
    ours = training("Ours", 0)
    ours = replace(ours, scores=ours.scores.query("pair != 'en-de'"))
    text = written(tmp_path, base, ours, metric="chrf")
    assert "- Ours has no outputs: en-de\n" in text
    assert "- Ours has no scores in chrF++: en-nl, de-en, nl-en, en-lb, lb-en\n" in text


@pytest.mark.parametrize("layout", ["levels", "languages"])
def test_scores_that_no_cell_has_are_named(tmp_path: Path, layout: str) -> None:
    more = {"en-fr": 1.0, "fr-en": 1.0, "de-xx": 1.0, "de-nl": 1.0}
    text = written(tmp_path, training("Base", 0, values=more), layout=layout)
    assert "- Left out, as the table of languages lacks them: fr, xx\n" in text
    assert "- Left out, as they are not from or into en: de-nl\n" in text
    assert "Left out" not in written(tmp_path, training("Base", 0), layout=layout)


def test_markdown_shows_labels_and_footers_as_they_are(tmp_path: Path) -> None:
    label, line = r"<x> a*b* _c_ `d` \e &lt; f_g", "see <b>, *this* and _that_; p < 0.05"
    rows = gather_rows([training(label, 0)], {label.lower(): 1})
    title = settings(title="*toy* <i>")
    write_tables(rows, [], [], title, origin=[line], out=files(tmp_path))
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    html = markdown.markdown(text, extensions=["tables"])
    assert html.count(escape(label)) == 2  # its row, and the footer's first line
    assert escape(line) in html
    assert f"<h2>BLEU on {escape('*toy* <i>')}</h2>" in html
    assert "p < 0.05" in text


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    """A table with all that tables may have: marks, wins, seeds, notes, gaps, the paper."""
    note = "finished score of test_detok_bleu.txt"
    untouched = training("mT-big", -5, metric="bleu_untouched").scores
    base = training("mT-big", 0, note=note)
    base = Training(**{**vars(base), "scores": pd.concat([base.scores, untouched])})
    lacking = training("La_SS | 70 %", 0)
    lacking = Training(**{**vars(lacking), "scores": lacking.scores.iloc[1:]})
    rows = gather_rows(
        [base, lacking, training("Ours", 1, seed=1), training("Ours", 2, seed=2)],
        {"mt-big": 100, "la_ss | 70 %": 100, "ours": 100},
    )
    labels = {"base": "mT-big", "continued": "mT-big, continued"}
    comparisons = gather_comparisons(
        [
            ("Ours", paired_tests("base", "parent", 1, 0.01)),
            ("Ours", paired_tests("base", "parent", 2, 0.01, seed=2)),
            ("Ours", paired_tests("continued", "control", -1, 0.01)),
            ("Ours", paired_tests("continued", "control", -1, 0.01, seed=2)),
        ],
        labels,
    )
    write_tables(
        rows,
        comparisons,
        read_paper_values(PAPER),
        settings(paper="Table 2", round_first=True),
        origin=describe_origin("abcd1234", {"Ours": [1, 2]}, PROJECT),
        out=files(tmp_path),
    )
    return tmp_path


def test_markdown_renders_as_tables(everything: Path) -> None:
    text = (everything / "table.md").read_text(encoding="utf-8")
    html = markdown.markdown(text, extensions=["tables"])
    assert html.count("<table>") == 4
    for tables in html.split("<table>")[1:]:
        rows = tables.split("</table>")[0].split("<tr>")[1:]
        cells = {row.count("<td") + row.count("<th") for row in rows}
        assert len(cells) == 1
        assert len(rows) > 1
    assert "<h2>BLEU on toy, test: levels</h2>" in html
    assert "<em>" not in html
    assert html.count("<ul>") == 1


@pytest.mark.parametrize(
    "expected",
    [
        "| Ours | 0 % | +1.5 ± 0.7†‡↓ |",
        "| Ours | mT-big | 4/0/0 |",
        "| Ours | mT-big, continued | 0/4/0 |",
        "| Ours | mT-big | +1.5 ± 6.4 |",
        "| Ours | mT-big, continued | −1.0 ± 0.0 |",
        "### Beside the paper's Table 2",
        "- mT-big: scores; other rows: differences to it",
        "- Scores were rounded to one decimal before they were averaged, as in the paper",
        "- BLEU: tok:13a|version:1",
        "- Untouched: the same translations against the references as they were published",
        "- Ours has no untouched references: all directions",
        "- La_SS | 70 % has no outputs: en-de",
        "- mT-big, finished score of test_detok_bleu.txt: all directions",
        "† than the system it continues from, ‡ than the continued baseline; p < 0.05 each",
        "- Tests: bs:9|seed:1 (bs: paired bootstrap",
        "- § mT-big All Avg: 27.65 instead of the printed 27.7",
        "- Seeds (scores are their mean): Ours 1 2",
        "- Settings abcd1234, neuron-specialization 0.1.0",
    ],
)
def test_what_a_table_says(everything: Path, expected: str) -> None:
    text = (everything / "table.md").read_text(encoding="utf-8")
    assert expected in re.sub(" +", " ", text)


class Tables(HTMLParser):
    """Cells of each row of each table, spans counted; every tag is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.widths: list[list[int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)
        if tag == "table":
            self.widths.append([])
        elif tag == "tr":
            self.widths[-1].append(0)
        elif tag in ("td", "th"):
            self.widths[-1][-1] += int(dict(attrs).get("colspan") or 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_well_formed_and_its_rows_are_alike(everything: Path) -> None:
    text = (everything / "table.html").read_text(encoding="utf-8")
    parser = Tables()
    parser.feed(text)
    assert not parser.open
    assert [len(set(widths)) for widths in parser.widths] == [1, 1, 1, 1]
    assert "La_SS | 70 %" in text
    assert "+1.5 ± 0.7†‡↓" in text


def test_html_escapes(tmp_path: Path) -> None:
    rows = gather_rows([training("<b>&", 0)], {"<b>&": 1})
    write_tables(rows, [], [], settings(), origin=["a < b"], out=files(tmp_path))
    text = (tmp_path / "table.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;&amp;" in text
    assert "a &lt; b" in text
    assert "<b>" not in text


def test_csv_of_wins(everything: Path) -> None:
    wins = pd.read_csv(everything / "table.wins.csv", keep_default_na=False)
    row = wins.query("against == 'mT-big' and group == 'All' and direction == 'Avg'")
    assert row[["wins", "losses", "ties"]].to_numpy().tolist() == [[12, 0, 0]]


def test_csv_of_gains(everything: Path) -> None:
    gains = pd.read_csv(everything / "table.gains.csv", keep_default_na=False)
    row = gains.query("role == 'parent' and group == 'All' and direction == 'Avg'").squeeze()
    assert (row["system"], row["against"], row["seeds"]) == ("Ours", "mT-big", 2)
    error = 0.5  # standard deviation of 1 and 2, over the root of 2
    assert row["gain"] == pytest.approx(1.5)
    assert row["half_width"] == pytest.approx(12.7062 * error, rel=1e-5)  # of t, 1 degree


def test_gains_are_of_the_same_seed_and_of_whole_cells() -> None:
    tests = [
        ("Ours", paired_tests("base", "parent", difference, 0.01, seed))
        for seed, difference in ((1, 1), (2, 3), (3, 100))
    ]
    tests[2] = ("Ours", tests[2][1].query("pair != 'en-de'"))
    comparisons = gather_comparisons(tests, {"base": "Base"})
    gains = gains_table(comparisons, {"": level_cells(PAIRS, LEVELS, "en")}, "bleu")
    seeds = gains.set_index(["group", "direction"])["seeds"]
    assert seeds["Low", "O2M"] == 3
    assert seeds["High", "O2M"] == seeds["All", "Avg"] == 2
    assert gains.set_index(["group", "direction"])["gain"]["High", "O2M"] == pytest.approx(2)
    one = gains_table(comparisons[:0], {"": {}}, "bleu")
    assert list(one.columns) == list(gains.columns)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_of_everything_compiles(everything: Path) -> None:
    (everything / "main.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs,graphicx}"
        "\\begin{document}\\input{table}\\end{document}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    done = subprocess.run(command, cwd=everything, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout


def test_a_table_by_language_has_everything_in_two_blocks(tmp_path: Path) -> None:
    rows = gather_rows([training("Base", 0), training("Ours", 1)], {"base": 1, "ours": 1})
    comparisons = gather_comparisons(
        [("Ours", paired_tests("base", "parent", 1, 0.01))], {"base": "Base"}
    )
    by_language = settings(layout="languages")
    write_tables(rows, comparisons, [], by_language, origin=[], out=files(tmp_path))
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert text.count("+1.0†") == 2 * (len(LEVELS) + 3)  # high, low and avg
    assert (
        "| O2M       | Ours   | Base    | 1/0/0 | 1/0/0 | 1/0/0 | 2/0/0 | 1/0/0 | 3/0/0 |" in text
    )


def test_sizes_of_training_corpora() -> None:
    report = pd.DataFrame(
        [("train", "en-de", 20000), ("train", "en-nl", 300), ("valid", "en-de", 9)],
        columns=["split", "pair", "kept"],
    )
    assert describe_sizes(report, ["nl", "de", "lb"]) == ["Training pairs: nl 300, de 20,000"]
    assert describe_sizes(report[2:], ["de"]) == []


def test_code_version_names_the_commit_of_a_repository(tmp_path: Path) -> None:
    assert code_version(tmp_path) == "0.1.0"
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        names = ["-c", "user.name=x", "-c", "user.email=x@x"]
        subprocess.run(["git", "-C", str(tmp_path), *names, *command], check=True)
    code_version.cache_clear()
    assert code_version(tmp_path).startswith("0.1.0 (commit ")
