"""COMET scores of a tiny model, compared with comet's own, and what can be wrong with a model."""

import logging
import os
import shutil
import socket
import subprocess
import sys
import types
from importlib import metadata
from pathlib import Path

import pytest
import torch
import yaml

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.comet_scores import (
    CometSettings,
    ModelMissing,
    Segments,
    comet_signature,
    score_with_comet,
)
from tests.conftest import PROJECT
from tests.evaluation.tiny_comet import (
    COMMIT,
    SENTENCES,
    build_encoder,
    build_model,
    save_model,
    serve_hub,
)

# Of very different lengths, because comet sorts by length.
TEXTS = {
    "en-de": Segments(
        sources=[" ".join(SENTENCES[:2]), "The cat.", SENTENCES[1], "A", SENTENCES[0]],
        hypotheses=[" ".join(SENTENCES[2:4]), "Katze", SENTENCES[3], "Ein", "Die Katze saß."],
        references=["Die Katze saß.", "Die Katze.", SENTENCES[3], "Eine", SENTENCES[2]],
    ),
    "en-nl": Segments(
        sources=["The mat.", SENTENCES[0], "On the mat by the river."],
        hypotheses=["De mat.", "De kat op de mat.", "Op de mat."],
        references=["De mat.", SENTENCES[4], "Op de mat aan de rivier."],
    ),
}
# Runs the command as it is, in half precision, and then in single precision.
COMMANDS = """
from comet.cli.score import score_command
from comet.models import RegressionMetric
score_command()
RegressionMetric.half = lambda model: model
score_command()
"""
JOB = """
import logging, sys
from neuron_specialization.evaluation.comet_scores import *
segments = Segments(sources=["A"], hypotheses=["B"], references=["C"])
for offline in (False, True):
    settings = CometSettings(model=sys.argv[1], batch_size=2, offline=offline, device="cpu")
    assert len(score_with_comet({"en-de": segments}, settings)["en-de"]) == 1
assert logging.root.handlers == [] and logging.root.level == logging.WARNING
"""


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
            for sample in as_samples(text)  # one by one: no order to lose
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


def settings(model, **changes) -> CometSettings:
    default = {"model": str(model), "batch_size": 2, "offline": True, "device": "cpu"}
    return CometSettings(**{**default, **changes})


def as_samples(text):
    columns = text.sources, text.hypotheses, text.references
    return [dict(zip(("src", "mt", "ref"), row, strict=True)) for row in zip(*columns, strict=True)]


def put_in_cache(cache: Path, name: str, folder: Path) -> Path:
    """Put a model where the hub's client would have put it."""
    home = cache / f"models--{name.replace('/', '--')}"
    shutil.copytree(folder, home / "snapshots" / COMMIT)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(COMMIT)
    return home / "snapshots" / COMMIT


def with_hparams(folder: Path, model: Path, **changes) -> Path:
    """Copy a model and change its settings, in both of the places that have them."""
    checkpoint = torch.load(model / "checkpoints" / "model.ckpt")
    hparams = {**yaml.safe_load((model / "hparams.yaml").read_text()), **changes}
    save_model(folder, {**checkpoint, "hyper_parameters": hparams}, hparams)
    return folder


def count_calls(monkeypatch, owner, name) -> list:
    calls, original = [], getattr(owner, name)

    def counted(*arguments, **options):
        calls.append(name)
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, counted)
    return calls


def approximately(scores):
    return {pair: pytest.approx(values, abs=1e-3) for pair, values in scores.items()}


def test_directions_are_scored_in_order_by_one_load_and_one_prediction(
    model, expected, network, monkeypatch, capfd
):
    from comet.models import RegressionMetric

    loads = count_calls(monkeypatch, RegressionMetric, "load_from_checkpoint")
    predictions = count_calls(monkeypatch, RegressionMetric, "predict")
    before = logging.root.handlers[:], logging.root.level, logging.root.manager.disable
    scores = score_with_comet(TEXTS, settings(model))
    assert scores == approximately(expected)
    assert list(scores) == ["en-de", "en-nl"]
    assert (len(loads), len(predictions), network) == (1, 1, [])
    assert capfd.readouterr() == ("", "")
    assert before == (logging.root.handlers, logging.root.level, logging.root.manager.disable)
    # The order could not be told from scores that are all alike.
    every = [score for values in expected.values() for score in values]
    assert min(abs(a - b) for i, a in enumerate(every) for b in every[:i]) > 0.1


