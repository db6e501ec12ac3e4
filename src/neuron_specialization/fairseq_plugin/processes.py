"""Run fairseq's training in this process, or in one process per GPU.

    python -m neuron_specialization.fairseq_plugin.processes FILE.json

runs one of several processes; the environment states which (RANK, LOCAL_RANK, WORLD_SIZE,
MASTER_ADDR and MASTER_PORT, as for torch, or SLURM_PROCID and SLURM_LOCALID of `srun`).
"""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from fairseq import options
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.distributed.utils import call_main
from fairseq.logging import metrics, progress_bar
from fairseq_cli import train as training_loop

from neuron_specialization.errors import InputError, Stopped
from neuron_specialization.fairseq_plugin.checkpointing import (
    deferring_signals,
    received,
    save_checkpoint,
    should_stop_early,
)
from neuron_specialization.fairseq_plugin.chunked_loss import ChunkedLabelSmoothedCrossEntropy
from neuron_specialization.fairseq_plugin.optimiser import FusedAdamW
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.files import held_locks, write_text
from neuron_specialization.logs import job_errors
from neuron_specialization.parallel import die_with_parent
from neuron_specialization.settings.training import Training

# fairseq finds them by name
REGISTERED = (DirectionsTask, ChunkedLabelSmoothedCrossEntropy, FusedAdamW)

DIVERGED = "diverged.txt"
"""File in the work folder of a run that has diverged, with the error's message."""

logger = logging.getLogger(__name__)


def fairseq_train(flags: Sequence[str], patience: Mapping[str, float]) -> None:
    """Run `fairseq-train` in this process.

    `patience` has the best validation loss or score so far, and the validations since then.
    """
    # fairseq keeps these, and its log writers, until the process ends
    for function in (save_checkpoint, should_stop_early):
        vars(function).clear()
    progress_bar._tensorboard_writers.clear()
    metrics.reset()
    vars(should_stop_early).update(patience)
    sys.argv = ["fairseq-train", *flags]
    arguments = options.parse_args_and_arch(options.get_training_parser())
    arguments.tpu = False  # fairseq assumes that only TPUs use bf16
    try:
        call_main(convert_namespace_to_omegaconf(arguments), training_loop.main)
    except FloatingPointError as error:
        message = explain_divergence(error)
        write_text(Path(arguments.save_dir) / DIVERGED, message)
        raise InputError(message) from None


def explain_divergence(error: FloatingPointError) -> str:
    """Return where a run diverged, and its loss before."""
    meters = {name: metrics.get_meter("train", name) for name in ("num_updates", "loss")}
    updates, loss = (meter.val if meter else None for meter in meters.values())
    before = "" if loss is None else f", after a loss of {float(loss):.3g}"
    return (
        f"training diverged at update {int(updates or 0) + 1}{before} ({error}): "
        "lower the learning rate (learning_rate), or warm up for longer (warmup_updates)"
    )


def train_together(flags: Sequence[str], patience: Mapping[str, float], training: Training) -> None:
    """Run `fairseq-train` in one process per GPU, here or on the nodes of a SLURM job.

    Raise Stopped if they were asked to stop and have saved; raise InputError if one of them ended
    with an error, which it has printed.
    """
    task = training.save_dir / "processes.json"
    training.save_dir.mkdir(parents=True, exist_ok=True)
    locks = {str(path): content for path, content in held_locks.items()}
    content = {"flags": list(flags), "patience": dict(patience), "locks": locks}
    write_text(task, json.dumps(content))
    group = {
        "WORLD_SIZE": str(training.processes),
        "MASTER_ADDR": "127.0.0.1" if training.nodes == 1 else socket.gethostname(),
        "MASTER_PORT": str(free_port()),
    }
    command = [sys.executable, "-m", __name__, str(task)]
    ranks: list[subprocess.Popen[bytes]] = []

    def pass_on() -> None:
        for rank in ranks:
            rank.send_signal(signal.SIGTERM)

    with deferring_signals(pass_on):
        if training.nodes > 1:
            ranks.append(start(srun(training) + command, group))
        else:
            command.append(str(os.getpid()))
            for rank in range(training.processes):
                ranks.append(start(command, group | {"RANK": str(rank), "LOCAL_RANK": str(rank)}))
        if received:
            pass_on()  # a signal came while they were starting
        code = wait(ranks)
    task.unlink(missing_ok=True)
    if code == os.EX_TEMPFAIL:
        raise Stopped(f"the progress is saved in {training.save_dir}")
    if code:
        raise InputError(
            f"{training.save_dir}: a training process ended with code {code}; "
            "see its messages above"
        )


def srun(training: Training) -> list[str]:
    """Return the command that starts a program once per process, on all nodes of a SLURM job."""
    if training.processes % training.nodes:
        raise InputError(
            f"{training.processes} GPUs cannot be shared evenly by {training.nodes} nodes "
            "(resources: gpu, nodes)"
        )
    cpus = os.environ.get("SLURM_CPUS_PER_TASK")  # the job's; srun's default is one per process
    return [
        "srun",
        f"--nodes={training.nodes}",
        f"--ntasks={training.processes}",
        f"--ntasks-per-node={training.processes // training.nodes}",
        *([f"--cpus-per-task={cpus}"] if cpus else []),
        "--kill-on-bad-exit=1",
    ]


def start(command: Sequence[str], variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a process with additional environment variables."""
    environment = {"OMP_NUM_THREADS": "1", **os.environ, **variables}
    return subprocess.Popen(command, env=environment)


def wait(ranks: Sequence[subprocess.Popen[bytes]]) -> int:
    """Wait for processes; return the exit code of the first that failed, or 0.

    If one fails, kill all: the others would wait for it forever.
    """
    while True:
        codes = [rank.poll() for rank in ranks]
        failed = [code for code in codes if code]
        if failed and failed[0] != os.EX_TEMPFAIL:
            for rank in ranks:
                rank.kill()
                rank.wait()
            return failed[0]
        if None not in codes:
            return failed[0] if failed else 0
        time.sleep(0.1)


def free_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("", 0))
        return int(listener.getsockname()[1])


def group_flags(environment: Mapping[str, str], flags: Sequence[str]) -> list[str]:
    """Return the arguments of `fairseq-train` that make a process one of several."""
    rank = environment.get("RANK") or environment["SLURM_PROCID"]
    local = environment.get("LOCAL_RANK") or environment["SLURM_LOCALID"]
    address = f"tcp://{environment['MASTER_ADDR']}:{environment['MASTER_PORT']}"
    return [
        *("--distributed-world-size", environment["WORLD_SIZE"], "--distributed-rank", rank),
        *("--distributed-init-method", address, "--distributed-no-spawn", "--device-id", local),
        *("--distributed-backend", "gloo" if "--cpu" in flags else "nccl"),
    ]


def main(path: str, parent: str = "") -> None:
    """Train as one of several processes; `parent` started it, and is empty if SLURM did."""
    die_with_parent(int(parent) if parent else os.getppid())
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    task = json.loads(Path(path).read_text(encoding="utf-8"))
    flags = task["flags"]
    held_locks.update((Path(path), content) for path, content in task["locks"].items())
    with job_errors(), deferring_signals():
        fairseq_train([*flags, *group_flags(os.environ, flags)], task["patience"])


if __name__ == "__main__":
    main(*sys.argv[1:])
