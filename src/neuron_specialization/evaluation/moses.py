"""Moses tokenisation and its reversal, by sacremoses.

sacremoses 0.2.0 matches 0.0.53, the paper's version: it reproduces the post-processed text of the
released outputs line for line (tests). The paper's text was *tokenised* by the Perl scripts, which
split off Indic viramas and nuktas as separate words; sacremoses never rejoins them, so BLEU of such
text counts broken words.
"""

from collections.abc import Iterable

from sacremoses import MosesDetokenizer, MosesPunctNormalizer, MosesTokenizer


def detokenise(sentences: Iterable[str], language: str) -> list[str]:
    """Undo Moses tokenisation; a language without specific rules gets the default ones."""
    moses = MosesDetokenizer(lang=language)
    return [moses.detokenize(sentence.split()) for sentence in sentences]


def tokenise(sentences: Iterable[str], language: str) -> list[str]:
    """Normalise punctuation and tokenise without escapes; words are separated by a space."""
    normaliser = MosesPunctNormalizer(
        lang=language, pre_replace_unicode_punct=True, post_remove_control_chars=True
    )
    moses = MosesTokenizer(lang=language)
    return [
        moses.tokenize(normaliser.normalize(sentence), escape=False, return_str=True)
        for sentence in sentences
    ]
