"""Fixtures for tests of COMET: a tiny model, its scores, the network and the hub's cache."""

import socket

import pytest

from tests.evaluation.tiny_comet import TEXTS, build_encoder, build_model


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    return build_encoder(tmp_path_factory.mktemp("comet") / "encoder")


@pytest.fixture(scope="session")
def model(encoder):
    return build_model(encoder.parent / "tiny-comet", encoder)


@pytest.fixture(scope="session")
def expected(model):
    """Return the scores of comet's own functions, each direction scored separately."""
    from comet import load_from_checkpoint

    metric = load_from_checkpoint(str(model / "checkpoints" / "model.ckpt"))
    return {
        pair: [
            100 * score
            for row in zip(text.sources, text.hypotheses, text.references, strict=True)
            for sample in [dict(zip(("src", "mt", "ref"), row, strict=True))]
            # one by one, so that the order cannot change
            for score in metric.predict([sample], gpus=0, progress_bar=False).scores
        ]
        for pair, text in TEXTS.items()
    }


@pytest.fixture
def network(monkeypatch):
    """Make every use of the network fail at once; return the list of attempts."""
    asked = []

    def refuse(*arguments, **_):
        asked.append(arguments)
        raise OSError("no network in this test")

    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return asked


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """Return an empty cache of the hub."""
    folder = tmp_path / "cache"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    return folder
