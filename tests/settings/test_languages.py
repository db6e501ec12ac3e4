"""Codes of languages, as other programs name them."""

import pytest

from neuron_specialization.settings.languages import two_letter_code

CODES = {
    "de": "deu ger deu_Latn de_AT de-AT",
    "fr": "fra fre fra_Latn",
    "zh": "zho chi cmn zho_Hans cmn_Hant zh_Hans zh-Hans",
    "ar": "ara arb",
    "lv": "lvs lav",
    "sr": "srp_Cyrl",
    "yue": "yue yue_Hant",
    "mni": "mni",
}
"""By the code of Moses, others of the same language."""


@pytest.mark.parametrize("code", CODES)
def test_other_standards_name_the_same_language(code: str) -> None:
    assert {two_letter_code(other) for other in (code, *CODES[code].split())} == {code}


def test_codes_that_are_in_no_standard_stay() -> None:
    for code in ("a1", "xx1", "mine", "abcdefgh", "x", "german"):
        assert two_letter_code(code) == code
