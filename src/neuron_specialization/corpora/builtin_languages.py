"""The built-in corpus, part 2: nine artificial languages with known relations.

A language is the lexicon of its family's ancestor, with a few new roots, after regular sound
changes. Words are built from sounds and finally spelt in the language's script, sound by sound,
so that only the letters depend on the script.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal

from neuron_specialization.corpora.builtin_grammar import (
    ADJECTIVES,
    ADVERBS,
    CONJUNCTIONS,
    NAMES,
    NOUNS,
    PREPOSITIONS,
    PRONOUNS,
    VERBS,
    word_list,
)
from neuron_specialization.errors import InputError

SoundChange = tuple[str, str]

CONTENT_CONCEPTS = NOUNS + ADJECTIVES + VERBS + ADVERBS
MARKERS = ("the", "a", "not", "will", "to")
FUNCTION_CONCEPTS = PREPOSITIONS + CONJUNCTIONS + tuple(PRONOUNS) + MARKERS
ROOT_CONCEPTS = CONTENT_CONCEPTS + FUNCTION_CONCEPTS
OWN_SHARE = 0.07
LOAN_SHARE = 0.25

ENDINGS = ("plural", "past", "future", "accusative", "dative", "agreement")
CODAS = "nsrlmt"
CODA_SHARE = 0.35

# One letter per sound in every script: if an alphabet has no letter for a sound, an unused one
# serves (Greek psi for š, xi for č, omega for y, theta for v).
SOUNDS = "abčdefghijklmnoprsštuvwxyz"
SCRIPTS = {
    "Latin": SOUNDS,
    "Cyrillic": "абчдефгһийклмнопрсштувўхыз",
    "Greek": "αβξδεφγηιϳκλμνοπρσψτυθϝχωζ",
}


@dataclass(frozen=True, kw_only=True)
class Family:
    """Grammar, sounds and usual script that the languages of a family share.

    `clause_order` places S(ubject), V(erb), O(bject), I(ndirect object), P(lace) and A(dverb).
    A head-final family puts adpositions and negation last and a modifier before its noun.
    """

    script: str
    clause_order: str
    onsets: tuple[str, ...]
    vowels: tuple[str, ...]
    article: Literal["word", "prefix", "none"]
    adjective_first: bool = True
    head_final: bool = False
    cases: bool = False
    future_auxiliary: bool = False


FAMILIES = {
    "A": Family(
        script="Latin",
        clause_order="SVOIPA",
        onsets=word_list("p t k b d g m n s r l f v st tr kl br"),
        vowels=("a", "e", "i", "o", "u", "ei"),
        article="word",
        future_auxiliary=True,
    ),
    "B": Family(
        script="Cyrillic",
        clause_order="SAPIOV",
        onsets=word_list("t k d g m n s z r l y č š h kr sk"),
        vowels=("a", "a", "a", "e", "i", "o", "u"),
        article="none",
        head_final=True,
        cases=True,
    ),
    "C": Family(
        script="Greek",
        clause_order="VSIOPA",
        onsets=word_list("b d g k m n s h r l j w f x t"),
        vowels=("a", "a", "i", "o", "u"),
        article="prefix",
        adjective_first=False,
    ),
}


@dataclass(frozen=True, kw_only=True)
class BuiltinLanguage:
    """One artificial language: facts to check an analysis against."""

    code: str
    family: str
    script: str
    sound_changes: tuple[SoundChange, ...]

    @property
    def word_order(self) -> str:
        """Order of subject, verb and object, e.g. SVO."""
        return "".join(part for part in FAMILIES[self.family].clause_order if part in "SVO")


# Regular expressions, applied in this order to whole words.
SOUND_CHANGES: dict[str, tuple[SoundChange, ...]] = {
    "a1": (("p", "f"), ("ei", "i"), ("(?<=[aeiu][^aeiou])o$", "")),
    "a2": (("t(?=[aeiou])", "d"), ("k(?=[ei])", "š"), ("u", "o")),
    "a3": (("(?<=[aeiou])s(?=[aeiou])", "r"), ("ei", "e"), ("a$", "e")),
    "b1": (("š", "s"), ("o", "a")),
    "b2": (("d", "t"), ("e", "i"), ("h", "")),
    "b3": (("k(?=[ei])", "č"), ("g", "h"), ("a$", "o"), ("z", "s")),
    "c1": (("h", "x"), ("(?<=[aeio][^aeiou])u$", "")),
    "c2": (("b", "v"), ("a(?=[^aeiou]i)", "e")),
    "c3": (("f", "p"), ("x", "k"), ("i", "e"), ("j", "z")),
}
# One planted exception in each of two families, so that script does not determine family.
SCRIPT_EXCEPTIONS = {"a2": "Cyrillic", "b2": "Latin"}
LOANS_FROM = {"c2": "A"}

LANGUAGES = {
    code: BuiltinLanguage(
        code=code,
        family=code[0].upper(),
        script=SCRIPT_EXCEPTIONS.get(code, FAMILIES[code[0].upper()].script),
        sound_changes=sound_changes,
    )
    for code, sound_changes in SOUND_CHANGES.items()
}


def find_language(code: str) -> BuiltinLanguage:
    """Return the language with a code; raise InputError if it is unknown."""
    if code not in LANGUAGES:
        allowed = ", ".join(LANGUAGES)
        raise InputError(f"{code!r} is not a built-in language; choose from {allowed}")
    return LANGUAGES[code]


@dataclass(frozen=True, kw_only=True)
class Root:
    """A root in sounds, and its origin: a family's ancestor, or the language that coined it."""

    sounds: str
    origin: str


