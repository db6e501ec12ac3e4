"""Settings of beam search, for all decoders."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DecodingSettings:
    """Beam search, as in fairseq: `decoding` in config/README.md."""

    beam: int
    length_penalty: float
    max_len_a: float
    max_len_b: int
    max_tokens: int = 10_000
    """Source tokens per batch."""

    def max_length(self, source_tokens: int, positions: int) -> int:
        """Return the maximum length of a hypothesis in tokens, including its tag but not `</s>`.

        Args:
            source_tokens: length of the batch's longest source, including tag and `</s>`.
            positions: positions of the decoder.
        """
        return min(int(self.max_len_a * source_tokens + self.max_len_b), positions - 1)
