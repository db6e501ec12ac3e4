"""Held-out strings, and what is too like them."""

import random

import pytest

from neuron_specialization.corpora.near_duplicates import (
    GramIndex,
    choose_unlike,
    grams,
    is_candidate,
    near_held_out,
    reduce_text,
)
from neuron_specialization.errors import InputError
from tests.corpora.debs import ENGLISH


def jaccard(first: str, second: str) -> float:
    a, b = grams(first), grams(second)
    return len(a & b) / len(a | b)


def test_templates_are_the_same_text() -> None:
    assert reduce_text("Delete %1, Slide 12!") == "delete x slide 00"
    assert grams("Delete page 7.") == grams("delete page 3")
    assert grams("No") == {"no"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Select the colour first.", True),
        ("select the colour first.", False),
        ("Select the colour first", False),
        ("Select a colour.", False),
        (f"Select {'very ' * 38}much.", True),
        (f"Select {'very ' * 39}much.", False),
    ],
)
def test_candidates_are_sentences_of_4_to_40_words(text: str, expected: bool) -> None:
    assert is_candidate(text) == expected


def test_the_index_agrees_with_sets() -> None:
    index = GramIndex(ENGLISH)
    words = " ".join(ENGLISH).split()
    generator = random.Random(3)
    for _ in range(50):
        string = " ".join(generator.choices(words, k=generator.randint(1, 12)))
        found = index.compare(string)
        assert found.jaccard_H == pytest.approx([jaccard(string, other) for other in ENGLISH])
        shares = [len(grams(string) & grams(other)) / len(grams(other)) for other in ENGLISH]
        assert found.contained_H == pytest.approx(shares)


def test_chosen_strings_are_unlike_and_do_not_depend_on_the_order() -> None:
    like = [text.replace("the", "a") for text in ENGLISH] + [text + " Really." for text in ENGLISH]
    strings = [*ENGLISH, *like]
    chosen = choose_unlike(strings, len(ENGLISH))
    assert chosen == choose_unlike(reversed(strings), len(ENGLISH))
    assert chosen[:3] == choose_unlike(strings, 3)
    pairs = [(a, b) for a in chosen for b in chosen if a != b]
    assert max(jaccard(*pair) for pair in pairs) <= 0.6


def test_what_is_taken_is_not_chosen_again() -> None:
    taken = choose_unlike(ENGLISH, 5)
    more = choose_unlike(ENGLISH, len(ENGLISH) - 5, taken)
    assert sorted([*taken, *more]) == sorted(ENGLISH)
    with pytest.raises(InputError, match="8 sentences are to be held out, but only 7 of 12"):
        choose_unlike(ENGLISH, 8, taken)


def test_equal_similar_and_longer_strings_are_near() -> None:
    held_out = [ENGLISH[0], "Sort rows."]
    near = [
        ENGLISH[0],
        "The document could not be saved to this folder!",
        f"Error 17: {ENGLISH[0]} There is not enough space on the disk of this computer.",
        "Sort rows.",
        "SORT ROWS",
    ]
    far = [ENGLISH[1], "The document could be opened.", "To find them, sort rows by their name."]
    assert list(near_held_out(held_out, [*near, *far])) == near