def shared_lexicon(a: str, b: str) -> float:
    """Return the share of concepts whose roots in both languages are the same etymon.

    Names are excluded: they are the same in all languages.
    """
    roots_a, roots_b = lexicon(find_language(a).code), lexicon(find_language(b).code)
    shared = [roots_a[c].origin == roots_b[c].origin for c in ROOT_CONCEPTS]
    return sum(shared) / len(shared)


@cache
def lexicon(code: str) -> Mapping[str, Root]:
    """Return the root of every concept before sound changes."""
    rng = Random(f"lexicon of {code}")
    own = round(OWN_SHARE * len(ROOT_CONCEPTS))
    loans = round(LOAN_SHARE * len(ROOT_CONCEPTS)) if code in LOANS_FROM else 0
    replaced = rng.sample(CONTENT_CONCEPTS, own + loans)
    roots = dict(_ancestral_lexicon(LANGUAGES[code].family))
    for concept in replaced[own:]:
        roots[concept] = _ancestral_lexicon(LOANS_FROM[code])[concept]
    taken = {(code, change_sounds(root.sounds, code)) for root in roots.values()}
    for concept in replaced[:own]:
        roots[concept] = Root(sounds=_coin_root(rng, 2, [code], taken), origin=code)
    return roots


@cache
def _ancestral_lexicon(family: str) -> Mapping[str, Root]:
    rng = Random(f"ancestor of family {family}")
    daughters = [code for code, language in LANGUAGES.items() if language.family == family]
    roots = {name: Root(sounds=name.lower(), origin="names") for name in NAMES}
    taken = {
        (code, change_sounds(root.sounds, code)) for root in roots.values() for code in daughters
    }
    for concept in ROOT_CONCEPTS:
        (syllables,) = rng.choices((1, 2, 3), cum_weights=(0.1, 0.8, 1))
        syllables = syllables if concept in CONTENT_CONCEPTS else 1
        roots[concept] = Root(sounds=_coin_root(rng, syllables, daughters, taken), origin=family)
    return roots


def _coin_root(
    rng: Random, syllables: int, codes: Sequence[str], taken: set[tuple[str, str]]
) -> str:
    """Coin a root for the languages, all of one family.

    `taken` holds (language, root after its sound changes) and receives the new ones: the changes
    must not merge two roots, or their translation into English would be a guess.
    """
    family = FAMILIES[LANGUAGES[codes[0]].family]
    while True:
        parts = [rng.choice(family.onsets) + rng.choice(family.vowels) for _ in range(syllables)]
        root = "".join(parts) + (rng.choice(CODAS) if rng.random() < CODA_SHARE else "")
        reflexes = {(code, change_sounds(root, code)) for code in codes}
        if taken.isdisjoint(reflexes):
            taken |= reflexes
            return root


def change_sounds(sounds: str, code: str) -> str:
    """Apply the language's sound changes to a root or a whole word."""
    for pattern, replacement in LANGUAGES[code].sound_changes:
        sounds = re.sub(pattern, replacement, sounds)
    return sounds


@cache  # word forms are few and recur constantly
def word_form(code: str, concept: str, *endings: str) -> str:
    """Inflect a concept's root and spell it in the language's script."""
    language = LANGUAGES[code]
    known_endings = _ending_sounds(language.family)
    sounds = lexicon(code)[concept].sounds + "".join(known_endings[name] for name in endings)
    letters = dict(zip(SOUNDS, SCRIPTS[language.script], strict=True))
    return "".join(letters[sound] for sound in change_sounds(sounds, code))


@cache
def _ending_sounds(family: str) -> Mapping[str, str]:
    rng = Random(f"endings of family {family}")
    vowels = sorted({vowel[0] for vowel in FAMILIES[family].vowels})
    forms = rng.sample([vowel + coda for vowel in vowels for coda in CODAS], len(ENDINGS))
    return dict(zip(ENDINGS, forms, strict=True))
