"""Conversion of outputs: text, words, raw references, finished scores."""

import json
import re
from pathlib import Path

import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.comet_scores import CometSettings
from neuron_specialization.evaluation.comet_system import score_comet
from neuron_specialization.evaluation.finished_scores import read_finished_scores
from neuron_specialization.evaluation.moses import detokenise, rules_of, tokenise
from neuron_specialization.evaluation.outputs import (
    Corpus,
    copy_direction,
    find_missing,
    postprocess_direction,
    read_outputs,
    read_raw_references,
)
from neuron_specialization.settings.languages import two_letter_code
from tests.corpora.fetching_helpers import tree
from tests.corpora.preparing import fill
from tests.evaluation.released import PUBLISHED, RELEASED_PAIRS, needs_outputs, released_scores

LOG = """\
S-4\t__en__ It &apos;s four @-@ fold .
T-4\tEs ist vier @-@ fach ( <<unk>> ) .
H-4\t-0.5\tEs ist vier @-@ fach .
S-1\t__en__ One .
T-1\tEins .
H-1\t-0.5\t
Generate test with beam=5: BLEU4 = 1.00
"""
LAST = "Generate test with beam=5: BLEU4 = 1.00\n"


@needs_outputs
@pytest.mark.parametrize("pair", RELEASED_PAIRS)
def test_released_logs_give_the_released_text_line_for_line(pair: str, tmp_path: Path) -> None:
    copy_direction(PUBLISHED, "test", {}, tmp_path, pair)
    for name in ("test-src.txt", "test-ref.txt", "test-sys.txt"):
        assert (tmp_path / pair / name).read_bytes() == (PUBLISHED / pair / name).read_bytes()
        assert (tmp_path / pair / name).read_text("utf-8").count("\n") == 2009


def test_a_log_becomes_detokenised_text_and_keeps_its_words(tmp_path: Path) -> None:
    fill(tmp_path / "in/en-de", {"generate-test.txt": LOG})
    copy_direction(tmp_path / "in", "test", {}, tmp_path / "out", "en-de")
    found = read_outputs(tmp_path / "out/en-de", "test")
    assert found.sources == ["One.", "It's four-fold."]
    assert found.references == ["Eins.", "Es ist vier-fach (<<unk>>)."]
    assert found.hypotheses == ["", "Es ist vier-fach."]
    assert found.hypothesis_words == ["", "Es ist vier @-@ fach ."]
    assert found.reference_words == ["Eins .", "Es ist vier @-@ fach ( <<unk>> ) ."]


def test_raw_references_are_chosen_by_sentence_number(tmp_path: Path) -> None:
    fill(tmp_path / "in/en-de", {"generate-test.txt": LOG})
    flores = fill(tmp_path, {"de.txt": "".join(f"Satz {n}.\n" for n in range(6))}) / "de.txt"
    copy_direction(tmp_path / "in", "test", {"en-de": flores, "en": flores}, tmp_path, "en-de")
    assert read_raw_references(tmp_path / "en-de", "test") == ["Satz 1.", "Satz 4."]


@pytest.mark.parametrize(
    ("texts", "lines", "message"),
    [
        ({"generate-test.txt": LOG}, 4, "4 lines, but en-de has sentence number 4"),
        (dict.fromkeys(["test-sys.txt", "test-ref.txt"], "a\nb\n"), 3, "3 lines, .* 2 sentences"),
    ],
)
def test_raw_references_of_another_corpus(
    tmp_path: Path, texts: dict[str, str], lines: int, message: str
) -> None:
    fill(tmp_path / "in/en-de", texts)
    flores = fill(tmp_path, {"de.txt": "Satz.\n" * lines}) / "de.txt"
    with pytest.raises(InputError, match=rf"de\.txt has {message}"):
        copy_direction(tmp_path / "in", "test", {"en-de": flores}, tmp_path / "out", "en-de")


