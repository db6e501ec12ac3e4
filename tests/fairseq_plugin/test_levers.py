"""Runs with the speed settings: same results as without them, and equally safe."""

from pathlib import Path
from typing import Any

import pytest
import torch

from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.chunked_loss import ChunkedLabelSmoothedCrossEntropy
from tests.fairseq_plugin.test_checkpointing import assert_same, run_and_die
from tests.trained_models import (
    STILL,
    first_batches,
    load_task,
    loss_of,
    method_settings,
    run_training,
)

LEVERS: dict[str, Any] = {"kernels": "torch", "loss_chunk": 50}


@pytest.mark.parametrize("method", ["multilingual", "adapter", "lass"])
def test_a_run_ends_as_without_them_whether_killed_or_not(
    learned: Path, binarised: Path, weight_masks: Path, tmp_path: Path, method: str
) -> None:
    settings = method_settings(method, learned, weight_masks, tmp_path)
    settings |= {"max_updates": 8, "validate_every": 4}
    plain, fast = (
        read_checkpoint(run_training(binarised, tmp_path / name, **settings, **STILL, **levers))
        for name, levers in (("plain", {}), ("fast", LEVERS))
    )
    assert list(fast["model"]) == list(plain["model"])
    for name, value in plain["model"].items():
        torch.testing.assert_close(fast["model"][name], value, rtol=0, atol=1e-4, msg=name)
    loss = plain["extra_state"]["val_loss"]
    assert fast["extra_state"]["val_loss"] == pytest.approx(loss, abs=1e-3)
    settings |= LEVERS  # now with dropout
    expected = run_training(binarised, tmp_path / "whole", **settings)
    work = run_and_die(binarised, tmp_path / "killed", 6, **settings)
    assert (work / "checkpoint.4.pt").is_file()
    assert_same(run_training(binarised, tmp_path / "killed", **settings), expected)


def test_two_processes_train_as_one(binarised: Path, tmp_path: Path) -> None:
    one, two = (
        read_checkpoint(run_training(binarised, tmp_path / str(n), processes=n, **STILL, **LEVERS))
        for n in (1, 2)
    )
    for name, value in one["model"].items():
        torch.testing.assert_close(two["model"][name], value, rtol=1e-3, atol=1e-4, msg=name)
    loss = one["extra_state"]["val_loss"]
    assert two["extra_state"]["val_loss"] == pytest.approx(loss, rel=1e-3)


def test_bf16_trains_with_all_of_them(binarised: Path, tmp_path: Path) -> None:
    states = [
        read_checkpoint(run_training(binarised, tmp_path / name, **STILL, **changes))
        for name, changes in (("fp32", {}), ("bf16", {"precision": "bf16", **LEVERS}))
    ]
    losses = [state["extra_state"]["val_loss"] for state in states]
    assert losses[1] == pytest.approx(losses[0], rel=2e-2)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_batch_gives_the_gradient_of_its_parts(
    learned: Path, binarised: Path, chunked: bool
) -> None:
    """Trade a larger `max_tokens` for a smaller `update_freq`, within a direction."""
    model, task = load_task(learned, binarised)
    first_batches(task)
    dataset = task.dataset("valid")
    chunk = ChunkedLabelSmoothedCrossEntropy(task, False, 0.1, loss_chunk=30) if chunked else None

    def gradients(sizes: list[int]) -> tuple[list[torch.Tensor], int]:
        model.zero_grad()
        tokens, start = 0, int(dataset.starts[1])
        for size in sizes:
            sample = dataset.collater([dataset[start + i] for i in range(size)])
            loss = chunk(model, sample)[0] if chunk else loss_of(task, model, sample)
            loss.backward()
            tokens, start = tokens + sample["ntokens"], start + size
        return [each.grad / tokens for each in model.parameters()], tokens

    whole, parts = gradients([18]), gradients([6, 6, 6])
    assert whole[1] == parts[1]
    torch.testing.assert_close(whole[0], parts[0], rtol=1e-4, atol=1e-6)
    other = gradients([6, 6])[0]
    assert not torch.allclose(whole[0][0], other[0], rtol=1e-4, atol=1e-6)
