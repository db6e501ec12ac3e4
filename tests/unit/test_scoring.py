"""Scores of small corpora, of the released outputs, and what unusable files lead to."""

from pathlib import Path

import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.scoring import (
    SCORE_COLUMNS,
    read_sentences,
    score_direction,
    score_system,
)
from tests.conftest import DATA

PUBLISHED = DATA.parent / "published" / "mT-big"

CAT = "The cat sat on the mat."


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("hypotheses", "references", "bleu", "chrf"),
    [
        ([CAT], [CAT], 100.0, 100.0),
        ([CAT, CAT], [CAT, CAT], 100.0, 100.0),
        (["xyz"], [CAT], 0.0, 0.0),
        ([""], [CAT], 0.0, 0.0),
        # half the words, all of them right: BLEU is its brevity penalty, exp(1 - 14 / 7)
        ([CAT, ""], [CAT, CAT], 36.787944, 55.555556),
        # 13a makes the full stop a token: precisions 6/7, 4/6, 2/5, 1/4 and no brevity penalty
        (["The cat sat on a mat."], [CAT], 48.892302, None),
        # case counts: 6/7, 5/6, 4/5, 3/4
        (["the cat sat on the mat."], [CAT], 80.910671, None),
    ],
)
def test_scores_of_small_corpora(hypotheses, references, bleu, chrf):
    scores = score_direction(hypotheses, references, ["bleu", "chrf"])
    assert [score.metric for score in scores] == ["bleu", "chrf"]
    assert scores[0].score == pytest.approx(bleu, abs=1e-6)
    if chrf is not None:
        assert scores[1].score == pytest.approx(chrf, abs=1e-6)


def test_signatures_name_the_papers_settings():
    bleu, chrf = score_direction([CAT], [CAT], ["bleu", "chrf"])
    assert bleu.signature.startswith("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
    assert chrf.signature.startswith("nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:")


def test_metrics_are_scored_in_the_order_asked_for():
    scores = score_direction([CAT], [CAT], ["chrf", "bleu"])
    assert [score.metric for score in scores] == ["chrf", "bleu"]
    assert score_direction([CAT], [CAT], []) == []


def test_a_system_is_one_row_per_pair_and_metric(tmp_path):
    good, poor = write(tmp_path / "good", f"{CAT}\n{CAT}\n"), write(tmp_path / "poor", f"{CAT}\n\n")
    frame = score_system(
        {"en-nl": good, "en-de": poor}, {"en-de": good, "en-nl": good, "de-en": tmp_path / "none"}
    )
    assert tuple(frame.columns) == SCORE_COLUMNS
    assert list(zip(frame["pair"], frame["metric"], strict=True)) == [
        ("en-nl", "bleu"),
        ("en-nl", "chrf"),
        ("en-de", "bleu"),
        ("en-de", "chrf"),
    ]
    assert frame["score"].tolist() == pytest.approx([100.0, 100.0, 36.787944, 55.555556])
    assert frame["sentences"].tolist() == [2, 2, 2, 2]
    assert frame["signature"].str.startswith("nrefs:1|").all()


@pytest.mark.parametrize(
    ("content", "sentences"),
    [
        ("a\nb\n", ["a", "b"]),
        ("a\nb", ["a", "b"]),
        ("\n", [""]),
        ("a\n\n", ["a", ""]),
        ("a\u2028b\x85c\x0bd\re\nf\n", ["a\u2028b\x85c\x0bd\re", "f"]),
    ],
)
def test_lines_end_at_newlines_only(tmp_path, content, sentences):
    assert read_sentences(write(tmp_path / "text", content)) == sentences


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"text: cannot be read \(No such file"),
        (b"", r"text: the file is empty"),
        (b"good\nalso\nb\xffd\n", r"text, line 3: byte 0xff is not valid UTF-8"),
    ],
)
def test_unusable_files_are_named(tmp_path, content, message):
    path = tmp_path / "text"
    if content is not None:
        write(path, content)
    with pytest.raises(InputError, match=message):
        score_system({"en-de": path}, {"en-de": write(tmp_path / "reference", CAT)})


def test_files_of_different_length_are_named_with_their_lengths(tmp_path):
    hypotheses = write(tmp_path / "hypotheses", "a\nb\nc\n")
    references = write(tmp_path / "references", "a\nb\n")
    with pytest.raises(InputError, match=r"hypotheses has 3 lines but .*references has 2"):
        score_system({"en-de": hypotheses}, {"en-de": references})


@pytest.mark.parametrize(
    ("hypotheses", "references", "metrics", "message"),
    [
        ([CAT], [CAT, CAT], ["bleu"], "1 hypotheses but 2 references"),
        ([], [], ["bleu"], "no sentences"),
        ([CAT], [CAT], ["bleu", "blue"], "unknown metric 'blue': allowed are bleu, chrf"),
    ],
)
def test_unusable_requests(hypotheses, references, metrics, message):
    with pytest.raises(InputError, match=message):
        score_direction(hypotheses, references, metrics)


def test_unusable_system_requests(tmp_path):
    path = write(tmp_path / "text", CAT)
    with pytest.raises(InputError, match="no reference file for de-en, en-nl"):
        score_system({"en-de": path, "en-nl": path, "de-en": path}, {"en-de": path})
    with pytest.raises(InputError, match="unknown metric 'blue'"):
        score_system({"en-de": path}, {"en-de": path}, ["blue"])
    with pytest.raises(InputError, match="no translations to score"):
        score_system({}, {"en-de": path})


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the paper's released outputs are not here")
def test_released_outputs_score_as_published():
    folder = PUBLISHED / "en-de"
    frame = score_system({"en-de": folder / "test-sys.txt"}, {"en-de": folder / "test-ref.txt"})
    assert frame["score"].tolist() == pytest.approx([31.6337, 57.2819], abs=5e-5)
    assert frame["sentences"].tolist() == [2009, 2009]
