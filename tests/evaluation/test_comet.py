"""COMET scores of a tiny model, compared with comet's own."""

import logging
import os
import subprocess
import sys
from importlib import metadata
from unittest.mock import patch

import pytest

from neuron_specialization.evaluation.comet_scores import comet_signature, score_with_comet
from tests.conftest import PROJECT
from tests.evaluation.tiny_comet import (
    COMMIT,
    TEXTS,
    approximately,
    put_in_cache,
    serve_hub,
    settings,
    with_hparams,
)

# Runs the command unchanged, in half precision, and then in single precision.
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


def test_directions_are_scored_in_order_by_one_load_and_one_prediction(
    model, expected, network, capfd
):
    from comet.models import RegressionMetric as Metric

    before = logging.root.handlers[:], logging.root.level, logging.root.manager.disable
    with (
        patch.object(Metric, "load_from_checkpoint", wraps=Metric.load_from_checkpoint) as load,
        patch.object(Metric, "predict", autospec=True, side_effect=Metric.predict) as predict,
    ):
        scores = score_with_comet(TEXTS, settings(model))
    assert scores == approximately(expected)
    assert list(scores) == ["en-de", "en-nl"]
    assert (load.call_count, predict.call_count, network) == (1, 1, [])
    assert capfd.readouterr() == ("", "")
    assert before == (logging.root.handlers, logging.root.level, logging.root.manager.disable)
    # Equal scores would hide a wrong order.
    every = [score for values in expected.values() for score in values]
    assert min(abs(a - b) for i, a in enumerate(every) for b in every[:i]) > 0.1


@pytest.mark.slow
def test_scores_equal_the_output_of_the_command(model, expected, tmp_path):
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
def test_a_job_downloads_required_files_once_and_is_quiet(model, encoder, tmp_path):
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
    # The offline round asked nothing again, and the weights come from the checkpoint.
    assert asked.count("/api/models/Tiny/comet-da") == 1
    assert asked.count("/api/models/xlm-roberta-large") == 1
    assert not any(path.endswith("model.safetensors") for path in asked)


@pytest.mark.parametrize("batch_size", [1, 64])
def test_a_model_may_be_a_checkpoint(model, expected, batch_size):
    chosen = settings(model / "checkpoints" / "model.ckpt", batch_size=batch_size)
    assert score_with_comet(TEXTS, chosen) == approximately(expected)


@pytest.mark.parametrize("offline", [True, False])
def test_cached_files_are_never_requested_from_the_hub(
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
