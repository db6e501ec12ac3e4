"""The built-in corpus, part 3: sentence pairs of English and nine artificial languages.

A checksum of its text assigns each English sentence to the train, valid or test portion. Splits
are therefore disjoint for every language, seed and number of sentences.
"""

from collections.abc import Iterator
from functools import lru_cache, partial
from random import Random
from typing import Literal
from zlib import crc32

from neuron_specialization.corpora.builtin_grammar import (
    NAMES,
    PRONOUNS,
    Clause,
    NounPhrase,
    PrepositionalPhrase,
    Sentence,
    sample_sentence,
    write_english,
)
from neuron_specialization.corpora.builtin_languages import (
    FAMILIES,
    BuiltinLanguage,
    find_language,
    word_form,
)
from neuron_specialization.errors import InputError

Case = Literal["accusative", "dative", ""]

EVALUATION_SPLITS = ("valid", "test")
# Small, because training never sees sentences of these portions.
PORTION_PERCENT = 3


def evaluation_pairs(code: str, split: str, count: int, seed: int) -> list[tuple[str, str]]:
    """Return `count` (English, `code`) sentence pairs of the valid or test split.

    The English side is the same, in the same order, for every language, and no English sentence
    occurs twice. Raise InputError for unknown codes and splits.
    """
    language = find_language(code)
    if split not in EVALUATION_SPLITS:
        allowed = ", ".join(EVALUATION_SPLITS)
        raise InputError(f"{split!r} is not an evaluation split; choose from {allowed}")
    sentences = _evaluation_sentences(split, count, seed)
    return [(english, translate(sentence, language.code)) for english, sentence in sentences]


def training_pairs(code: str, seed: int) -> Iterator[tuple[str, str]]:
    """Return an endless stream of (English, `code`) pairs, none of them in valid or test.

    Every language gets different sentences. Short sentences recur, as in real corpora.
    Raise InputError for an unknown code.
    """
    # Checked here, not in the generator, so that the call itself raises.
    return _stream_training_pairs(find_language(code).code, seed)


def _stream_training_pairs(code: str, seed: int) -> Iterator[tuple[str, str]]:
    rng = Random(f"train {code} {seed}")
    while True:
        sentence = sample_sentence(rng)
        english = write_english(sentence)
        if _portion(english) == "train":
            yield english, translate(sentence, code)


@lru_cache(maxsize=4)  # requested once per language
def _evaluation_sentences(split: str, count: int, seed: int) -> tuple[tuple[str, Sentence], ...]:
    rng = Random(f"{split} {seed}")
    sentences: dict[str, Sentence] = {}
    while len(sentences) < count:
        sentence = sample_sentence(rng)
        english = write_english(sentence)
        if _portion(english) == split:
            # Keep the first of structures with the same English, so that all languages agree.
            sentences.setdefault(english, sentence)
    return tuple(sentences.items())


def _portion(english: str) -> str:
    percentile = crc32(english.encode()) % 100
    if percentile < PORTION_PERCENT:
        return "valid"
    return "test" if percentile < 2 * PORTION_PERCENT else "train"


def translate(sentence: Sentence, code: str) -> str:
    """Write the sentence in the language; built-in languages have no capital letters."""
    writer = _Writer(find_language(code))
    clauses = [" ".join(writer.clause(clause)) for clause in sentence.clauses]
    if sentence.conjunction:
        clauses.insert(1, writer.word(sentence.conjunction))
    return " ".join(clauses) + "."


class _Writer:
    """Puts the words of one language in order and in agreement."""

    def __init__(self, language: BuiltinLanguage) -> None:
        self.family = FAMILIES[language.family]
        self.word = partial(word_form, language.code)

    def clause(self, clause: Clause) -> list[str]:
        """Put a clause's parts in the family's order."""
        parts = {
            "S": self.noun_phrase(clause.subject),
            "V": self.verb(clause),
            "O": self.noun_phrase(clause.direct_object, "accusative"),
            "I": self.recipient(clause.indirect_object),
            "P": self.adpositional_phrase(clause.place),
            "A": [self.word(clause.adverb)] if clause.adverb else [],
        }
        return [word for part in self.family.clause_order for word in parts[part]]

    def noun_phrase(self, phrase: NounPhrase | None, case: Case = "") -> list[str]:
        """Put article, adjectives, noun and modifier in order and agreement; [] for None."""
        if phrase is None:
            return []
        ending = [case] if case and self.family.cases else []
        if phrase.head in PRONOUNS or phrase.head in NAMES:
            return [self.word(phrase.head, *ending)]
        number = ["plural"] if phrase.plural else []
        noun = self.word(phrase.head, *number, *ending)
        if phrase.determiner == "the" and self.family.article == "prefix":
            noun = f"{self.word('the')}-{noun}"
        agreement = [] if self.family.cases else number
        adjectives = [self.word(adjective, *agreement) for adjective in phrase.adjectives]
        words = [*adjectives, noun] if self.family.adjective_first else [noun, *adjectives]
        if phrase.determiner and self.family.article == "word":
            words.insert(0, self.word(phrase.determiner))
        modifier = self.adpositional_phrase(phrase.modifier)
        return modifier + words if self.family.head_final else words + modifier

    def adpositional_phrase(self, phrase: PrepositionalPhrase | None) -> list[str]:
        """Put the adposition before or after its noun phrase; [] for None."""
        if phrase is None:
            return []
        adposition = [self.word(phrase.preposition)]
        complement = self.noun_phrase(phrase.complement, "dative")
        return complement + adposition if self.family.head_final else adposition + complement

    def recipient(self, phrase: NounPhrase | None) -> list[str]:
        """Mark the indirect object by its case or, without cases, by a word."""
        marker = [] if phrase is None or self.family.cases else [self.word("to")]
        return marker + self.noun_phrase(phrase, "dative")

    def verb(self, clause: Clause) -> list[str]:
        """Inflect the verb for tense and number, and negate it."""
        agreement = ["agreement"] if clause.subject.plural else []
        if clause.tense == "future" and self.family.future_auxiliary:
            words = [self.word("will", *agreement), self.word(clause.verb)]
        else:
            tense = [] if clause.tense == "present" else [clause.tense]
            words = [self.word(clause.verb, *tense, *agreement)]
        negation = [self.word("not")] if clause.negated else []
        return words + negation if self.family.head_final else negation + words
