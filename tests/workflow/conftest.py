"""Running the workflow in a folder of the test's own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

TINY = "tests/workflow/tiny/config.yaml"
Snakemake = Callable[..., subprocess.CompletedProcess]


@pytest.fixture(scope="session")
def snakemake(project: Path) -> Snakemake:
    """Run Snakemake in a folder; returns the finished process with its output."""

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
        )

    return run


def write_overlay(path: Path, settings: dict) -> str:
    """Write a configuration to lay over another; returns its path."""
    path.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    return str(path)


@pytest.fixture
def overlay(tmp_path: Path) -> Callable[[dict], str]:
    """Write a configuration to lay over another; returns its path."""
    return lambda settings: write_overlay(tmp_path / "overlay.yaml", settings)


def compile_latex(tables: Path, folder: Path) -> None:
    """Compile a document of all LaTeX tables of a run; skip where there is no pdflatex."""
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
