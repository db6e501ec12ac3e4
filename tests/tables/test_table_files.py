"""Whole tables: released scores next to the paper's cells, marks, seeds, footers, all formats."""

import csv
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import markdown
import pandas as pd
import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.tables.cells import level_cells
from neuron_specialization.tables.comparisons import gains_table, gather_comparisons
from neuron_specialization.tables.footers import code_version, describe_origin, describe_sizes
from neuron_specialization.tables.paper_values import check_paper, paper_table, read_paper_values
from neuron_specialization.tables.rows import ScoredRun
from neuron_specialization.tables.score_tables import score_table
from tests.conftest import DATA, PROJECT
from tests.evaluation.released import needs_scores, released_scores
from tests.tables.samples import (
    LEVELS,
    PAIRS,
    paired_tests,
    scored_run,
    scores_of,
    system,
    write,
)
from tests.workflow.conftest import compile_latex

PRINTED = DATA.parent / "facts" / "printed_tables.tsv"
COLUMNS = ("table", "metric", "block", "system", "kind", "column")
needs_printed = pytest.mark.skipif(
    not PRINTED.is_file(), reason="the list of the paper's printed cells is not available"
)
PAPER = PROJECT / "config/paper_results.tsv"
VALUES = read_paper_values(PAPER)
EC30_LEVELS = {
    **dict.fromkeys(["de", "nl", "fr", "es", "ru", "cs", "hi", "bn", "ar", "he"], "high"),
    **dict.fromkeys(["sv", "da", "it", "pt", "pl", "bg", "kn", "mr", "ha", "mt"], "medium"),
    **dict.fromkeys(["af", "lb", "ro", "oc", "uk", "sr", "sd", "gu", "ti", "am"], "low"),
}


# ---- the paper's tables from its released scores ----


@needs_scores
@pytest.mark.parametrize(
    ("metric", "name", "column", "low_avg"),
    [
        ("bleu", "Table 2", "bleu", "22.44"),
        ("chrf", "Table 7", "chrfpp", "46.23"),
        # 73.6345: averaging the two rounded cells to its left would give 73.64
        ("comet", "Table 8", "comet", "73.63"),
    ],
)
def test_released_scores_give_every_cell_of_the_paper(
    metric: str, name: str, column: str, low_avg: str
) -> None:
    scale = 100 if metric == "comet" else 1  # released on a scale of 0 to 1, printed on 0 to 100
    rows = []
    for released, label in (("mT-big", "mT-big"), ("mT-big-NS", "Ours")):
        scores = {
            row["direction"]: scale * float(row[column])
            for row in released_scores()
            if row["system"] == released
        }
        rows.append(replace(system(label, {}), scores=scores_of(scores, metric)))
    pairs = sorted(set(rows[0].scores["pair"]))
    assert len(pairs) == 60
    table = score_table(rows, {"": level_cells(pairs, EC30_LEVELS, "en")}, metric)
    assert f"{table.loc[('mT-big', 'absolute'), ('Low', 'Avg')]:.2f}" == low_avg
    values = [value for value in VALUES if value.table == name and value.released is not None]
    assert len(values) == 2 * 12
    for value in values:
        ours = table.loc[(value.system, value.kind), value.column]
        assert ours == pytest.approx(value.released, abs=0.0101), value
        # at the decimal that the paper prints
        assert (abs(round(ours, 1) - value.printed) <= 0.1 + 1e-6) != bool(value.note), value
    compared, notes = paper_table(table, values)
    released = compared.loc[[("mT-big", "released"), ("Ours", "released")]]
    here = compared.loc[[("mT-big", "here"), ("Ours", "here")]]
    assert abs(released.to_numpy() - here.to_numpy()).max() < 0.02
    differences = compared.loc[[("mT-big", "difference"), ("Ours", "difference")]]
    misprint = 83.4 - 82.37 if metric == "comet" else 0.1
    assert differences.abs().max(axis=None) == pytest.approx(misprint, abs=0.06)
    assert len(notes) == (2 if metric == "comet" else 0)
    if metric == "comet":
        assert "§ mT-big High O2M: the paper prints 83.4, misprint for 82.4" in notes[0]


