"""What a training notes at its validations: a loss or score, and which batches came before."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from neuron_specialization.files import write_text


class Validation(NamedTuple):
    """One validation of a training: the loss or score that checkpoints are chosen by.

    `batches` came since the last one; `digest` is of the indices of their sentence pairs, in order.
    """

    updates: int
    value: float
    batches: int
    digest: str


class Validations:
    """The validations of a training so far; trainings with equal digests have seen the same."""

    def __init__(self) -> None:
        self.past: list[Validation] = []
        self.batches, self.digest = 0, ""  # since the last validation
        self.before = 0, ""  # the same, before the validation under way

    def add_batch(self, id_bytes: bytes) -> None:
        """Count a batch, given the indices of its sentence pairs."""
        self.batches += 1
        self.digest = hashlib.sha256(self.digest.encode() + id_bytes).hexdigest()

    def begin(self) -> tuple[int, str]:
        """Begin a validation; returns how many batches came before it, and which."""
        self.before = self.batches, self.digest[:16]
        self.batches, self.digest = 0, ""
        return self.before

    def note(self, updates: int, value: float) -> None:
        """Note what the validation under way came to."""
        self.past.append(Validation(updates, value, *self.before))

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of them, as plain values."""
        return {
            "batches": [self.batches, self.digest],
            "curve": [tuple(validation) for validation in self.past],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from the state that a checkpoint holds."""
        self.batches, self.digest = state["batches"]
        self.past = [Validation(*values) for values in state["curve"]]


def write_curve(state: dict[str, Any], metric: str, path: Path) -> None:
    """Write what `Validations.state` gives as CSV: updates, metric, value, batches, hash."""
    rows = [
        f"{updates},{metric},{value!r},{batches},{digest}\n"
        for updates, value, batches, digest in state["curve"]
    ]
    write_text(path, "".join(["updates,metric,value,batches,sha256\n", *rows]))