@pytest.mark.slow
def test_scores_are_those_of_the_command(model, expected, tmp_path):
    columns = {"-s": "sources", "-t": "hypotheses", "-r": "references"}
    for column in columns.values():
        lines = getattr(TEXTS["en-de"], column)
        (tmp_path / column).write_text("\n".join(lines) + "\n", encoding="utf-8")
    files = [argument for pair in columns.items() for argument in pair]
    checkpoint = model / "checkpoints" / "model.ckpt"
    run = subprocess.run(
        [sys.executable, "-c", COMMANDS, *files, "--model", checkpoint, "--gpus", "0", "--quiet"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    printed = [float(line.split()[-1]) for line in run.stdout.splitlines() if "Segment" in line]
    ours = [score / 100 for score in score_with_comet(TEXTS, settings(model))["en-de"]]
    assert printed[: len(ours)] == pytest.approx(ours, abs=0.01)
    assert printed[len(ours) :] == pytest.approx(ours, abs=6e-5)  # printed to four decimals


@pytest.mark.slow
def test_a_job_downloads_once_what_it_needs_and_is_quiet(model, encoder, tmp_path):
    named = with_hparams(tmp_path / "named", model, pretrained_model="xlm-roberta-large")
    with serve_hub({"Tiny/comet-da": named, "xlm-roberta-large": encoder}) as (address, asked):
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment |= {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "hub")}
        environment |= {"PYTHONPATH": str(PROJECT / "src")}
        run = subprocess.run(
            [sys.executable, "-c", JOB, "Tiny/comet-da"],
            capture_output=True,
            text=True,
            env=environment,
        )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    # Only the offline round could have asked twice, and the weights are those of the checkpoint.
    assert asked.count("/api/models/Tiny/comet-da") == 1
    assert asked.count("/api/models/xlm-roberta-large") == 1
    assert not any(path.endswith("model.safetensors") for path in asked)


@pytest.mark.parametrize("batch_size", [1, 64])
def test_a_checkpoint_is_a_model_too(model, expected, batch_size):
    checkpoint = model / "checkpoints" / "model.ckpt"
    assert score_with_comet(TEXTS, settings(checkpoint, batch_size=batch_size)) == approximately(
        expected
    )


@pytest.mark.parametrize("offline", [True, False])
def test_what_the_cache_holds_is_never_asked_of_the_hub(
    model, encoder, expected, cache, network, tmp_path, offline
):
    named = with_hparams(tmp_path / "named", model, pretrained_model="tiny/xlm-r")
    put_in_cache(cache, "Tiny/comet-da", named)
    put_in_cache(cache, "tiny/xlm-r", encoder)
    scores = score_with_comet(TEXTS, settings("Tiny/comet-da", offline=offline))
    assert scores == approximately(expected)
    assert network == []


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        ("Unbabel/wmt22-comet-da", "wmt22-comet-da"),
        ("/models/wmt22-comet-da", "wmt22-comet-da"),
        ("/models/wmt22-comet-da/checkpoints/model.ckpt", "wmt22-comet-da"),
        (f"/hub/models--Unbabel--a-da/snapshots/{COMMIT}/checkpoints/model.ckpt", "a-da"),
        (f"/hub/models--Unbabel--a-da/snapshots/{COMMIT}", "a-da"),
        ("/model.ckpt", ""),
    ],
)
def test_the_signature_names_the_model_and_no_path(name, signature):
    version = metadata.version("unbabel-comet")
    assert comet_signature(settings(name)) == f"model:{signature}|version:{version}|scale:100"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/nowhere/comet", "/nowhere/comet: there is no /nowhere/comet; give a path"),
        ("/nowhere.ckpt", "there is no /nowhere.ckpt"),
        ("folder/model.ckpt", "there is no .*folder/model.ckpt"),
        ("wmt22-comet-da", "there is no .*wmt22-comet-da"),
        ("Unbabel/wmt22-comet-da", "Unbabel/wmt22-comet-da: not in the hub's cache.*download"),
    ],
)
def test_a_model_that_is_not_here_is_missing(name, message, cache, network):
    with pytest.raises(ModelMissing, match=message):
        score_with_comet(TEXTS, settings(name))
    assert network == []


def test_an_incomplete_model_is_missing(model, cache, network, tmp_path):
    for file in ("hparams.yaml", "checkpoints/model.ckpt"):
        partial = put_in_cache(cache, f"Tiny/without-{Path(file).stem}", model)
        (partial / file).unlink()
        for name in (f"Tiny/without-{Path(file).stem}", partial):
            with pytest.raises(ModelMissing, match=f"there is no .*{file}"):
                score_with_comet(TEXTS, settings(name))
    assert network == []


def test_an_unreachable_hub_is_told(cache, network):
    with pytest.raises(ModelMissing, match="Unbabel/wmt22-comet-da: ConnectionError"):
        score_with_comet(TEXTS, settings("Unbabel/wmt22-comet-da", offline=False))
    assert len(network) == 1, "one attempt is enough"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("GatedRepoError", "accept its terms on the hub and log in"),
        ("RepositoryNotFoundError", "the hub has none of this name"),
    ],
)
def test_a_refusal_of_the_hub_is_told(error, message, cache, monkeypatch):
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
        ({"pretrained_model": "/nowhere/xlm-r"}, "/nowhere/xlm-r: neither a folder"),
        ({"encoder_model": "MiniLM"}, "HF_HUB_OFFLINE=1"),
    ],
)
def test_an_encoder_that_is_not_here_is_missing(changes, message, model, cache, network, tmp_path):
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
def test_settings_of_no_comet_model_are_named(text, model, tmp_path):
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
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
)
def test_a_batch_too_large_for_the_memory_is_told(error, model, monkeypatch):
    from comet.models import RegressionMetric

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(RegressionMetric, "forward", fail)
    with pytest.raises(InputError, match=r"2 sentences per batch: lower comet\.batch_size"):
        score_with_comet(TEXTS, settings(model))


def test_other_errors_stay_what_they_are(model, monkeypatch):
    from comet.models import RegressionMetric

    def fail(*_, **__):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(RegressionMetric, "forward", fail)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
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
def test_unusable_texts_are_told_before_a_model_is_sought(texts, message):
    with pytest.raises(InputError, match=message):
        score_with_comet(texts, settings("/nowhere"))


def test_an_absent_gpu_is_told(model, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"comet\.device is cuda, but torch finds no GPU"):
        score_with_comet(TEXTS, settings(model, device="cuda"))


def test_an_absent_package_is_told(model, monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setitem(sys.modules, "comet.models", None)
    monkeypatch.setattr(metadata, "version", absent)
    with pytest.raises(InputError, match="pip install unbabel-comet"):
        score_with_comet(TEXTS, settings(model))
    with pytest.raises(InputError, match="pip install unbabel-comet"):
        comet_signature(settings(model))