def test_plain_text_stays_as_it_is(tmp_path: Path) -> None:
    texts = {"src": "a .\nb\n", "ref": "c &amp;\n\n", "sys": "d\te\n__x__ f\n"}
    fill(tmp_path / "in/en-de", {f"test-{name}.txt": text for name, text in texts.items()})
    copy_direction(tmp_path / "in", "test", {}, tmp_path / "out", "en-de")
    assert tree(tmp_path / "out") == tree(tmp_path / "in")
    assert read_outputs(tmp_path / "out/en-de", "test").hypothesis_words is None


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"ref": "a\nb\nc\n", "sys": "a\nb\n"},
            r"test-ref\.txt has 3 lines but .*test-sys\.txt has 2: .* no line 3",
        ),
        ({"src": "a\n", "ref": "a\nb\n", "sys": "a\nb\n"}, r"test-src\.txt has 1 lines .* line 2"),
        ({"sys": "a\n"}, r"test-ref\.txt: no such file, but there is test-sys\.txt"),
        ({"ref": "a\n", "src": "a\n"}, r"test-sys\.txt: no such file"),
        ({"ref": "a\n", "sys": ""}, r"test-sys\.txt: the file is empty"),
    ],
)
def test_bad_text_is_named(tmp_path: Path, files: dict[str, str], message: str) -> None:
    fill(tmp_path / "en-de", {f"test-{name}.txt": text for name, text in files.items()})
    with pytest.raises(InputError, match=message):
        copy_direction(tmp_path, "test", {}, tmp_path / "out", "en-de")


def test_missing_directions_are_listed_unless_all_are_missing(tmp_path: Path) -> None:
    fill(tmp_path / "en-de", {"test_comet.txt": "x\tscore: 0.5\n"})
    (tmp_path / "en-nl").mkdir()
    assert find_missing(tmp_path, ["en-de", "en-nl", "de-en"], "test") == ["en-nl", "de-en"]
    with pytest.raises(InputError, match=r"no folder of a direction has outputs of valid"):
        find_missing(tmp_path, ["en-de"], "valid")
    with pytest.raises(InputError, match=r"nowhere: no such folder"):
        find_missing(tmp_path / "nowhere", ["en-de"], "test")


@pytest.mark.parametrize("moses", [False, True])
@pytest.mark.parametrize("pair", ["en-de", "de-en"])
def test_own_translations_meet_the_two_sides_of_their_pair(
    tmp_path: Path, pair: str, moses: bool
) -> None:
    corpora = {"test.en-de.en": "Good day .\nYes .\n", "test.en-de.de": "Guten Tag .\nJa .\n"}
    fill(tmp_path / "corpora", corpora)
    fill(tmp_path / "translations", {f"{pair}.txt": "x .\n\n"})
    corpus = Corpus(folder=tmp_path / "corpora", split="test", moses=moses)
    postprocess_direction(tmp_path / "translations", corpus, {}, tmp_path / "out", pair)
    found = read_outputs(tmp_path / "out" / pair, "test")
    english, german = ["Good day .", "Yes ."], ["Guten Tag .", "Ja ."]
    source, target = (english, german) if pair == "en-de" else (german, english)
    if moses:
        assert found.reference_words == target
        source, target = ([line.replace(" .", ".") for line in text] for text in (source, target))
        assert found.hypotheses == ["x.", ""]
    else:
        assert found.reference_words is None
        assert found.hypotheses == ["x .", ""]
    assert (found.sources, found.references) == (source, target)


@needs_outputs
def test_the_authors_score_files_are_read() -> None:
    rows = {r["direction"]: r for r in released_scores() if r["system"] == "mT-big"}
    for pair in RELEASED_PAIRS:
        found = read_finished_scores(PUBLISHED / pair, "test")
        assert found["bleu"].score == float(rows[pair]["bleu"])
        assert found["chrf"].score == float(rows[pair]["chrfpp"])
        assert found["comet"].score == pytest.approx(100 * float(rows[pair]["comet"]), abs=1e-9)
        assert found["bleu"].signature.endswith("tok:13a|smooth:exp|version:2.3.1")


