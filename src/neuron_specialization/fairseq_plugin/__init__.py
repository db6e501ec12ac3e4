"""Everything that knows fairseq: task, data, training, decoding. The folder is its `--user-dir`.

Importing it registers the task, a loss and an optimiser, and lets torch read fairseq's own
checkpoints: since torch 2.6 `torch.load` refuses all but an allow-list of classes, and fairseq
stores its arguments as one.
"""

import sys
from argparse import Namespace
from types import ModuleType

import torch

# of a task for audio and a criterion of classification, which `import fairseq` brings along: more
# than a third of the time to import it
UNUSED = ("sklearn", "sklearn.metrics", "scipy.stats")


class Absent(ModuleType):
    """Stands in for a module while fairseq takes names from it that it will not use."""

    def __getattr__(self, name: str) -> None:
        return None


def import_fairseq() -> None:
    """Import fairseq; whoever imports the unused modules afterwards gets them as they are."""
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
