"""Fixtures for the tests of fetching."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from neuron_specialization.corpora import transfers
from tests.corpora.local_server import Server, running


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(transfers, "WAITS", (0.001, 0.001))
    with running(monkeypatch) as server:
        yield server


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    return tmp_path / "downloads"
