"""The command line: scores and tables of existing outputs."""

import math
import subprocess
import sys
import weakref
from pathlib import Path

import pandas as pd
import pytest

from neuron_specialization.cli.main import main
from neuron_specialization.evaluation.scoring import read_scores
from tests.conftest import PROJECT
from tests.evaluation.released import (
    PUBLISHED,
    RELEASED_PAIRS,
    needs_outputs,
    needs_scores,
    write_released,
)

LANGUAGES = """\
code\tname\tfamily\tscript\tlevel
en\tEnglish\tGermanic\tLatin\t
de\tGerman\tGermanic\tLatin\thigh
"""
TEXTS = ["The cat sat on the mat.", "It rains in the city today.", "Nobody knows why."]


def write_system(folder: Path, *, wrong: int) -> Path:
    """Write outputs of both directions, `wrong` of their sentences with an extra word."""
    for pair in ("en-de", "de-en"):
        (folder / pair).mkdir(parents=True)
        lines = TEXTS * 10
        for name in ("src", "ref"):
            (folder / pair / f"test-{name}.txt").write_text("\n".join(lines) + "\n")
        spoiled = [x.replace(" ", " so ", 1) if i < wrong else x for i, x in enumerate(lines)]
        (folder / pair / "test-sys.txt").write_text("\n".join(spoiled) + "\n")
    return folder


def run(*arguments: object) -> None:
    main([str(argument) for argument in arguments])


def scored(folder: Path, *options: str, **wrong: int) -> list[str]:
    """Score systems, given by name and number of wrong sentences; return `LABEL=FOLDER` of each."""
    (folder / "languages.tsv").write_text(LANGUAGES)
    for name, number in wrong.items():
        run("score", write_system(folder / name, wrong=number), folder / "scored" / name, *options)
    return [f"{name.rstrip('0123456789').title()}={folder}/scored/{name}" for name in wrong]


def tabulate(folder: Path, systems: list[str]) -> str:
    """Return the Markdown of a table in BLEU."""
    languages = folder / "languages.tsv"
    run("tables", *systems, "--out", folder / "t", "--languages", languages, "--samples", 100)
    return (folder / "t/levels.bleu.md").read_text(encoding="utf-8")


def test_from_text_to_tables(tmp_path: Path) -> None:
    metrics = ("bleu", "tokenised_bleu")
    systems = scored(tmp_path, "--metrics", *metrics, base=20, ours=2)
    scores = read_scores(tmp_path / "scored/ours/scores.csv")
    pairs = [[pair, metric] for pair in ("de-en", "en-de") for metric in metrics]
    assert scores[["pair", "metric"]].to_numpy().tolist() == pairs
    sentences = pd.read_parquet(tmp_path / "scored/ours/scores.parquet")
    assert len(sentences) == 4 * 30
    text = tabulate(tmp_path, systems)
    names = {path.name for path in (tmp_path / "t").iterdir()}
    endings = ("csv", "wins.csv", "gains.csv", "tests.csv", "tests.html", "md", "tex", "html")
    assert names == {f"levels.{metric}.{ending}" for metric in metrics for ending in endings}
    assert "2/0/0" in text
    assert "†" in text.split("Ours", 1)[1].split("\n")[0]
    table = pd.read_csv(tmp_path / "t/levels.bleu.csv").set_index(["system", "kind"])
    expected = scores.query("metric == 'bleu'")["score"].mean()
    assert table.loc[("Ours", "absolute"), "all_avg"] == pytest.approx(expected)
    assert math.isnan(table.loc[("Ours", "absolute"), "extra_parameters"])


