"""Mistakes on the command line end with a message and without lost files."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuron_specialization.cli import main as cli
from neuron_specialization.files import atomic_write
from tests.cli.test_main import LANGUAGES, run, write_system
from tests.trained_models import LAYERS, save_masks

COMMAND = f"{sys.executable} -m neuron_specialization.cli.main"
TABLES = ["tables", "A=scored", "B=scored", "--out", "t", "--languages", "languages.tsv"]


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a system's outputs and a table of languages in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("languages.tsv").write_text(LANGUAGES)
    return write_system(Path("outputs"), wrong=2)


def refuse(message: str, *arguments: object) -> None:
    with pytest.raises(SystemExit, match=message):
        run(*arguments)


def run_shell(project: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a bash script in which `$COMMAND` is the command line."""
    environment = os.environ | {"PYTHONPATH": str(project / "src"), "COMMAND": COMMAND}
    return subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, check=False
    )


def write_masks(path: Path, num_directions: int = 2) -> Path:
    directions = [f"en-a{i}" for i in range(num_directions)]
    return save_masks(path, np.ones((num_directions, 1, 8), dtype=bool), LAYERS[:1], directions)


@pytest.mark.parametrize(
    ("folder", "out"),
    [("outputs", "."), ("outputs", "outputs"), ("scored/outputs", "scored"), ("outputs", "link")],
)
def test_scoring_never_empties_its_input(system: Path, folder: str, out: str) -> None:
    write_system(Path("scored/outputs"), wrong=1)
    Path("link").symlink_to(".")
    refuse(r"^error: \S*outputs: this folder is emptied .* give another OUT", "score", folder, out)
    for place in (system, Path("scored/outputs")):
        assert (place / "en-de/test-sys.txt").is_file()


def test_raw_references_are_not_emptied_either(system: Path) -> None:
    references = Path("scored/outputs/de.txt")
    references.parent.mkdir(parents=True)
    references.write_text("x\n")
    raw = ("--raw-references", "scored/outputs/{lang}.txt")
    refuse("give another OUT", "score", system, "scored", *raw)
    assert references.read_text() == "x\n"


def test_a_failed_scoring_leaves_no_scores_of_another(system: Path) -> None:
    run("score", system, "scored")
    (system / "en-de/test-ref.txt").write_text("one\n")
    refuse("test-", "score", system, "scored")
    assert not list(Path("scored").glob("scores.*"))


def test_no_score_at_all_is_an_error(tmp_path: Path, system: Path) -> None:
    finished = tmp_path / "finished"
    (finished / "en-de").mkdir(parents=True)
    (finished / "en-de/test_comet.txt").write_text("x\tscore: 0.8438\n")
    message = r"^error: \S+finished: no score in bleu, chrf; finished .*: --metrics comet$"
    refuse(message, "score", finished, "scored", "--metrics", "bleu", "chrf")
    assert not Path("scored/scores.csv").exists()
    message = r"no score in comet \(no COMET model is set\); give .* --comet-model$"
    refuse(message, "score", system, "scored", "--metrics", "comet")
    run("score", finished, "scored", "--metrics", "comet")
    path = Path("scored/scores.csv")
    path.write_text(path.read_text().splitlines()[0] + "\n")
    refuse(r"^error: scored/scores\.csv: contains no scores; run", *TABLES)


def test_outputs_under_another_name_cause_a_warning(
    system: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (system / "en-de").rename(system / "en-sr-Latn")
    shutil.copytree(system / "de-en", system / "srp_Latn-en")
    (system / "notes").mkdir()
    run("score", system, "scored")
    assert [record.getMessage() for record in caplog.records] == [
        "outputs/en-sr-Latn is not scored: its name is not a direction such as en-de or en-zh_Hans "
        "(two codes of letters, digits and _ with a hyphen between)"
    ]
    assert set(pd.read_csv("scored/scores.csv")["pair"]) == {"de-en", "srp_Latn-en"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        "pair,metric,score,sentences,signature\n".encode("utf-16"),
        b"pair;metric;score;sentences;signature\nen-de;bleu;3;1;x\n",
        b"metric,score\nbleu,3\n",
        b"pair,metric,score,sentences,signature\nen-de,bleu,much,1,x\n",
    ],
)
def test_other_tables_than_scores_are_named(system: Path, content: bytes) -> None:
    run("score", system, "scored")
    Path("scored/scores.csv").write_bytes(content)
    refuse(r"^error: scored/scores\.csv: not a table of scores \(", *TABLES)


