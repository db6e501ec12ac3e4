"""Reading, holding out, cleaning and writing of corpora, each through `prepare_corpora`."""

import csv
import gzip
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from neuron_specialization.corpora import preparation, training_text
from neuron_specialization.corpora.cleaning import Cleaning
from neuron_specialization.corpora.corpus_files import SplitSource, find_corpus, read_split
from neuron_specialization.corpora.preparation import prepare_corpora
from neuron_specialization.corpora.readers import read_corpus
from neuron_specialization.corpora.split_checks import find_unknown_languages
from neuron_specialization.errors import InputError
from neuron_specialization.parallel import map_processes
from tests.conftest import DATA

LENIENT = Cleaning(max_words=1000, max_ratio=1000, drop_duplicates=False)
STRICT = Cleaning(max_words=6, max_ratio=2, drop_duplicates=True)
IDS = "{lang}.tsv"


def source(name: str, format: str, *path: str, **settings: object) -> SplitSource:
    """A split as the configuration has it, its files below the folder of the test."""
    split = {"name": name, "format": format, "path": path, "origin": "the attic", **settings}
    return read_split(split, {"": Path()})


def within(split: SplitSource, folder: Path) -> SplitSource:
    """The same split with its files in a folder."""
    exceptions = {lang: replace(other, folder=folder) for lang, other in split.exceptions.items()}
    return replace(split, folder=folder, exceptions=exceptions)


TEXT, TSV = source("train", "text", "{pair}.{lang}"), source("train", "tsv", "{pair}.tsv")
VALID = source("valid", "text", "valid.{lang}")
HELD_OUT = [
    source("train", "ids", IDS),
    source("valid", "held_out", sentences=3),
    source("test", "held_out", sentences=4),
]