def test_outputs_without_the_pivot_are_shown_in_a_matrix(tmp_path: Path) -> None:
    (tmp_path / "languages.tsv").write_text(LANGUAGES + "fr\tFrench\tRomance\tLatin\tlow\n")
    for name, wrong in (("base", 20), ("ours", 2)):
        folder = write_system(tmp_path / name, wrong=wrong)
        (folder / "de-en").rename(folder / "de-fr")
        run("score", folder, tmp_path / "scored" / name, "--metrics", "bleu")
    run(
        "tables", f"Base={tmp_path}/scored/base", f"Ours={tmp_path}/scored/ours",
        "--out", tmp_path / "t", "--languages", tmp_path / "languages.tsv",
        "--layout", "matrix", "--samples", 100,
    )  # fmt: skip
    table = pd.read_csv(tmp_path / "t/matrix.bleu.csv").set_index(["source", "system", "kind"])
    scores = read_scores(tmp_path / "scored/ours/scores.csv").set_index("pair")["score"]
    assert list(table) == ["extra_parameters", "de", "fr", "avg"]
    assert table.loc[("de", "Ours", "absolute"), "fr"] == scores["de-fr"]
    assert table.loc[("avg", "Ours", "absolute"), "avg"] == pytest.approx(scores.mean())
    assert "2/0/0" in (tmp_path / "t/matrix.bleu.md").read_text(encoding="utf-8")


@needs_outputs
@needs_scores
def test_released_outputs_are_compared_with_the_paper(
    tmp_path: Path, data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_released(tmp_path)
    for pair in RELEASED_PAIRS[:1]:
        (tmp_path / "mT-big" / pair / "generate-test.txt").write_bytes(
            (PUBLISHED / pair / "generate-test.txt").read_bytes()
        )
    flores = f"{data_folder}/flores/{{lang}}.txt"
    run("score", tmp_path / "mT-big", tmp_path / "a", "--raw-references", flores)
    said = capsys.readouterr()
    assert "COMET: mean 79.13 of 60 directions, from " in said.out
    assert "Reading 60 directions of" in said.err
    run("score", tmp_path / "mT-big-NS", tmp_path / "b")
    run(
        "tables", f"mT-big={tmp_path}/a", f"Ours={tmp_path}/b", "--out", tmp_path / "t",
        "--languages", PROJECT / "config/ec30/languages.tsv",
        "--paper", "bleu=Table 2", "comet=Table 8",
    )  # fmt: skip
    scores = read_scores(tmp_path / "a/scores.csv").set_index(["pair", "metric"])
    assert scores.loc[("en-de", "bleu"), "score"] == pytest.approx(31.6337, abs=5e-5)
    assert scores.loc[("en-de", "bleu_raw"), "score"] < 31.5
    assert scores.loc[("de-en", "bleu"), "note"] == "finished score of test_detok_bleu.txt"
    for metric in ("bleu", "comet"):
        text = (tmp_path / f"t/levels.{metric}.md").read_text(encoding="utf-8")
        assert "### Comparison with the paper's Table" in text
        differences = [line for line in text.splitlines() if "difference " in line]
        assert len(differences) == 2
        assert text.count("| released ") == 2
        values = [float(cell.replace("−", "-")) for line in differences
                  for cell in line.split("|")[3:-1]]  # fmt: skip
        # the misprint of Table 8, otherwise rounding
        assert sorted(map(abs, values))[-3 if metric == "comet" else -1] <= 0.12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "nowhere", "out"], r"nowhere: no such folder"),
        (["score", ".", "out"], r"no folder of a direction, such as en-de, has outputs of test"),
        (["tables", "Ours", "--out", "t", "--languages", "l"], r"'Ours': expected LABEL=FOLDER"),
        (["tables", "a=b", "--out", "t", "--languages", "l"], r"l: no such file"),
        (
            ["score", "system", "out", "--raw-references", "x/{lang}"],
            r"x/\{lang\}: no such file for",
        ),
        (["translate", "system"], r"system/export\.json: no such file; give a folder"),
        (["translate", "l.txt"], r"l\.txt/export\.json: no such file; give a folder"),
        (["translate", "damaged"], r"damaged/export\.json: not the manifest of an export"),
        (["translate", "newer"], r"newer/export\.json: not the manifest .*argument 'more'"),
    ],
)
def test_bad_requests_end_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    write_system(tmp_path / "system", wrong=1)
    monkeypatch.chdir(tmp_path)
    Path("l.txt").touch()
    for name, text in (("damaged", "{"), ("newer", '{"more": 1}')):
        Path(name).mkdir()
        Path(name, "export.json").write_text(text)
    if arguments[0] == "tables" and arguments[1] == "Ours":
        (tmp_path / "l").write_text(LANGUAGES)
    with pytest.raises(SystemExit, match=rf"^error: .*{message}"):
        main(arguments)


