"""Test built-in corpora: disjoint splits, known relations, one translation per structure."""

import hashlib
import unicodedata
from itertools import islice, permutations
from random import Random
from statistics import fmean

import pytest

from neuron_specialization.corpora.builtin import evaluation_pairs, training_pairs, translate
from neuron_specialization.corpora.builtin_grammar import (
    NAMES,
    Clause,
    NounPhrase,
    PrepositionalPhrase,
    Sentence,
    sample_sentence,
    write_english,
)
from neuron_specialization.corpora.builtin_languages import (
    ENDINGS,
    LANGUAGES,
    ROOT_CONCEPTS,
    SCRIPTS,
    change_sounds,
    lexicon,
    shared_lexicon,
    word_form,
)
from neuron_specialization.errors import InputError

each_language = pytest.mark.parametrize("code", LANGUAGES)

ANNA, HUGO, YOU = (NounPhrase(head=head) for head in ("Anna", "Hugo", "you"))
WE = NounPhrase(head="we", plural=True)
THE_CHILDREN = NounPhrase(head="child", plural=True, determiner="the")
A_WOLF = NounPhrase(head="wolf", determiner="a")
AN_OLD_WOLF = NounPhrase(head="wolf", determiner="a", adjectives=("old",))
KNIVES = NounPhrase(head="knife", plural=True)
IN_THE_HOUSE = PrepositionalPhrase(
    preposition="in", complement=NounPhrase(head="house", determiner="the")
)
LOST_SOUNDS = ["p ei", "u", "ei", "š o", "d e h", "g z", "h", "b", "f x i j"]
GOLDEN_ENGLISH = "The singer sent lakes to the father in an old king."
GOLDEN_TRANSLATION = "fe valutu trofiur midaduril klen fe stali su go nifil kika."
GOLDEN_CHECKSUM = "940bfd2e8f274d176df97a8ddfd4a607bad6cb05f0e71098beb0edc458ff0533"


def one_clause(subject: NounPhrase, verb: str, **parts) -> Sentence:
    return Sentence(clauses=(Clause(subject=subject, verb=verb, **parts),))


def structures(count: int) -> list[Sentence]:
    rng = Random(0)
    return [sample_sentence(rng) for _ in range(count)]


def english_of(pairs) -> list[str]:
    return [english for english, _ in pairs]


def test_pairs_are_the_same_in_every_process():
    pairs = [
        pair
        for code in LANGUAGES
        for pair in (*evaluation_pairs(code, "test", 50, 1), *islice(training_pairs(code, 1), 50))
    ]
    text = "\n".join(f"{english}\t{translation}" for english, translation in pairs)
    # These change only if the corpus changes, and then every result on it changes.
    assert pairs[0] == (GOLDEN_ENGLISH, GOLDEN_TRANSLATION)
    assert hashlib.sha256(text.encode()).hexdigest() == GOLDEN_CHECKSUM


@pytest.mark.parametrize("split", ["valid", "test"])
def test_evaluation_english_is_the_same_for_all_languages(split):
    english, *others = (english_of(evaluation_pairs(code, split, 60, 7)) for code in LANGUAGES)
    assert all(other == english for other in others)
    assert len(set(english)) == 60
    assert english[:40] == english_of(evaluation_pairs("a1", split, 40, 7))


def test_splits_are_disjoint_for_any_seed_and_language():
    valid, test = (
        {e for seed in (1, 2) for e in english_of(evaluation_pairs("a1", split, 300, seed))}
        for split in ("valid", "test")
    )
    assert not valid & test
    for code in ("a1", "c3"):
        assert not (valid | test) & set(english_of(islice(training_pairs(code, 1), 10_000)))


@pytest.mark.parametrize(("code", "seed"), [("a2", 1), ("a1", 2)])
def test_training_differs_between_languages_and_seeds(code, seed):
    sentences = set(english_of(islice(training_pairs("a1", 1), 500)))
    assert len(sentences & set(english_of(islice(training_pairs(code, seed), 500)))) < 50


def test_another_seed_draws_different_sentences_of_the_same_languages():
    first, second = (dict(evaluation_pairs("c1", "valid", 400, seed)) for seed in (1, 2))
    both = first.keys() & second.keys()
    assert 0 < len(both) < 100
    assert {first[english] for english in both} == {second[english] for english in both}


@pytest.mark.parametrize("code", ["en", "d1", ""])
def test_unknown_language_error_lists_the_allowed_ones(code):
    message = f"'{code}'.*a1, a2, a3, b1, b2, b3, c1, c2, c3"
    with pytest.raises(InputError, match=message):
        evaluation_pairs(code, "test", 1, 1)
    with pytest.raises(InputError, match=message):
        training_pairs(code, 1)
    with pytest.raises(InputError, match=message):
        shared_lexicon("a1", code)


def test_unknown_split_error_lists_the_allowed_ones():
    with pytest.raises(InputError, match=r"'train'.*valid, test"):
        evaluation_pairs("a1", "train", 1, 1)


ENGLISH_SENTENCES = {
    "The children saw a wolf.": one_clause(THE_CHILDREN, "see", tense="past", direct_object=A_WOLF),
    "The children cry.": one_clause(THE_CHILDREN, "cry"),
    "Anna cries.": one_clause(ANNA, "cry"),
    "Anna cried.": one_clause(ANNA, "cry", tense="past"),
    "Anna catches an old wolf.": one_clause(ANNA, "catch", direct_object=AN_OLD_WOLF),
    "Anna loved us.": one_clause(ANNA, "love", tense="past", direct_object=WE),
    "You do not sleep.": one_clause(YOU, "sleep", negated=True),
    "Anna does not sleep.": one_clause(ANNA, "sleep", negated=True),
    "Anna did not sleep.": one_clause(ANNA, "sleep", negated=True, tense="past"),
    "Anna will not sleep.": one_clause(ANNA, "sleep", negated=True, tense="future"),
    "We give knives to Hugo in the house.": one_clause(
        WE, "give", direct_object=KNIVES, indirect_object=HUGO, place=IN_THE_HOUSE
    ),
    "Anna runs when you sing.": Sentence(
        clauses=(Clause(subject=ANNA, verb="run"), Clause(subject=YOU, verb="sing")),
        conjunction="when",
    ),
}


