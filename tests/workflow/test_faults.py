"""Faults of machines and files, as users encounter them."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflow.conftest import TINY, Snakemake

pytestmark = pytest.mark.slow

BASELINE = "results/tiny/models/baseline/seed1/checkpoint.pt"
MASKS = "results/tiny/masks/neuron_specialization/seed1.npz"
SPECIALISED = "results/tiny/models/neuron_specialization/seed1/checkpoint.pt"
LOG = "results/tiny/logs/train_system"


@pytest.fixture
def copy(results: Path, tmp_path: Path) -> Path:
    """Return a folder in which the baseline was trained and neurons were selected."""
    for path in ("models/baseline", "masks", "corpora", "vocabularies", "binarised", "activations"):
        shutil.copytree(results / path, tmp_path / "copy/results/tiny" / path)
    return tmp_path / "copy"


def test_unwritable_results_are_named(
    snakemake: Snakemake, small_disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "results").symlink_to(small_disk)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = snakemake(tmp_path, BASELINE)
    assert done.returncode == 1
    assert "Failed to create output directory results/tiny/corpora" in done.stdout
    assert "Read-only file system" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_corrupt_mask_stops_training_and_is_named(snakemake: Snakemake, copy: Path) -> None:
    masks = copy / MASKS
    masks.write_bytes(masks.read_bytes()[:-100])
    done = snakemake(copy, SPECIALISED, "--rerun-triggers", "input")
    assert done.returncode == 1
    assert f"{MASKS}: not a valid file of" in done.stdout
    assert "delete it to make it again" in done.stdout
    assert not list((copy / SPECIALISED).parent.glob("*.pt"))
    masks.unlink()
    assert snakemake(copy, SPECIALISED, "--rerun-triggers", "input").returncode == 0


def test_a_work_folder_of_another_configuration_is_kept(
    snakemake: Snakemake, copy: Path, overlay: Callable[[dict], str]
) -> None:
    """A checkpoint of other settings is not resumed, even if it is closer to the end."""
    other = (copy / BASELINE).with_name("work-0123456789ab")
    other.mkdir()
    shutil.move(copy / BASELINE, other / "checkpoint.20.pt")
    longer = overlay({"architectures": {"tiny": {"max_updates": 30}}})
    done = snakemake(copy, BASELINE, overlays=(TINY, longer))
    assert done.returncode == 0, done.stdout[-3000:]
    log = (copy / LOG / "baseline.seed1.log").read_text(encoding="utf-8")
    assert f"{other.relative_to(copy)} belongs to a job with other settings" in log
    assert "No existing checkpoint found" in log
    assert "num_updates: 30 >= max_update: 30" in log
    assert [path.name for path in other.iterdir()] == ["checkpoint.20.pt"]
    assert not list(other.parent.glob("*.lock"))
