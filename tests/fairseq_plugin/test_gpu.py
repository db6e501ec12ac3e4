"""Results on a GPU match those on a CPU: models, counts, translations."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.neurons import subnetwork
from neuron_specialization.neurons.subnetwork import SubnetworkFC2
from tests.fairseq_plugin.test_checkpointing import at_update, die
from tests.fairseq_plugin.test_forced_decoding import score
from tests.fairseq_plugin.test_levers import LEVERS
from tests.fairseq_plugin.test_recording import record
from tests.trained_models import STILL, method_settings, run_training, translate

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")

METHODS = ["multilingual", "neuron_specialization", "adapter", "lass"]
Train = Callable[..., dict[str, Any]]


@pytest.fixture
def train(binarised: Path, learned: Path, weight_masks: Path, tmp_path: Path) -> Train:
    """Return a function that trains without randomness and returns the published checkpoint."""

    def run(name: str, method: str = "neuron_specialization", **changes: Any) -> dict[str, Any]:
        settings = method_settings(method, learned, weight_masks, tmp_path)
        return read_checkpoint(
            run_training(binarised, tmp_path / name, **settings, **STILL, **changes)
        )

    return run


def largest_difference(one: dict, other: dict) -> float:
    """Return the largest difference between the weights of two checkpoints."""
    assert list(one["model"]) == list(other["model"])
    pairs = zip(one["model"].values(), other["model"].values(), strict=True)
    return max((a.float() - b.float()).abs().max().item() for a, b in pairs)


@pytest.mark.parametrize("levers", [{}, LEVERS], ids=["plain", "fast"])
@pytest.mark.parametrize("method", METHODS)
def test_a_run_ends_as_on_a_cpu(train: Train, method: str, levers: dict) -> None:
    cpu, gpu = (train(device, method, device=device, **levers) for device in ("cpu", "cuda"))
    assert largest_difference(cpu, gpu) < 1e-3
    assert gpu["extra_state"]["val_loss"] == pytest.approx(cpu["extra_state"]["val_loss"], rel=1e-4)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("levers", [{}, LEVERS], ids=["plain", "fast"])
@pytest.mark.parametrize("method", METHODS)
def test_half_precision_ends_near_single_precision(
    train: Train, method: str, levers: dict, precision: str
) -> None:
    whole = train("cpu", method)["extra_state"]["val_loss"]
    half = train("cuda", method, device="cuda", precision=precision, **levers)["extra_state"]
    assert half["val_loss"] == pytest.approx(whole, rel=3e-2)


def test_a_killed_run_resumes(train: Train, tmp_path: Path) -> None:
    settings = {"method": "lass", "device": "cuda", **LEVERS}
    expected = train("whole", **settings)
    with pytest.MonkeyPatch.context() as patch:
        at_update(patch, 13, die)
        with pytest.raises(KeyboardInterrupt):
            train("killed", **settings)
    assert (tmp_path / "killed/work/checkpoint.10.pt").is_file()
    assert largest_difference(train("killed", **settings), expected) < 1e-3


@pytest.mark.parametrize("products", [0, math.inf])
def test_both_forms_of_the_ffn_train_alike(
    train: Train, monkeypatch: pytest.MonkeyPatch, products: float
) -> None:
    """Compare the compact form with the other, which is faster for models this small."""
    cpu = train("cpu")
    monkeypatch.setattr(subnetwork, "WORTHWHILE", {torch.float32: products})
    widths = set()
    monkeypatch.setattr(
        SubnetworkFC2,
        "forward",
        lambda self, x, forward=SubnetworkFC2.forward: (
            widths.add(x.size(-1) < self.weight.size(1)) or forward(self, x)
        ),
    )
    gpu = train("cuda", device="cuda")
    assert widths == {products == 0}
    assert largest_difference(cpu, gpu) < 1e-3


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="not two GPUs")
def test_two_gpus_train_as_one(train: Train) -> None:
    one, two = (train(str(n), device="cuda", processes=n) for n in (1, 2))
    assert largest_difference(one, two) < 1e-3


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_best_checkpoint_is_chosen_by_translations(train: Train, precision: str) -> None:
    cpu, gpu = (
        train(device, device=device, precision=precision, checkpoint_metric="chrf")["extra_state"][
            "best"
        ]
        for device in ("cpu", "cuda")
    )
    assert gpu == pytest.approx(cpu, abs=0.01 if precision == "fp32" else 2)
    assert gpu > 2


@pytest.mark.parametrize("count_padding", [False, True])
def test_neurons_fire_as_on_a_cpu(learned: Path, binarised: Path, count_padding: bool) -> None:
    cpu, gpu = (
        record(learned, binarised, device=device, count_padding=count_padding)
        for device in ("cpu", "cuda")
    )
    for name in ("sentence_LNF", "token_LNF"):
        ours, theirs = getattr(gpu, name), getattr(cpu, name)
        assert np.abs(ours - theirs).sum() <= 1e-3 * theirs.sum()  # activations near 0


@pytest.mark.parametrize("method", ["multilingual", "neuron_specialization", "lass"])
def test_translations_are_the_same_as_on_a_cpu(
    learned: Path,
    binarised: Path,
    vocabulary: Path,
    weight_masks: Path,
    tmp_path: Path,
    method: str,
) -> None:
    files = method_settings(method, learned, weight_masks, tmp_path)["files"]
    cpu, gpu = (
        translate(learned, binarised, vocabulary, tmp_path / device, files=files, device=device)
        for device in ("cpu", "cuda")
    )
    assert cpu == gpu


@pytest.mark.parametrize("method", METHODS)
def test_references_are_as_likely_as_on_a_cpu(
    learned: Path, binarised: Path, weight_masks: Path, tmp_path: Path, method: str
) -> None:
    settings = method_settings(method, learned, weight_masks, tmp_path)
    checkpoint = learned
    if method == "adapter":
        checkpoint = run_training(binarised, tmp_path / method, **settings, **STILL)
    cpu, gpu = (
        score(checkpoint, binarised, files=settings["files"], device=device)
        for device in ("cpu", "cuda")
    )
    for direction, references in cpu.items():
        assert gpu[direction].nll_N == pytest.approx(references.nll_N, rel=1e-4)
        assert (gpu[direction].tokens_N == references.tokens_N).all()
