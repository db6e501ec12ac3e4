"""Off-target rates on the command line, from a folder of text."""

from pathlib import Path

import pandas as pd
import pytest

from neuron_specialization.cli.main import main
from neuron_specialization.evaluation.scoring import read_scores

ENGLISH = [f"the {animal} sat on the mat" for animal in ("cat", "dog", "cow", "horse")]
GERMAN = [f"{animal} saß auf der Matte" for animal in ("die Katze", "der Hund", "die Kuh")]


def write_lines(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def make_outputs(folder: Path) -> None:
    """Write outputs from English to German, of which the second is a copy of the source."""
    texts = {"src": ENGLISH[:3], "ref": GERMAN, "sys": [GERMAN[0], ENGLISH[1], GERMAN[2]]}
    for name, lines in texts.items():
        write_lines(folder / f"en-de/test-{name}.txt", lines)


def test_outputs_are_scored_and_their_languages_written(tmp_path: Path) -> None:
    make_outputs(tmp_path / "ours")
    write_lines(tmp_path / "text/en.txt", [*ENGLISH, "a sheep sat on a chair"])
    write_lines(tmp_path / "text/de.txt", [*GERMAN, "ein Schaf saß auf einem Stuhl"])
    arguments = ["--metrics", "bleu", "off_target", "--identifier-text", str(tmp_path / "text")]
    main(["score", str(tmp_path / "ours"), str(tmp_path / "out"), *arguments])
    score = read_scores(tmp_path / "out/scores.csv").query("metric == 'off_target'").iloc[0]
    assert score["score"] == pytest.approx(100 / 3)
    assert "languages:2|sentences:1|" in score["signature"]  # the others are the references
    counts = pd.read_csv(tmp_path / "out/identified_languages.csv", index_col="language")
    assert counts["hypotheses"].to_dict() == {"de": 2, "en": 1}
    accuracy = pd.read_csv(tmp_path / "out/language_identifier.csv", index_col="language")
    assert accuracy["training_sentences"].to_dict() == {"de": 1, "en": 2}
    assert accuracy["errors"].to_dict() == {"de": 0, "en": 0}
    sentences = pd.read_parquet(tmp_path / "out/scores.parquet")
    assert sentences.query("metric == 'off_target'")["score"].tolist() == [0, 100, 0]


def test_it_is_refused_without_text_of_two_languages(tmp_path: Path) -> None:
    make_outputs(tmp_path / "ours")
    write_lines(tmp_path / "text/en.txt", ENGLISH)
    arguments = ["score", str(tmp_path / "ours"), str(tmp_path / "out"), "--metrics", "off_target"]
    for more, reason in (
        ([], "but it is not given"),
        (["--identifier-text", str(tmp_path / "text")], r"but \S+text has 1$"),
    ):
        with pytest.raises(SystemExit, match=rf"needs --identifier-text, a folder .*{reason}"):
            main([*arguments, *more])
    assert not (tmp_path / "out").exists()