@pytest.mark.parametrize("content", [None, b"PAR1", "another table"])
def test_scores_of_sentences_that_cannot_be_read_are_named(
    system: Path, content: bytes | str | None
) -> None:
    run("score", system, "scored")
    path = Path("scored/scores.parquet")
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        pd.DataFrame({"x": [1]}).to_parquet(path)
    refuse(r"^error: scored/scores\.parquet: not the .*--test none", *TABLES)
    run(*TABLES, "--test", "none")


@pytest.mark.parametrize(
    ("verb", "option", "value", "message"),
    [
        ("score", "--processes", "0", "'0' is not a whole number above 0"),
        ("score", "--comet-batch-size", "-3", "'-3' is not a whole number above 0"),
        ("tables", "--seed", "-1", "'-1' is not a whole number, 0 or more"),
        ("tables", "--samples", "0", "'0' is not a whole number above 0"),
        ("tables", "--level", "7", "'7' is not a number between 0 and 1"),
        ("tables", "--level", "nan", "'nan' is not a number between 0 and 1"),
        ("translate", "--max-len-a", "nan", "'nan' is not a number, 0 or more"),
        ("translate", "--max-len-a", "inf", "'inf' is not a number, 0 or more"),
        ("translate", "--max-len-a", "-50", "'-50' is not a number, 0 or more"),
        ("translate", "--length-penalty", "inf", "'inf' is not a number"),
        ("translate", "--beam", "x", "'x' is not a whole number above 0"),
    ],
)
def test_numbers_out_of_range_are_refused_immediately(
    capsys: pytest.CaptureFixture[str], verb: str, option: str, value: str, message: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main([verb, f"{option}={value}"])
    assert f"argument {option}: {message}\n" in capsys.readouterr().err


def test_output_to_a_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    masks, folder = write_masks(tmp_path / "masks.npz"), tmp_path / "folder"
    folder.mkdir()
    monkeypatch.setattr(
        "neuron_specialization.cli.neurons.read_neurons", lambda _: pytest.fail("too late")
    )
    refuse(r"folder: is a folder; give", "neurons", "overlap", masks, "--out", folder)
    refuse(r"no: no such folder", "neurons", "sparsity", masks, "--out", tmp_path / "no/x.csv")
    (tmp_path / "settings.json").write_text('{"shared": "a", "systems": {}}')
    refuse(r"folder: is a folder; give", "pack", tmp_path, folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("score outputs languages.tsv", r"languages.tsv"),
        ("tables A=scored B=scored --out languages.tsv --languages languages.tsv", "File exists"),
        ("neurons overlap .", r"Is a directory"),
        ("neurons overlap masks.npz > /dev/full", "the disk is full"),
    ],
)
def test_unreadable_and_unwritable_files_are_reported(
    system: Path, project: Path, arguments: str, message: str
) -> None:
    run("score", system, "scored")
    write_masks(Path("masks.npz"))
    done = run_shell(project, f"$COMMAND {arguments}")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_closed_pipe_is_not_an_error(tmp_path: Path, project: Path) -> None:
    masks = write_masks(tmp_path / "masks.npz", num_directions=100)
    script = f"$COMMAND neurons overlap {masks} | true; echo ${{PIPESTATUS[0]}}"
    done = run_shell(project, script)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_an_interrupted_command_reports_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: argparse.Namespace) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.score, "score", interrupt)
    with pytest.raises(SystemExit, match="130"):
        cli.main(["score", "a", "b"])
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("error", [KeyError("a bug"), OSError("of a library")])
def test_bugs_keep_their_traceback(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(_: argparse.Namespace) -> None:
        raise error

    monkeypatch.setattr(cli.score, "score", fail)
    with pytest.raises(type(error), match=str(error)):
        cli.main(["score", "a", "b"])


EXPORT = """{"direction": "en-a1", "source_tag": null, "target_tag": null, "formats": ["fairseq"],
"ffn_widths": {}, "max_source_tokens": 9, "max_target_positions": 9, "provenance": {}}"""


@pytest.mark.parametrize("stream", ["stdin", "stdout"])
def test_a_closed_stream_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    (tmp_path / "export.json").write_text(EXPORT)
    monkeypatch.setattr(sys, stream, None)
    with pytest.raises(SystemExit, match=rf"the standard {stream[3:]}put is closed; give a file"):
        run("translate", tmp_path)


def test_a_signal_to_end_leaves_no_unfinished_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_while_writing(options: object) -> None:
        with atomic_write(tmp_path / "out"):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("neuron_specialization.cli.packing.pack_results", stop_while_writing)
    with pytest.raises(SystemExit, match="143"):
        run("pack", "results", "out.zip")
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) == before
