"""Fixtures for the tests of several folders."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
pytest_plugins = ["tests.trained_models"]
DATA = Path(os.environ.get("NEURON_SPECIALIZATION_DATA", PROJECT / "../shared/data")).resolve()


# as `translate` does for int8; CTranslate2 reads it once, when the first test imports it
os.environ.setdefault("CT2_USE_MKL", "1")
LONGEST = (
    "cluster/test_workflow.py",
    "workflow/test_chaos.py",
    "workflow/test_datasets.py",
    "workflow/test_experiment.py",
    "workflow/test_released.py",
    "workflow/test_run.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the longest test files first if processes share the files, and last otherwise."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not str(item.path).endswith(LONGEST))


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the project's folder."""
    return PROJECT


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Return the folder of real corpora; skip the test if it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is absent; set NEURON_SPECIALIZATION_DATA to test on real corpora")
    return DATA


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a mounted disk of 1 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk requires administrator rights")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
