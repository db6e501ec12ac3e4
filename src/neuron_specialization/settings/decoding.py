"""Settings of the beam search, whatever decodes."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DecodingSettings:
    """Beam search, as in fairseq."""

    beam: int
    """Hypotheses kept at each step."""
    length_penalty: float
    """Above 1 favours longer hypotheses."""
    max_len_a: float
    """A hypothesis has at most max_len_a * source length + max_len_b tokens."""
    max_len_b: int
    """See max_len_a."""
    max_tokens: int
    """Source tokens of a batch."""

    def max_length(self, source_tokens: int, positions: int) -> int:
        """Most tokens of a hypothesis, its tag counted and </s> not.

        Args:
            source_tokens: of the longest source of the batch, tag and </s> counted.
            positions: of the decoder.
        """
        return min(int(self.max_len_a * source_tokens + self.max_len_b), positions - 1)
