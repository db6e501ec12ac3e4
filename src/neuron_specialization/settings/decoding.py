"""Settings of the beam search, whatever decodes."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DecodingSettings:
    """Beam search, as in fairseq: `decoding` in config/README.md."""

    beam: int
    length_penalty: float
    max_len_a: float
    max_len_b: int
    max_tokens: int = 10_000
    """Source tokens of a batch."""

    def max_length(self, source_tokens: int, positions: int) -> int:
        """Most tokens of a hypothesis, its tag counted and </s> not.

        Args:
            source_tokens: of the longest source of the batch, tag and </s> counted.
            positions: of the decoder.
        """
        return min(int(self.max_len_a * source_tokens + self.max_len_b), positions - 1)
