"""EC30 text: Perl Moses and Latin Serbian, compared with the paper's released outputs."""

import re
import shutil
from pathlib import Path

import pytest
import sentencepiece

from neuron_specialization.corpora import tokenisation
from neuron_specialization.corpora.readers import Line
from neuron_specialization.corpora.tokenisation import (
    rules_of,
    tokenise,
    tokenised,
    written_in_latin,
)
from neuron_specialization.errors import InputError
from neuron_specialization.evaluation import moses
from neuron_specialization.evaluation.generate_log import read_generate_log
from tests.conftest import DATA
from tests.corpora.preparing import fill, prepare, source
from tests.evaluation.released import PUBLISHED, RELEASED_PAIRS, needs_outputs

AGGRESSIVE = "moses_aggressive"
FLORES = pytest.mark.skipif(not (DATA / "flores").is_dir(), reason=f"no real corpora in {DATA}")

# per script, details that a tokeniser for another script gets wrong
SENTENCES = {
    "en": (
        "It's a well-known “test” — isn't it?",
        "It 's a well @-@ known \" test \" - isn 't it ?",
    ),
    "de": ("Am 3. Mai, z.B. E-Mail.", "Am 3. Mai , z.B. E @-@ Mail ."),
    "fr": ("L'eau « claire »…", 'L\' eau " claire " ...'),
    "ru": ("«Привет», — сказал он.", '" Привет " , - сказал он .'),
    "hi": ("स्टैनफ़ोर्ड में।", "स ् टैनफ ़ ोर ् ड में ।"),
    "kn": ("ಸೆಲ್‌ಗಳ ವಿಧ.", "ಸೆಲ ್ \u200c ಗಳ ವಿಧ ."),
    "ar": ("مرحبا، كيف؟", "مرحبا ، كيف ؟"),
    "he": ("שלום, מה נשמע?", "שלום , מה נשמע ?"),
    "am": ("ሰላም። እንዴት፣ ነህ?", "ሰላም ። እንዴት ፣ ነህ ?"),
}


@pytest.mark.parametrize("language", SENTENCES)
def test_words_of_every_script(language: str) -> None:
    text, words = SENTENCES[language]
    assert tokenise([text], language, AGGRESSIVE) == [words]


@pytest.mark.parametrize(("code", "language"), [("deu", "de"), ("fra_Latn", "fr"), ("heb", "he")])
def test_codes_of_other_standards_get_the_rules_of_their_language(
    code: str, language: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    rules_of.cache_clear()
    text, words = SENTENCES[language]
    assert tokenise([text, text], code, AGGRESSIVE) == [words, words]
    rules = (
        "generic rules and English abbreviations"
        if language == "he"
        else f"the rules for {language}"
    )
    assert caplog.messages == [f"Moses: {code} gets {rules}"]


def test_recipes_differ_in_hyphens_and_punctuation() -> None:
    words = "a well-known “ test ” & < b >"
    assert tokenise(["a well-known “test” & <b>"], "en", "moses") == [words]
    assert tokenise(["a well-known “test”"], "en", AGGRESSIVE) == ['a well @-@ known " test "']


def test_every_line_is_returned() -> None:
    lines = ["", " ", "<doc>", "a\rb", "x\u2028y", "z\x0bz", "\u200e", "ﬁn"]
    words = tokenise(lines, "en", AGGRESSIVE)
    assert len(words) == len(lines)
    assert words[2] == "< doc >"
    assert tokenise([], "en", AGGRESSIVE) == []


@pytest.mark.parametrize("size", [1, 2, 5])
def test_lines_are_tokenised_in_blocks_by_language(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(tokenisation, "LINES_AT_ONCE", size)
    lines = [Line(n, f"box {n}!", None if n == 2 else f"am {n}. Mai") for n in range(1, 5)]
    split = source("train", "text", "{lang}", tokenise="moses")
    assert list(tokenised(lines, split, "en-de")) == [
        Line(1, "box 1 !", "am 1. Mai"),
        Line(2, "box 2 !", None),
        Line(3, "box 3 !", "am 3. Mai"),
        Line(4, "box 4 !", "am 4. Mai"),
    ]
    assert next(tokenised([Line(1, "am 1. Mai", "")], split, "en-de")).source == "am 1 . Mai"
    plain = source("train", "text", "{lang}")
    assert list(tokenised(lines, plain, "en-de")) == lines


def test_serbian_is_written_in_latin_script() -> None:
    split = source("test", "text", "{lang}", romanise=["sr"])
    lines = [Line(1, "Иван", "Љубав, њива и џеп; Đoković"), Line(2, None, None)]
    latin = Line(1, "Иван", "Ljubav, njiva i džep; Đoković")
    assert list(written_in_latin(lines, split, "en-sr")) == [latin, lines[1]]
    assert list(written_in_latin(lines, split, "en-ru")) == lines


def test_missing_perl_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(InputError, match="install perl"):
        tokenise(["a"], "en", "moses")


def test_raw_text_is_kept(tmp_path: Path) -> None:
    fill(tmp_path, {"t.en": "A test.\n", "t.sr": "Проба, да.\n"})
    split = source("test", "text", "t.{lang}", tokenise=AGGRESSIVE, romanise=["sr"])
    files = prepare(tmp_path, [split], max_pairs={"sr": None}, raw=["test"])
    assert files["test.en-sr.sr"] == "Proba , da .\n"
    assert files["raw.test.en-sr.sr"] == "Proba, da.\n"
    assert files["raw.test.en-sr.en"] == "A test.\n"
    assert "raw.test.en-sr.en" not in prepare(tmp_path, [split], max_pairs={"sr": 1}, out="b")


def read(language: str) -> list[str]:
    """Return the lines of Flores-200 devtest, as published."""
    text = (DATA / f"flores/{language}.txt").read_text(encoding="utf-8")
    return text.split("\n")[997:2009]


@FLORES
def test_sacremoses_differs_on_indic_scripts() -> None:
    """The Perl scripts split viramas and nuktas off; sacremoses does not."""
    for language, least in (("hi", 900), ("kn", 1000), ("bn", 900)):
        words = tokenise(read(language), language, "moses")
        others = moses.tokenise(read(language), language)
        assert sum(a != b for a, b in zip(words, others, strict=True)) > least


@FLORES
@needs_outputs
@pytest.mark.parametrize("direction", RELEASED_PAIRS)
def test_words_match_the_paper(direction: str) -> None:
    """Compare with sources and references of its released logs, except for unknown tokens.

    The paper's SentencePiece model normalises (NFKC) and has a token for unknown characters.
    """
    normalise = sentencepiece.SentencePieceNormalizer(rule_name="nmt_nfkc").normalize
    log = read_generate_log(PUBLISHED / direction / "generate-test.txt")
    sides = zip(direction.split("-"), (log.sources, log.references), strict=True)
    for language, released in sides:
        words = [normalise(line) for line in tokenise(read(language), language, AGGRESSIVE)]
        differing = [
            (ours, theirs)
            for ours, theirs in zip(words, released[997:], strict=True)
            if " ".join(ours.split()) != theirs and "unk>" not in theirs
        ]
        assert not differing, differing[:3]
        known = sum("unk>" not in line for line in released[997:])
        assert known > 900 or language == "kn"


@FLORES
@pytest.mark.parametrize("language", ["sd", "sr", "ti", "gu", "oc"])
def test_every_language_keeps_its_sentences(language: str) -> None:
    words = tokenise(read(language), language, AGGRESSIVE)
    assert len(words) == 1012
    assert all(re.search(r"\S", line) for line in words)
