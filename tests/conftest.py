"""What tests of several folders share."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
DATA = Path(os.environ.get("NEURON_SPECIALIZATION_DATA", PROJECT / "../shared/data")).resolve()


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's folder."""
    return PROJECT


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real corpora; tests that need it are skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is absent; set NEURON_SPECIALIZATION_DATA to test on real corpora")
    return DATA
