"""Documents and generated files are up to date."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml


def keys(schema: object) -> Iterator[str]:
    """Yield the names of all settings that are defined anywhere in a schema."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from keys(part)


@pytest.mark.parametrize("name", ["config", "languages", "systems"])
def test_every_knob_is_described(project: Path, name: str) -> None:
    schema = yaml.safe_load((project / f"config/schemas/{name}.schema.yaml").read_text())
    described = set(re.findall(r"\w+", (project / "config/README.md").read_text()))
    missing = set(keys(schema)) - described
    assert not missing


def test_every_configuration_is_described(project: Path) -> None:
    readme = (project / "config/README.md").read_text()
    for path in (project / "config").glob("*.yaml"):
        assert f"`{path.name}`" in readme


def test_every_method_has_a_page(project: Path) -> None:
    schema = yaml.safe_load((project / "config/schemas/systems.schema.yaml").read_text())
    contents = (project / "docs/methods/README.md").read_text()
    for method in schema["properties"]["method"]["enum"]:
        page = (project / f"docs/methods/{method}.md").read_text()
        assert f"({method}.md)" in contents
        for part in ("What it is", "Source", "Code", "what we chose"):
            assert f"{part}.**" in page, f"{method}: {part}"


def test_pages_name_files_that_exist(project: Path) -> None:
    package = project / "src/neuron_specialization"
    for page in (project / "docs/methods").glob("*.md"):
        for name in re.findall(r"`([a-z_]+/[a-z_/]*(?:[.]py)?)`", page.read_text()):
            assert (package / name).exists() or (project / name).exists(), f"{page}: {name}"


def test_links_between_pages_point_to_existing_files(project: Path) -> None:
    pages = [*project.glob("*.md"), *project.glob("config/*.md"), *project.glob("docs/**/*.md")]
    links = 0
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page}: {target}"
                links += 1
    assert links > 30


def test_conda_environments_have_the_pins_of_the_lock(project: Path) -> None:
    spec = importlib.util.spec_from_file_location("pin", project / "envs/pin.py")
    pin = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pin)
    expected = pin.environment_files(pin.read_lock())
    assert {"data.yaml", "training.yaml", "evaluation.yaml"} < set(expected)
    for name, text in expected.items():
        assert (project / "envs" / name).read_text() == text, f"run python envs/pin.py: {name}"


def test_every_direct_requirement_is_locked(project: Path) -> None:
    lock = (project / "requirements.lock").read_text()
    locked = {
        re.sub(r"[-_.]+", "-", name).lower() for name in re.findall(r"^([\w.-]+)==", lock, re.M)
    }
    direct = re.findall(r"^([\w.-]+)", (project / "requirements.in").read_text(), re.M)
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in direct} <= locked
