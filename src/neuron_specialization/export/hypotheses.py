"""What a decoder gives for a sentence, whichever decoder it is."""

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
    """Log-probability of all tokens, target tag and </s> too, over their number^length penalty."""


class Engine(Protocol):
    """What decodes a batch."""

    def translate(
        self, sources: Sequence[Sequence[str]], settings: DecodingSettings
    ) -> list[Hypothesis]:
        """The best hypothesis of each source; sources have their tag and </s>."""
