"""Names of directions: `all`, and `X-Y` of languages, families or `all`."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from neuron_specialization.errors import InputError
from neuron_specialization.settings.languages import Language, all_directions, every_direction
from neuron_specialization.settings.pivot import halves, has_pivot

ALL = "all"
"""Alone: every direction from and into the pivot. As a side of a direction: every language."""
Groups = Mapping[str, Sequence[str]]
"""The languages of each side of a direction that can be named."""


def expand_directions(text: str, languages: Mapping[str, Language], pivot: str) -> tuple[str, ...]:
    """Return the directions that a cell names, pivot directions first, then in table order.

    Names are separated by blanks or commas. A family has all its languages, the pivot too.

    Raises:
        InputError: a name is of no language and no family.
    """
    wanted = {name for names in find_named(text, languages, pivot).values() for name in names}
    return tuple(each for each in every_direction(languages, pivot) if each in wanted)


def expand_zero_shot(
    text: str, directions: Collection[str], languages: Mapping[str, Language], pivot: str
) -> tuple[str, ...]:
    """Return the directions that a system is scored on without being trained on them.

    `all` and families leave out the system's `directions`.

    Raises:
        InputError: a name is unknown, is of one of the `directions`, or nothing is left; or the
            system lacks the direction from the source into the pivot, or from there to the target.
    """
    for name, named in find_named(text, languages, pivot).items():
        if len(named) == 1 and named[0] in directions:
            raise InputError(
                f"has {name} both in directions and in zero_shot: leave it out of one of them"
            )
    found = tuple(d for d in expand_directions(text, languages, pivot) if d not in directions)
    if not found:
        raise InputError(f"has zero_shot={text}, but directions has all of them: remove zero_shot")
    for direction in found:
        lacking = [name for name in halves(direction, pivot) if name not in directions]
        if lacking:
            raise InputError(
                f"has the zero-shot direction {direction}, which needs {lacking[0]}: add "
                f"{lacking[0]} to directions, or take {direction} out of zero_shot"
            )
    return found


def check_trained(directions: Collection[str], pivot: str) -> None:
    """Raise InputError if a system that is trained here has a direction without the pivot."""
    for direction in directions:
        if not has_pivot(direction, pivot):
            raise InputError(
                f"has direction {direction}; one side must be the pivot, {pivot}, of a direction "
                "that is trained here: to score other directions without training on them, name "
                "them in the option zero_shot (multilingual and neuron_specialization)"
            )


def find_named(
    text: str, languages: Mapping[str, Language], pivot: str
) -> dict[str, Sequence[str]]:
    """Return the directions of each name in a cell."""
    # a name may be of a language and of a family
    families = {language.family for language in languages.values()}
    groups = {
        name: [code for code, each in languages.items() if name in (code, each.family)]
        for name in (*languages, *families)
    } | {ALL: list(languages)}

    def is_known(name: str) -> bool:
        return name == ALL or find_sides(name, groups) is not None

    return {
        name: all_directions(languages, pivot)
        if name == ALL
        else name_directions(name, groups, languages)
        for name in split_names(text.replace(",", " "), is_known)
    }


def split_names(text: str, is_known: Callable[[str], bool]) -> Iterator[str]:
    """Yield names separated by blanks; known names may have blanks themselves."""
    words = text.split()
    while words:
        ends = range(len(words), 0, -1)
        end = next((end for end in ends if is_known(" ".join(words[:end]))), 1)
        yield " ".join(words[:end])
        del words[:end]


def find_sides(name: str, groups: Groups) -> tuple[str, str] | None:
    """Return the two sides of a name, of which either may have hyphens itself."""
    parts = name.split("-")
    cuts = (("-".join(parts[:n]), "-".join(parts[n:])) for n in range(1, len(parts)))
    return next((sides for sides in cuts if {*sides} <= groups.keys()), None)


def name_directions(name: str, groups: Groups, languages: Mapping[str, Language]) -> list[str]:
    """Return the directions of a name such as `en-de`, `Germanic-en` or `all-all`."""
    sides = find_sides(name, groups)
    if sides is None:
        raise InputError(
            f"has direction {name}, but languages.tsv has no language and no family "
            f"'{_unknown_side(name, groups)}'; it has {', '.join(languages)} of the families "
            f"{', '.join(dict.fromkeys(each.family for each in languages.values()))}"
        )
    found = [
        f"{source}-{target}"
        for source in groups[sides[0]]
        for target in groups[sides[1]]
        if source != target
    ]
    if not found:
        raise InputError(f"has direction {name}, from a language into itself")
    return found


def _unknown_side(name: str, groups: Groups) -> str:
    """Return the part of a name that is no language and no family."""
    source, _, rest = name.partition("-")
    before, _, target = name.rpartition("-")
    if source in groups:
        return rest
    return before if target in groups else name
