"""Record the validations of a run: a loss or score each, and which batches came before."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from neuron_specialization.files import write_text


class Validation(NamedTuple):
    """One validation of a run: the loss or score by which checkpoints are chosen.

    `batches` came since the previous one; `digest` is a hash of the indices of their sentence
    pairs, in order.
    """

    updates: int
    value: float
    batches: int
    digest: str


class Validations:
    """The validations of a run so far; runs with equal digests have seen the same batches."""

    def __init__(self) -> None:
        self.past: list[Validation] = []
        self.batches, self.digest = 0, ""  # since the last validation
        self.before = 0, ""  # the same, before the validation under way

    def add_batch(self, id_bytes: bytes) -> None:
        """Count a batch, given the indices of its sentence pairs."""
        self.batches += 1
        self.digest = hashlib.sha256(self.digest.encode() + id_bytes).hexdigest()

    def begin(self) -> tuple[int, str]:
        """Begin a validation; return how many batches came before it, and their digest."""
        self.before = self.batches, self.digest[:16]
        self.batches, self.digest = 0, ""
        return self.before

    def note(self, updates: int, value: float) -> None:
        """Note the result of the current validation."""
        self.past.append(Validation(updates, value, *self.before))

    def state(self) -> dict[str, Any]:
        """Return the state to store in a checkpoint, as plain values."""
        return {
            "batches": [self.batches, self.digest],
            "curve": [tuple(validation) for validation in self.past],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue from the state in a checkpoint."""
        self.batches, self.digest = state["batches"]
        self.past = [Validation(*values) for values in state["curve"]]


def write_curve(state: dict[str, Any], metric: str, path: Path) -> None:
    """Write the output of `Validations.state` as CSV: updates, metric, value, batches, hash."""
    rows = [
        f"{updates},{metric},{value!r},{batches},{digest}\n"
        for updates, value, batches, digest in state["curve"]
    ]
    write_text(path, "".join(["updates,metric,value,batches,sha256\n", *rows]))
