"""Run fairseq-generate without this project; fail if any of its modules was imported.

python plain_generate.py [arguments of fairseq-generate]
"""

import sys

import torch
from fairseq_cli.generate import cli_main

torch.set_num_threads(1)

if __name__ == "__main__":
    cli_main()
    ours = [name for name in sys.modules if name.startswith("neuron_specialization")]
    sys.exit(f"not stock fairseq: {ours}" if ours else 0)
