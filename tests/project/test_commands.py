"""The commands of README and documents work as they stand."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from snakemake.cli import parse_args

from neuron_specialization.cli.main import make_parser
from tests.conftest import PROJECT

USERS_OWN = ("mine.yaml", "my_settings.yaml")  # documents ask readers to write them
ASSIGNMENT = re.compile(r"^\w+=")


def commands_of(path: Path) -> Iterator[str]:
    """Yield the commands of a document: indented lines, and code spans with options or targets."""
    text = re.sub(r" \\\n\s*", " ", path.read_text(encoding="utf-8"))
    for line in re.findall(r"^    (\S.*)$", text, re.MULTILINE) + re.findall(r"`([^`\n]+)`", text):
        command = re.split(r"\s+#\s", line)[0].strip()
        if re.match(r"(\S+/)?(snakemake|neuron-specialization|make)( |$)", command):
            yield command


def documented() -> list[str]:
    """Return the distinct commands of all documents."""
    paths = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", PROJECT / "config/README.md"]
    paths += sorted(PROJECT.glob("docs/**/*.md"))
    return sorted({command for path in paths for command in commands_of(path)})


def check(command: str) -> None:
    """Raise AssertionError or SystemExit if a program would not take a command as it stands."""
    path, *words = shlex.split(command)
    program = Path(path).name
    if program == "make":
        targets = re.findall(
            r"^([\w.$()/-]+):(?!=)", (PROJECT / "Makefile").read_text(), re.MULTILINE
        )
        known = [target.replace("$(VENV)", ".venv") for target in targets]
        assert {word for word in words if not ASSIGNMENT.match(word)} <= set(known)
    elif program == "neuron-specialization":
        if words[1:] and "..." not in words:
            make_parser().parse_args(words)
    elif words:
        check_snakemake(words)


def check_snakemake(words: list[str]) -> None:
    """Check the configurations and targets of Snakemake's command line."""
    example = {"my_cluster": "tests/cluster/my_cluster"}
    _, arguments = parse_args([example.get(word, word) for word in words])
    for path in arguments.configfile or []:
        assert (PROJECT / path).exists() or path.name in USERS_OWN, f"no such file: {path}"
    rules = "\n".join(path.read_text() for path in (PROJECT / "rules").glob("*.smk"))
    for target in arguments.targets:
        assert f"\nrule {target}:" in rules or target.startswith("results/"), f"no rule {target}"


def test_commands_are_found() -> None:
    programs = [command.split()[0].rpartition("/")[2] for command in documented()]
    assert programs.count("snakemake") > 15
    assert programs.count("neuron-specialization") > 5
    assert programs.count("make") > 3


@pytest.mark.parametrize("command", documented())
def test_documented_commands_are_accepted(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)
    check(command)


@pytest.mark.parametrize(
    "command",
    [
        "snakemake --cores 4 --configfile config/ec30.yaml download",
        "snakemake --cores 4 --configfile config/mine.yaml corpora",
        "snakemake --cores 2 mask",
        "snakemake --cores 2 --configfile config/nowhere.yaml",
        "neuron-specialization neurons overlap counts.npz --kay 70",
        "make runn",
    ],
)
def test_commands_that_would_fail_are_refused(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    with pytest.raises((AssertionError, SystemExit)):
        check(command)


def test_a_moved_environment_is_installed_anew(tmp_path: Path) -> None:
    def planned(folder: Path) -> str:
        command = ["make", "--dry-run", "test", f"VENV={folder}"]
        return subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True).stdout

    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    (before / "installed").write_text(f"{before}\n")
    assert "-m venv" not in planned(before)
    before.rename(after)
    assert "-m venv --clear" in planned(after)


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in commands_of(PROJECT / "README.md") if "snake" in c])
def test_readme_commands_can_be_planned(command: str, tmp_path: Path) -> None:
    _, *words = shlex.split(command)
    if "--profile" in words:
        pytest.skip("needs a cluster")
    snakemake = [sys.executable, "-m", "snakemake", "--dry-run", *words]
    done = subprocess.run(
        [*snakemake, "--directory", str(tmp_path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