def fill(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    return folder


def prepare(
    folder: Path,
    sources: Sequence[SplitSource],
    *,
    max_pairs: Mapping[str, int | None] | None = None,
    cleaning: Cleaning = LENIENT,
    seed: int = 1,
    out: str = "out",
    codes: Mapping[str, Mapping[str, str]] | None = None,
    untouched: Sequence[str] = (),
    processes: int = 1,
) -> dict[str, str]:
    """Prepare into folder/results/out and return the text of each file there."""
    prepare_corpora(
        sources=[within(split, folder) for split in sources],
        codes=codes or {},
        pivot="en",
        max_pairs={"de": None} if max_pairs is None else max_pairs,
        cleaning=cleaning,
        seed=seed,
        out=folder / "results" / out,
        untouched=untouched,
        processes=processes,
    )
    return {p.name: p.read_bytes().decode() for p in (folder / "results" / out).iterdir()}


def report(files: Mapping[str, str]) -> dict[tuple[str, str], dict[str, int]]:
    rows = list(csv.DictReader(files["report.tsv"].splitlines(), delimiter="\t"))
    return {
        (row.pop("split"), row.pop("pair")): {column: int(n) for column, n in row.items()}
        for row in rows
    }


def id_file(lang: str, numbers: Sequence[int]) -> str:
    return "".join(f"v{n}\t{lang} sentence v{n}\n" for n in numbers)


def read(
    folder: Path, format: str, *path: str, **settings: object
) -> list[tuple[int | str, str | None, str | None]]:
    split = within(source("train", format, *path, **settings), folder)
    return [tuple(line) for line in read_corpus(find_corpus(split, "en", "de", {}))]


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


ERRORS = {
    "no source file": ({"en-de.de": "a\n"}, [TEXT], r"en-de\.en: no such .*train.*'en'.*the attic"),
    "no target file": ({"en.tsv": "a\tb\n"}, HELD_OUT, r"de\.tsv: no such .*train.*'de'.*attic"),
    "length": (
        {"en-de.en": "a\nb\nc\n", "en-de.de": "a\nb"},
        [TEXT],
        r"en-de\.en has 3 lines and .*en-de\.de has 2 lines",
    ),
    "one side empty": ({"en-de.en": "", "en-de.de": "a"}, [TEXT], r"en has 0 .*de has 1 lines"),
    "no lines": ({"en-de.en": "\ufeff", "en-de.de": ""}, [TEXT], r"en-de\.en .*empty corpus"),
    "no tsv lines": ({"en-de.tsv": ""}, [TSV], r"en-de\.tsv: empty corpus"),
    "no tab": ({"en-de.tsv": "a\tb\nc\n"}, [TSV], r"en-de\.tsv:2: 0 tabs"),
    "two tabs": ({"en-de.tsv": "a\tb\nc\td\t\n"}, [TSV], r"en-de\.tsv:2: 2 tabs"),
    "no id": ({"en.tsv": "a\n", "de.tsv": "a\tb\n"}, HELD_OUT, r"en\.tsv:1: 0 tabs"),
    "id not UTF-8": ({"en.tsv": b"\xff\ta", "de.tsv": "a\tb"}, HELD_OUT, r"en\.tsv:1: the id"),
    "no ids": ({"en.tsv": "a\tb", "de.tsv": ""}, HELD_OUT[:1], r"de\.tsv: empty corpus"),
    "no shared id": ({"en.tsv": "a\tx", "de.tsv": "b\tx"}, HELD_OUT[:1], r"share no id"),
    "duplicate id": (
        {"en.tsv": "a\tb\n", "de.tsv": "b\tx\na\tx\nb\tx\n"},
        HELD_OUT[:1],
        r"de\.tsv:3: the id 'b'",
    ),
    "too few common ids": (
        {"en.tsv": id_file("en", range(9)), "de.tsv": id_file("de", range(4, 20))},
        HELD_OUT,
        r"3 \(valid\) \+ 4 \(test\) = 7 .* only 5 ids",
    ),
    "all held out": (
        {"en.tsv": id_file("en", range(7)), "de.tsv": id_file("de", range(7))},
        HELD_OUT,
        r"'train', pair 'en-de': no sentence is left \(read 7, .*held_out 7, .*kept 0\)",
    ),
    "nothing clean": (
        {"en-de.tsv": "\tb\na\t \n"},
        [TSV],
        r"'train', pair 'en-de': no sentence is left \(read 2, .*empty 2, .*kept 0\)",
    ),
    "bad gzip": (
        {"en.gz": b"plain\n", "de.gz": b"plain\n"},
        [source("train", "text", "{lang}.gz")],
        r"en\.gz: damaged .gz",
    ),
    "cut gzip": (
        {"en.gz": gzip.compress(b"a\n" * 99)[:-9], "de.gz": gzip.compress(b"a\n" * 99)},
        [source("train", "text", "{lang}.gz")],
        r"en\.gz: damaged .gz",
    ),
    "evaluation line empty": (
        {"valid.en": "a\nb\n", "valid.de": "a\n\u2003\n"},
        [VALID],
        r"valid\.de:2: the 'de' sentence is empty",
    ),
    "evaluation line not UTF-8": (
        {"valid.en": b"a\n\xe4\n", "valid.de": "a\nb\n"},
        [VALID],
        r"valid\.en:2: the 'en' sentence is not valid UTF-8",
    ),
    "evaluation line broken in two": (
        {"valid.en": "a\nb\rb\n", "valid.de": "a\nb\n"},
        [VALID],
        r"valid\.en:2: .*carriage return",
    ),
    "evaluation line with id in the second file": (
        {"en.1": "a\tx\n", "en.2": "b\tx", "de.1": "b1\t\nb\tx\n", "de.2": "q\tx\na\t"},
        [source("test", "ids", "{lang}.1", "{lang}.2")],
        r"de\.2:2: the 'de' sentence is empty",
    ),
    "evaluation line of talks": (
        {"t.en": "<url>x</url>\n<title>a</title>\nb\n", "t.de": "<title>a</title>\n<url>\n \n"},
        [source("test", "wit3", "t.{lang}")],
        r"t\.de:3: the 'de' sentence is empty",
    ),
    "evaluation line below a header": (
        {"en-de.tsv": "en\tde\na\ta\nb\t\n"},
        [source("test", "tsv", "{pair}.tsv", header=True)],
        r"en-de\.tsv:3: the 'de' sentence is empty",
    ),
    "evaluation line with id": (
        {"en.tsv": "a\tx\nb\tx", "de.tsv": "q\tx\nb\t\na\tx"},
        [source("test", "ids", IDS)],
        r"de\.tsv:2: the 'de' sentence is empty",
    ),
    "unknown format": ({}, [source("train", "xml", "x")], r"unknown format 'xml'"),
    "no placeholder": ({}, [source("train", "text", "a.{pair}")], r"'a\.{pair}' needs {lang}"),
    "two trains": ({}, [TEXT, TSV], r"train, train: a name occurs twice"),
    "train held out": ({}, [source("train", "held_out")], r"only evaluation splits"),
    "held out of text": ({}, [TEXT, HELD_OUT[1]], r"must have format 'ids' and has 'text'"),
    "held out of nothing": ({}, [HELD_OUT[1]], r"must have format 'ids' and has None"),
    "held out of an exception of text": (
        {},
        [source("train", "ids", IDS, exceptions={"de": {"format": "text"}}), HELD_OUT[1]],
        r"must have format 'ids' and has 'text'",
    ),
    "exceptions of every nth": (
        {},
        [TSV, source("valid", "every_nth", every=2, exceptions={"de": {"path": "a.{lang}"}})],
        r"'valid': exceptions \['de'\] are of splits with files .*not of format 'every_nth'",
    ),
    "exceptions of held out": (
        {},
        [HELD_OUT[0], source("test", "held_out", sentences=1, exceptions={"de": {}})],
        r"'test': exceptions \['de'\] .*not of format 'held_out'",
    ),
    "exceptions of built-in": (
        {},
        [source("train", "builtin", exceptions={"de": {"format": "text", "path": "a.{lang}"}})],
        r"'train': exceptions \['de'\] .*not of format 'builtin'",
    ),
    "none held out": ({}, [HELD_OUT[0], source("test", "held_out")], r"'test': 0 sentences"),
    "built-in without cap": ({}, [source("train", "builtin")], r"no end.* for de$"),
    "built-in dev": ({}, [source("dev", "builtin", sentences=1)], r"train, valid and test"),
}


@pytest.mark.parametrize(("files", "sources", "message"), ERRORS.values(), ids=ERRORS)
def test_errors_say_where_and_leave_nothing_behind(
    tmp_path: Path,
    files: Mapping[str, str | bytes],
    sources: Sequence[SplitSource],
    message: str,
) -> None:
    with pytest.raises(InputError) as error:
        prepare(fill(tmp_path, files), sources)
    assert re.search(message, str(error.value)), error.value
    assert sorted(p.name for p in tmp_path.rglob("*") if p.name != "results") == sorted(files)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"exceptions": {"fr": {}}}, "'train': exceptions has 'fr', allowed are de, no$"),
        ({"exceptions": {"en": {}}}, "exceptions has 'en', allowed are de, no$"),
        ({"exceptions": {False: {}}}, "exceptions has False, .*put the code in quotes"),
        ({"latin": ["en", "rs"]}, "'train': latin has 'rs', allowed are en, de, no$"),
        ({"exceptions": {"no": {}}, "latin": ["en", "de"]}, ""),
    ],
)
def test_splits_say_something_of_known_languages_only(
    settings: Mapping[str, Any], message: str
) -> None:
    train = source("train", "text", "{lang}", **settings)
    problems = "; ".join(find_unknown_languages([train], "en", ["de", "no"]))
    assert re.search(message, problems) if message else not problems


