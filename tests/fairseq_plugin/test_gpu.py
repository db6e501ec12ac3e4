"""What a GPU computes is what a CPU does: trainings, counts, translations."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.neurons import subnetwork
from neuron_specialization.neurons.subnetwork import SubnetworkFC2
from neuron_specialization.settings.training import Adapters, DirectionFiles
from tests.fairseq_plugin.test_checkpointing import at_update, die
from tests.fairseq_plugin.test_decoding import read, translate
from tests.fairseq_plugin.test_levers import LEVERS
from tests.fairseq_plugin.test_recording import record
from tests.trained_models import DIRECTIONS, draw_masks, run_training

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")

METHODS = ["multilingual", "neuron_specialization", "adapter", "lass"]
STILL: dict[str, Any] = {"dropout": 0.0, "attention_dropout": 0.0}


@pytest.fixture(scope="module")
def files(
    learned: Path, weight_masks: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, DirectionFiles]:
    """What directions have of their own, by method."""
    masks = draw_masks(tmp_path_factory.mktemp("masks") / "masks.npz")
    return {
        "multilingual": DirectionFiles(),
        "neuron_specialization": DirectionFiles(masks=masks),
        "adapter": DirectionFiles(base=learned),
        "lass": DirectionFiles(weight_masks=[str(weight_masks)]),
    }


def train(data: Path, folder: Path, method: str, files: Any, learned: Path, **changes: Any) -> dict:
    """The published checkpoint of a training without anything random."""
    settings = {"files": files[method], **STILL}
    if method == "adapter":
        sets = {each: each for each in DIRECTIONS}
        settings["adapters"] = Adapters(sets=sets, bottleneck=4, per_layer=2)
    elif method != "multilingual":
        settings["parent"] = learned
    return read_checkpoint(run_training(data, folder, **settings | changes))


def largest_difference(one: dict, other: dict) -> float:
    """Between the weights of two checkpoints."""
    assert list(one["model"]) == list(other["model"])
    pairs = zip(one["model"].values(), other["model"].values(), strict=True)
    return max((a.float() - b.float()).abs().max().item() for a, b in pairs)


@pytest.mark.parametrize("levers", [{}, LEVERS], ids=["plain", "fast"])
@pytest.mark.parametrize("method", METHODS)
def test_a_training_ends_as_on_a_cpu(
    binarised: Path, learned: Path, files: Any, tmp_path: Path, method: str, levers: dict
) -> None:
    cpu, gpu = (
        train(binarised, tmp_path / device, method, files, learned, device=device, **levers)
        for device in ("cpu", "cuda")
    )
    assert largest_difference(cpu, gpu) < 1e-3
    assert gpu["extra_state"]["val_loss"] == pytest.approx(cpu["extra_state"]["val_loss"], rel=1e-4)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("levers", [{}, LEVERS], ids=["plain", "fast"])
@pytest.mark.parametrize("method", METHODS)
def test_half_precision_ends_near_it(
    binarised: Path,
    learned: Path,
    files: Any,
    tmp_path: Path,
    method: str,
    levers: dict,
    precision: str,
) -> None:
    whole = train(binarised, tmp_path / "cpu", method, files, learned)
    half = train(
        binarised,
        tmp_path / "cuda",
        method,
        files,
        learned,
        device="cuda",
        precision=precision,
        **levers,
    )
    assert half["extra_state"]["val_loss"] == pytest.approx(
        whole["extra_state"]["val_loss"], rel=3e-2
    )


def test_a_training_that_was_killed_goes_on(
    binarised: Path, learned: Path, files: Any, tmp_path: Path
) -> None:
    settings = {"method": "lass", "files": files, "learned": learned, "device": "cuda"}
    expected = train(binarised, tmp_path / "whole", **settings, **LEVERS)
    with pytest.MonkeyPatch.context() as patch:
        at_update(patch, 13, die)
        with pytest.raises(KeyboardInterrupt):
            train(binarised, tmp_path / "killed", **settings, **LEVERS)
    assert (tmp_path / "killed/work/checkpoint.10.pt").is_file()
    resumed = train(binarised, tmp_path / "killed", **settings, **LEVERS)
    assert largest_difference(resumed, expected) < 1e-3


@pytest.mark.parametrize("products", [0, math.inf])
def test_both_forms_of_the_ffn_train_alike(
    binarised: Path,
    learned: Path,
    files: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    products: float,
) -> None:
    """The compact one, and the one that is faster where this little is computed."""
    method = "neuron_specialization"
    cpu = train(binarised, tmp_path / "cpu", method, files, learned)
    monkeypatch.setattr(subnetwork, "WORTHWHILE", {torch.float32: products})
    widths = set()
    monkeypatch.setattr(
        SubnetworkFC2,
        "forward",
        lambda self, x, forward=SubnetworkFC2.forward: (
            widths.add(x.size(-1) < self.weight.size(1)) or forward(self, x)
        ),
    )
    gpu = train(binarised, tmp_path / "gpu", method, files, learned, device="cuda")
    assert widths == {products == 0}
    assert largest_difference(cpu, gpu) < 1e-3


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="not two GPUs")
def test_two_gpus_train_as_one(binarised: Path, learned: Path, files: Any, tmp_path: Path) -> None:
    one, two = (
        train(
            binarised,
            tmp_path / str(processes),
            "neuron_specialization",
            files,
            learned,
            device="cuda",
            processes=processes,
        )
        for processes in (1, 2)
    )
    assert largest_difference(one, two) < 1e-3


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_best_checkpoint_is_chosen_by_translations(
    binarised: Path, learned: Path, files: Any, tmp_path: Path, precision: str
) -> None:
    best = [
        train(
            binarised,
            tmp_path / device,
            "neuron_specialization",
            files,
            learned,
            device=device,
            precision=precision,
            best_by="chrf",
        )["extra_state"]["best"]
        for device in ("cpu", "cuda")
    ]
    assert best[1] == pytest.approx(best[0], abs=0.01 if precision == "fp32" else 2)
    assert best[1] > 2


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
def test_translations_are_those_of_a_cpu(
    learned: Path, binarised: Path, vocabulary: Path, files: Any, tmp_path: Path, method: str
) -> None:
    for device in ("cpu", "cuda"):
        translate(
            learned,
            binarised,
            vocabulary,
            tmp_path / device,
            device=device,
            files=files[method],
        )
    assert read(tmp_path / "cuda") == read(tmp_path / "cpu")
