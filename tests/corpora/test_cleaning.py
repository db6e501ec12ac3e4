"""Counting words of all scripts, and warnings about what cleaning drops."""

from pathlib import Path

import pytest

from neuron_specialization.corpora.cleaning import Cleaning
from neuron_specialization.corpora.words import count_words
from neuron_specialization.errors import InputError
from tests.corpora.preparing import TEXT, TSV, fill, prepare, report, warnings

COUNTS = {
    "one two  three": 3,
    "": 0,
    "Это три слова": 3,
    "می\u200cخواهم بروم": 2,
    "这是一个测试句子。": 5,
    "这 是 一个 测试 句子 。": 5,  # already segmented
    "我用GitHub和iPhone。": 4,
    "これはテストです。": 2,
    "ขอบคุณมากสำหรับความช่วยเหลือ": 5,
    "好": 1,
}


@pytest.mark.parametrize("text", COUNTS)
def test_words_of_scripts_with_and_without_blanks(text: str) -> None:
    assert count_words(text) == COUNTS[text]


CHINESE = [
    ("I would like to visit the Great Wall next year.", "我想明年去参观长城。"),
    ("The meeting was cancelled because of the heavy rain.", "会议因大雨取消了。"),
    ("She has been learning Chinese for three years.", "她学中文已经三年了。"),
    ("Where can I buy a ticket for the train to Beijing?", "我在哪里可以买到去北京的火车票？"),
]


def test_chinese_is_not_dropped_for_its_lack_of_blanks(tmp_path: Path) -> None:
    lines = "".join(f"{english}\t{chinese}\n" for english, chinese in CHINESE)
    fill(tmp_path, {"en-zh.tsv": lines + "Yes.\t" + "这是一个很长的句子，和英文没有关系。" * 3})
    cleaning = Cleaning(max_words=175, max_ratio=3, drop_duplicates=True)
    files = prepare(tmp_path, [TSV], max_pairs={"zh": None}, cleaning=cleaning)
    counts = report(files)["train", "en-zh"]
    assert (counts["kept"], counts["ratio"]) == (4, 1)


def test_a_rule_that_drops_much_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cleaning = Cleaning(max_words=9, max_ratio=2, drop_duplicates=False)
    fill(tmp_path, {"en-de.tsv": 8 * "a\tb\n" + 2 * "a\tb c d\n" + "a\t\n"})
    warning = (
        "the rule ratio drops 2 of 11 (18.2 %) lines (see corpora.cleaning.max_ratio; are the "
        "files aligned line by line?)"
    )
    assert warnings(prepare(tmp_path, [TSV], cleaning=cleaning)) == [warning]
    assert f"warning: split 'train', pair 'en-de': {warning}\n" in capsys.readouterr().err


def test_text_in_another_encoding_is_an_error_unless_allowed(tmp_path: Path) -> None:
    german = "".join(f"Ma\xdf {n}\n" if n < 2 else f"Satz {n}\n" for n in range(100))
    english = "".join(f"line {n}\n" for n in range(100))
    fill(tmp_path, {"en-de.en": english, "en-de.de": german.encode("latin-1")})
    cleaning = Cleaning(max_words=9, max_ratio=2, drop_duplicates=False)
    with pytest.raises(InputError, match=r"2 of 100 \(2\.0 %\) lines are not UTF-8; .*max_invalid"):
        prepare(tmp_path, [TEXT], cleaning=cleaning)
    allowed = Cleaning(max_words=9, max_ratio=2, drop_duplicates=False, max_invalid_utf8=0.02)
    files = prepare(tmp_path, [TEXT], cleaning=allowed)
    assert report(files)["train", "en-de"]["invalid_utf8"] == 2