@needs_printed
def test_every_printed_cell_is_there() -> None:
    with PRINTED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    printed = sorted((*(row[n].lower() for n in COLUMNS), float(row["printed"])) for row in rows)
    assert len(printed) == 432
    ours = [
        (v.table, v.metric, v.block, v.system, v.kind, " ".join(v.column).strip()) for v in VALUES
    ]
    values = [(*map(str.lower, key), v.printed) for key, v in zip(ours, VALUES, strict=True)]
    assert sorted(values) == printed


def test_misprints_are_marked_beside_what_is_printed(tmp_path: Path) -> None:
    levels = {"de": "high", "nl": "high", "lb": "low"}
    text = write(
        tmp_path,
        *(scored_run(label, 60, metric="comet") for label in ("mT-big", "Adapter_LP")),
        paper_values=VALUES,
        metric="comet",
        paper="Table 8",
        levels=levels,
    )
    paper = next(line for line in text.splitlines() if "mT-big" in line and "paper" in line)
    assert "83.4§" in paper
    assert "83.65§" in paper
    assert "82.37" in next(line for line in text.splitlines() if " released " in line)
    assert "| Adapter_LP | paper " in text  # systems without released scores too
    assert "Adapter_LP | released" not in text


@pytest.mark.parametrize(
    ("table", "metric", "labels", "message"),
    [
        ("Tabel 2", "bleu", ["mT-big"], "the paper has no 'Tabel 2' in bleu, only Table 2 .bleu"),
        ("Table 2", "chrf", ["mT-big"], "the paper has no 'Table 2' in chrf"),
        (
            "Table 2",
            "bleu",
            ["Base"],
            "the first row of the paper's Table 2 is mT-big, here it is Base",
        ),
    ],
)
def test_a_comparison_that_is_impossible_is_refused(
    table: str, metric: str, labels: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=f"^x: {message}"):
        check_paper(VALUES, table, metric, labels, "x")


def test_labels_that_the_paper_lacks_are_returned() -> None:
    labels = ["mT-big", "Mine", "Ours", "Mine"]
    assert check_paper(VALUES, "Table 2", "bleu", labels, "x") == ["Mine"]


def test_the_papers_values_belong_to_known_tables_and_cells() -> None:
    keys = [(v.table, v.metric, v.block, v.system, v.kind, v.column) for v in VALUES]
    assert len(set(keys)) == len(keys)
    assert {v.table for v in VALUES} == {"Table 1", "Table 2", "Table 3", "Table 7", "Table 8"}
    assert sum("misprint" in v.note for v in VALUES) == 3


def test_a_bad_line_of_the_papers_values_is_named(tmp_path: Path) -> None:
    text = PAPER.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "paper.tsv"
    path.write_text("\n".join([text[0], text[1], text[2].replace("31.6", "31,6")]) + "\n")
    with pytest.raises(InputError, match=r"paper\.tsv, line 3: .*31,6"):
        read_paper_values(path)


def test_the_paper_is_not_compared_with_another_reference() -> None:
    rows = [system(label, dict.fromkeys(PAIRS, 1.0)) for label in ("Mine", "mT-big")]
    table = score_table(rows, {"": level_cells(PAIRS, LEVELS, "en")}, "bleu")
    compared, notes = paper_table(table, [value for value in VALUES if value.table == "Table 2"])
    assert compared.empty
    assert not notes


# ---- seeds and comparisons ----


def test_rows_have_the_mean_of_their_seeds_and_its_deviation(tmp_path: Path) -> None:
    runs = [scored_run("Base", 0), scored_run("Ours", 1), scored_run("Ours", 3, seed=2)]
    text = write(tmp_path, *runs)
    csv = pd.read_csv(tmp_path / "table.csv").set_index(["system", "kind"])["all_avg"]
    assert csv["Ours", "delta"] == pytest.approx(2)
    assert csv["Ours", "deviation"] == pytest.approx(2**0.5)
    assert pd.isna(csv["Base", "deviation"])
    assert "+2.0 ± 1.4" in text
    assert "± after scores: standard deviation of a system's scores over its seeds" in text


