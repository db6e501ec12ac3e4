"""The loss in chunks and its gradients equal fairseq's."""

from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion
from torch.nn import functional

from neuron_specialization.fairseq_plugin import chunked_loss
from neuron_specialization.fairseq_plugin.chunked_loss import (
    ChunkedLabelSmoothedCrossEntropy,
    output_projection,
)
from neuron_specialization.methods.weight_masks import MaskedLinear
from tests.trained_models import draw_weight_masks, first_batches, load_task

TOLERANCES = {torch.float32: 1e-5, torch.bfloat16: 3e-2, torch.float16: 4e-3}
LOSS_SCALE = 64.0


def criteria(task: Any, chunk: int, smoothing: float = 0.1) -> tuple:
    """Return fairseq's criterion and ours."""
    settings = {"sentence_avg": False, "label_smoothing": smoothing}
    return (
        LabelSmoothedCrossEntropyCriterion(task, **settings),
        ChunkedLabelSmoothedCrossEntropy(task, loss_chunk=chunk, **settings),
    )


def results_of(criterion: Any, model: Any, task: Any, sample: dict) -> tuple:
    """Return a criterion's outputs, and the gradients of a loss scaled by the trainer."""
    model.zero_grad()
    task.direction_state.direction = sample["direction"]
    loss, size, logged = criterion(model, sample)
    (LOSS_SCALE * loss).backward()
    gradients = {
        name: value.grad / LOSS_SCALE
        for name, value in model.named_parameters()
        if value.grad is not None
    }
    return loss, size, logged, gradients


def assert_same_results(ours: tuple, fairseqs: tuple, tolerance: float) -> None:
    assert ours[1] == fairseqs[1]
    assert list(ours[2]) == list(fairseqs[2])
    assert ours[0].dtype == fairseqs[0].dtype
    for name, value in fairseqs[2].items():
        assert float(ours[2][name]) == pytest.approx(float(value), rel=tolerance), name
    assert list(ours[3]) == list(fairseqs[3])
    for name, gradient in fairseqs[3].items():
        largest = gradient.abs().max().item()
        torch.testing.assert_close(
            ours[3][name], gradient, rtol=0, atol=tolerance * max(1, largest), msg=name
        )


@pytest.mark.parametrize(
    ("chunk", "smoothing", "precision"),
    [
        (1, 0.1, torch.float32),
        (7, 0.1, torch.float32),
        (7, 0.0, torch.float32),
        (1000, 0.1, torch.float32),
        (7, 0.1, torch.bfloat16),
        (7, 0.1, torch.float16),
    ],
)
def test_loss_and_gradients_are_fairseqs(
    learned: Path, binarised: Path, chunk: int, smoothing: float, precision: torch.dtype
) -> None:
    model, task = load_task(learned, binarised)
    model.to(precision)
    padded = 0
    for sample in first_batches(task):
        padded += int((sample["target"] == task.target_dictionary.pad()).sum())
        fairseqs, ours = (
            results_of(criterion, model, task, sample)
            for criterion in criteria(task, chunk, smoothing)
        )
        assert_same_results(ours, fairseqs, TOLERANCES[precision])
    assert padded


def test_gradients_in_fp16_do_not_vanish_before_they_are_scaled() -> None:
    """Each of 200,000 pieces has a slope of about 5e-6, which fp16 holds to one digit."""
    generator = torch.Generator().manual_seed(0)
    features_ND = torch.randn(6, 4, generator=generator)
    weight_VD = torch.randn(200_000, 4, generator=generator) / 100
    target_N = torch.arange(6)
    gradients = []
    for precision in (torch.float32, torch.float16):
        weight = weight_VD.detach().to(precision).requires_grad_(True)
        features = features_ND.detach().to(precision).requires_grad_(True)
        loss, _ = chunked_loss.chunked_loss(features, weight, target_N, smoothing=0.1, chunk=4)
        (2.0**12 * loss).backward()
        gradients.append(weight.grad[6:].float())
    error = (gradients[1] - gradients[0]).norm() / gradients[0].norm()
    assert error < 1e-3


@pytest.mark.parametrize("method", ["lass", "adapter"])
def test_masked_and_frozen_projections(
    learned: Path, binarised: Path, tmp_path: Path, method: str
) -> None:
    if method == "lass":
        masks = draw_weight_masks(tmp_path / "masks.npz", learned, output_projection=True)
        model, task = load_task(learned, binarised, weight_masks=str(masks))
        assert isinstance(model.decoder.output_projection, MaskedLinear)
    else:
        model, task = load_task(learned, binarised)
        model.requires_grad_(False)
        model.decoder.layers[0].fc1.weight.requires_grad_(True)
    for sample in first_batches(task):
        fairseqs, ours = (
            results_of(criterion, model, task, sample) for criterion in criteria(task, 7)
        )
        assert_same_results(ours, fairseqs, 1e-5)


def test_validation_holds_no_gradients_and_losses_by_token_are_fairseqs(
    learned: Path, binarised: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, task = load_task(learned, binarised)
    sample = first_batches(task)[0]
    fairseqs, ours = criteria(task, 7)
    with torch.no_grad():
        assert torch.equal(ours(model, sample, reduce=False)[0], fairseqs(model, sample, False)[0])
        monkeypatch.setattr(chunked_loss, "logit_gradients", None)
        losses = [criterion(model, sample)[0] for criterion in (ours, fairseqs)]
    torch.testing.assert_close(*losses, rtol=1e-5, atol=0)
    assert not losses[0].requires_grad


def test_no_more_logits_than_a_chunk_and_none_of_padding(
    learned: Path, binarised: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, task = load_task(learned, binarised)
    sample = first_batches(task)[0]
    rows = []
    original = functional.log_softmax

    def log_softmax(logits: torch.Tensor, **options: Any) -> torch.Tensor:
        rows.append(len(logits))
        return original(logits, **options)

    monkeypatch.setattr(chunked_loss.functional, "log_softmax", log_softmax)
    monkeypatch.setattr(model.decoder, "output_layer", None)
    criteria(task, 7)[1](model, sample)
    assert max(rows) == 7
    assert sum(rows) == sample["ntokens"] == int((sample["target"] != 1).sum())
    assert sum(rows) < sample["target"].numel()


def test_another_projection_is_left_to_fairseq(learned: Path, binarised: Path) -> None:
    """Use a projection that does more than multiply by its weights."""

    class Doubled(torch.nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(x)

    model, task = load_task(learned, binarised)
    projection = Doubled(16, len(task.target_dictionary), bias=False)
    projection.weight = model.decoder.output_projection.weight
    model.decoder.output_projection = projection
    assert output_projection(model) is None
    sample = first_batches(task)[0]
    fairseqs, ours = (results_of(each, model, task, sample) for each in criteria(task, 7))
    assert_same_results(ours, fairseqs, 0)
