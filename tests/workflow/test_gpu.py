"""The whole workflow on a GPU; skipped without one."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from tests.workflow.conftest import TINY, Snakemake

DEVICE = "cuda"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"),
]


def test_a_gpu_makes_all_tables(
    snakemake: Snakemake, tmp_path: Path, overlay: Callable[[dict], str]
) -> None:
    done = snakemake(tmp_path, overlays=(TINY, overlay({"device": DEVICE})))
    assert done.returncode == 0, done.stdout[-5000:]
    results = tmp_path / "results/tiny"
    systems = pd.read_csv("tests/workflow/tiny/systems.tsv", sep="\t")["system"]
    translated = {path.parent.name for path in results.glob("translations/test/*/seed1")}
    assert translated >= set(systems)
    for metric in ("bleu", "chrf"):
        assert (results / f"tables/test/levels.{metric}.md").is_file()
