"""The tokeniser of BLEU by target language, in scores, signatures and errors."""

import importlib.util
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.tokenizers import tokenizer_spm

from neuron_specialization.cli.score import find_tokenisers
from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.metrics import check_tokenisers
from neuron_specialization.evaluation.scoring import Score, ScoringSettings, score_outputs
from neuron_specialization.settings.bleu import BY_LANGUAGE, UNSEPARATED, BleuTokenisers
from neuron_specialization.settings.languages import read_languages
from tests.conftest import PROJECT
from tests.corpora.preparing import fill

REFERENCE = "我们今天早上在公园里看到了三只黑色的小猫。"
HYPOTHESIS = "我们今天早上在公园里看见了三只黑色的猫。"


def score(folder: Path, pair: str, metric: str, **tokenisers: object) -> Score:
    """Return the score of one Chinese sentence in a direction."""
    names = {"test-sys.txt": HYPOTHESIS, "test-ref.txt": REFERENCE, "test-src.txt": "x"}
    names |= {"test-sys.words.txt": HYPOTHESIS, "test-ref.words.txt": REFERENCE}
    fill(folder / pair, {name: f"{text}\n" for name, text in names.items()})
    settings = ScoringSettings(
        split="test", metrics=[metric], tokenisers=BleuTokenisers(**tokenisers)
    )
    return score_outputs(folder, [pair], settings)[0]


@pytest.mark.parametrize("code", ["zh", "cmn", "zho", "zho_Hans", "cmn_Hans"])
def test_chinese_is_scored_like_sacrebleus_own_l(tmp_path: Path, code: str) -> None:
    found = score(tmp_path, f"en-{code}", "bleu")
    expected = BLEU(trg_lang="zh").corpus_score([HYPOTHESIS], [[REFERENCE]]).score
    assert found.score == pytest.approx(expected)
    assert expected > 50
    assert "|tok:zh|" in found.signature


def test_tokenised_bleu_counts_the_same_words(tmp_path: Path) -> None:
    found = score(tmp_path, "en-zh", "tokenised_bleu")
    expected = BLEU(tokenize="zh", smooth_method="none").corpus_score([HYPOTHESIS], [[REFERENCE]])
    assert found.score == pytest.approx(expected.score)
    assert found.score > 50
    assert "|tok:zh|" in found.signature
    assert found.signature.endswith("words of sacreBLEU's zh")


def test_a_tokeniser_for_all_or_for_one_language(tmp_path: Path) -> None:
    for tokenisers in ({"tokeniser": "char"}, {"exceptions": {"zh": "char"}}):
        assert "|tok:char|" in score(tmp_path, "en-zh", "bleu", **tokenisers).signature
    assert "|tok:zh|" in score(tmp_path, "en-zh", "bleu", exceptions={"de": "char"}).signature


def test_auto_is_sacrebleus_map() -> None:
    assert BLEU._TOKENIZER_MAP == BY_LANGUAGE
    codes = {"jpn": "ja-mecab", "kor_Hang": "ko-mecab", "deu": "13a", "xx_new": "13a"}
    assert {code: BleuTokenisers().of(f"en-{code}") for code in codes} == codes


def test_the_papers_languages_stay_13a() -> None:
    schema = PROJECT / "config/schemas/languages.schema.yaml"
    for dataset in ("ec30", "iwslt14"):
        languages = read_languages(PROJECT / f"config/{dataset}/languages.tsv", schema, "en")
        assert {BleuTokenisers().of(f"en-{code}") for code in languages} == {"13a"}


@pytest.mark.parametrize(
    ("tokeniser", "module", "extra"),
    [("ja-mecab", "MeCab", "ja"), ("ko-mecab", "mecab_ko", "ko")],
)
def test_a_missing_mecab_is_named_with_its_package(tokeniser: str, module: str, extra: str) -> None:
    if importlib.util.find_spec(module):
        pytest.skip(f"{module} is installed")
    with pytest.raises(InputError, match=rf"sacrebleu\[{extra}\].*or choose another one") as error:
        check_tokenisers(["13a", tokeniser])
    assert "\n" not in str(error.value)


def test_a_model_that_cannot_be_downloaded_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(tokenizer_spm, "SACREBLEU_DIR", str(tmp_path))
    with pytest.raises(InputError, match=r"flores200 cannot be used .*no network.*once with net"):
        check_tokenisers(["flores200"])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["13b"], "give one of auto, 13a"),
        (["13a", "intl"], "give one of"),
        (["zh=nothing"], "give one of"),
        (["ko=char"], "no direction is into ko, only into en, zh"),
    ],
)
def test_wrong_options_are_named(names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=f"--bleu-tokeniser .*: {message}"):
        find_tokenisers(names, ["en-zh", "zh-en"])


def test_options_by_language() -> None:
    tokenisers = find_tokenisers(["intl", "zh=char"], ["en-zh", "zh-en"])
    assert [tokenisers.of(pair) for pair in ("en-zh", "zh-en")] == ["char", "intl"]


def test_other_languages_without_blanks_are_warned_of() -> None:
    (warning,) = BleuTokenisers().warnings(["en-tha", "en-de", "th-en"])
    assert "into tha" in warning
    assert "flores200" in warning
    assert not list(BleuTokenisers(tokeniser="char").warnings(f"en-{c}" for c in UNSEPARATED))
