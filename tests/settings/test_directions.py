"""Names of directions: what they stand for, their order, and what is refused."""

import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.settings.directions import (
    check_trained,
    expand_directions,
    expand_zero_shot,
)
from neuron_specialization.settings.languages import (
    Language,
    all_directions,
    every_direction,
)

FAMILIES = {"en": "Germanic", "de": "Germanic", "fr": "Romance", "nl": "Germanic", "it": "Romance"}


def table(families: dict[str, str]) -> dict[str, Language]:
    return {
        code: Language(code=code, name=code, family=family, script="Latin")
        for code, family in families.items()
    }


LANGUAGES = table(FAMILIES)
PIVOTAL = ("en-de", "en-fr", "en-nl", "en-it", "de-en", "fr-en", "nl-en", "it-en")


def expand(text: str) -> tuple[str, ...]:
    return expand_directions(text, LANGUAGES, "en")


def zero_shot(text: str, directions: tuple[str, ...] = PIVOTAL) -> tuple[str, ...]:
    return expand_zero_shot(text, directions, LANGUAGES, "en")


def test_every_ordered_pair_has_the_pivots_first() -> None:
    every = every_direction(LANGUAGES, "en")
    assert tuple(every[:8]) == PIVOTAL == tuple(all_directions(LANGUAGES, "en"))
    assert every[8:12] == ["de-fr", "de-nl", "de-it", "fr-de"]
    assert len(set(every)) == len(every) == 5 * 4
    assert expand("all-all") == tuple(every)


@pytest.mark.parametrize(
    ("text", "directions"),
    [
        ("all", PIVOTAL),
        ("de-fr", ("de-fr",)),
        ("fr-de en-de", ("en-de", "fr-de")),
        ("fr-de,de-fr", ("de-fr", "fr-de")),
        ("en-Germanic", ("en-de", "en-nl")),
        # a family has all its languages, and English is one of these
        ("Germanic-Romance", ("en-fr", "en-it", "de-fr", "de-it", "nl-fr", "nl-it")),
        ("Romance-Romance", ("fr-it", "it-fr")),
        ("de-all", ("de-en", "de-fr", "de-nl", "de-it")),
        ("all-de", ("en-de", "fr-de", "nl-de", "it-de")),
        ("all de-nl", (*PIVOTAL, "de-nl")),
    ],
)
def test_both_sides_are_languages_families_or_all(text: str, directions: tuple[str, ...]) -> None:
    assert expand(text) == directions


def test_families_and_codes_may_have_blanks_hyphens_and_scripts() -> None:
    families = {"en": "Pivot", "deu": "West Germanic", "nld": "West Germanic", "got": "Germanic"}
    languages = table(families | {"zho_Hans": "Sino-Tibetan", "zho_Hant": "Sino-Tibetan"})
    text = "en-West Germanic  en-zho_Hans Sino-Tibetan-en West Germanic-en"
    assert expand_directions(text, languages, "en") == (
        *("en-deu", "en-nld", "en-zho_Hans"),
        *("deu-en", "nld-en", "zho_Hans-en", "zho_Hant-en"),
    )
    assert expand_directions("Sino-Tibetan-West Germanic", languages, "en") == (
        *("zho_Hans-deu", "zho_Hans-nld", "zho_Hant-deu", "zho_Hant-nld"),
    )
    with pytest.raises(
        InputError, match=r"no family 'West'; it has .* of the families Pivot, West"
    ):
        expand_directions("en-West Slavic", languages, "en")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("de-es", r"no language and no family 'es'; it has en, de, fr, nl, it of the families"),
        ("Slavic-de", "no family 'Slavic'"),
        ("defr", "no family 'defr'"),
        ("de-de", "has direction de-de, from a language into itself"),
    ],
)
def test_unknown_names_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        expand(text)


def test_zero_shot_directions_are_those_that_a_system_is_not_trained_on() -> None:
    others = tuple(every_direction(LANGUAGES, "en")[8:])
    assert zero_shot("all-all") == others
    assert zero_shot("Germanic-Romance") == ("de-fr", "de-it", "nl-fr", "nl-it")
    assert zero_shot("de-fr,fr-de", ("en-de", "en-fr", "de-en", "fr-en")) == ("de-fr", "fr-de")


@pytest.mark.parametrize(
    ("text", "directions", "message"),
    [
        ("de-en de-fr", PIVOTAL, "has de-en both in directions and in zero_shot"),
        ("en-Romance", PIVOTAL, "has zero_shot=en-Romance, but directions has all of them"),
        # the encoder has not read French, the decoder has not written it
        ("fr-de", ("en-de", "de-en", "en-fr"), "direction fr-de, which needs fr-en: add fr-en"),
        ("de-fr", ("en-de", "de-en", "fr-en"), "direction de-fr, which needs en-fr"),
        ("all-all", ("en-de", "de-en"), "the zero-shot direction en-fr, which needs en-fr"),
        ("de-es", PIVOTAL, "no family 'es'"),
    ],
)
def test_what_cannot_be_zero_shot(text: str, directions: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        zero_shot(text, directions)


def test_only_pivot_directions_are_trained() -> None:
    check_trained(PIVOTAL, "en")
    with pytest.raises(
        InputError, match=r"direction de-fr; one side must be the pivot, en.*zero_s"
    ):
        check_trained((*PIVOTAL, "de-fr"), "en")
