"""Checks of prepared text: overlaps, shifts, swapped columns, copies."""

import random
from pathlib import Path

import pytest

from neuron_specialization.corpora.pair_report import PairReport, write_report
from neuron_specialization.corpora.report import merge_reports
from neuron_specialization.corpora.text_checks import check_texts, write_checks
from tests.corpora.preparing import fill

Text = list[tuple[str, str]]


def sentences(count: int, seed: int) -> Text:
    """Return sentences of an invented English and German, of equal lengths."""
    chooser = random.Random(seed)
    lengths = [chooser.randrange(5, 30) for _ in range(count)]
    return [
        tuple(" ".join(f"{side}{chooser.randrange(99)}" for _ in range(length)) for side in "ed")
        for length in lengths
    ]


def check(folder: Path, splits: dict[str, Text]) -> dict[str, list[str]]:
    """Check the text of a pair in some splits; return the warnings of each."""
    for name, text in splits.items():
        for side, language in enumerate(("en", "de")):
            lines = "".join(f"{pair[side]}\n" for pair in text)
            fill(folder, {f"{name}.en-de.{language}": lines})
    files = {name: (folder / f"{name}.en-de.en", folder / f"{name}.en-de.de") for name in splits}
    checked = check_texts({"en-de": files})
    write_checks(checked, folder / "checks.tsv")
    return {text.split: warnings for text, warnings in checked}


def test_good_text_causes_no_warning(tmp_path: Path) -> None:
    texts = {"train": sentences(500, 1), "valid": sentences(100, 2), "test": sentences(9, 3)}
    assert check(tmp_path, texts) == {"train": [], "valid": [], "test": []}


def test_sentences_within_training_text_are_counted_by_side(tmp_path: Path) -> None:
    train, test = sentences(300, 1), sentences(100, 2)
    test[:5] = [(one, test[0][1]) for one, _ in train[10:15]]
    test[7] = (f" {train[0][0]}", train[0][1])  # training text has no blanks at the ends
    (warning,) = check(tmp_path, {"train": train, "test": test})["test"][:1]
    assert warning.startswith("6 of 100 (6.0 %) sentences of en are in the training text, too")
    lines = (tmp_path / "checks.tsv").read_text().splitlines()
    assert lines[1].split("\t")[:4] == ["train", "en-de", "", ""]
    assert lines[2].split("\t")[:4] == ["test", "en-de", "6", "1"]


@pytest.mark.parametrize("from_line", [0, 400])
@pytest.mark.parametrize("side", [0, 1])
def test_a_missing_line_is_noticed(tmp_path: Path, from_line: int, side: int) -> None:
    text = sentences(1000, 1)
    columns = [[pair[0] for pair in text], [pair[1] for pair in text]]
    del columns[side][from_line]
    shifted = list(zip(*columns, strict=False))
    warnings = check(tmp_path, {"train": text, "test": shifted})["test"]
    assert any(f"a line behind the other from about line {from_line + 1}" in w for w in warnings)


def test_swapped_columns_are_noticed(tmp_path: Path) -> None:
    swapped = [(other, one) for one, other in sentences(100, 3)]
    texts = {"train": sentences(500, 1), "valid": sentences(100, 2), "test": swapped}
    found = check(tmp_path, texts)
    assert found["train"] == found["valid"] == []
    assert ["swapped" in warning for warning in found["test"]] == [True]


def test_copied_sides_are_noticed(tmp_path: Path) -> None:
    text = sentences(100, 1)
    text[:20] = [(one, one) for one, _ in text[:20]]
    (warning,) = check(tmp_path, {"train": text})["train"]
    assert warning.startswith("20 of 100 (20.0 %) pairs have two equal sides")


def test_the_report_has_what_the_checks_found(tmp_path: Path) -> None:
    train, test = sentences(300, 1), sentences(10, 2)
    test[0] = train[0]
    check(tmp_path, {"train": train, "test": test})
    for name in ("train", "test"):
        report = PairReport(split=name, pair="en-de", warnings=["a"] if name == "test" else [])
        write_report(tmp_path / f"{name}.tsv", [report])
    reports = [tmp_path / "train.tsv", tmp_path / "test.tsv"]
    merge_reports(reports, [], tmp_path / "checks.tsv", tmp_path / "report.tsv")
    header, *rows = (
        line.split("\t") for line in (tmp_path / "report.tsv").read_text().splitlines()
    )
    assert header[-3:] == ["pivot_in_train", "other_in_train", "warnings"]
    assert rows[0][-3:] == ["", "", ""]
    assert rows[1][-3:-1] == ["1", "1"]
    assert rows[1][-1].startswith("a; 1 of 10 (10.0 %) sentences of en are in")
