"""Text of pairs without the pivot, by the sentences of the pivot."""

import csv
from pathlib import Path

import pytest

from neuron_specialization.corpora.joining import join_pairs, match_lines
from neuron_specialization.corpora.report import merge_reports
from neuron_specialization.errors import InputError
from tests.corpora.preparing import HELD_OUT, fill, id_file, prepare, source

JOINED = [f"{split}.de-fr.{side}" for split in ("test", "raw.test") for side in ("de", "fr")]


def write_pairs(folder: Path, **pairs: list[str]) -> Path:
    """Write the two sides of each pair with the pivot: `en1 en2` beside `de1 de2`."""
    for language, numbers in pairs.items():
        for side in ("en", language):
            lines = "".join(f"{side}{number}\n" for number in numbers)
            fill(folder, {f"test.en-{language}.{side}": lines})
    return folder


def join(folder: Path, *absent: str, has_raw: bool = False) -> list[tuple[str, str]]:
    """Join German and French; return the pairs of lines."""
    outputs = [folder / name for name in (*JOINED, *absent)]
    join_pairs("test", ["de-fr"], "en", outputs, folder / "report.tsv", has_raw=has_raw)
    return read_joined(folder, "test")


def read_joined(folder: Path, split: str) -> list[tuple[str, str]]:
    sides = [(folder / f"{split}.de-fr.{side}").read_text("utf-8").split() for side in ("de", "fr")]
    return list(zip(*sides, strict=True))


def report(folder: Path) -> dict[str, str]:
    with (folder / "report.tsv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file, delimiter="\t")
    return row


def test_equal_sides_are_joined_line_by_line(tmp_path: Path) -> None:
    write_pairs(tmp_path, de=["3", "1", "2", "1"], fr=["3", "1", "2", "1"])
    assert join(tmp_path) == [(f"de{n}", f"fr{n}") for n in "3121"]
    assert read_joined(tmp_path, "raw.test") == read_joined(tmp_path, "test")
    numbers = {"read": "4", "kept": "4", "first_unpaired": "0", "second_unpaired": "0"}
    assert report(tmp_path) == {"split": "test", "pair": "de-fr", "warnings": ""} | numbers


def test_subsets_are_joined_by_the_pivot_in_the_order_of_the_first(tmp_path: Path) -> None:
    write_pairs(tmp_path, de=["5", "1", "2"], fr=["2", "3", "4", "5"])
    assert join(tmp_path) == [("de5", "fr5"), ("de2", "fr2")]
    row = report(tmp_path)
    assert [row[n] for n in ("read", "kept", "first_unpaired", "second_unpaired")] == [*"3212"]
    assert "1 of 3 (33.3 %) sentences of de have no partner" in row["warnings"]
    assert "2 of 4 (50.0 %) sentences of fr have no partner" in row["warnings"]


def test_of_repeated_sentences_the_nth_occurrences_belong_together() -> None:
    assert match_lines(["a", "b", "a", "a"], ["a", "a", "b"]) == [(0, 0), (1, 2), (2, 1)]
    assert match_lines(["a"], ["b"]) == match_lines([], []) == []


def test_no_common_sentence_is_an_error_and_writes_nothing(tmp_path: Path) -> None:
    write_pairs(tmp_path, de=["1", "2"], fr=["3"])
    with pytest.raises(InputError, match=r"'test', pair 'de-fr': en-de and en-fr have no sentence"):
        join(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"test.en-{language}.{side}" for language in ("de", "fr") for side in (language, "en")
    }


def test_a_pair_that_the_split_lacks_is_an_empty_file(tmp_path: Path) -> None:
    write_pairs(tmp_path, de=["1"], fr=["1"])
    assert join(tmp_path, "test.fr-ro.ro") == [("de1", "fr1")]
    assert not (tmp_path / "test.fr-ro.ro").read_bytes()
    assert report(tmp_path)["pair"] == "de-fr"


def test_raw_text_has_the_lines_that_the_prepared_text_has(tmp_path: Path) -> None:
    """Two raw sentences may have the same words: the words decide for both."""
    write_pairs(tmp_path, de=["1", "1", "2"], fr=["2", "1"])
    for language, raw in (("de", "a b c"), ("fr", "x y")):
        for side in ("en", language):
            lines = "".join(f"{side}-{word}\n" for word in raw.split())
            fill(tmp_path, {f"raw.test.en-{language}.{side}": lines})
    assert join(tmp_path, has_raw=True) == [("de1", "fr1"), ("de2", "fr2")]
    assert read_joined(tmp_path, "raw.test") == [("de-a", "fr-y"), ("de-c", "fr-x")]


def test_held_out_sentences_of_prepared_pairs_are_joined(tmp_path: Path) -> None:
    fill(tmp_path, {f"{lang}.tsv": id_file(lang, range(30)) for lang in ("en", "de", "fr")})
    prepare(tmp_path, HELD_OUT, max_pairs={"de": None, "fr": None})
    out = tmp_path / "results/out"
    join(out)
    sides = [(out / f"test.de-fr.{side}").read_text("utf-8") for side in ("de", "fr")]
    assert sides[0].count("\n") == 4
    assert sides[0].replace("de", "fr") == sides[1]


def test_only_a_report_with_joined_pairs_has_their_columns(tmp_path: Path) -> None:
    write_pairs(tmp_path, de=["1", "2"], fr=["2"])
    join(tmp_path)
    (tmp_path / "report.tsv").rename(tmp_path / "joined.tsv")
    fill(tmp_path, {"valid.en": "one\n", "valid.de": "eins\n"})
    prepare(tmp_path, [source("valid", "text", "valid.{lang}")])
    parts = [tmp_path / "results/out/report.tsv", tmp_path / "joined.tsv"]
    merge_reports(parts[:1], [], None, tmp_path / "report.tsv")
    assert "first_unpaired" not in report(tmp_path)
    merge_reports(parts, [], None, tmp_path / "merged.tsv")
    with (tmp_path / "merged.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["first_unpaired"] for row in rows] == ["", "1"]
    assert [row["pair"] for row in rows] == ["en-de", "de-fr"]
    assert list(rows[0])[-1] == "warnings"
    assert not rows[0]["warnings"]
