"""The fairseq side of the package: task, data, training, decoding; also fairseq's `--user-dir`.

Importing it registers the task, a loss and an optimiser, and lets torch read fairseq's own
checkpoints: since torch 2.6, `torch.load` accepts only an allow-list of classes, and fairseq
stores its arguments as a `Namespace`.
"""

import sys
from argparse import Namespace
from types import ModuleType

import torch

# needed only by an audio task and a classification criterion, which `import fairseq` imports too;
# they take more than a third of its import time
UNUSED = ("sklearn", "sklearn.metrics", "scipy.stats")


class Absent(ModuleType):
    """Stand-in for a module from which fairseq imports names that it will not use."""

    def __getattr__(self, name: str) -> None:
        return None


def import_fairseq() -> None:
    """Import fairseq without its unused modules; later imports of them get the real modules."""
    missing = [name for name in UNUSED if name not in sys.modules]
    sys.modules.update({name: Absent(name) for name in missing})
    try:
        import fairseq  # noqa: F401
    finally:
        for name in missing:
            del sys.modules[name]


import_fairseq()

from neuron_specialization.fairseq_plugin import chunked_loss, optimiser, task  # noqa: E402

torch.serialization.add_safe_globals([Namespace])

__all__ = ["chunked_loss", "optimiser", "task"]
