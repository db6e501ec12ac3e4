"""The schemas describe each setting once: documents and dataclasses agree with them."""

import dataclasses
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from neuron_specialization.corpora.cleaning import Cleaning
from neuron_specialization.corpora.corpus_files import SplitSource
from neuron_specialization.corpora.vocabulary import VocabularySettings
from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.comet_scores import CometSettings
from neuron_specialization.evaluation.significance import SignificanceSettings
from neuron_specialization.fairseq_plugin.recording import RecordingSettings
from neuron_specialization.settings.configuration import check_configuration, find_gone
from neuron_specialization.settings.decoding import DecodingSettings
from neuron_specialization.settings.diagnosis import DiagnosisLimits
from neuron_specialization.settings.languages import Language
from neuron_specialization.settings.systems import System
from neuron_specialization.settings.training import Architecture

ARCHITECTURE = "/$defs/architecture"
FILES = "source model dictionary"
# dataclass, schema, its part, settings read elsewhere, fields that are not settings
CLASSES: list[tuple[type, str, str, str, str]] = [
    (Architecture, "config", ARCHITECTURE, "continuation fine_tuning", "max_positions"),
    (DecodingSettings, "config", "/properties/decoding", "", "max_tokens"),
    (RecordingSettings, "config", "/properties/recording", "", "untrained"),
    (CometSettings, "config", "/properties/comet", "", "device"),
    (DiagnosisLimits, "config", "/properties/diagnosis", "", ""),
    (SignificanceSettings, "config", "/properties/significance", "level", "seed"),
    (
        VocabularySettings,
        "config",
        "/$defs/vocabulary",
        "source model dictionary",
        "max_sentences seed",
    ),
    (Cleaning, "config", "/$defs/corpora/properties/cleaning", "", ""),
    (SplitSource, "config", "/$defs/split", "source path", "paths folder"),
    (Language, "languages", "", "", "codes"),
    (System, "systems", "", "options seed", "seeds"),
]
SIZES = {"layers": 1, "heads": 1, "d_model": 4, "d_ff": 4, "max_tokens": 9, "update_freq": 1}
SIZES |= {"max_updates": 9, "validate_every": 3}
NAMES = [each[0].__name__ for each in CLASSES]


@pytest.fixture
def read_schema(project: Path):
    """Return a function that reads a part of a schema by its path."""

    def read(name: str, part: str) -> dict[str, Any]:
        schema = yaml.safe_load((project / f"config/schemas/{name}.schema.yaml").read_text())
        for key in part.split("/")[1:]:
            schema = schema[key]
        return schema

    return read


def test_the_tables_of_the_readme_are_made_from_the_schemas(project: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_readme", project / "config/make_readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = module.make_readme()
    assert "| `kernels` | `fairseq` |" in made
    assert module.README.read_text() == made, "run python config/make_readme.py"


@pytest.mark.parametrize(("cls", "name", "part", "elsewhere", "others"), CLASSES, ids=NAMES)
def test_fields_and_their_defaults_are_those_of_the_schema(
    read_schema, cls: type, name: str, part: str, elsewhere: str, others: str
) -> None:
    settings = read_schema(name, part)["properties"]
    fields = {field.name: field for field in dataclasses.fields(cls)}
    assert fields.keys() - set(others.split()) == settings.keys() - set(elsewhere.split())
    for key, field in fields.items():
        if key in settings and isinstance(field.default, (bool, int, float, str)):
            empty = type(field.default)() if "default" not in settings[key] else None
            assert settings[key].get("default", empty) == field.default, key


@pytest.mark.parametrize(
    "settings",
    [
        {"vocabulery": {"size": 100}},
        {"comet": {"batch": 8}},
        {"architectures": {"tiny": SIZES | {"layer": 2}}},
        {"architectures": {"tiny": SIZES | {"layers": 0}}},
        {"architectures": {"tiny": SIZES | {"continuation": {"patience": 3}}}},
        {"pair_vocabulary": {"model": "spm.model"}},
        {"corpora": {"splits": [{"name": "valid", "format": "every_nth", "every": 1}]}},
        {"decoding": {"beam": "five"}},
        {"metrics": ["meteor"]},
        {"significance": {"level": 0}},
        {"diagnosis": {"max_change": "little"}},
        {"diagnosis": {"max_detectable": {"blue": 1}}},
        {"tables": {"a/b": "levels"}},
        {"tables": {"levels": {"paper": {"bleu": "Table 2"}}}},
    ],
)
def test_unknown_and_invalid_settings_are_refused(read_schema, settings: dict[str, Any]) -> None:
    check = Draft202012Validator(read_schema("config", ""))
    assert check.is_valid({"dataset": "mine", "architectures": {"tiny": SIZES}})
    assert not check.is_valid({"dataset": "mine", **settings})


@pytest.mark.parametrize("name", ["config", "languages", "sources", "systems"])
def test_every_pattern_says_in_words_what_it_allows(read_schema, name: str) -> None:
    def silent(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("pattern"), str) and not part.get("allowed"):
                yield part["pattern"]
            part = [inner for key, inner in part.items() if key != "if"]
        for inner in part if isinstance(part, list) else []:
            yield from silent(inner)

    assert not list(silent(read_schema(name, "")))


def test_a_row_without_a_cell_has_the_default_of_its_column(read_schema) -> None:
    columns = read_schema("systems", "")["properties"]
    row = System(system="x", label="X", method="multilingual", directions=())
    assert row.tables == tuple(columns["tables"]["default"].split())
    assert row.seeds == tuple(map(int, columns["seed"]["default"].split()))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"decoding": {"max_tokens": 9}},
            "decoding.max_tokens is no longer a setting.* always 10000",
        ),
        ({"architectures": {"a": {}, "b": {"optimizer": "adam"}}}, r"architectures\.b\.optimizer"),
        ({"architectures": {"a": {"attention": "sdpa"}}}, "part of kernels .torch for sdpa"),
    ],
)
def test_a_removed_setting_is_refused_with_its_replacement(
    config: dict[str, Any], message: str, project: Path
) -> None:
    with pytest.raises(InputError, match=message):
        check_configuration(config, project / "config/schemas/config.schema.yaml")


def test_no_existing_setting_is_listed_as_removed(project: Path, read_schema) -> None:
    properties = read_schema("config", "")["properties"]
    properties["architectures"] = {"any": read_schema("config", f"{ARCHITECTURE}/properties")}
    existing = {key: part.get("properties", part) for key, part in properties.items()}
    assert not list(find_gone(existing))
    for path in (project / "config").glob("*.yaml"):
        assert not list(find_gone(yaml.safe_load(path.read_text())))