def test_finished_scores_agree_at_the_digits_they_have(tmp_path: Path) -> None:
    bleu, comet = '{"score": 31.6, "signature": "s"}', "a b/test-sys.txt\tscore: 0.8274\n"
    fill(tmp_path, {"test_detok_bleu.txt": bleu, "test_comet.txt": comet})
    found = read_finished_scores(tmp_path, "test")
    assert found["bleu"].agrees_with(31.6337)
    assert not found["bleu"].agrees_with(31.66)
    assert found["comet"].decimals == 2
    assert found["comet"].agrees_with(82.7449)
    assert not found["comet"].agrees_with(82.73)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("test_detok_bleu.txt", "BLEU = 31.6", r"test_detok_bleu\.txt: not a score of sacreBLEU"),
        ("test_detok_bleu.txt", '{"score": 3}', r"test_detok_bleu\.txt: .*signature"),
        ("test_detok_chrfpp.txt", "[]", r"test_detok_chrfpp\.txt: not a score"),
        ("test_detok_bleu.txt", '{"score": "x", "signature": ""}', r"not a score of sacreBLEU"),
        ("test_comet.txt", "score 0.8", r"test_comet\.txt, line 1: 'score 0\.8' is not what"),
    ],
)
def test_bad_finished_scores_are_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    fill(tmp_path, {name: text})
    with pytest.raises(InputError, match=message):
        read_finished_scores(tmp_path, "test")


# Output of sacremoses 0.0.53, the paper's version; languages without specific rules (lb, oc, mt)
# get the default ones, which leave artefacts.
@pytest.mark.parametrize(
    ("language", "tokenised", "expected"),
    [
        ("de", "Er sagte : &quot; Ja &amp; nein . &quot;", 'Er sagte: "Ja & nein."'),
        ("fr", "L&apos; homme d' État ( oui ) !", "L'homme d'État (oui) !"),
        ("lb", "D' Jami ' ar , z @-@ B .", "D' Jami 'ar, z-B."),
        ("oc", "l ' escòla de l ' Universitat", "l 'escòla de l' Universitat"),
        ("mt", "l- iskola , il- ktieb .", "l- iskola, il- ktieb."),
        ("ti", "ሰላም ። ዓለም ?", "ሰላም ። ዓለም?"),
        ("kn", "ಪೆನ ್ ಸಿಲ ್ .", "ಪೆನ ್ ಸಿಲ ್."),
        ("en", "", ""),
    ],
)
def test_detokenisation_by_language(language: str, tokenised: str, expected: str) -> None:
    assert detokenise([tokenised], language) == [expected]


@pytest.mark.parametrize(
    ("code", "tokenised", "expected"),
    [
        ("eng", "It 's four .", "It's four."),
        ("fra_Latn", "L' homme !", "L'homme !"),
        ("cmn_Hans", "你 好 。", "你好。"),
    ],
)
def test_codes_of_other_standards_get_the_rules_of_their_language(
    code: str, tokenised: str, expected: str
) -> None:
    assert detokenise([tokenised], code) == [expected]
    assert tokenise([expected], code) == tokenise([expected], two_letter_code(code))


def test_the_rules_of_each_language_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    rules_of.cache_clear()
    for language in ("deu", "deu", "isl", "swh"):
        detokenise(["a"], language)
    assert caplog.messages == [
        "sacremoses: deu gets the rules for de",
        "sacremoses: isl gets the rules for is",
        "sacremoses: swh gets generic rules, none of its own",
    ]


def test_tokenisation_without_escapes() -> None:
    assert tokenise(["Er sagte: „Ja & nein“."], "de") == ['Er sagte : " Ja & nein " .']


def plain(hypotheses: list[str], references: list[str] | None = None) -> dict[str, str]:
    """Return the files of plain text."""
    texts = {"sys": hypotheses, "ref": references or ["Ein Satz."] * len(hypotheses)}
    return {f"test-{name}.txt": "\n".join([*text, ""]) for name, text in texts.items()}


