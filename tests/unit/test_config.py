"""The tables of the configuration."""

from pathlib import Path

import pytest

from neuron_specialization.config import (
    Language,
    System,
    all_directions,
    read_languages,
    read_systems,
    settings_hash,
    system_architecture,
    system_directions,
)
from neuron_specialization.errors import InputError

LANGUAGES = ["en", "de", "fr"]


@pytest.fixture
def schemas(project: Path) -> Path:
    return project / "config/schemas"


def make_system(**changes: str) -> System:
    return System(**({"system": "x", "label": "X", "method": "multilingual"} | changes))


def test_shipped_tables_are_read(project: Path, schemas: Path) -> None:
    languages = read_languages(
        project / "config/languages.tsv", schemas / "languages.schema.yaml", "en"
    )
    assert list(languages)[:2] == ["en", "a1"]
    assert languages["a1"].max_pairs == 20000
    assert languages["en"].level == ""
    systems = read_systems(
        project / "config/systems.tsv",
        schemas / "systems.schema.yaml",
        languages=languages,
        pivot="en",
        architectures=["tiny"],
    )
    assert list(systems) == ["baseline", "continued", "neuron_specialization"]
    assert systems["neuron_specialization"].k == 95


def test_bad_cells_name_file_line_and_column(tmp_path: Path, schemas: Path) -> None:
    table = tmp_path / "languages.tsv"
    head = "code\tname\tfamily\tscript\tlevel\tmax_pairs\n"
    schema = schemas / "languages.schema.yaml"
    for row, message in [
        ("de\tGerman\tGermanic\tLatin\thuge\t\n", "languages.tsv, line 2, column level: 'huge'"),
        ("de\tGerman\tGermanic\tLatin\thigh\tall\n", "line 2, column max_pairs: 'all'"),
        ("de\tGerman\tGermanic\t\thigh\t\n", "line 2: 'script' is a required property"),
        ("de\tGerman\tGermanic\tLatin\thigh\t0\n", "line 2, column max_pairs: 0 is less"),
    ]:
        table.write_text(head + row, encoding="utf-8")
        with pytest.raises(InputError, match=message):
            read_languages(table, schema, "en")


def test_directions_from_the_pivot_come_first() -> None:
    assert all_directions(LANGUAGES, "en") == ["en-de", "en-fr", "de-en", "fr-en"]
    assert all_directions(LANGUAGES, "fr") == ["fr-en", "fr-de", "en-fr", "de-fr"]


def test_a_system_may_have_some_directions_only() -> None:
    some = make_system(directions="fr-en en-de")
    assert system_directions(some, LANGUAGES, "en") == ["en-de", "fr-en"]
    assert len(system_directions(make_system(), LANGUAGES, "en")) == 4


def test_a_continuation_has_its_parents_architecture_with_other_training_settings() -> None:
    architectures = {"big": {"layers": 6, "max_updates": 100, "continuation": {"max_updates": 10}}}
    parent, child = make_system(architecture="big"), make_system(parent="p")
    systems = {"p": parent, "c": child}
    # the baseline must not depend on how it is continued, or it would be trained again
    assert system_architecture(parent, systems, architectures) == {"layers": 6, "max_updates": 100}
    assert system_architecture(child, systems, architectures) == {"layers": 6, "max_updates": 10}
    assert "continuation" in architectures["big"]


def test_the_settings_hash_ignores_where_corpora_lie_and_nothing_else() -> None:
    language = Language(code="de", name="German", family="Germanic", script="Latin")

    def digits(folder: str = "a", seed: int = 1, **changes: str) -> str:
        config = {"corpora": {"folder": folder}, "seed": seed}
        return settings_hash(config, {"de": language}, {"x": make_system(**changes)})

    assert digits() == digits(folder="b")
    assert len({digits(), digits(seed=2), digits(label="Y")}) == 3
