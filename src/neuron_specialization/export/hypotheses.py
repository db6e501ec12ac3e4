"""The common interface of decoders and their results."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from neuron_specialization.settings.decoding import DecodingSettings


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """The best translation of a sentence."""

    words: list[str]
    """Its pieces, without the target tag."""
    score: float
    """Log-probability of all tokens, target tag and </s> included, over number^length_penalty."""


class Engine(Protocol):
    """A decoder of batches."""

    def translate(
        self, sources: Sequence[Sequence[str]], settings: DecodingSettings
    ) -> list[Hypothesis]:
        """Return the best hypothesis of each source; sources include their tag and </s>."""
