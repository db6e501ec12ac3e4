"""Clean the text of software: normalise strings, and drop pairs that teach nothing or wrongly.

The general rules for corpora (`cleaning`) follow when the text is prepared for training.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from functools import cache

from neuron_specialization.corpora.translations import Translation

EMPTY, IDENTICAL, NO_LETTERS, FOREIGN = "empty", "identical", "no_letters", "foreign_english"
SAME_LETTERS, PLACEHOLDERS, SCRIPT = "same_letters", "placeholders", "wrong_script"
TOO_LONG, RATIO, DUPLICATE = "too_long", "ratio", "duplicate"
RULES = (
    *(EMPTY, IDENTICAL, NO_LETTERS, FOREIGN, SAME_LETTERS, PLACEHOLDERS, SCRIPT),
    *(TOO_LONG, RATIO, DUPLICATE),
)
"""Rules in the order of checking; a pair counts towards the first rule that it breaks."""
MAX_WORDS = 100
MIN_WORDS_FOR_RATIO = 3
MAX_RATIO = {"am": 4}
"""Largest ratio of the lengths in characters, by language; of others, DEFAULT_RATIO."""
DEFAULT_RATIO = 3
MIN_SCRIPT = 3
"""One letter in this many must be of the language's script."""
PRODUCT = "LibreOffice"
CYRILLIC, DEVANAGARI = "\u0400-\u052f", "\u0900-\u097f"
SCRIPTS = {
    "am": "\u1200-\u139f\u2d80-\u2ddf\uab00-\uab2f",
    "ar": "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff",
    "bn": "\u0980-\u09ff",
    "gu": "\u0a80-\u0aff",
    "he": "\u0590-\u05ff\ufb1d-\ufb4f",
    "kn": "\u0c80-\u0cff",
    **dict.fromkeys(("hi", "mr"), DEVANAGARI),
    **dict.fromkeys(("bg", "ru", "sr", "uk"), CYRILLIC),
}
"""Characters of languages that do not use Latin script, for a class of a regular expression."""

INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Soft hyphens, directional marks and the like; joiners (U+200C, U+200D) are spelling."""
# by name: <None> and <wizard_name> are text
HTML_TAG = re.compile(
    r"</?(?:a|b|big|body|br|center|code|div|em|font|h[1-6]|head|hr|html|i|img|li|ol|p|pre|small"
    r"|span|strong|sub|sup|table|td|th|tr|tt|u|ul)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}
ENTITY = re.compile("|".join(ENTITIES))
SHORTCUT = re.compile(r"\s*\([_~]\w\)")
"""The key that chooses an item, after a label without that letter."""
TILDE = re.compile(r"(?<![~(])~(?=[^\s~])|(?<=\()~(?=[^\s~)])")
# not prices ($100), sizes of envelopes (#9, #10), or words that are translated ({file}, <None>)
PLACEHOLDER = re.compile(
    r"%\{\w+\}|%\d+\$[a-z]|%[A-Z][A-Z0-9_]+%?|%\d+|%[sd](?![a-z])"
    r"|\$\(\w+\)|\$[A-Za-z_]\w*\$|\$[A-Z]{2,}|\$\d(?!\d)|\{\d+\}|#[1-3](?!\d)"
)
UNDERSCORE = re.compile(rf"({PLACEHOLDER.pattern})|_(?=\S)")
"""A placeholder, which may have underscores, or the mark of a key."""
NOT_LETTERS = re.compile(r"[\W\d_]+")
NOT_LETTERS_OR_DIGITS = re.compile(r"[\W_]+")
OTHER_SCRIPT = re.compile(r"(?![\u0370-\u03ff\u1f00-\u1fff])[^\W\d_\u0000-\u024f]")
"""A letter of a script that English text does not have; Greek ones stand for variables."""


@dataclass(frozen=True, slots=True)
class Side:
    """The normalised English or translation of a string, and what the rules look at."""

    text: str
    letters: str
    """The letters outside placeholders."""
    placeholders: frozenset[str]
    words: int


@dataclass(frozen=True, kw_only=True)
class Cleaner:
    """Cleans the pairs of one language."""

    language: str
    """Its code in SCRIPTS and MAX_RATIO."""
    release: str
    """Release of the software, for placeholders of it: 7.4."""

    def clean(
        self, strings: Iterable[Translation], counts: MutableMapping[str, int]
    ) -> Counter[tuple[str, str]]:
        """Return the pairs that break no rule, in their order, and how often each occurs.

        Args:
            strings: the strings as read.
            counts: "raw" and each of RULES, updated: "raw" is their sum and the pairs returned.
        """
        kept: Counter[tuple[str, str]] = Counter()
        for string in strings:
            counts["raw"] += 1
            english = _english_side(string.english, self.release, string.has_mnemonic)
            translated = _side(string.translation, self.release, string.has_mnemonic)
            if rule := self._broken_rule(string, english, translated):
                counts[rule] += 1
            else:
                kept[english.text, translated.text] += 1
        counts[DUPLICATE] += kept.total() - len(kept)
        return kept

    def _broken_rule(self, string: Translation, english: Side, translated: Side) -> str | None:
        if not string.english.strip() or not string.translation.strip():
            return EMPTY
        if string.english == string.translation:
            return IDENTICAL
        if not english.letters or not translated.letters:
            return NO_LETTERS
        if OTHER_SCRIPT.search(english.text):
            return FOREIGN
        if letters_and_digits(english.text) == letters_and_digits(translated.text):
            return SAME_LETTERS
        if english.placeholders != translated.placeholders:
            return PLACEHOLDERS
        if self._is_other_script(translated):
            return SCRIPT
        if max(english.words, translated.words) > MAX_WORDS:
            return TOO_LONG
        return RATIO if self._is_other_length(english, translated) else None

    def _is_other_script(self, translated: Side) -> bool:
        if self.language not in SCRIPTS:
            return False
        letters = translated.letters.replace(PRODUCT, "")
        own = re.sub(f"[^{SCRIPTS[self.language]}]+", "", letters)
        return MIN_SCRIPT * len(own) < len(letters)

    def _is_other_length(self, english: Side, translated: Side) -> bool:
        if english.words < MIN_WORDS_FOR_RATIO:
            return False
        ratio = len(translated.text) / len(english.text)
        smallest = 1 / MAX_RATIO.get(self.language, DEFAULT_RATIO)
        return not smallest <= ratio <= DEFAULT_RATIO


def _side(text: str, release: str, has_mnemonic: bool) -> Side:
    normal = normalise(text, release=release, has_mnemonic=has_mnemonic)
    return Side(
        text=normal,
        letters=NOT_LETTERS.sub("", PLACEHOLDER.sub("", normal)),
        placeholders=frozenset(PLACEHOLDER.findall(normal)),
        words=count_software_words(normal),
    )


_english_side = cache(_side)  # the same for all languages


def normalise(text: str, *, release: str, has_mnemonic: bool = False) -> str:
    r"""Return text as a user of the software sees it, on one line.

    Args:
        text: a string as found.
        release: the release of the software, in place of %PRODUCTVERSION.
        has_mnemonic: whether `_` marks the key of a label.
    """
    text = INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    text = text.replace("%PRODUCTNAME", PRODUCT).replace("%PRODUCTVERSION", release)
    text = HTML_TAG.sub("", text)
    text = ENTITY.sub(lambda match: ENTITIES[match[0]], text)
    text = text.replace("\\n", " ").replace("…", "...")
    text = SHORTCUT.sub("", text)
    text = TILDE.sub("", text, count=1)
    if has_mnemonic:
        mark = next((found for found in UNDERSCORE.finditer(text) if not found[1]), None)
        text = text[: mark.start()] + text[mark.end() :] if mark else text
    return " ".join(text.split())  # no-break spaces, too


def letters_and_digits(text: str) -> str:
    """Return the letters and digits of a text in one case: equal texts say the same."""
    return NOT_LETTERS_OR_DIGITS.sub("", text.casefold())


def count_software_words(text: str) -> int:
    """Return the number of words between blanks that have a letter."""
    # not the regular expression, to which superscript digits are letters
    return sum(word.isalpha() or any(map(str.isalpha, word)) for word in text.split())
