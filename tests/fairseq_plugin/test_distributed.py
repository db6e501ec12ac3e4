"""Two processes train like one with twice the batches, and resume, for every method."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from neuron_specialization.fairseq_plugin.checkpointing import last_checkpoint
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.flags import training_flags
from neuron_specialization.fairseq_plugin.processes import free_port
from tests.conftest import PROJECT
from tests.fairseq_plugin.train_rank import STOP_AFTER
from tests.trained_models import STILL, architecture, make_training, method_settings

LOGGED = ["--log-interval", "1", "--log-format", "json"]
METHODS = ["multilingual", "neuron_specialization", "lass", "adapter", "bilingual"]


def start(rank: int, world_size: int, port: int, flags: Path) -> subprocess.Popen:
    group = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world_size, "MASTER_PORT": port}
    variables = {name: str(value) for name, value in group.items()}
    variables |= {"MASTER_ADDR": "127.0.0.1", "PYTHONPATH": str(PROJECT / "src")}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fairseq_plugin.train_rank", str(flags)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=PROJECT,
        env=os.environ | variables,
    )


@pytest.fixture(scope="module")
def runs(
    learned: Path, binarised: Path, weight_masks: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[int, tuple[str, Path]]:
    """Return log and folder of all runs with one process, and with two that were stopped once."""
    found = {}
    sizes = architecture(**STILL, max_updates=6, validate_every=6, checkpoint_metric="chrf")
    for world_size in (1, 2):
        folder = tmp_path_factory.mktemp(f"processes{world_size}")
        flags = {}
        for name in METHODS:
            settings = {"directions": ["en-b1"], "language_tags": False}
            if name != "bilingual":
                settings = method_settings(name, learned, weight_masks, folder)
            training = make_training(binarised, folder / name, processes=world_size, **settings)
            flags[name] = [*training_flags(sizes, training), *LOGGED]
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
def test_two_processes_that_were_stopped_train_as_one_that_was_not(
    runs: dict[int, tuple[str, Path]], method: str
) -> None:
    (one_log, one), (two_log, two) = runs[1], runs[2]
    assert f"stopped: {STOP_AFTER} updates are saved" in two_log.split(f"training: {method}\n")[1]
    curve = losses(one_log, method)
    assert len(curve) == 6
    np.testing.assert_allclose(losses(two_log, method), curve, rtol=1e-3)
    states = [
        read_checkpoint(last_checkpoint(folder / method / "work", 6)) for folder in (one, two)
    ]
    for name, value in states[0]["model"].items():
        torch.testing.assert_close(states[1]["model"][name], value, rtol=1e-3, atol=1e-4)
    scores = [state["extra_state"]["val_loss"] for state in states]
    assert scores[1] == pytest.approx(scores[0], rel=0.05)  # a near tie may change a translation
    assert scores[0] > 0


@pytest.mark.slow
def test_two_processes_share_the_batches(runs: dict[int, tuple[str, Path]]) -> None:
    """Batches that the first process saw before it was stopped count, too."""
    batches = [re.findall(r"trained on (\d+) batches", log) for log, _ in runs.values()]
    assert batches == [["12"] * len(METHODS), ["6"] * len(METHODS)]
