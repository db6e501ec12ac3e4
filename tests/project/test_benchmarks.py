"""The benchmarks compare equivalent computations, and still run."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
import torch
from benchmarks.models import SHAPES
from benchmarks.paired import NOISE, compare
from benchmarks.training_step import DIRECTIONS, Side, make_sides

TOKENS = 60


def losses_and_gradients(sides: dict[str, Side], name: str, direction: int) -> list[torch.Tensor]:
    """Return the loss of a batch and the gradients of the parameters, which all sides share."""
    side, shared = sides[name], list(sides["dense"].model.parameters())
    for parameter in shared:
        parameter.grad = None
    side.choose(direction)
    loss, _, _ = side.criterion(side.model, side.sample)
    loss.backward()
    return [loss, *(parameter.grad for parameter in shared if parameter.grad is not None)]


def make_compared(what: str) -> dict[str, Side]:
    """Return the sides of a benchmark with random biases; fairseq's zeros would hide mistakes."""
    sides = make_sides(what, SHAPES["builtin"], TOKENS, "cpu")
    torch.manual_seed(0)
    for name, parameter in sides["dense"].model.named_parameters():
        if name.endswith("fc1.bias"):
            torch.nn.init.normal_(parameter)
    return sides


@pytest.mark.parametrize(
    ("what", "ours"),
    [("neurons", ["auto", "compact", "reference"]), ("lass", ["packed"])],
)
def test_the_published_design_and_ours_compute_the_same(what: str, ours: list[str]) -> None:
    sides = make_compared(what)
    for direction in range(len(DIRECTIONS)):
        expected = losses_and_gradients(sides, "official", direction)
        dense = losses_and_gradients(sides, "dense", direction)
        assert abs(dense[0] - expected[0]) > 2e-4 * abs(dense[0])  # the masks have an effect
        for name in ours:
            found = losses_and_gradients(sides, name, direction)
            for mine, theirs in zip(found, expected, strict=True):
                torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_all_sides_have_the_same_parameters() -> None:
    sides = make_compared("neurons")
    dense = {id(parameter) for parameter in sides["dense"].model.parameters()}
    for name, side in sides.items():
        learning = {id(each) for each in side.model.parameters() if each.requires_grad}
        assert learning <= dense, name
        assert len(learning) == len(dense) or name == "without FFN", name


def test_sides_alternate_and_noise_is_the_first_one_again() -> None:
    order: list[str] = []
    sides: dict[str, Callable[[], object]] = {name: partial(order.append, name) for name in "ab"}
    rows = compare(sides, rounds=2, warm_up=1)
    assert "".join(order) == "aba" * 3
    assert list(rows) == ["a", "b", NOISE]
    assert rows["a"]["ratio"] == 1
    assert rows["b"]["ratio_lower"] <= rows["b"]["ratio"] <= rows["b"]["ratio_upper"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["training_step", "neurons", "--tokens", "60", "--fast"],
        ["training_step", "lass", "--tokens", "60"],
        ["training_step", "ffn", "--tokens", "60"],
        ["settings", "--tokens", "60", "--chunk", "16", "--factors", "3"],
    ],
)
def test_benchmarks_run(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [*arguments, "--rounds", "2"])
    import_module(f"benchmarks.{arguments[0]}").main()
    assert NOISE in capsys.readouterr().out


def test_benchmarks_are_listed(project: Path) -> None:
    command = [sys.executable, "-m", "benchmarks"]
    listed = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout
    for name in ("batches", "decoding", "memory", "preparation", "recording", "scoring"):
        assert f"\n{name} " in listed
    wrong = subprocess.run(
        [*command, "nothing"], cwd=project, capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 1
    assert "no benchmark nothing" in wrong.stderr
