"""Fixtures that run the workflow in a separate folder."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

TINY = "tests/workflow/tiny/config.yaml"
LONGEST_RUN = 1500  # seconds
Snakemake = Callable[..., subprocess.CompletedProcess]


@pytest.fixture(scope="session")
def snakemake(project: Path) -> Snakemake:
    """Return a function that runs Snakemake in a folder and returns the finished process."""

    def run(
        folder: Path,
        *arguments: str,
        overlays: tuple[str, ...] = (TINY,),
        project: Path = project,
    ) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2"]
        command += ["--directory", str(folder)]
        if overlays:
            command += ["--configfile", *(str(project / overlay) for overlay in overlays)]
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            command,
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            check=False,
            timeout=LONGEST_RUN,
        )

    return run


PARTS = (
    "Snakefile",
    "rules",
    "config",
    "scripts",
    "src",
    "envs",
    "profiles",
    "report",
    "tests/workflow/tiny",
)


@pytest.fixture(scope="session")
def tiny_run(project: Path, snakemake: Snakemake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project with the results of one run, shared by all test processes.

    Tests that change files work on a copy of it.
    """
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder, finished = shared / "tiny_run", shared / "tiny_run.finished"
    with FileLock(shared / "tiny_run.lock"):
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)
            copy_project(project, folder)
            done = snakemake(folder, project=folder)
            assert done.returncode == 0, done.stdout[-5000:]
            finished.touch()
    return folder


@pytest.fixture(scope="session")
def results(tiny_run: Path) -> Path:
    """Return the results of this run, which tests only read."""
    return tiny_run / "results/tiny"


def copy_project(project: Path, folder: Path) -> None:
    """Copy the files that a run of the tiny dataset needs."""
    for part in PARTS:
        source = project / part
        copy = shutil.copytree if source.is_dir() else shutil.copy
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        copy(source, folder / part)


def write_overlay(path: Path, settings: dict) -> str:
    """Write a configuration that overrides another; return its path."""
    path.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    return str(path)


@pytest.fixture
def overlay(tmp_path: Path) -> Callable[[dict], str]:
    """Return a function that writes an overriding configuration and returns its path."""
    return lambda settings: write_overlay(tmp_path / "overlay.yaml", settings)


def compile_latex(tables: Path, folder: Path) -> None:
    """Compile a document of all LaTeX tables of a run; skip the test without pdflatex."""
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    files = sorted(tables.rglob("*.tex"))
    assert files
    lines = [
        "\\documentclass{article}\\usepackage{booktabs,graphicx}\\begin{document}",
        *(f"\\input{{{path}}}\\clearpage" for path in files),
        "\\end{document}",
    ]
    (folder / "main.tex").write_text("\n".join(lines), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
