"""A tiny COMET model, the network and the hub's cache, for tests of COMET."""

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
    """Scores by comet's own functions, each direction on its own."""
    from comet import load_from_checkpoint

    metric = load_from_checkpoint(str(model / "checkpoints" / "model.ckpt"))
    return {
        pair: [
            100 * score
            for row in zip(text.sources, text.hypotheses, text.references, strict=True)
            for sample in [dict(zip(("src", "mt", "ref"), row, strict=True))]
            # one by one: no order to lose
            for score in metric.predict([sample], gpus=0, progress_bar=False).scores
        ]
        for pair, text in TEXTS.items()
    }


@pytest.fixture
def network(monkeypatch):
    """Let every use of the network fail at once, and list what was asked for."""
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
    """An empty cache of the hub."""
    folder = tmp_path / "cache"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    return folder
