"""Normalising and cleaning the text of software: an example of each rule."""

from collections import Counter

import pytest

from neuron_specialization.corpora.software_cleaning import (
    DUPLICATE,
    EMPTY,
    FOREIGN,
    IDENTICAL,
    NO_LETTERS,
    PLACEHOLDER,
    PLACEHOLDERS,
    RATIO,
    RULES,
    SAME_LETTERS,
    SCRIPT,
    TOO_LONG,
    Cleaner,
    count_software_words,
    normalise,
)
from neuron_specialization.corpora.translations import Translation


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("About %PRODUCTNAME %PRODUCTVERSION", "About LibreOffice 7.4"),
        ("<b>Bold</b> and <a href='x'>link</a><br/>", "Bold and link"),
        ("<None> or <wizard_name>", "<None> or <wizard_name>"),
        ("a &lt; b &amp;&amp; &quot;c&quot;", 'a < b && "c"'),
        ("First\\nsecond\nthird", "First second third"),
        ("Open…", "Open..."),
        ("10\u00a0%", "10 %"),
        ("cafe\u0301", "café"),
        ("\u202b\u200fשלום\u202c soft\u00adhyphen", "שלום softhyphen"),
        ("न्\u200dया", "न्\u200dया"),
        ("फ़ाइल (_F)", "फ़ाइल"),
        ("ಕಡತ(~F)...", "ಕಡತ..."),
        ("~File", "File"),
        ("Approximately (~) and ~~", "Approximately (~) and ~~"),
        ("%FILE_NAME and OPT_BARRIER", "%FILE_NAME and OPT_BARRIER"),
    ],
)
def test_strings_become_what_the_user_sees(found: str, expected: str) -> None:
    # Devanagari nukta letters are excluded from composition: compare what NFC makes of both
    assert normalise(found, release="7.4") == normalise(expected, release="")


def test_an_underscore_is_a_mark_only_in_labels() -> None:
    assert normalise("H_inzufügen", release="7.4", has_mnemonic=True) == "Hinzufügen"
    assert normalise("H_inzufügen", release="7.4") == "H_inzufügen"
    text = "Adding %EXTENSION_NAME t_o"
    assert normalise(text, release="7.4", has_mnemonic=True) == "Adding %EXTENSION_NAME to"
    assert normalise("_Save as file_name", release="7.4", has_mnemonic=True) == "Save as file_name"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("%FILENAME %FIRST% %{name} %1 %2$s %s", "%FILENAME %FIRST% %{name} %1 %2$s %s"),
        ("$1 $(ARG1) $name$ $LANGUAGE {0} #1", "$1 $(ARG1) $name$ $LANGUAGE {0} #1"),
        ("costs $100, #9 and #10 Envelope, {file}, 5 % sure", ""),
    ],
)
def test_placeholders_are_told_from_prices(text: str, found: str) -> None:
    assert " ".join(PLACEHOLDER.findall(text)) == found


@pytest.mark.parametrize(
    ("language", "english", "translation", "rule"),
    [
        ("de", "Open", "", EMPTY),
        ("de", "Writer", "Writer", IDENTICAL),
        ("de", "%1 / %2", "%2/%1", NO_LETTERS),
        ("de", "Open", "...", NO_LETTERS),
        ("de", "Файл text", "Datei", FOREIGN),
        ("de", "α-Level of the test", "Niveau α des Tests", None),
        ("fr", "Zoom ~In:", "zoom in", SAME_LETTERS),
        ("ar", "$1 word", "كلمة واحدة", PLACEHOLDERS),
        ("de", "(%s pt)", "(% pt)", PLACEHOLDERS),
        ("de", "%1 of %2", "von %2 die %1", None),
        ("gu", "Transparence Gradient", "Transparency Gradients", SCRIPT),
        ("ru", "Fill: Transparence", "Заливка: Transparence", None),
        ("ru", "LibreOffice Base files", "Файлы LibreOffice Base", None),
        ("ru", "of %FILENAME", "из %FILENAME", None),
        ("de", "a word " * 51, "ein Wort " * 50, TOO_LONG),
        ("de", "Open it now", "Jetzt " * 7, RATIO),
        ("de", "Undo", "Rückgängig machen!", None),  # fewer than three words
        ("de", "Open the text document now", "Öffnen", RATIO),
        ("am", "Open the text document now", "ይከፈትምምን", None),
        ("hi", "Open the text document now", "खलखलखलख", RATIO),
    ],
)
def test_each_rule_drops_its_pairs(
    language: str, english: str, translation: str, rule: str | None
) -> None:
    counts: Counter[str] = Counter()
    string = Translation(("key",), english, translation)
    kept = Cleaner(language=language, release="7.4").clean([string], counts)
    assert +counts == Counter({"raw": 1, **({rule: 1} if rule else {})})
    assert len(kept) == (rule is None)


def test_a_pair_is_kept_once_and_counted() -> None:
    strings = [
        Translation(("1",), "~File", "~Datei"),
        Translation(("2",), "_File", "_Datei", True),
        Translation(("3",), "File", "Akte"),
    ]
    counts: Counter[str] = Counter()
    kept = Cleaner(language="de", release="7.4").clean(strings, counts)
    assert kept == {("File", "Datei"): 2, ("File", "Akte"): 1}
    assert counts["raw"] == sum(counts[rule] for rule in RULES) + len(kept)
    assert counts[DUPLICATE] == 1


def test_words_have_letters() -> None:
    assert count_software_words("Page 3 of 10 – %1 naïve") == 3
