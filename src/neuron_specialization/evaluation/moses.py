"""Moses tokenisation and its reversal, by sacremoses.

sacremoses 0.2.0 matches 0.0.53, the paper's version: it reproduces the post-processed text of the
released outputs line for line (tests). The paper's text was *tokenised* by the Perl scripts, which
split off Indic viramas and nuktas as separate words; sacremoses never rejoins them, so BLEU of such
text counts broken words.
"""

import logging
from collections.abc import Iterable
from functools import cache

from sacremoses import MosesDetokenizer, MosesPunctNormalizer, MosesTokenizer
from sacremoses.corpus import NonbreakingPrefixes

from neuron_specialization.settings.languages import two_letter_code

WITH_RULES = {*NonbreakingPrefixes().available_langs.values(), "ja", "ko"}
"""Languages for which sacremoses has rules; any other gets the general ones."""


def detokenise(sentences: Iterable[str], language: str) -> list[str]:
    """Undo Moses tokenisation; a language without specific rules gets the default ones."""
    moses = MosesDetokenizer(lang=rules_of(language))
    return [moses.detokenize(sentence.split()) for sentence in sentences]


def tokenise(sentences: Iterable[str], language: str) -> list[str]:
    """Normalise punctuation and tokenise without escapes; words are separated by a space."""
    rules = rules_of(language)
    normaliser = MosesPunctNormalizer(
        lang=rules, pre_replace_unicode_punct=True, post_remove_control_chars=True
    )
    moses = MosesTokenizer(lang=rules)
    return [
        moses.tokenize(normaliser.normalize(sentence), escape=False, return_str=True)
        for sentence in sentences
    ]


@cache
def rules_of(language: str) -> str:
    """Return the code of a language in sacremoses; log once which rules the language gets."""
    code = two_letter_code(language)
    rules = f"the rules for {code}" if code in WITH_RULES else "generic rules, none of its own"
    logging.info("sacremoses: %s gets %s", language, rules)
    return code
