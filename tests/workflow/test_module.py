"""The workflow as a module of another workflow."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import TINY
from tests.workflow.test_make_plan import write_systems

pytestmark = pytest.mark.slow

SNAKEFILE = """
configfile: "mine.yaml"


module ns:
    snakefile:
        "{snakefile}"
    config:
        config


use rule * from ns as ns_*


rule mine:
    default_target: True
    input:
        rules.ns_all.input,
    output:
        "done.txt",
    shell:
        "ls {{input}} > {{output}}"
"""


def test_another_workflow_imports_all_rules_under_a_prefix(project: Path, tmp_path: Path) -> None:
    """Run a baseline and its specialization, from corpora to tables and figures."""
    settings = yaml.safe_load((project / TINY).read_text(encoding="utf-8"))
    settings["systems"] = write_systems(
        tmp_path,
        {"system": "baseline", "method": "multilingual", "architecture": "tiny"},
        {"system": "ns", "method": "neuron_specialization", "parent": "baseline", "k": "95"},
    )
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    text = SNAKEFILE.format(snakefile=project / "workflow/Snakefile")
    (tmp_path / "Snakefile").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--cores", "2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    files = (tmp_path / "done.txt").read_text(encoding="utf-8").split()
    assert "results/tiny/tables/test/levels.bleu.md" in files
    assert "results/tiny/neurons/baseline/seed1/explorer.html" in files
    assert "ns_train_system" in done.stderr
    again = subprocess.run([*command, "-n"], cwd=tmp_path, capture_output=True, text=True)
    assert "Nothing to be done" in again.stderr + again.stdout