def test_means_over_fewer_seeds_are_named(tmp_path: Path) -> None:
    lacking = scored_run("Ours", 1, seed=2)
    lacking = replace(lacking, scores=lacking.scores.query("pair not in ('en-de', 'lb-en')"))
    chrf = scored_run("Ours", 0, metric="chrf")
    twice = replace(chrf, scores=pd.concat([scored_run("Ours", 0).scores, chrf.scores]))
    line = "Ours: fewer seeds than the row's 2 for"
    assert f"- {line} en-de, lb-en\n" in write(tmp_path, scored_run("Base", 0), twice, lacking)
    text = write(tmp_path, scored_run("Base", 0), twice, lacking, metric="chrf")
    assert f"- {line} all directions\n" in text
    assert "fewer" not in write(tmp_path, scored_run("Ours", 0), scored_run("Ours", 1, seed=2))


@pytest.mark.parametrize("seed", [1, 2])
def test_complementary_systems_lack_no_seeds(tmp_path: Path, seed: int) -> None:
    high, low = (
        ScoredRun(system=name, label="Bilingual", seed=seed, scores=scores_of({pair: 1.0}))
        for name, seed, pair in (("high", 1, "en-de"), ("low", seed, "en-lb"))
    )
    assert "fewer seeds" not in write(tmp_path, high, low)


def test_comparisons_of_several_seeds_are_combined() -> None:
    tests = [("Ours", paired_tests("base", "parent", 1)) for _ in range(2)]
    (comparison,) = gather_comparisons(tests, {"base": "Base"})
    assert (comparison.label, comparison.other, comparison.role) == ("Ours", "Base", "parent")
    assert len(comparison.tests) == 2 * len(PAIRS)
    assert gather_comparisons([("Ours", tests[0][1][:0])], {}) == []


def test_gains_compare_the_same_seed_in_whole_cells() -> None:
    tests = [
        ("Ours", paired_tests("base", "parent", difference, seed=seed))
        for seed, difference in ((1, 1), (2, 3), (3, 100))
    ]
    tests[2] = ("Ours", tests[2][1].query("pair != 'en-de'"))
    comparisons = gather_comparisons(tests, {"base": "Base"})
    table = gains_table(comparisons, {"": level_cells(PAIRS, LEVELS, "en")})
    gains = table.set_index(["group", "direction"])
    assert gains["seeds"]["Low", "O2M"] == 3
    assert gains["seeds"]["High", "O2M"] == gains["seeds"]["All", "Avg"] == 2
    assert gains["gain"]["High", "O2M"] == pytest.approx(2)
    assert list(gains_table([], {"": {}}).columns) == list(table.columns)


# ---- the files ----


def test_a_metric_without_tests_has_neither_wins_nor_marks(tmp_path: Path) -> None:
    runs = [scored_run(label, 0, metric="comet") for label in ("Base", "Ours")]
    text = write(
        tmp_path, *runs, tests=[("Ours", paired_tests("base", "parent", 1))], metric="comet"
    )
    for absent in ("0/0/0", "Significant", "Tests:"):
        assert absent not in text
    assert len((tmp_path / "table.wins.csv").read_text().splitlines()) == 1


def test_outputs_without_a_score_in_the_metric_are_not_called_missing(tmp_path: Path) -> None:
    base = scored_run("Base", 0)
    base = replace(base, scores=pd.concat([base.scores, scored_run("", 0, metric="chrf").scores]))
    ours = scored_run("Ours", 0)
    ours = replace(ours, scores=ours.scores.query("pair != 'en-de'"))
    text = write(tmp_path, base, ours, metric="chrf")
    assert "- Ours has no outputs: en-de\n" in text
    assert "- Ours has no scores in chrF++: en-nl, de-en, nl-en, en-lb, lb-en\n" in text


