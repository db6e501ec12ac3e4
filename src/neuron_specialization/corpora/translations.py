"""A string with its translation, as the readers of software's text yield it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Translation:
    """An English string and its translation, as found."""

    key: tuple[str, ...]
    """Identifies the string: catalogue, context and English; or page and element."""
    english: str
    translation: str
    has_mnemonic: bool = False
    """Whether `_` marks the key that chooses it; elsewhere `_` is text."""