@pytest.mark.parametrize(
    ("sentence", "mark"),
    [
        ("__de__ Ein Satz.", "a language tag in front"),
        (">>deu<< Ein Satz.", "a language tag in front"),
        ("Ein Satz. [de_DE]", "a language tag at the end"),
        ("Ein Sa@@ tz.", "subword units (@@)"),
        ("▁Ein ▁Sa tz .", "subword units (▁)"),
        ("Ein Sa ##tz .", "subword units (##)"),
        ("Ein @-@ Satz", "Moses's @-@"),
        ("Ein Satz.</s>", "</s>"),
    ],
)
@pytest.mark.parametrize("side", ["sys", "ref"])
def test_plain_text_with_foreign_marks_is_refused(
    tmp_path: Path, sentence: str, mark: str, side: str
) -> None:
    marked, clean = [sentence] * 9, ["Ein Satz."] * 9
    fill(tmp_path / "en-de", plain(*((marked, clean) if side == "sys" else (clean, marked))))
    message = rf"test-{side}\.txt, line 1: 100% of the lines have {re.escape(mark)}.*; "
    with pytest.raises(InputError, match=message):
        copy_direction(tmp_path, "test", {}, tmp_path / "out", "en-de")


@pytest.mark.parametrize(
    ("sources", "targets"),
    [
        ("__en__ It rains .", "__de__ Es regnet ."),
        ("[en_XX] It rains .", "[de_DE] Es regnet ."),
        ("It rains . [en_XX]", "Es regnet . [de_DE]"),
        ("▁It ▁rain s ▁. [en_XX]", "▁Es ▁regn et ▁. [de_DE]"),
        ("It rains . </s> [en_XX]", "</s> [de_DE] Es regnet . </s>"),
        ("__en__ __de__ It rains .", "Es regnet ."),
        ("__2en__ It rains .", "__2de__ Es regnet ."),
        ("It ra@@ ins .", "Es reg@@ net ."),
        ("It rains .", "Es regnet@@ ."),
    ],
)
def test_marks_of_logs_are_removed(tmp_path: Path, sources: str, targets: str) -> None:
    log = f"S-0\t{sources}\nT-0\t{targets}\nH-0\t-1\t{targets}\n{LAST}"
    fill(tmp_path / "in/en-de", {"generate-test.txt": log})
    copy_direction(tmp_path / "in", "test", {}, tmp_path / "out", "en-de")
    found = read_outputs(tmp_path / "out/en-de", "test")
    assert found.sources == ["It rains."]
    assert found.references == found.hypotheses == ["Es regnet."]


def log_of(*tags: str) -> str:
    """Return a complete log whose sources have tags."""
    lines = [f"S-{n}\t{tag} Zeile\nT-{n}\tLine\nH-{n}\t-1\tLine\n" for n, tag in enumerate(tags)]
    return "".join([*lines, LAST])


@pytest.mark.parametrize(("tag", "pair"), [("__de__", "en-de"), ("[fr_XX]", "de-en")])
def test_a_log_of_another_direction_is_refused(tmp_path: Path, tag: str, pair: str) -> None:
    fill(tmp_path / pair, {"generate-test.txt": log_of(tag, tag)})
    code = tag.strip("_[]")
    with pytest.raises(InputError, match=rf"sources have the tag of {code}, but the folder {pair}"):
        copy_direction(tmp_path, "test", {}, tmp_path / "out", pair)


def test_tags_of_other_standards_and_of_domains_are_accepted(tmp_path: Path) -> None:
    for number, tag in enumerate(("__deu_Latn__", "[de_DE]", "__opensubtitles__")):
        fill(tmp_path / "de-en", {"generate-test.txt": log_of(tag)})
        copy_direction(tmp_path, "test", {}, tmp_path / f"out{number}", "de-en")


def test_a_log_must_have_the_length_of_the_text_beside_it(tmp_path: Path) -> None:
    fill(tmp_path / "de-en", {"generate-test.txt": log_of("__de__"), **plain(["a", "b"])})
    with pytest.raises(InputError, match=r"generate-test\.txt has 1 sent.*test-sys\.txt\) has 2"):
        copy_direction(tmp_path, "test", {}, tmp_path / "out", "de-en")


