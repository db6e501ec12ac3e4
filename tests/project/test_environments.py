"""The conda environments have the packages that the scripts of their rules import."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ENVIRONMENTS = ("comet", "data", "download", "evaluation", "figures", "training")
POST_DEPLOY = {"training": "fairseq-fixed"}  # installed by the post-deploy script


def scripts_by_environment(project: Path) -> dict[str, list[Path]]:
    """Return the scripts of all rules, by the conda environment that they run in."""
    found: dict[str, list[Path]] = {}
    for path in sorted(project.glob("rules/*.smk")):
        for rule in re.split(r"^(?:use )?rule ", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
            for script in re.findall(r'script:\s+"\.\./(.+)"', rule):
                (environment,) = re.findall(r'conda:\s+"\.\./envs/(.+)\.yaml"', rule)
                found.setdefault(environment, []).append(project / script)
    return found


def pinned(project: Path, environment: str) -> list[str]:
    """Return the distributions of a conda environment."""
    path = project / f"envs/{environment}.yaml"
    packages = yaml.safe_load(path.read_text(encoding="utf-8"))["dependencies"][-1]["pip"]
    return [*(name.split("==")[0] for name in packages), POST_DEPLOY.get(environment, "")]


def test_every_script_has_an_environment(project: Path) -> None:
    found = scripts_by_environment(project)
    assert sorted(found) == sorted(ENVIRONMENTS)
    assert {path for scripts in found.values() for path in scripts} == {
        *project.glob("scripts/*.py")
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_scripts_import_only_what_their_environment_has(
    project: Path, tmp_path: Path, environment: str
) -> None:
    packages = tmp_path / "packages.txt"
    packages.write_text("\n".join(pinned(project, environment)), encoding="utf-8")
    scripts = [str(path) for path in scripts_by_environment(project)[environment]]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("import_scripts.py")), packages, *scripts],
        env=os.environ | {"PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stdout.strip(), f"add it to TOPICS in envs/pin.py:\n{done.stdout}"