@pytest.mark.parametrize("max_pairs", [{}, {"en": 1}, {"de": 0}])
def test_bad_languages_are_errors(tmp_path: Path, max_pairs: Mapping[str, int]) -> None:
    with pytest.raises(InputError, match=r"pivot 'en'|at most 0"):
        prepare(fill(tmp_path, {"en-de.tsv": "a\tb\n"}), [TSV], max_pairs=max_pairs)


def test_failure_keeps_the_finished_files_of_before(tmp_path: Path) -> None:
    before = prepare(fill(tmp_path, {"en-de.tsv": "a\tb\n"}), [TSV])
    fill(tmp_path, {"en-de.tsv": "c\td\nbroken\n"})
    with pytest.raises(InputError, match="0 tabs"):
        prepare(tmp_path, [TSV])
    assert {p.name: p.read_text() for p in (tmp_path / "results/out").iterdir()} == before
    assert [p.name for p in (tmp_path / "results").iterdir()] == ["out"]


def test_a_run_works_in_one_folder_and_takes_what_a_killed_one_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, {"en-de.tsv": "a\tb\n"})
    found = []

    def look(*arguments: Any) -> list[Any]:
        found.extend(path.name for path in (tmp_path / "results").rglob("*"))
        return map_processes(*arguments)

    monkeypatch.setattr(preparation, "map_processes", look)
    left = tmp_path / "results/.out.part"
    left.mkdir(parents=True)
    fill(left, {"train.en-xx.en": "half"})
    assert "train.en-xx.en" not in prepare(tmp_path, [TSV])
    assert found == [".out.part"]
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["out"]


