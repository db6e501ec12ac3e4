"""The direction in which a model works, which selects its masks and adapters."""

from dataclasses import dataclass

from torch import Tensor


@dataclass
class DirectionState:
    """The direction of the next forward pass; shared by a task and the layers of its model.

    `direction` is an index into the directions of the task for a batch of one direction;
    `direction_B` has one index per sentence for a mixed batch, which only the reference form of
    the sub-network FFN supports. With neither, every layer works without masks or adapters.
    """

    direction: int | None = None
    direction_B: Tensor | None = None
