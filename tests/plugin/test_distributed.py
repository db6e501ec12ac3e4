"""Two processes train as one does with twice the update frequency, whatever the method."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.flags import Adapters, DirectionFiles, training_flags
from tests.conftest import PROJECT
from tests.plugin.conftest import DIRECTIONS, architecture, draw_masks, make_training

METHODS = ["multilingual", "neuron_specialization", "lass", "adapter", "bilingual"]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def method_settings(name: str, learned: Path, weight_masks: Path, folder: Path) -> dict:
    if name == "neuron_specialization":
        return {"parent": learned, "files": DirectionFiles(masks=draw_masks(folder / "masks.npz"))}
    if name == "lass":
        return {"parent": learned, "files": DirectionFiles(weight_masks=[str(weight_masks)])}
    if name == "adapter":
        adapters = Adapters(sets={d: d for d in DIRECTIONS}, bottleneck=4, per_layer=2)
        return {"adapters": adapters, "files": DirectionFiles(base=learned)}
    if name == "bilingual":
        return {"directions": ["en-b1"], "language_tags": False}
    return {"parent": learned}


def start(rank: int, world_size: int, port: int, flags: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.plugin.train_rank"]
    return subprocess.Popen(
        [*command, str(rank), str(world_size), str(port), str(flags)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT / "src")},
    )


@pytest.fixture(scope="module")
def runs(
    learned: Path, binarised: Path, weight_masks: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[int, tuple[str, Path]]:
    """Log and folder of all trainings with one process and with two."""
    found = {}
    for world_size in (1, 2):
        folder = tmp_path_factory.mktemp(f"processes{world_size}")
        sizes = architecture(
            dropout=0.0,
            attention_dropout=0.0,
            update_freq=2 // world_size,
            max_updates=6,
            validate_every=6,
        )
        flags = {}
        for name in METHODS:
            settings = method_settings(name, learned, weight_masks, folder)
            training = make_training(binarised, folder / name, **settings)
            flags[name] = training_flags(sizes, training)
            flags[name] += ["--log-interval", "1", "--log-format", "json"]
        (folder / "flags.json").write_text(json.dumps(flags), encoding="utf-8")
        port = free_port()
        ranks = [start(i, world_size, port, folder / "flags.json") for i in range(world_size)]
        logs = [process.communicate(timeout=600)[0] for process in ranks]
        assert [process.returncode for process in ranks] == [0] * world_size, logs[-1][-3000:]
        found[world_size] = logs[0], folder
    return found


def losses(log: str, method: str) -> list[float]:
    part = log.split(f"training: {method}\n")[1].split("training: ")[0]
    return [float(loss) for loss in re.findall(r'\{"epoch".*?"loss": "([\d.]+)"', part)]


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_two_processes_train_as_one(runs: dict[int, tuple[str, Path]], method: str) -> None:
    (one_log, one), (two_log, two) = runs[1], runs[2]
    curve = losses(one_log, method)
    assert len(curve) == 6
    np.testing.assert_allclose(losses(two_log, method), curve, rtol=1e-3)
    last = read_checkpoint(one / method / "work/checkpoint_last.pt")["model"]
    for name, value in read_checkpoint(two / method / "work/checkpoint_last.pt")["model"].items():
        torch.testing.assert_close(value, last[name], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_two_processes_share_the_batches(runs: dict[int, tuple[str, Path]]) -> None:
    batches = [re.findall(r"trained on (\d+) batches", log) for log, _ in runs.values()]
    assert set(batches[0]) == {"12"}
    assert set(batches[1]) == {"6"}