@pytest.mark.parametrize(("english", "sentence"), ENGLISH_SENTENCES.items())
def test_english_grammar(english, sentence):
    assert write_english(sentence) == english


def test_sentences_have_the_intended_length_and_clauses():
    sample = structures(10_000)
    assert 7 < fmean(len(write_english(sentence).split()) for sentence in sample) < 8
    assert fmean(len(s.clauses) - 1 for s in sample) == pytest.approx(0.06, abs=0.01)


@each_language
def test_translation_is_a_function_of_the_structure(code):
    sample = list(dict.fromkeys(structures(5_000)))
    translations = [translate(sentence, code) for sentence in sample]
    assert [translate(sentence, code) for sentence in reversed(sample)] == translations[::-1]
    # Family B has no articles, so "a wolf" and "the wolf" coincide; nothing else is lost.
    distinct = len(set(translations)) / len(sample)
    assert 0.98 < distinct < 1 if LANGUAGES[code].family == "B" else distinct == 1


@each_language
def test_no_two_concepts_or_endings_sound_alike(code):
    words = [word_form(code, concept) for concept in ROOT_CONCEPTS + NAMES]
    assert all(words)
    assert len(set(words)) == len(words)
    assert len({word_form(code, "Anna", ending) for ending in ENDINGS}) == len(ENDINGS)


@each_language
def test_letters_belong_to_the_script_of_the_language(code):
    text = "".join(translation for _, translation in evaluation_pairs(code, "test", 200, 1))
    assert set(text) <= set(SCRIPTS[LANGUAGES[code].script]) | set(" .-")


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_distinguish_all_sounds_and_survive_normalisation(script):
    letters = SCRIPTS[script]
    assert {unicodedata.name(letter).split()[0] for letter in letters} == {script.upper()}
    assert len(set(letters)) == len(letters)
    assert unicodedata.normalize("NFKC", letters) == letters


def test_script_does_not_determine_family():
    usual = {"A": "Latin", "B": "Cyrillic", "C": "Greek"}
    unusual = {x.code: x.script for x in LANGUAGES.values() if x.script != usual[x.family]}
    assert unusual == {"a2": "Cyrillic", "b2": "Latin"}


@each_language
def test_subject_verb_and_object_follow_the_family_order(code):
    order = {"A": "SVO", "B": "SOV", "C": "VSO"}[LANGUAGES[code].family]
    assert LANGUAGES[code].word_order == order
    case = ["accusative"] if LANGUAGES[code].family == "B" else []
    words = {
        "S": word_form(code, "Anna"),
        "V": word_form(code, "see"),
        "O": word_form(code, "Hugo", *case),
    }
    expected = " ".join(words[part] for part in order) + "."
    assert translate(one_clause(ANNA, "see", direct_object=HUGO), code) == expected


@each_language
def test_phrases_follow_the_family_grammar(code):
    family = LANGUAGES[code].family
    a, the, old, wolf, in_, house = (
        word_form(code, concept) for concept in ("a", "the", "old", "wolf", "in", "house")
    )
    old_wolf = {"A": [a, old, wolf], "B": [old, wolf], "C": [wolf, old]}
    dative = word_form(code, "house", "dative")
    in_the_house = {"A": [in_, the, house], "B": [dative, in_], "C": [in_, f"{the}-{house}"]}
    translation = translate(one_clause(AN_OLD_WOLF, "sleep", place=IN_THE_HOUSE), code)
    assert " ".join(old_wolf[family]) in translation
    assert " ".join(in_the_house[family]) in translation


def test_related_languages_share_more_of_their_lexicon():
    shared = {(a, b): shared_lexicon(a, b) for a, b in permutations(LANGUAGES, 2)}
    within = [share for (a, b), share in shared.items() if a[0] == b[0]]
    across = [share for (a, b), share in shared.items() if a[0] != b[0]]
    assert min(within) > 2 * max(across)
    assert all(shared[a, b] == shared[b, a] for a, b in shared)
    borrowed = {pair for pair, share in shared.items() if share > 0 and pair[0][0] < pair[1][0]}
    assert borrowed == {("a1", "c2"), ("a2", "c2"), ("a3", "c2")}


def test_a_quarter_of_one_lexicon_is_borrowed_before_the_sound_changes():
    loans = [root.sounds for root in lexicon("c2").values() if root.origin == "A"]
    assert len(loans) / len(ROOT_CONCEPTS) == pytest.approx(0.25, abs=0.005)
    assert any("b" in sounds for sounds in loans)
    assert not any("b" in change_sounds(sounds, "c2") for sounds in loans)


@pytest.mark.parametrize(("code", "lost"), list(zip(LANGUAGES, LOST_SOUNDS, strict=True)))
def test_sound_changes_have_no_exceptions(code, lost):
    assert 2 <= len(LANGUAGES[code].sound_changes) <= 4
    roots = [lexicon(code)[concept].sounds for concept in ROOT_CONCEPTS]
    for sound in lost.split():
        assert any(sound in root for root in roots)
        assert not any(sound in change_sounds(root, code) for root in roots)
