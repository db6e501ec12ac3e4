"""Reading, holding out, cleaning and writing corpora, tested through `prepare_corpora`."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Any

import pytest

from neuron_specialization.corpora import preparation, training_text
from neuron_specialization.corpora.cleaning import Cleaning
from neuron_specialization.corpora.corpus_files import SplitSource, find_corpus
from neuron_specialization.corpora.readers import read_corpus
from neuron_specialization.errors import InputError
from neuron_specialization.parallel import parallel_map
from tests.conftest import DATA
from tests.corpora.preparing import (
    HELD_OUT,
    IDS,
    STRICT,
    TSV,
    VALID,
    fill,
    id_file,
    prepare,
    read,
    report,
    source,
    within,
)


def test_text_strips_bom_and_line_ends_and_nothing_else(tmp_path: Path) -> None:
    english = "\ufeffone\r\n two\u2028three \r\rfour\x85\n\ufefffive"
    german = gzip.compress("\ufeffeins\nzwei\x0bdrei\r\r\nfünf\n".encode())
    fill(tmp_path, {"a.en.gz": gzip.compress(english.encode()), "a.de.gz": german})
    assert read(tmp_path, "text", "a.{lang}.gz") == [
        (1, "one", "eins"),
        (2, " two\u2028three \r\rfour\x85", "zwei\x0bdrei\r"),
        (3, "\ufefffive", "fünf"),
    ]


def test_tsv_has_the_pivot_first(tmp_path: Path) -> None:
    fill(tmp_path, {"en-de.tsv": b"\xef\xbb\xbfone\teins\r\ntwo\tz\xffei\n\t"})
    lines = read(tmp_path, "tsv", "{pair}.tsv")
    assert lines == [(1, "one", "eins"), (2, "two", None), (3, "", "")]


def test_ids_are_joined_in_the_order_of_the_pivot(tmp_path: Path) -> None:
    fill(tmp_path, {"en.tsv": "c\tthree\na\tone\nb\ttwo\n", "de.tsv": b"a\teins\nd\t4\nc\t\xff\n"})
    assert read(tmp_path, "ids", IDS) == [("c", "three", None), ("a", "one", "eins")]


def test_text_with_a_nul_byte_is_not_utf_8(tmp_path: Path) -> None:
    fill(tmp_path, {"a.en": "one\ntwo\n".encode("utf-16-le"), "a.de": "eins\nzwei\n\0"})
    lines = read(tmp_path, "text", "a.{lang}")
    assert lines == [(1, None, "eins"), (2, None, "zwei"), (3, None, None)]


def test_lines_are_yielded_before_the_rest_is_read(tmp_path: Path) -> None:
    fill(tmp_path, {"en-de.tsv": "one\teins\n" * 100_000 + "no tab\n"})
    corpus = find_corpus(within(TSV, tmp_path), "en", "de", {})
    assert next(read_corpus(corpus)).target == "eins"


def test_failure_keeps_previously_finished_files(tmp_path: Path) -> None:
    before = prepare(fill(tmp_path, {"en-de.tsv": "a\tb\n"}), [TSV])
    fill(tmp_path, {"en-de.tsv": "c\t\nbroken\n"})
    with pytest.raises(InputError, match="no sentence is left"):
        prepare(tmp_path, [TSV])
    assert {p.name: p.read_text() for p in (tmp_path / "results/out").iterdir()} == before
    assert [p.name for p in (tmp_path / "results").iterdir()] == ["out"]


def test_a_run_works_in_one_folder_and_replaces_leftovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, {"en-de.tsv": "a\tb\n"})
    found = []

    def list_files(*arguments: Any) -> list[Any]:
        found.extend(path.name for path in (tmp_path / "results").rglob("*"))
        return parallel_map(*arguments)

    monkeypatch.setattr(preparation, "parallel_map", list_files)
    left = tmp_path / "results/.out.report.part"
    fill(left, {"train.en-xx.en": "half"})
    assert "train.en-xx.en" not in prepare(tmp_path, [TSV])
    assert found == [".out.report.part"]
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["out"]


def test_every_rule_counts_and_the_first_one_wins(tmp_path: Path) -> None:
    lines = [
        b"good one\tgute eins",
        b"\t\xff",  # invalid UTF-8 before empty
        b" \t" + b"zu lang " * 9,  # empty before too long
        "\u2028\xa0\tleer".encode(),
        b"a b c d e f g\tzu lang",  # too long before ratio
        f"a b c\t{'漢' * 20_001}".encode(),  # a word of too many characters
        b"a b c d e f\ta b c",  # exactly as long and as uneven as allowed
        b"a b c\td",
        b"d\ta b c",
        "good\u3000 one\t gute\x0beins ".encode(),  # identical once normalised
        b" good  one \tanders",  # only one side identical
    ]
    files = prepare(fill(tmp_path, {"en-de.tsv": b"\r\n".join(lines)}), [TSV], cleaning=STRICT)
    assert report(files)["train", "en-de"] == {
        "read": 11,
        "malformed": 0,
        "invalid_utf8": 1,
        "empty": 2,
        "too_long": 2,
        "ratio": 2,
        "duplicate": 1,
        "held_out": 0,
        "over_cap": 0,
        "kept": 3,
    }
    assert files["train.en-de.en"] == "good one\na b c d e f\ngood one\n"
    assert files["train.en-de.de"] == "gute eins\na b c\nanders\n"


def test_duplicates_are_kept_by_default(tmp_path: Path) -> None:
    files = prepare(fill(tmp_path, {"en-de.tsv": "a\tb\na\tb\n"}), [TSV])
    assert files["train.en-de.en"] == "a\na\n"


def test_cleaning_splits_at_all_whitespace_and_nothing_else(tmp_path: Path) -> None:
    characters = [
        char
        for char in map(chr, chain(range(0xD800), range(0xE000, 0x33480), range(0xE0000, 0xE0200)))
        if char not in "\0\t\n"  # all assigned Unicode characters, and gaps between them
    ]
    text = "".join(f"a{char}b\t{char}c{char}\n" for char in characters)
    files = prepare(fill(tmp_path, {"en-de.tsv": text}), [TSV])
    for name, template in (("train.en-de.en", "a{}b"), ("train.en-de.de", "{0}c{0}")):
        expected = [" ".join(template.format(char).split()) for char in characters]
        assert files[name].split("\n")[:-1] == expected


def test_evaluation_keeps_every_line_unchanged(tmp_path: Path) -> None:
    english, german = " a  b\u2028c \na\n\ufeffa\n", "x " * 99 + "\ny\ny\n"
    fill(tmp_path, {"valid.en": "\ufeff" + english.replace("\n", "\r\n"), "valid.de": german})
    files = prepare(tmp_path, [VALID], max_pairs={"de": 1}, cleaning=STRICT)
    assert (files["valid.en-de.en"], files["valid.en-de.de"]) == (english, german)
    assert report(files)["valid", "en-de"]["kept"] == 3


def test_cap_keeps_a_seeded_choice_in_order(tmp_path: Path) -> None:
    rows = [f"en{n}\tde{n}" for n in range(200)]
    fill(tmp_path, {"en-de.tsv": "\n".join([*rows[:100], "\t", *rows[100:]])})
    runs = [
        prepare(tmp_path, [TSV], max_pairs={"de": 50}, seed=seed, out=f"{number}")
        for number, seed in enumerate((7, 7, 8))
    ]
    assert runs[0] == runs[1]
    assert runs[0]["train.en-de.en"] != runs[2]["train.en-de.en"]
    numbers = [int(line[2:]) for line in runs[0]["train.en-de.en"].split()]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 50
    assert runs[0]["train.en-de.de"].split() == [f"de{n}" for n in numbers]
    counts = report(runs[0])["train", "en-de"]
    assert (counts["read"], counts["empty"], counts["over_cap"]) == (201, 1, 150)


def test_no_held_out_id_is_in_any_training_file(tmp_path: Path) -> None:
    ids = {"en": range(60), "de": range(5, 70), "fr": range(50, -1, -1)}
    fill(tmp_path, {f"{lang}.tsv": id_file(lang, numbers) for lang, numbers in ids.items()})
    files = prepare(tmp_path, HELD_OUT, max_pairs={"de": None, "fr": 20})
    found = {name: re.findall(r"v\d+", text) for name, text in files.items()}
    for split, size in (("valid", 3), ("test", 4)):
        chosen = found[f"{split}.en-de.en"]
        assert len(chosen) == size
        assert chosen == sorted(chosen, key=lambda key: int(key[1:])), "the pivot's order"
        for pair, lang in (("en-de", "de"), ("en-fr", "en"), ("en-fr", "fr")):
            assert found[f"{split}.{pair}.{lang}"] == chosen
    held_out = {*found["valid.en-de.en"], *found["test.en-de.en"]}
    assert len(held_out) == 7
    for name in found:
        assert not name.startswith("train") or held_out.isdisjoint(found[name])
    assert report(files)["train", "en-de"]["held_out"] == 7
    assert len(found["train.en-de.de"]) == 55 - 7
    assert len(found["train.en-fr.fr"]) == 20


def test_a_held_out_text_is_not_trained_on_under_another_id(tmp_path: Path) -> None:
    verses = {f"v{i}": "and it was so" if i % 2 else f"verse {i}" for i in range(60)}
    for lang in ("en", "de"):
        lines = "".join(f"{key}\t{text} ({lang})\n" for key, text in verses.items())
        fill(tmp_path, {f"{lang}.tsv": lines})
    files = prepare(tmp_path, HELD_OUT)
    tested = set((files["valid.en-de.en"] + files["test.en-de.en"]).splitlines())
    assert "and it was so (en)" in tested
    assert tested.isdisjoint(files["train.en-de.en"].splitlines())


def test_sentences_are_held_out_of_several_files(tmp_path: Path) -> None:
    for lang, ids in (("en", range(20)), ("de", range(19, -1, -1))):
        parts = {f"{lang}.1": id_file(lang, ids[:8]), f"{lang}.2": id_file(lang, ids[8:])}
        fill(tmp_path, parts)
    train = source("train", "ids", "{lang}.1", "{lang}.2")
    files = prepare(tmp_path, [train, source("test", "held_out", sentences=15)])
    found = [re.findall(r"v\d+", files[f"{name}.en-de.de"]) for name in ("train", "test")]
    assert [len(ids) for ids in found] == [5, 15]
    assert {*found[0], *found[1]} == {f"v{number}" for number in range(20)}
    fill(tmp_path, {"de.2": id_file("de", range(8, 12)) + "v19\t\n"})
    with pytest.raises(InputError, match=r"de\.2:5: the id 'v19' occurs a second time"):
        prepare(tmp_path, [replace(train, name="test")])


HELD_OUT_OF_TWO_PIVOTS = {
    "path of the pair": source("train", "ids", "{pair}/{lang}.tsv"),
    "exception": source(
        "train", "ids", "en-de/{lang}.tsv", exceptions={"fr": {"path": "en-fr/{lang}.tsv"}}
    ),
}


@pytest.mark.parametrize("train", HELD_OUT_OF_TWO_PIVOTS.values(), ids=HELD_OUT_OF_TWO_PIVOTS)
def test_held_out_splits_need_one_pivot(tmp_path: Path, train: SplitSource) -> None:
    for lang in ("de", "fr"):
        texts = {f"{side}.tsv": id_file(side, range(20)) for side in ("en", lang)}
        fill(tmp_path / f"en-{lang}", texts)
    message = (
        r"'train': held-out splits need the same files of 'en' for all pairs, but pair 'en-de' "
        r"has .*en-de/en\.tsv, and pair 'en-fr' has .*en-fr/en\.tsv; remove"
    )
    splits = [train, *HELD_OUT[1:]]
    with pytest.raises(InputError, match=message):
        prepare(tmp_path, splits, max_pairs={"de": None, "fr": None})
    files = prepare(tmp_path, splits, max_pairs={"de": None})  # a single pair has a single pivot
    assert len(files["test.en-de.en"].splitlines()) == 4


def test_an_exception_may_share_the_pivot_of_held_out_splits(tmp_path: Path) -> None:
    fill(tmp_path, {f"{lang}.tsv": id_file(lang, range(20)) for lang in ("en", "de", "fr")})
    train = source("train", "ids", IDS, exceptions={"fr": {"origin": "the cellar"}})
    files = prepare(tmp_path, [train, *HELD_OUT[1:]], max_pairs={"de": None, "fr": None})
    assert files["test.en-de.en"] == files["test.en-fr.en"]


def test_ids_without_text_are_not_held_out(tmp_path: Path) -> None:
    english, german = id_file("en", range(20)), id_file("de", range(8))
    fill(tmp_path, {"en.tsv": english, "de.tsv": german.replace("\tde sentence v3", "\t")})
    files = prepare(tmp_path, [*HELD_OUT[:1], source("test", "held_out", sentences=6)])
    assert "v3" not in files["test.en-de.en"].split()
    assert report(files)["train", "en-de"]["empty"] == 1


def test_counts_add_up_and_two_runs_agree(tmp_path: Path) -> None:
    fill(tmp_path, {f"{lang}.tsv": id_file(lang, range(99)) for lang in ("en", "de", "fr")})
    caps = {"fr": 10, "de": None}
    runs = [prepare(tmp_path, HELD_OUT, max_pairs=caps, seed=3, out=out) for out in ("a", "b")]
    assert runs[0] == runs[1]
    rows = report(runs[0])
    assert list(rows) == [(s, p) for s in ("train", "valid", "test") for p in ("en-fr", "en-de")]
    for row in rows.values():
        assert row.pop("read") == sum(row.values())


def test_builtin_training_is_the_first_pairs_that_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def numbers(code: str, seed: int) -> Iterator[tuple[str, str]]:
        return ((f"{n // 2 * ' '}{n // 2}", f"{code} {seed}") for n in count())

    monkeypatch.setattr(training_text, "training_pairs", numbers)
    train = [source("train", "builtin")]
    files = prepare(tmp_path, train, max_pairs={"xx": 3}, cleaning=STRICT, seed=5)
    assert files["train.en-xx.en"] == "0\n1\n2\n"
    assert files["train.en-xx.xx"] == "xx 5\n" * 3
    row = report(files)["train", "en-xx"]
    assert (row["read"], row["duplicate"], row["over_cap"], row["kept"]) == (5, 2, 0, 3)

    nothing = Cleaning(max_words=1, max_ratio=1, drop_duplicates=False)
    with pytest.raises(InputError, match=r"'xx'.*looking for 3 built-in pairs .*too_long 150"):
        prepare(tmp_path, train, max_pairs={"xx": 3}, cleaning=nothing)


def test_builtin_corpus(tmp_path: Path) -> None:
    sources = [
        source("train", "builtin"),
        source("valid", "builtin", sentences=30),
        source("test", "builtin", sentences=40),
    ]
    files = prepare(tmp_path, sources, max_pairs={"a1": 300, "b2": 50})
    assert files == prepare(tmp_path, sources, max_pairs={"a1": 300, "b2": 50}, out="again")
    assert {key: row["kept"] for key, row in report(files).items()} == {
        ("train", "en-a1"): 300,
        ("train", "en-b2"): 50,
        ("valid", "en-a1"): 30,
        ("valid", "en-b2"): 30,
        ("test", "en-a1"): 40,
        ("test", "en-b2"): 40,
    }
    assert files["test.en-a1.en"] == files["test.en-b2.en"]


@pytest.mark.skipif(not (DATA / "bible").is_dir(), reason=f"no real corpora in {DATA}")
def test_real_verses_are_held_out_of_all_languages(tmp_path: Path) -> None:
    splits = [
        source("train", "ids", f"{DATA}/bible/{{lang}}.tsv"),
        source("valid", "held_out", sentences=50),
        source("test", "held_out", sentences=50),
        source("ntrex", "text", f"{DATA}/ntrex/{{lang}}.txt"),
    ]
    cleaning = Cleaning(max_words=60, max_ratio=2.5, drop_duplicates=True)
    files = prepare(tmp_path, splits, max_pairs={"de": 400, "uk": 300}, cleaning=cleaning)
    rows = report(files)
    assert [rows["train", pair]["kept"] for pair in ("en-de", "en-uk")] == [400, 300]
    assert all(rows["train", pair]["held_out"] >= 100 for pair in ("en-de", "en-uk"))
    assert files["test.en-de.en"] == files["test.en-uk.en"]
    assert rows["ntrex", "en-uk"]["kept"] == 1997
    ids = {}  # the possible verses of each English sentence
    for line in (DATA / "bible/en.tsv").read_text(encoding="utf-8").split("\n")[:-1]:
        key, text = line.split("\t")
        ids.setdefault(" ".join(text.split()), set()).add(key)
    for pair, lang in (("en-de", "de"), ("en-uk", "uk")):
        verses = dict(
            line.split("\t")
            for line in (DATA / f"bible/{lang}.tsv").read_text(encoding="utf-8").split("\n")[:-1]
        )
        for split in ("train", "valid", "test"):
            sides = (files[f"{split}.{pair}.{side}"].split("\n")[:-1] for side in ("en", lang))
            for english, other in zip(*sides, strict=True):
                assert other in {" ".join(verses.get(key, "").split()) for key in ids[english]}
