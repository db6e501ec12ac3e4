"""Everything that knows fairseq. The folder is a fairseq `--user-dir`.

Importing it registers the task, a loss and an optimiser, and lets torch read fairseq's own
checkpoints: since torch 2.6 `torch.load` refuses all but an allow-list of classes, and fairseq
stores its arguments as one.
"""

from argparse import Namespace

import torch

from neuron_specialization.fairseq_plugin.start_up import import_fairseq

import_fairseq()

from neuron_specialization.fairseq_plugin import chunked_loss, optimiser, task  # noqa: E402

torch.serialization.add_safe_globals([Namespace])

__all__ = ["chunked_loss", "optimiser", "task"]