@pytest.mark.parametrize("layout", ["levels", "languages"])
def test_scores_outside_all_cells_are_named(tmp_path: Path, layout: str) -> None:
    more = {"en-fr": 1.0, "fr-en": 1.0, "de-xx": 1.0, "de-nl": 1.0}
    text = write(tmp_path, scored_run("Base", 0, values=more), layout=layout)
    assert "- Left out, because the table of languages lacks them: fr, xx\n" in text
    assert "- Left out, because they are not from or into en: de-nl\n" in text
    assert "Left out" not in write(tmp_path, scored_run("Base", 0), layout=layout)


@pytest.mark.parametrize("layout", ["levels", "languages"])
def test_a_side_that_nobody_translates_has_no_columns(tmp_path: Path, layout: str) -> None:
    into = [
        replace(run, scores=run.scores[run.scores["pair"].str.endswith("-en")])
        for run in (scored_run("Base", 0), scored_run("Ours", 0))
    ]
    text = write(tmp_path, *into, layout=layout)
    assert "M2O" in text
    assert "O2M" not in text
    assert "has no outputs" not in text
    assert text.count("– |") == 1  # the reference has no additional parameters


def test_a_table_by_language_has_everything_in_two_blocks(tmp_path: Path) -> None:
    tests = [("Ours", paired_tests("base", "parent", 1))]
    runs = scored_run("Base", 0), scored_run("Ours", 1)
    text = write(tmp_path, *runs, tests=tests, layout="languages")
    assert text.count("+1.0†") == 2 * (len(LEVELS) + 3)  # high, low and avg
    assert (
        "| O2M | Ours | Base | 1/0/0 (1/0, 0.025) | 1/0/0 (1/0, 0.025) | 1/0/0 (1/0, 0.025) | "
        "2/0/0 (2/0, 0.05) | 1/0/0 (1/0, 0.025) | 3/0/0 (3/0, 0.075) |"
    ) in re.sub(" +", " ", text)


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    """Write a table with every feature: marks, wins, seeds, notes, gaps, the paper's values."""
    base = scored_run("mT-big", 0, note="finished score of test_detok_bleu.txt")
    raw = scored_run("mT-big", -5, metric="bleu_raw").scores
    lacking = scored_run("La_SS | 70 %", 0)
    write(
        tmp_path,
        replace(base, scores=pd.concat([base.scores, raw])),
        replace(lacking, scores=lacking.scores.iloc[1:]),
        scored_run("Ours", 1, seed=1),
        scored_run("Ours", 2, seed=2),
        tests=[
            ("Ours", paired_tests("mt-big", "parent", 1)),
            ("Ours", paired_tests("mt-big", "parent", 2, seed=2)),
            ("Ours", paired_tests("continued", "control", -1)),
            ("Ours", paired_tests("continued", "control", -1, seed=2)),
        ],
        paper_values=VALUES,
        origin=describe_origin("abcd1234", {"Ours": [1, 2]}, PROJECT),
        paper="Table 2",
    )
    return tmp_path


def test_markdown_renders_as_tables(everything: Path) -> None:
    text = (everything / "table.md").read_text(encoding="utf-8")
    html = markdown.markdown(text, extensions=["tables"])
    assert html.count("<table>") == 4
    for tables in html.split("<table>")[1:]:
        rows = tables.split("</table>")[0].split("<tr>")[1:]
        assert len({row.count("<td") + row.count("<th") for row in rows}) == 1
        assert len(rows) > 1
    assert "<h2>BLEU on toy, test: levels</h2>" in html
    assert "<em>" not in html
    assert html.count("<ul>") == 1


@pytest.mark.parametrize(
    "expected",
    [
        "| Ours | 0 % | +1.5 ± 0.7‡↓ |",
        "| Ours | mT-big | 4/0/0 (4/0, 0.1) |",
        "| Ours | Base, continued | 0/4/0 (0/4, 0.1) |",
        "| Ours | mT-big | +1.5 ± 6.4 |",
        "| Ours | Base, continued | −1.0 ± 0.0 |",
        "### Comparison with the paper's Table 2",
        "- mT-big: scores; other rows: differences to it",
        "- BLEU: tok:13a|version:1",
        "- Raw: the same translations against the references as published",
        "- Ours has no raw references: all directions",
        "- La_SS | 70 % has no outputs: en-de",
        "- mT-big, finished score of test_detok_bleu.txt: all directions",
        "† than the system it continues from, ‡ than the continued baseline; p < 0.05 after Holm's",
        "- Tests: ar:9|seed:1 (ar: approximate randomisation); what they cover",
        "| mT-big | released |",
        "- Seeds (scores are their mean): Ours 1 2",
        "- Settings abcd1234, neuron-specialization 0.1.0",
    ],
)
def test_lines_of_a_table(everything: Path, expected: str) -> None:
    text = (everything / "table.md").read_text(encoding="utf-8")
    assert expected in re.sub(" +", " ", text)