def test_help_needs_no_decoder(project: Path) -> None:
    program = (
        "import sys; from neuron_specialization.cli.main import make_parser;"
        "make_parser().format_help();"
        "sys.exit(bool({'torch', 'fairseq', 'ctranslate2'} & sys.modules.keys()))"
    )
    environment = {"PYTHONPATH": str(project / "src")}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_subcommands_have_help(capsys: pytest.CaptureFixture[str]) -> None:
    verbs = (("score", "OUT"), ("tables", "OUT"), ("export", "OUT"), ("translate", "--beam"))
    for verb, word in verbs:
        with pytest.raises(SystemExit, match="0"):
            main([verb, "--help"])
        assert word in capsys.readouterr().out


def gains(folder: Path) -> pd.Series:
    """Return the number of seeds of All Avg and its mean gain."""
    table = pd.read_csv(folder / "t/levels.bleu.gains.csv")
    return table.query("group == 'All' and direction == 'Avg'").squeeze()[["seeds", "gain"]]


def test_seeds_are_compared_with_the_same_seed(tmp_path: Path) -> None:
    systems = scored(tmp_path, base1=25, base2=4, ours1=20, ours2=2)
    text = tabulate(tmp_path, systems)
    assert "† than Base; p < 0.05" in text
    assert " ± " in text
    assert "leave out" not in text
    table = pd.read_csv(tmp_path / "t/levels.bleu.csv").set_index(["system", "kind"])
    assert gains(tmp_path)["seeds"] == 2
    assert gains(tmp_path)["gain"] == pytest.approx(table.loc[("Ours", "delta"), "all_avg"])
    text = tabulate(tmp_path, systems[:3])
    assert "- Base has 2 seeds, Ours 1: the tests of Ours leave out the extra seeds of" in text
    assert gains(tmp_path)["seeds"] == 1


def test_seeds_are_compared_with_a_single_seed_or_left_out(tmp_path: Path) -> None:
    systems = scored(tmp_path, base1=25, base2=20, ours1=4, ours2=2, ours3=1)
    text = tabulate(tmp_path, [systems[0], *systems[2:]])
    assert "leave out" not in text
    assert gains(tmp_path)["seeds"] == 3
    text = tabulate(tmp_path, systems)
    assert "- Ours has 3 seeds, Base 2: the tests of Ours leave out the extra seeds of" in text
    assert gains(tmp_path)["seeds"] == 2


def test_two_systems_are_read_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    systems = scored(tmp_path, base=9, ours=4, theirs=2, others=1)
    alive: list[weakref.ref[pd.DataFrame]] = []
    most = []
    read = pd.read_parquet

    def counted(path: Path, **options: object) -> pd.DataFrame:
        frame = read(path, **options)
        alive.append(weakref.ref(frame))
        most.append(sum(each() is not None for each in alive))
        return frame

    monkeypatch.setattr(pd, "read_parquet", counted)
    tabulate(tmp_path, systems)
    assert len(most) == len(systems)
    assert max(most) == 2


@pytest.mark.parametrize(
    ("paper", "message"),
    [
        ("bleu", 'expected METRIC=TABLE, such as "bleu=Table 2"'),
        ("blue=Table 2", "the paper has no 'Table 2' in blue"),
        ("bleu=Table 9", "the paper has no 'Table 9' in bleu"),
        ("bleu=Table 2", "the first row of the paper's Table 2 is mT-big, here it is Base"),
    ],
)
def test_comparisons_with_the_paper_are_checked(tmp_path: Path, paper: str, message: str) -> None:
    systems = scored(tmp_path, base=20)
    command = ["tables", *systems, "--out", tmp_path / "t", "--paper", paper]
    with pytest.raises(SystemExit, match=f"^error: --paper '{paper}': {message}"):
        run(*command, "--languages", tmp_path / "languages.tsv")
    assert not (tmp_path / "t").exists()
