"""The built-in corpus, part 1: sentence structures, and how English expresses them.

A sentence is a structure over concepts, each named by its English lemma. Structures are sampled
once and written in every language, so a translation depends only on the structure.
"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from random import Random
from typing import Literal

Tense = Literal["present", "past", "future"]
Determiner = Literal["the", "a", ""]
TENSES: tuple[Tense, ...] = ("present", "past", "future")


def word_list(text: str) -> tuple[str, ...]:
    """Split a table written as text."""
    return tuple(text.split())


# Within a word class, earlier concepts are more frequent (Zipf); no lemma occurs twice.
PEOPLE = word_list(
    "child man woman king queen farmer teacher doctor friend mother father soldier thief sailor "
    "baker singer hunter judge"
)
THINGS = word_list(
    "house wolf tree dog horse book river letter cat door clock village road bird garden ship "
    "table apple mountain cow knife window sheep bridge church city map bear mouse forest lamp "
    "egg castle box coat field cheese leaf island shoe tower bottle wagon school candle basket "
    "story axe wall lake hat market"
)
NOUNS = PEOPLE + THINGS
ADJECTIVES = word_list(
    "old small young big red happy good black long white sad short heavy green strong clever blue "
    "poor angry rich ugly quiet empty foolish"
)
TRANSITIVE = word_list(
    "see find take love carry eat hear break build buy help follow hide want hold call meet lose "
    "push steal forget paint wash catch"
)
INTRANSITIVE = word_list("sleep run sing fall laugh arrive work swim dance wait cry")
DITRANSITIVE = word_list("give send show bring sell offer lend promise")
VERBS = TRANSITIVE + INTRANSITIVE + DITRANSITIVE
ADVERBS = word_list("today often here slowly again always quickly together")
PREPOSITIONS = word_list("in on near with under behind")
CONJUNCTIONS = word_list("and because when")
PRONOUNS = {"I": "me", "you": "you", "he": "him", "she": "her", "we": "us", "they": "them"}
NAMES = word_list("Anna Peter Maria Jonas Nora Hugo Emma Simon Vera Olga")

IRREGULAR_FORMS = dict(
    forms.split(":")
    for forms in word_list(
        "child:children man:men woman:women mouse:mice sheep:sheep wolf:wolves thief:thieves "
        "knife:knives leaf:leaves see:saw find:found take:took eat:ate hear:heard break:broke "
        "build:built buy:bought hide:hid hold:held meet:met lose:lost steal:stole forget:forgot "
        "catch:caught sleep:slept run:ran sing:sang fall:fell swim:swam give:gave send:sent "
        "bring:brought sell:sold lend:lent"
    )
)

# Probabilities chosen so that a sentence has 7 to 8 English words on average.
SECOND_CLAUSE = 0.06
NEGATION = 0.12
ADVERB = 0.22
PLACE = 0.34
MODIFIER = 0.15
NO_ADJECTIVE, ONE_ADJECTIVE = 0.65, 0.32
PLURAL = 0.3
DEFINITE = 0.65


@dataclass(frozen=True, kw_only=True, slots=True)
class NounPhrase:
    """A noun with its dependents, a pronoun (in its subject form) or a name."""

    head: str
    plural: bool = False
    determiner: Determiner = ""
    adjectives: tuple[str, ...] = ()
    modifier: "PrepositionalPhrase | None" = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PrepositionalPhrase:
    """A preposition and its noun phrase."""

    preposition: str
    complement: NounPhrase


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """A verb with its arguments; the verb's valency determines which objects exist."""

    subject: NounPhrase
    verb: str
    tense: Tense = "present"
    negated: bool = False
    direct_object: NounPhrase | None = None
    indirect_object: NounPhrase | None = None
    place: PrepositionalPhrase | None = None
    adverb: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """One clause, or two with a conjunction between them."""

    clauses: tuple[Clause, ...]
    conjunction: str = ""


def sample_sentence(rng: Random) -> Sentence:
    """Draw a sentence structure."""
    first = _sample_clause(rng)
    if rng.random() >= SECOND_CLAUSE:
        return Sentence(clauses=(first,))
    return Sentence(clauses=(first, _sample_clause(rng)), conjunction=rng.choice(CONJUNCTIONS))


def _sample_clause(rng: Random) -> Clause:
    (verbs,) = rng.choices((TRANSITIVE, INTRANSITIVE, DITRANSITIVE), cum_weights=(0.6, 0.87, 1))
    (tense,) = rng.choices(TENSES, cum_weights=(0.35, 0.8, 1))
    return Clause(
        # Only subjects have modifiers: after the verb, "the man in the house" would be ambiguous
        # in English, and a translation could only guess.
        subject=_sample_person(rng, modifiable=True),
        verb=_pick(rng, verbs),
        tense=tense,
        negated=rng.random() < NEGATION,
        direct_object=_sample_thing(rng) if verbs is not INTRANSITIVE else None,
        indirect_object=_sample_person(rng) if verbs is DITRANSITIVE else None,
        place=_sample_place(rng) if rng.random() < PLACE else None,
        adverb=_pick(rng, ADVERBS) if rng.random() < ADVERB else None,
    )


