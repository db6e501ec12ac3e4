"""Scores of small corpora and of the released outputs, and errors for unusable files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.layout import read_sentences
from neuron_specialization.evaluation.metrics import corpus_score, make_metric
from neuron_specialization.evaluation.outputs import copy_direction
from neuron_specialization.evaluation.scoring import (
    NOTE,
    SCORE_COLUMNS,
    SENTENCE_COLUMNS,
    ScoringSettings,
    corpus_table,
    read_scores,
    score_outputs,
    score_texts,
    sentence_table,
    write_scores,
)
from tests.corpora.preparing import fill
from tests.evaluation.released import (
    PUBLISHED,
    RELEASED_PAIRS,
    needs_outputs,
    released_scores,
    write_finished,
)

CAT = "The cat sat on the mat."


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
    score = score_texts("en-de", "bleu", hypotheses, references)
    assert score.score == pytest.approx(bleu, abs=1e-6)
    if chrf is not None:
        score = score_texts("en-de", "chrf", hypotheses, references)
        assert score.score == pytest.approx(chrf, abs=1e-6)


@pytest.mark.parametrize(
    ("metric", "signature"),
    [
        ("bleu", "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:"),
        ("chrf", "nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:"),
        ("tokenised_bleu", "nrefs:1|case:mixed|eff:no|tok:none|smooth:none|version:"),
    ],
)
def test_signatures_name_the_papers_settings(metric, signature):
    score = score_texts("en-de", metric, [CAT], [CAT])
    assert score.signature.startswith(signature)


def write_pair(folder, pair, hypotheses, references):
    texts = {"test-sys.txt": hypotheses, "test-ref.txt": references, "test-src.txt": references}
    fill(folder / pair, {name: "\n".join([*lines, ""]) for name, lines in texts.items()})


def settings(*metrics, **more):
    return ScoringSettings(split="test", metrics=metrics, **more)


def test_a_system_is_one_row_per_pair_and_metric(tmp_path):
    write_pair(tmp_path, "en-nl", [CAT, CAT], [CAT, CAT])
    write_pair(tmp_path, "en-de", [CAT, ""], [CAT, CAT])
    directions = ["en-nl", "de-en", "en-de"]  # de-en is missing
    frame = corpus_table(score_outputs(tmp_path, directions, settings("bleu", "chrf")))
    assert tuple(frame.columns) == (*SCORE_COLUMNS, NOTE)
    assert list(zip(frame["pair"], frame["metric"], strict=True)) == [
        ("en-nl", "bleu"),
        ("en-nl", "chrf"),
        ("en-de", "bleu"),
        ("en-de", "chrf"),
    ]
    assert frame["score"].tolist() == pytest.approx([100.0, 100.0, 36.787944, 55.555556])
    assert frame["sentences"].tolist() == [2, 2, 2, 2]
    assert frame["signature"].str.startswith("nrefs:1|").all()
    assert frame[NOTE].eq("").all()


def test_two_processes_score_like_one(tmp_path):
    write_pair(tmp_path, "en-nl", [CAT, "x"], [CAT, CAT])
    write_pair(tmp_path, "en-de", [CAT, ""], [CAT, CAT])
    tables = [
        sentence_table(score_outputs(tmp_path, ["en-de", "en-nl"], settings("bleu"), processes))
        for processes in (1, 2)
    ]
    pd.testing.assert_frame_equal(*tables)


def test_corpus_scores_are_computed_from_the_stored_statistics(tmp_path):
    hypotheses = ["The cat sat on a mat.", "", "Dogs bark at cats.", "It rains."]
    references = [CAT, CAT, "Dogs bark at the cats.", "It rains."]
    write_pair(tmp_path, "en-de", hypotheses, references)
    scores = score_outputs(tmp_path, ["en-de"], settings("bleu", "chrf"))
    write_scores(scores, sentences=tmp_path / "s.parquet", corpus=tmp_path / "s.csv")
    sentences = pd.read_parquet(tmp_path / "s.parquet")
    assert tuple(sentences.columns) == SENTENCE_COLUMNS
    corpus = read_scores(tmp_path / "s.csv").set_index("metric")["score"]
    for name, metric in (("bleu", BLEU(tokenize="13a")), ("chrf", CHRF(word_order=2))):
        expected = metric.corpus_score(hypotheses, [references]).score
        assert corpus[name] == expected  # to the last bit, through a file
        rows = sentences[sentences["metric"] == name]
        assert rows["sentence"].tolist() == [0, 1, 2, 3]
        kept = np.stack(list(rows["statistics"]))
        assert corpus_score(make_metric(name), kept) == expected
    effective = BLEU(tokenize="13a", effective_order=True)
    assert sentences.query("metric == 'bleu'")["score"].tolist() == [
        effective.sentence_score(hypothesis, [reference]).score
        for hypothesis, reference in zip(hypotheses, references, strict=True)
    ]


def test_raw_references_are_a_separate_metric(tmp_path):
    write_pair(tmp_path, "en-de", [CAT], ["The cat sat on the rug."])
    fill(tmp_path / "en-de", {"test-raw.txt": f"{CAT}\n"})
    write_pair(tmp_path, "de-en", [CAT], [CAT])
    chosen = settings("bleu", "bleu_raw")
    frame = corpus_table(score_outputs(tmp_path, ["en-de", "de-en"], chosen))
    rows = list(zip(frame["pair"], frame["metric"], strict=True))
    assert rows == [("en-de", "bleu"), ("en-de", "bleu_raw"), ("de-en", "bleu")]
    assert frame["score"].tolist() == pytest.approx([64.345888, 100, 100])  # 6/7, 4/6, 3/5, 2/4


def test_tokenised_bleu_counts_words_of_the_corpus_or_of_sacremoses(tmp_path):
    write_pair(tmp_path, "en-de", ["Ja-ja, gut."], ["Ja-ja, gut."])
    ours, words = "Ja @-@ ja , gut .\n", "Ja @-@ ja , sehr gut .\n"
    fill(tmp_path / "en-de", {"test-sys.words.txt": ours, "test-ref.words.txt": words})
    write_pair(tmp_path, "en-nl", ["Ja, goed."], ["Ja, heel goed."])
    directions = ["en-de", "en-nl"]
    own = corpus_table(score_outputs(tmp_path, directions, settings("tokenised_bleu")))
    plain = BLEU(tokenize="none", smooth_method="none", force=True)
    expected = [
        plain.corpus_score([ours], [[words]]).score,
        plain.corpus_score(["Ja , goed ."], [["Ja , heel goed ."]]).score,
    ]
    assert own["score"].tolist() == expected
    assert own["signature"].str.contains("fairseq, words of the corpus").tolist() == [True, False]
    assert own["signature"].str.contains("words of sacremoses 0.2.0").tolist() == [False, True]


def test_finished_scores_are_used_without_text(tmp_path):
    row = {"bleu": "31.6", "chrfpp": "57.3", "comet": "0.8274"}
    write_finished(tmp_path / "en-de", row)
    write_finished(tmp_path / "de-en", row)
    write_pair(tmp_path, "de-en", [CAT], [CAT])
    scores = score_outputs(tmp_path, ["en-de", "de-en"], settings("bleu", "chrf"))
    frame = corpus_table(scores)
    assert frame["score"].tolist() == pytest.approx([31.6, 57.3, 100, 100])
    assert frame["sentences"].tolist() == [0, 0, 1, 1]
    assert frame[NOTE].tolist() == [
        "finished score of test_detok_bleu.txt",
        "finished score of test_detok_chrfpp.txt",
        "test_detok_bleu.txt has 31.6",
        "test_detok_chrfpp.txt has 57.3",
    ]
    assert set(sentence_table(scores)["pair"]) == {"de-en"}


def test_scores_survive_their_file(tmp_path):
    write_finished(tmp_path / "en-de", {"bleu": "31.6", "chrfpp": "57.3", "comet": "0.8274"})
    scores = score_outputs(tmp_path, ["en-de"], settings("bleu"))
    write_scores(scores, sentences=tmp_path / "s.parquet", corpus=tmp_path / "s.csv")
    pd.testing.assert_frame_equal(read_scores(tmp_path / "s.csv"), corpus_table(scores))
    assert pd.read_parquet(tmp_path / "s.parquet").empty


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
    assert read_sentences(fill(tmp_path, {"text": content}) / "text") == sentences


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"text: cannot be read \(No such file"),
        (b"", r"text: the file is empty"),
        (b"good\nalso\nb\xffd\n", r"text, line 3: byte 0xff is not valid UTF-8"),
    ],
)
def test_unusable_files_are_named(tmp_path, content, message):
    fill(tmp_path, {} if content is None else {"text": content})
    with pytest.raises(InputError, match=message):
        read_sentences(tmp_path / "text")


@pytest.mark.parametrize(
    ("hypotheses", "references", "message"),
    [([CAT], [CAT, CAT], "1 hypotheses but 2 references"), ([], [], "no sentences")],
)
def test_unusable_requests(hypotheses, references, message):
    with pytest.raises(InputError, match=message):
        score_texts("en-de", "bleu", hypotheses, references)


def test_unusable_system_requests(tmp_path):
    write_pair(tmp_path, "en-de", [CAT], [CAT])
    with pytest.raises(InputError, match="unknown metric 'blue': allowed are bleu, chrf"):
        score_outputs(tmp_path, ["en-de"], settings("blue"))
    with pytest.raises(InputError, match="no outputs of en-nl, nl-en"):
        score_outputs(tmp_path, ["en-nl", "nl-en"], settings("bleu"))


@needs_outputs
@pytest.mark.parametrize("pair", RELEASED_PAIRS)
def test_released_logs_score_as_published(pair, tmp_path):
    copy_direction(PUBLISHED, "test", {}, tmp_path, pair)
    chosen = settings("bleu", "chrf", "tokenised_bleu")
    bleu, chrf, tokenised = score_outputs(tmp_path, [pair], chosen)
    rows = [row for row in released_scores() if row["system"] == "mT-big"]
    (row,) = (row for row in rows if row["direction"] == pair)
    assert f"{bleu.score:.1f}" == row["bleu"]
    assert f"{chrf.score:.1f}" == row["chrfpp"]
    assert not bleu.note
    assert not chrf.note  # the authors' files agree
    footer = (PUBLISHED / pair / "generate-test.txt").read_text("utf-8").splitlines()[-1]
    assert f"BLEU4 = {tokenised.score:.2f}," in footer
    if pair == "en-de":
        assert [bleu.score, chrf.score] == pytest.approx([31.6337, 57.2819], abs=5e-5)


def test_scores_that_are_cut_off_or_infinite_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    scores = [score_texts("en-de", "bleu", ["a b c d"], ["a b c d"])]
    write_scores(scores, sentences=tmp_path / "s.parquet", corpus=path)
    text = path.read_text(encoding="utf-8")
    assert len(read_scores(path)) == 1
    path.write_text(text[:-3])
    with pytest.raises(InputError, match=r"scores\.csv: .*cut off"):
        read_scores(path)
    path.write_text(text.replace(str(read_score(text)), "inf", 1))
    with pytest.raises(InputError, match=r"scores\.csv: .*infinite"):
        read_scores(path)


def read_score(text: str) -> str:
    """Return the text of the only score of a table."""
    header, line = text.splitlines()[:2]
    return line.split(",")[header.split(",").index("score")]


def test_a_direction_of_another_length_has_a_note(tmp_path):
    for pair, number in (("en-nl", 3), ("en-de", 3), ("de-en", 2)):
        write_pair(tmp_path, pair, [CAT] * number, [CAT] * number)
    scores = score_outputs(tmp_path, ["en-nl", "en-de", "de-en"], settings("bleu"))
    assert [score.note for score in scores] == ["", "", "2 sentences, most directions have 3"]
    fill(tmp_path / "en-de", {"test-note.txt": "cut\n"})
    assert score_outputs(tmp_path, ["en-de"], settings("bleu"))[0].note == "cut"