def test_a_finished_comet_score_beside_a_doubtful_log_has_its_note(tmp_path: Path) -> None:
    gap = log_of("__de__", "__de__").replace("-1\t_", "-8\t_").replace("T-1", "T-8")
    files = {"generate-test.txt": gap.replace("H-1", "H-8"), "test_comet.txt": "x\tscore: 0.5\n"}
    fill(tmp_path / "de-en", files)
    copy_direction(tmp_path, "test", {}, tmp_path / "out", "de-en")
    settings = CometSettings(model="", batch_size=1, offline=True, device="cpu")
    (score,) = score_comet(tmp_path / "out", ["de-en"], "test", settings)
    expected = "finished score of test_comet.txt; generate-test.txt has 2 of at least 9 sentences"
    assert score.note.startswith(expected)


def test_byte_order_marks_are_no_text(tmp_path: Path) -> None:
    score = '{"score": 31.6, "signature": "s"}'
    files = {**plain(["Ein Satz."]), "test_detok_bleu.txt": score}
    fill(tmp_path / "en-de", {name: f"\ufeff{text}" for name, text in files.items()})
    found = read_outputs(tmp_path / "en-de", "test")
    assert found.hypotheses == found.references == ["Ein Satz."]
    assert read_finished_scores(tmp_path / "en-de", "test")["bleu"].score == 31.6
    fill(tmp_path / "de-en", {"generate-test.txt": f"\ufeff{log_of('__de__')}"})
    copy_direction(tmp_path, "test", {}, tmp_path / "out", "de-en")
    assert read_outputs(tmp_path / "out/de-en", "test").hypotheses == ["Line"]


SEGMENTS = "s.txt\tSegment 0\tscore: 0.8000\ns.txt\tSegment 1\tscore: 0.9001\n"


def test_comet_scores_may_have_segments(tmp_path: Path) -> None:
    text = f"{SEGMENTS}s.txt\tscore: 0.8500\nPredictions saved in: s.json.\n"
    fill(tmp_path, {"test_comet.txt": text})
    found = read_finished_scores(tmp_path, "test")["comet"]
    assert (found.score, found.decimals) == (pytest.approx(85), 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SEGMENTS, r"line 2: .*Segment 1.* cut off"),
        (f"{SEGMENTS}s.txt\tscore: 0.7000\n", "2 segments do not have the mean 0.7"),
        (f"{SEGMENTS.replace('Segment 1', 'Segment 2')}s.txt\tscore: 0.85\n", "without gaps"),
        ("a.txt\tscore: 0.8\nb.txt\tscore: 0.9\n", r"line 1: .*of one system"),
    ],
)
def test_bad_segments_are_named(tmp_path: Path, text: str, message: str) -> None:
    fill(tmp_path, {"test_comet.txt": text})
    with pytest.raises(InputError, match=rf"test_comet\.txt.*{message}"):
        read_finished_scores(tmp_path, "test")


def test_one_file_of_sacrebleu_may_have_several_metrics(tmp_path: Path) -> None:
    names = {"BLEU": 31.6, "chrF2": 50.1, "chrF2++": 57.3, "TER": 49.0}
    results = [{"name": name, "score": n, "signature": f"of {name}"} for name, n in names.items()]
    for number, file in enumerate(("test_detok_bleu.txt", "test_detok_chrfpp.txt")):
        folder = fill(tmp_path / str(number), {file: json.dumps(results)})
        found = read_finished_scores(folder, "test")
        assert {metric: score.score for metric, score in found.items()} == {
            "bleu": 31.6,
            "chrf": 57.3,
        }
        assert found["chrf"].signature == "of chrF2++"


def test_a_score_of_another_metric_is_refused(tmp_path: Path) -> None:
    result = {"name": "chrF2", "score": 50.1, "signature": "nw:0"}
    for file, name in (("test_detok_bleu.txt", "BLEU"), ("test_detok_chrfpp.txt", r"chrF\+\+")):
        folder = fill(tmp_path / file, {file: json.dumps(result)})
        with pytest.raises(InputError, match=rf"{file}: no score of {name}, only of chrF2"):
            read_finished_scores(folder, "test")