def test_every_rule_counts_and_the_first_one_wins(tmp_path: Path) -> None:
    lines = [
        b"good one\tgute eins",
        b"\t\xff",  # invalid UTF-8 before empty
        b" \t" + b"zu lang " * 9,  # empty before too long
        "\u2028\xa0\tleer".encode(),
        b"a b c d e f g\tzu lang",  # too long before ratio
        b"a b c d e f\ta b c",  # exactly as long and as uneven as allowed
        b"a b c\td",
        b"d\ta b c",
        "good\u3000 one\t gute\x0beins ".encode(),  # identical once normalised
        b" good  one \tanders",  # only one side identical
    ]
    files = prepare(fill(tmp_path, {"en-de.tsv": b"\r\n".join(lines)}), [TSV], cleaning=STRICT)
    assert report(files)["train", "en-de"] == {
        "read": 10,
        "invalid_utf8": 1,
        "empty": 2,
        "too_long": 1,
        "ratio": 2,
        "duplicate": 1,
        "held_out": 0,
        "over_cap": 0,
        "kept": 3,
    }
    assert files["train.en-de.en"] == "good one\na b c d e f\ngood one\n"
    assert files["train.en-de.de"] == "gute eins\na b c\nanders\n"


def test_duplicates_stay_unless_told_otherwise(tmp_path: Path) -> None:
    files = prepare(fill(tmp_path, {"en-de.tsv": "a\tb\na\tb\n"}), [TSV])
    assert files["train.en-de.en"] == "a\na\n"


def test_cleaning_splits_at_all_whitespace_and_nothing_else(tmp_path: Path) -> None:
    characters = [
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if char not in "\0\t\n" and not "\ud800" <= char <= "\udfff"
    ]
    text = "".join(f"a{char}b\t{char}c{char}\n" for char in characters)
    files = prepare(fill(tmp_path, {"en-de.tsv": text}), [TSV])
    for name, template in (("train.en-de.en", "a{}b"), ("train.en-de.de", "{0}c{0}")):
        expected = [" ".join(template.format(char).split()) for char in characters]
        assert files[name].split("\n")[:-1] == expected


def test_evaluation_keeps_every_line_as_it_is(tmp_path: Path) -> None:
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
        (tmp_path / f"{lang}.tsv").write_text(lines, encoding="utf-8")
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
        prepare(tmp_path, [train])


HELD_OUT_OF_TWO_PIVOTS = {
    "path of the pair": source("train", "ids", "{pair}/{lang}.tsv"),
    "exception": source(
        "train", "ids", "en-de/{lang}.tsv", exceptions={"fr": {"path": "en-fr/{lang}.tsv"}}
    ),
}


@pytest.mark.parametrize(
    "train", HELD_OUT_OF_TWO_PIVOTS.values(), ids=HELD_OUT_OF_TWO_PIVOTS.keys()
)
def test_held_out_splits_need_one_pivot(tmp_path: Path, train: SplitSource) -> None:
    for lang in ("de", "fr"):
        (tmp_path / f"en-{lang}").mkdir()
        texts = {f"{side}.tsv": id_file(side, range(20)) for side in ("en", lang)}
        fill(tmp_path / f"en-{lang}", texts)
    message = (
        r"'train': held-out splits need the same files of 'en' for all pairs, but pair 'en-de' "
        r"has .*en-de/en\.tsv, and pair 'en-fr' has .*en-fr/en\.tsv; have no"
    )
    splits = [train, *HELD_OUT[1:]]
    with pytest.raises(InputError, match=message):
        prepare(tmp_path, splits, max_pairs={"de": None, "fr": None})
    files = prepare(tmp_path, splits, max_pairs={"de": None})  # of one pair there is one pivot
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
    prepare_corpora(
        sources=[
            within(split, DATA)
            for split in (
                source("train", "ids", "bible/{lang}.tsv"),
                source("valid", "held_out", sentences=50),
                source("test", "held_out", sentences=50),
                source("ntrex", "text", "ntrex/{lang}.txt"),
            )
        ],
        codes={},
        pivot="en",
        max_pairs={"de": 400, "uk": 300},
        cleaning=Cleaning(max_words=60, max_ratio=2.5, drop_duplicates=True),
        seed=1,
        out=tmp_path,
    )
    files = {p.name: p.read_text(encoding="utf-8") for p in tmp_path.iterdir()}
    rows = report(files)
    assert [rows["train", pair]["kept"] for pair in ("en-de", "en-uk")] == [400, 300]
    assert all(rows["train", pair]["held_out"] >= 100 for pair in ("en-de", "en-uk"))
    assert files["test.en-de.en"] == files["test.en-uk.en"]
    assert rows["ntrex", "en-uk"]["kept"] == 1997
    ids = {}  # the verses that each English sentence may be
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
