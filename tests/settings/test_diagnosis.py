"""The systems that a diagnosis compares."""

from neuron_specialization.settings.diagnosis import ROLES, find_roles
from neuron_specialization.settings.systems import System

SIZE = {"layers": 2, "d_model": 8, "d_ff": 16}
ARCHITECTURES = {
    "big": SIZE | {"heads": 4},
    "same": SIZE | {"heads": 2},
    "small": SIZE | {"d_ff": 8},
}
CHILD = {"method": "neuron_specialization", "parent": "base"}


def roles(baseline: str = "base", **rows: dict[str, object]) -> dict[str, list[str]]:
    """Return the names of the systems by role, without empty roles."""
    base = {"method": "multilingual", "architecture": "big"}
    systems = {
        name: System(system=name, label=name, directions=("en-de",), **row)
        for name, row in {"base": base, **rows}.items()
    }
    found = find_roles(systems, baseline, ARCHITECTURES)
    assert tuple(found) == ROLES
    return {role: [row.system for row in rows] for role, rows in found.items() if rows}


def test_every_role_has_its_systems() -> None:
    found = roles(
        encoder=CHILD | {"k": 95, "stacks": "encoder"},
        masked=CHILD | {"k": 95, "fine_tune": False},
        shuffled=CHILD | {"k": 95, "shuffled": True},
        ours=CHILD | {"k": 95},
        later=CHILD | {"k": 70},
        continued={"method": "multilingual", "parent": "base"},
        drawn_decoder=CHILD | {"random_percent": 70, "stacks": "decoder"},
        drawn=CHILD | {"random_percent": 70},
        two={"method": "bilingual", "architecture": "same"},
        smaller={"method": "bilingual", "architecture": "small"},
    )
    assert found == {
        "baseline": ["base"],
        "specialized": ["ours"],
        "continued": ["continued"],
        "random": ["drawn"],
        "bilingual": ["two"],
    }


def test_systems_of_another_baseline_have_no_role() -> None:
    other = {"parent": "long"}
    found = roles(
        long={"method": "multilingual", "architecture": "big"},
        ours=CHILD | {"k": 95} | other,
        drawn=CHILD | {"random_percent": 70} | other,
        continued={"method": "multilingual", **other},
    )
    assert found == {"baseline": ["base"]}


def test_a_continuation_may_be_the_one_that_is_analysed() -> None:
    found = roles(
        "continued",
        continued={"method": "multilingual", "parent": "base"},
        two={"method": "bilingual", "architecture": "same"},
    )
    assert found == {"baseline": ["continued"], "bilingual": ["two"]}
