"""The tokeniser of BLEU for each direction, by its target language."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from neuron_specialization.settings.languages import two_letter_code

AUTO = "auto"
DEFAULT = "13a"
TOKENISERS = (
    *(AUTO, DEFAULT, "intl", "char", "zh", "ja-mecab", "ko-mecab"),
    *("flores101", "flores200", "spBLEU-1K"),
)
"""Names of sacreBLEU, and AUTO."""
BY_LANGUAGE = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
"""AUTO, as `sacrebleu -l` chooses; any other language gets DEFAULT."""
UNSEPARATED = ("bo", "dz", "km", "lo", "my", "th")
"""Other languages without blanks between words, of which DEFAULT makes one word per phrase."""


@dataclass(frozen=True, kw_only=True)
class BleuTokenisers:
    """The tokenisers of BLEU: `bleu` in config/README.md."""

    tokeniser: str = AUTO
    exceptions: Mapping[str, str] = field(default_factory=dict)
    """By target language."""

    def of(self, direction: str) -> str:
        """Return sacreBLEU's name of a direction's tokeniser."""
        target = direction.split("-")[1]
        chosen = self.exceptions.get(target, self.tokeniser)
        return BY_LANGUAGE.get(two_letter_code(target), DEFAULT) if chosen == AUTO else chosen

    def warnings(self, directions: Iterable[str]) -> Iterator[str]:
        """Yield a warning if 13a finds no words in some target languages."""
        targets = {pair.split("-")[1] for pair in directions if self.of(pair) == DEFAULT}
        found = sorted(code for code in targets if two_letter_code(code) in UNSEPARATED)
        if found:
            yield (
                f"BLEU into {', '.join(found)} uses the tokeniser {DEFAULT}, as sacreBLEU does; it "
                "takes a phrase without blanks for one word, so that scores are close to 0; choose "
                "flores200 or char (bleu.tokeniser in the config, --bleu-tokeniser of score), or "
                "read chrF++"
            )
