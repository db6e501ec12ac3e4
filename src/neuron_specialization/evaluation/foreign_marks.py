"""Marks of other programs in text: language tags and subword units, which must not count as words.

Logs of fairseq-generate are freed of them; plain text with marks is refused.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import chain

from neuron_specialization.errors import InputError

TAG = r"(?:__([^\W_]\w*?)__|\[([a-z]{2,3}_[A-Z]{2})\]|<2(\w+)>|>>(\w+)<<|</?s>)"
"""Language tags of fairseq, mBART, Google's and OPUS's models, and the ends of a sentence."""
LEADING_TAG, TRAILING_TAG = re.compile(rf"\s*{TAG}(?: |$)"), re.compile(rf"(?:^| ){TAG}\s*$")
SUBWORD_NMT = re.compile(r"(?<=\S)@@(?: |$)")
WORD_START = "▁"
"""SentencePiece's mark, as in `corpora.vocabulary`, which imports sentencepiece."""
FEW, MOST = 0.01, 0.6
MARKS = {
    "a language tag in front": (LEADING_TAG, MOST, "remove the tag from every line"),
    "a language tag at the end": (TRAILING_TAG, MOST, "remove the tag from every line"),
    "subword units (@@)": (SUBWORD_NMT, FEW, "join them: sed -E 's/@@( |$)//g'"),
    "subword units (▁)": (re.compile(WORD_START), FEW, "decode them by their SentencePiece model"),
    "subword units (##)": (re.compile(r" ##\w"), FEW, "join them: sed 's/ ##//g'"),
    "Moses's @-@": (re.compile(r" @-@ "), FEW, "detokenise the text"),
    "</s>": (re.compile(r"</s>\s*$"), MOST, "remove it from every line"),
}
"""Marks, the share of lines from which they count as marks, and what to do."""


def share(pattern: re.Pattern[str], sentences: Iterable[str]) -> float:
    """Return the share of the lines with text that contain a pattern at its place."""
    there = [sentence for sentence in sentences if sentence.strip()]
    return sum(bool(_find(pattern, sentence)) for sentence in there) / max(1, len(there))


def check_plain(sentences: Sequence[str], where: object) -> None:
    """Raise InputError if plain text has marks, whose words BLEU would count."""
    for name, (pattern, least, advice) in MARKS.items():
        found = share(pattern, sentences)
        if found >= least:
            line, example = next(
                (n, s) for n, s in enumerate(sentences, start=1) if _find(pattern, s)
            )
            raise InputError(
                f"{where}, line {line}: {found:.0%} of the lines have {name}, such as "
                f"'{example[:60]}', but text must be detokenised; {advice}"
            )


def without_tags(sentences: Sequence[str], *, always: bool = False) -> tuple[list[str], set[str]]:
    """Return sentences without tags that most of them have at an end, and the tags' languages.

    `always`: remove tags in front even if few sentences have one.
    """
    found, texts = set(), list(sentences)
    for pattern, least in ((LEADING_TAG, 0 if always else MOST), (TRAILING_TAG, MOST)):
        if share(pattern, texts) >= least:
            first = [_find(pattern, text) for text in texts]
            found |= {code for match in first if match for code in match.groups() if code}
            texts = [_cut(pattern, text) for text in texts]
        while share(pattern, texts) >= MOST:  # of a second tag
            texts = [_cut(pattern, text) for text in texts]
    return texts, found


def join_subwords(sides: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return sentences with SentencePiece and subword-nmt undone, if they were not before."""
    joined = [[_join_pieces(sentence) for sentence in side] for side in sides]
    if share(SUBWORD_NMT, chain(*joined)) < FEW:
        return joined
    return [[SUBWORD_NMT.sub("", sentence) for sentence in side] for side in joined]


def _join_pieces(sentence: str) -> str:
    if WORD_START not in sentence:
        return sentence
    return sentence.replace(" ", "").replace(WORD_START, " ").strip()


def _cut(pattern: re.Pattern[str], sentence: str) -> str:
    match = _find(pattern, sentence)
    return sentence[: match.start()] + sentence[match.end() :] if match else sentence


def _find(pattern: re.Pattern[str], sentence: str) -> re.Match[str] | None:
    return (pattern.match if pattern is LEADING_TAG else pattern.search)(sentence)
