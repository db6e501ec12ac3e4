"""A cluster for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.cluster.slurm import PACKAGES, Cluster, missing_programs, start_cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Yield a running SLURM cluster of two nodes."""
    if missing := missing_programs():
        pytest.skip(f"{', '.join(missing)} not installed; on Debian: apt install {PACKAGES}")
    cluster = start_cluster(tmp_path_factory.mktemp("slurm"))
    yield cluster
    cluster.stop()