@pytest.mark.parametrize(
    ("file", "lines"),
    [
        (
            "table.html",
            ["La_SS | 70 %", "<td>+1.5 ± 0.7‡↓</td>", "<h3>Comparison with the paper&#x27;s"],
        ),
        ("table.tex", [r"La\_SS \textbar{} 70 \%", r"+1.5 $\pm$ 0.7\textsuperscript{\ddag}"]),
    ],
)
def test_the_other_formats_agree(everything: Path, file: str, lines: list[str]) -> None:
    text = (everything / file).read_text(encoding="utf-8")
    for line in lines:
        assert line in text


def test_csv_of_wins_and_of_gains(everything: Path) -> None:
    wins, gains = (
        pd.read_csv(everything / f"table.{name}.csv", keep_default_na=False)
        .query("against == 'mT-big' and group == 'All' and direction == 'Avg'")
        .squeeze()
        for name in ("wins", "gains")
    )
    assert wins[["wins", "losses", "ties"]].tolist() == [12, 0, 0]
    assert (gains["system"], gains["role"], gains["seeds"]) == ("Ours", "parent", 2)
    error = 0.5  # standard deviation of 1 and 2, over the root of 2
    assert gains["gain"] == pytest.approx(1.5)
    assert gains["half_width"] == pytest.approx(
        12.7062 * error, rel=1e-5
    )  # quantile of t, 1 degree of freedom


def test_latex_of_everything_compiles(everything: Path) -> None:
    (everything / "other").mkdir()
    runs = scored_run("Base", 0), scored_run(r"[a]*_b%{c}\d~^#$|<", 1)
    write(everything / "other", *runs, layout="languages")
    compile_latex(everything, everything)


# ---- footers ----


def test_signatures_of_scores_computed_differently(tmp_path: Path) -> None:
    other = scored_run("Ours", 0, signature="tok:none")
    text = write(tmp_path, scored_run("Base", 0), other)
    assert "- BLEU: tok:13a|version:1\n- BLEU: tok:none\n" in text


def test_rows_of_unequal_length_say_so(tmp_path: Path) -> None:
    other = scored_run("Ours", 0)
    other.scores.loc[other.scores["pair"] == "en-nl", "sentences"] = 5
    text = write(tmp_path, scored_run("Base", 0), other)
    assert "- Not the same number of sentences in all rows: en-nl\n" in text


def test_a_mean_over_tokenisers_says_so(tmp_path: Path) -> None:
    base = scored_run("Base", 0)
    base.scores.loc[base.scores["pair"] == "en-nl", "signature"] = "tok:zh|version:1"
    text = write(tmp_path, base)
    assert "- BLEU of en-nl: tok:zh|version:1\n" in text
    assert "- Means are over scores by several tokenisers: 13a, zh\n" in text


def test_sizes_of_training_corpora() -> None:
    sizes = {"de": 20000, "nl": 300}
    assert describe_sizes(sizes, ["nl", "de", "lb"]) == ["Training pairs: nl 300, de 20,000"]
    assert describe_sizes({}, ["de"]) == []


def test_code_version_names_the_commit_of_a_repository(tmp_path: Path) -> None:
    assert code_version(tmp_path) == "0.1.0"
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        names = ["-c", "user.name=x", "-c", "user.email=x@x"]
        subprocess.run(["git", "-C", str(tmp_path), *names, *command], check=True)
    code_version.cache_clear()
    assert code_version(tmp_path).startswith("0.1.0 (commit ")
