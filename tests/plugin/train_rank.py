"""Run trainings one after the other as one of several processes on a CPU.

`python -m tests.plugin.train_rank RANK WORLD_SIZE PORT FLAGS.json`
"""

import json
import sys
from pathlib import Path

import torch
from fairseq_cli.train import cli_main

from neuron_specialization.fairseq_plugin.training import forget_former_training

torch.set_num_threads(1)


def main(rank: str, world_size: str, port: str, flags: str) -> None:
    """Run the trainings whose flags are listed in a file, by name."""
    together = ["--distributed-world-size", world_size, "--distributed-rank", rank]
    together += ["--distributed-init-method", f"tcp://127.0.0.1:{port}"]
    together += ["--distributed-no-spawn", "--distributed-backend", "gloo"]
    for name, training in json.loads(Path(flags).read_text(encoding="utf-8")).items():
        print(f"training: {name}", flush=True)
        forget_former_training()
        sys.argv = ["fairseq-train", *training, *(together if world_size != "1" else [])]
        cli_main()


if __name__ == "__main__":
    main(*sys.argv[1:])
