"""Errors of a COMET model, its texts, the hub and the machine."""

import shutil
import sys
import types
from importlib import metadata
from pathlib import Path

import pytest
import torch

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.comet_scores import (
    ModelMissing,
    Segments,
    comet_signature,
    score_with_comet,
)
from tests.evaluation.tiny_comet import (
    TEXTS,
    approximately,
    put_in_cache,
    save_model,
    settings,
    with_hparams,
)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/nowhere/comet", "/nowhere/comet: /nowhere/comet does not exist; give a path"),
        ("/nowhere.ckpt", "/nowhere.ckpt does not exist"),
        ("folder/model.ckpt", "folder/model.ckpt does not exist"),
        ("wmt22-comet-da", ".*/wmt22-comet-da does not exist"),
        ("Unbabel/wmt22-comet-da", "Unbabel/wmt22-comet-da: not in the hub's cache.*download"),
    ],
)
def test_an_absent_model_is_missing(name, message, cache, network):
    with pytest.raises(ModelMissing, match=message):
        score_with_comet(TEXTS, settings(name))
    assert network == []


def test_an_incomplete_model_is_missing(model, cache, network, tmp_path):
    for file in ("hparams.yaml", "checkpoints/model.ckpt"):
        partial = put_in_cache(cache, f"Tiny/without-{Path(file).stem}", model)
        (partial / file).unlink()
        for name in (f"Tiny/without-{Path(file).stem}", partial):
            with pytest.raises(ModelMissing, match=f"{file} does not exist"):
                score_with_comet(TEXTS, settings(name))
    assert network == []


def test_an_unreachable_hub_is_reported(cache, network):
    with pytest.raises(ModelMissing, match="Unbabel/wmt22-comet-da: ConnectionError"):
        score_with_comet(TEXTS, settings("Unbabel/wmt22-comet-da", offline=False))
    assert len(network) == 1, "one attempt is enough"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("GatedRepoError", "accept its terms on the hub and log in"),
        ("RepositoryNotFoundError", "no such repository on the hub"),
    ],
)
def test_a_refusal_of_the_hub_is_reported(error, message, cache, monkeypatch):
    import huggingface_hub
    import requests

    def refuse(*_, **options):
        assert options["timeout"] <= 30, "the hub may never answer"
        raise getattr(huggingface_hub.errors, error)("401", response=requests.Response())

    monkeypatch.setattr(huggingface_hub, "model_info", refuse)
    with pytest.raises(ModelMissing, match=message):
        score_with_comet(TEXTS, settings("Unbabel/wmt22-comet-da", offline=False))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pretrained_model": "xlm-roberta-large"}, "xlm-roberta-large: not in the hub's cache"),
        ({"pretrained_model": "/nowhere/xlm-r"}, "/nowhere/xlm-r: neither an existing folder"),
        ({"encoder_model": "MiniLM"}, "HF_HUB_OFFLINE=1"),
    ],
)
def test_an_absent_encoder_is_missing(changes, message, model, cache, network, tmp_path):
    other = with_hparams(tmp_path / "model", model, **changes)
    with pytest.raises(ModelMissing, match=message):
        score_with_comet(TEXTS, settings(other))
    assert network == []


@pytest.mark.parametrize("absent", ["tokenizer.json", "config.json"])
def test_an_incomplete_encoder_is_missing(absent, model, encoder, network, tmp_path):
    partial = shutil.copytree(
        encoder, tmp_path / "xlm-r", ignore=shutil.ignore_patterns(absent, "*.model")
    )
    other = with_hparams(tmp_path / "model", model, pretrained_model=str(partial))
    with pytest.raises(ModelMissing, match=f"encoder {partial}: "):
        score_with_comet(TEXTS, settings(other))
    assert network == []


@pytest.mark.parametrize("size", [0, 3, 100_000, -1])
def test_a_truncated_checkpoint_is_named(size, model, tmp_path):
    damaged = shutil.copytree(model, tmp_path / "model") / "checkpoints" / "model.ckpt"
    damaged.write_bytes(damaged.read_bytes()[:size])
    with pytest.raises(InputError, match=f"{damaged}: not a usable COMET checkpoint"):
        score_with_comet(TEXTS, settings(damaged))


def test_a_checkpoint_without_all_weights_is_not_filled_with_random_ones(model, tmp_path):
    checkpoint = torch.load(model / "checkpoints" / "model.ckpt")
    del checkpoint["state_dict"]["estimator.ff.0.weight"]
    partial = save_model(tmp_path, checkpoint, checkpoint["hyper_parameters"])
    with pytest.raises(InputError, match=rf"{partial}.*not in the checkpoint: .'estimator\.ff\.0"):
        score_with_comet(TEXTS, settings(tmp_path))


@pytest.mark.parametrize("text", ["", "[", "bleu", "pool: avg", "class_identifier: bleu"])
def test_settings_of_another_model_are_named(text, model, tmp_path):
    other = shutil.copytree(model, tmp_path / "model")
    (other / "hparams.yaml").write_text(text)
    with pytest.raises(InputError, match=f"{other}/hparams.yaml: not the settings of a COMET"):
        score_with_comet(TEXTS, settings(other))


class Attack:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_checkpoint_runs_no_code(model, expected, tmp_path, monkeypatch):
    checkpoint = torch.load(model / "checkpoints" / "model.ckpt")
    for content in (Attack(str(tmp_path / "pwned")), types.SimpleNamespace()):
        path = save_model(
            tmp_path / type(content).__name__,
            {**checkpoint, "more": content},
            checkpoint["hyper_parameters"],
        )
        with pytest.raises(InputError, match="TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 if you trust"):
            score_with_comet(TEXTS, settings(path))
    assert not (tmp_path / "pwned").exists()
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    assert score_with_comet(TEXTS, settings(path)) == approximately(expected)


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), InputError, r"lower comet\.batch_size"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"),
            InputError,
            r"2 sentences per batch: lower comet\.batch_size",
        ),
        (RuntimeError("mat1 and mat2 shapes"), RuntimeError, "mat1 and mat2 shapes"),
    ],
)
def test_too_large_batches_are_reported_and_other_errors_stay(
    error, expected, message, model, monkeypatch
):
    from comet.models import RegressionMetric

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(RegressionMetric, "forward", fail)
    with pytest.raises(expected, match=message):
        score_with_comet(TEXTS, settings(model))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({}, "no directions"),
        (
            {**TEXTS, "en-sv": Segments(sources=["a"], hypotheses=["b", "c"], references=["d"])},
            "en-sv: 1 sources, 2 hypotheses and 1 references",
        ),
        (
            {"en-sv": Segments(sources=["a"], hypotheses=["b"], references=[])},
            "en-sv: 1 sources, 1 hypotheses and 0 references",
        ),
        (
            {**TEXTS, "en-sv": Segments(sources=[], hypotheses=[], references=[])},
            "en-sv: 0 sources.* at least one sentence",
        ),
    ],
)
def test_unusable_texts_are_reported_before_a_model_is_sought(texts, message):
    with pytest.raises(InputError, match=message):
        score_with_comet(texts, settings("/nowhere"))


def test_an_absent_gpu_is_reported(model, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device is cuda, but torch finds no GPU"):
        score_with_comet(TEXTS, settings(model, device="cuda"))


def test_an_absent_package_is_reported(model, monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setitem(sys.modules, "comet.models", None)
    monkeypatch.setattr(metadata, "version", absent)
    with pytest.raises(InputError, match="pip install unbabel-comet"):
        score_with_comet(TEXTS, settings(model))
    with pytest.raises(InputError, match="pip install unbabel-comet"):
        comet_signature(settings(model))