def _sample_person(rng: Random, *, modifiable: bool = False) -> NounPhrase:
    """Draw an agent or recipient: mostly people, as pronoun, name or noun."""
    kind = rng.random()
    if kind < 0.14:
        pronoun = rng.choice(tuple(PRONOUNS))
        return NounPhrase(head=pronoun, plural=pronoun in ("we", "they"))
    if kind < 0.28:
        return NounPhrase(head=rng.choice(NAMES))
    nouns = PEOPLE if rng.random() < 0.75 else THINGS
    modified = modifiable and rng.random() < MODIFIER
    return _sample_noun(rng, nouns, _sample_place(rng) if modified else None)


def _sample_thing(rng: Random) -> NounPhrase:
    """Draw a direct object or a place: mostly things."""
    return _sample_noun(rng, PEOPLE if rng.random() < 0.2 else THINGS)


def _sample_place(rng: Random) -> PrepositionalPhrase:
    preposition = _pick(rng, PREPOSITIONS)
    return PrepositionalPhrase(preposition=preposition, complement=_sample_thing(rng))


def _sample_noun(
    rng: Random, nouns: tuple[str, ...], modifier: PrepositionalPhrase | None = None
) -> NounPhrase:
    plural = rng.random() < PLURAL
    indefinite: Determiner = "" if plural else "a"
    (count,) = rng.choices((0, 1, 2), cum_weights=(NO_ADJECTIVE, NO_ADJECTIVE + ONE_ADJECTIVE, 1))
    return NounPhrase(
        head=_pick(rng, nouns),
        plural=plural,
        determiner="the" if rng.random() < DEFINITE else indefinite,
        # Dictionary keys, so that no adjective is repeated.
        adjectives=tuple(dict.fromkeys(_pick(rng, ADJECTIVES) for _ in range(count))),
        modifier=modifier,
    )


def _pick(rng: Random, words: tuple[str, ...]) -> str:
    return rng.choices(words, cum_weights=_zipf_weights(len(words)))[0]


@cache
def _zipf_weights(count: int) -> tuple[float, ...]:
    """Return cumulative Zipf weights; the offset keeps the first words from dominating."""
    return tuple(accumulate((rank + 3) ** -0.8 for rank in range(count)))


def write_english(sentence: Sentence) -> str:
    """Write the sentence in English."""
    clauses = (" ".join(_clause_words(clause)) for clause in sentence.clauses)
    text = f" {sentence.conjunction} ".join(clauses)
    return f"{text[0].upper()}{text[1:]}."


def _clause_words(clause: Clause) -> list[str]:
    words = _noun_phrase_words(clause.subject) + _verb_words(clause)
    if clause.direct_object:
        words += _noun_phrase_words(clause.direct_object, oblique=True)
    if clause.indirect_object:
        words += ["to", *_noun_phrase_words(clause.indirect_object, oblique=True)]
    if clause.place:
        words += _prepositional_words(clause.place)
    return [*words, clause.adverb] if clause.adverb else words


def _noun_phrase_words(phrase: NounPhrase, *, oblique: bool = False) -> list[str]:
    if phrase.head in PRONOUNS:
        return [PRONOUNS[phrase.head] if oblique else phrase.head]
    plural = IRREGULAR_FORMS.get(phrase.head, _with_s(phrase.head))
    words = [*phrase.adjectives, plural if phrase.plural else phrase.head]
    if phrase.determiner:
        before_vowel = phrase.determiner == "a" and words[0][0] in "aeiou"
        words.insert(0, "an" if before_vowel else phrase.determiner)
    return words + _prepositional_words(phrase.modifier) if phrase.modifier else words


def _prepositional_words(phrase: PrepositionalPhrase) -> list[str]:
    return [phrase.preposition, *_noun_phrase_words(phrase.complement, oblique=True)]


def _verb_words(clause: Clause) -> list[str]:
    third_person = not clause.subject.plural and clause.subject.head not in ("I", "you")
    negation = ["not"] if clause.negated else []
    if clause.tense == "future":
        return ["will", *negation, clause.verb]
    if clause.negated:
        auxiliary = "did" if clause.tense == "past" else "does" if third_person else "do"
        return [auxiliary, *negation, clause.verb]
    if clause.tense == "past":
        return [_past(clause.verb)]
    return [_with_s(clause.verb) if third_person else clause.verb]


@cache
def _past(verb: str) -> str:
    return IRREGULAR_FORMS.get(verb, _stem(verb).removesuffix("e") + "ed")


@cache
def _with_s(word: str) -> str:
    stem = _stem(word)
    return stem + ("es" if stem.endswith(("i", "s", "sh", "ch", "x")) else "s")


def _stem(word: str) -> str:
    return re.sub("(?<![aeiou])y$", "i", word)  # carry: carri-es, carri-ed
