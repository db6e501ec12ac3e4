"""Errors in a corpus or a split name their place, and nothing is written."""

import gzip
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neuron_specialization.corpora.corpus_files import SplitSource
from neuron_specialization.corpora.split_checks import find_unknown_languages
from neuron_specialization.errors import InputError
from tests.corpora.preparing import HELD_OUT, IDS, TEXT, TSV, VALID, fill, id_file, prepare, source

TEST_TSV, TEST_IDS = source("test", "tsv", "{pair}.tsv"), source("test", "ids", IDS)
ERRORS = {
    "no source file, origin unknown": (
        {"en-de.de": "a\n"},
        [replace(TEXT, origin="")],
        r"en-de\.en: no such file \(split 'train', language 'en', pair 'en-de'\)$",
    ),
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
    "no tab": ({"en-de.tsv": "a\tb\nc\n"}, [TEST_TSV], r"en-de\.tsv:2: 0 tabs"),
    "two tabs": ({"en-de.tsv": "a\tb\nc\td\t\n"}, [TEST_TSV], r"en-de\.tsv:2: 2 tabs"),
    "no id": ({"en.tsv": "a\n", "de.tsv": "a\tb\n"}, [TEST_IDS], r"en\.tsv:1: 0 tabs"),
    "id not UTF-8": ({"en.tsv": b"\xff\ta", "de.tsv": "a\tb"}, [TEST_IDS], r"en\.tsv:1: the id"),
    "no ids": ({"en.tsv": "a\tb", "de.tsv": ""}, HELD_OUT[:1], r"de\.tsv: empty corpus"),
    "no shared id": ({"en.tsv": "a\tx", "de.tsv": "b\tx"}, HELD_OUT[:1], r"share no id"),
    "duplicate id": (
        {"en.tsv": "a\tb\n", "de.tsv": "b\tx\na\tx\nb\tx\n"},
        [TEST_IDS],
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
    "evaluation line too long": (
        {"valid.en": "a\n" + "漢" * 20_001, "valid.de": "a\nb\n"},
        [VALID],
        r"valid\.en:2: the 'en' sentence has 20,001 characters, more than 20,000",
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
    "train without a language": (
        {},
        [source("train", "tsv", "{pair}.tsv", exceptions={"de": {"format": "none"}})],
        r"'train': only evaluation splits can be held out or none",
    ),
    "an exception of every 1st": (
        {},
        [TSV, source("valid", "text", "{lang}", exceptions={"de": {"format": "every_nth"}})],
        r"'valid': every 0th pair of train, must be 2 or more",
    ),
    "exceptions of every nth": (
        {},
        [TSV, source("valid", "every_nth", every=2, exceptions={"de": {"path": "a.{lang}"}})],
        r"'valid': exceptions \['de'\] need a split with separate .*not of format 'every_nth'",
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
    "built-in without cap": ({}, [source("train", "builtin")], r"endless.* for de$"),
    "built-in dev": ({}, [source("dev", "builtin", sentences=1)], r"train, valid and test"),
}


@pytest.mark.parametrize(("files", "sources", "message"), ERRORS.values(), ids=ERRORS)
def test_errors_name_the_place_and_leave_nothing_behind(
    tmp_path: Path, files: Mapping[str, str | bytes], sources: Sequence[SplitSource], message: str
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
        ({"romanise": ["en", "rs"]}, "'train': romanise has 'rs', allowed are en, de, no$"),
        ({"exceptions": {"no": {}}, "romanise": ["en", "de"]}, ""),
    ],
)
def test_splits_only_refer_to_known_languages(settings: Mapping[str, Any], message: str) -> None:
    train = source("train", "text", "{lang}", **settings)
    problems = "; ".join(find_unknown_languages([train], "en", ["de", "no"]))
    assert re.search(message, problems) if message else not problems


@pytest.mark.parametrize("max_pairs", [{}, {"en": 1}, {"de": 0}])
def test_bad_languages_are_errors(tmp_path: Path, max_pairs: Mapping[str, int]) -> None:
    with pytest.raises(InputError, match=r"pivot 'en'|at most 0"):
        prepare(fill(tmp_path, {"en-de.tsv": "a\tb\n"}), [TSV], max_pairs=max_pairs)
