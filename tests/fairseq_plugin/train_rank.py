"""Train several runs in turn, as one of several processes on a CPU.

`python -m tests.fairseq_plugin.train_rank FLAGS.json`: the flags of each run, by name. Runs with
two processes are stopped and resumed: after the third update, only the second process is sent the
signal.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from neuron_specialization.errors import Stopped
from neuron_specialization.fairseq_plugin.checkpointing import deferring_signals, received
from neuron_specialization.fairseq_plugin.processes import fairseq_train, group_flags
from neuron_specialization.fairseq_plugin.task import DirectionsTask

torch.set_num_threads(1)
STOP_AFTER = 3


def stop_second(self: DirectionsTask, optimizer: Any, model: Any, update_num: int) -> None:
    """Make an update; at the third one, the second process gets a signal."""
    if update_num + 1 == STOP_AFTER and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGTERM)
    original(self, optimizer, model, update_num)


original = DirectionsTask.optimizer_step


def main(path: str) -> None:
    """Train all runs; runs with two processes are stopped and resumed."""
    together = os.environ["WORLD_SIZE"] != "1"
    for name, flags in json.loads(Path(path).read_text(encoding="utf-8")).items():
        print(f"training: {name}", flush=True)
        if together:
            flags += group_flags(os.environ, flags)
            stop(flags)
        fairseq_train(flags, {})


def stop(flags: list[str]) -> None:
    """Train a run that is sent a signal."""
    DirectionsTask.optimizer_step = stop_second
    try:
        with deferring_signals():
            fairseq_train(flags, {})
    except Stopped as stopped:
        print(f"stopped: {stopped}", flush=True)
    received.clear()
    DirectionsTask.optimizer_step = original


if __name__ == "__main__":
    main(*sys.argv[1:])
