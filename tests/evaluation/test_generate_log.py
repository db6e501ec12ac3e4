"""Logs of fairseq-generate, including forms that the released ones lack."""

from pathlib import Path

import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.generate_log import GenerateLog, read_generate_log
from tests.corpora.preparing import fill

LOG = """\
2024-01-01 | INFO | loading model
S-7\t__en__ Seven .
T-7\tSieben <<unk>> .
H-7\t-0.5\tSieben .
D-7\t-0.5\tSieben .
P-7\t-0.1 -0.2 -0.3
S-0\t__en__ Zero __de__ .
T-0\tNull\teins .
H-0\t-0.25\tNull\tzwei .
D-0\t-0.25\tNull\tzwei .
P-0\t-0.1
S-3\t__zho_Hans__ Three
T-3\tDrei
H-3\t-inf\t
D-3\t-inf\t
Generate test with beam=5: BLEU4 = 1.00, 1/1/1/1 (BP=1.000, ratio=1.000, syslen=1, reflen=1)
"""


def read(folder: Path, text: str | bytes) -> GenerateLog:
    return read_generate_log(fill(folder, {"generate-test.txt": text}) / "generate-test.txt")


def test_sentences_are_sorted_and_may_have_gaps(tmp_path: Path) -> None:
    log = read(tmp_path, LOG)
    assert log.numbers == [0, 3, 7]
    assert log.sources == ["Zero __de__ .", "Three", "Seven ."]  # only the leading tag is removed
    assert log.references == [
        "Null\teins .",
        "Drei",
        "Sieben <<unk>> .",
    ]  # a tab is part of the text
    assert log.hypotheses == ["Null\tzwei .", "", "Sieben ."]  # an empty hypothesis counts


SENTENCES = {
    "sentence pieces": (
        "S-0\t__de__ ▁Gu ten ▁Tag ▁.\nT-0\t▁Good ▁day ▁.\nH-0\t-0.1\t▁Go od ▁day ▁.\n",
        ("Guten Tag .", "Good day .", "Good day ."),
    ),
    "separators other than line ends": (
        "S-0\ta\u2028b\x85c\nT-0\td\x0be\nH-0\t-1\tf\u2029g\n",
        ("a\u2028b\x85c", "d\x0be", "f\u2029g"),
    ),
    "Windows line ends": ("S-0\ta\r\nT-0\tb\r\nH-0\t-1\tc\r\n", ("a", "b", "c")),
}


@pytest.mark.parametrize(("text", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_sentences_as_they_were_written(
    tmp_path: Path, text: str, sentence: tuple[str, str, str]
) -> None:
    log = read(tmp_path, text)
    assert (*log.sources, *log.references, *log.hypotheses) == sentence


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("T-3\tDrei\n", "T-7\tDrei\n", r"line 13: a second reference of sentence 7 \(T-7\)"),
        ("H-3\t-inf\t\n", "H-0\t-9\tx\n", r"line 14: a second hypothesis of sentence 0 \(H-0\)"),
        ("T-3\tDrei\n", "", r"line 13: sentence 3 has no reference \(T-3\)"),
        ("H-7\t-0.5\tSieben .\n", "", r"line 3: sentence 7 has no hypothesis"),
        ("S-0\t__en__ Zero __de__ .\n", "", r"sentence 0 has no source"),
        ("H-3\t-inf\t\n", "H-3\t-inf\n", r"line 14: H-3 has 2 fields .* must have 3"),
        ("T-3\tDrei\n", "T-3\n", r"line 13: T-3 has 1 fields .* must have 2"),
    ],
)
def test_a_bad_log_is_named_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in LOG
    with pytest.raises(InputError, match=rf"generate-test\.txt, {message}|{message}"):
        read(tmp_path, LOG.replace(old, new))


def test_a_log_without_sentences(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"generate-test\.txt: no line of a source"):
        read(tmp_path, "2024-01-01 | INFO | loading model\n")


def test_invalid_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"generate-test\.txt, line 2: byte 0xff"):
        read(tmp_path, b"S-0\ta\nT-0\tb\xff\n")


def test_a_log_cut_short_is_refused_and_doubtful_ones_have_a_note(tmp_path: Path) -> None:
    lines = LOG.splitlines(keepends=True)
    uncut = "".join(lines).replace("-7", "-1").replace("-3\t", "-2\t")
    assert read(tmp_path, uncut).note == ""
    assert "3 of at least 8 sentences" in read(tmp_path, LOG).note
    without_end = "".join(uncut.splitlines(keepends=True)[:-1])
    assert "may be cut short" in read(tmp_path, without_end).note
    with pytest.raises(InputError, match=r"cut short, it has 3 of at least 8 sentences"):
        read(tmp_path, "".join(lines[:-1]))
    with_date = without_end + "2024-01-01 10:00:00 | INFO | fairseq_cli.generate | "
    assert read(tmp_path, f"{with_date}Generate valid with beam=4: BLEU4 = 1\n").note == ""
