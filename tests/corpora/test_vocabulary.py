"""Vocabularies and their dictionaries, joint or per side of a pair."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sentencepiece

from neuron_specialization.corpora import vocabulary
from neuron_specialization.corpora.builtin import evaluation_pairs
from neuron_specialization.corpora.sampling import keep_rates
from neuron_specialization.corpora.text_lines import count_lines
from neuron_specialization.corpora.vocabulary import (
    dictionary_size,
    join_pieces,
    language_file,
    piece_joiner,
    read_sentences,
    sample_lines,
    vocabulary_folder,
)
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.data import dictionary_text
from tests.conftest import PROJECT
from tests.corpora.fetching_helpers import tree
from tests.corpora.preparing import learn


@pytest.fixture
def corpora(tmp_path: Path) -> list[tuple[Path, Path]]:
    files = []
    for code, size in (("a1", 100), ("b1", 25)):
        pairs = evaluation_pairs(code, "valid", size, seed=1)
        paths = (tmp_path / f"en-{code}.en", tmp_path / f"en-{code}.{code}")
        for side, path in enumerate(paths):
            path.write_text("".join(f"{pair[side]}\n" for pair in pairs), encoding="utf-8")
        files.append(paths)
    return files


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_dictionary_lists_pieces_then_tags(
    corpora: list[tuple[Path, Path]], tmp_path: Path, model_type: str
) -> None:
    lines = sample_lines(corpora, temperature=2, seed=1)
    learn(lines, ["en", "a1", "b1"], tmp_path, model_type=model_type)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "spm.model"))
    text = (tmp_path / "dict.txt").read_text(encoding="utf-8")
    tokens = [line.split(" ")[0] for line in text.splitlines()]
    assert len(processor) == 150
    assert len(tokens) == 150 - 3 + 3
    assert tokens[:-3] == [processor.id_to_piece(i) for i in range(3, 150)]
    assert tokens[-3:] == ["__en__", "__a1__", "__b1__"]
    assert dictionary_size(150, tags=3) == len(tokens) + 4


def test_tags_of_any_code_can_be_left_out(corpora: list[tuple[Path, Path]], tmp_path: Path) -> None:
    learn(sample_lines(corpora, temperature=2, seed=1), ["en", "zho_Hans", "DE"], tmp_path)
    with_tags = dictionary_text(tmp_path, "zho_Hans").splitlines()
    assert with_tags[-3:] == ["__en__ 100", "__zho_Hans__ 100", "__DE__ 100"]
    assert dictionary_text(tmp_path, "zho_Hans", tags=False).splitlines() == with_tags[:-3]


def test_the_rule_of_normalisation_is_a_setting(tmp_path: Path) -> None:
    persian, chinese = "می\u200cخواهم", "你好，世界！"
    for rule, kept in (("nmt_nfkc", False), ("identity", True)):
        lines = [persian, chinese, "one two three four five six seven eight"] * 50
        learn(lines, [], tmp_path / rule, size=34, normalisation=rule)
        model = vocabulary.load_pieces(tmp_path / rule, "fa")
        assert [model.decode(model.encode(t)) == t for t in (persian, chinese)] == [kept, kept]


def test_every_line_is_learned_from(tmp_path: Path) -> None:
    lines = ["abc de"] * 50 + ["жжж " * 2000, "ψψψ \u2585 ψψ"] * 20
    learn(lines, [], tmp_path, size=14)
    pieces = (tmp_path / "dict.txt").read_text(encoding="utf-8")
    assert "ж" in pieces
    assert "ψ" in pieces


def test_pieces_that_a_dictionary_cannot_list_have_placeholders(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pieces = ["a", "<pad>", "b\n", "▁<s>", "<s>", "\t"]
    expected = ["a", "madeupword0001", "madeupword0002", "▁<s>", "madeupword0004", "\t"]
    assert vocabulary.listed(Path("spm.model"), pieces) == expected
    assert caplog.messages == [
        r"spm.model: unknown in fairseq are its pieces ['<pad>', 'b\n', '<s>']"
    ]


LEARN = """
import sys
from pathlib import Path
from neuron_specialization.corpora.vocabulary import read_sentences
from tests.corpora.preparing import learn
text, folder, model_type = sys.argv[1:]
lines = read_sentences(Path(text))
learn(lines, ["en"], Path(folder), model_type=model_type, size=100, max_sentences=120)
"""


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_sentencepiece_chooses_the_same_lines_in_every_process(
    tmp_path: Path, model_type: str
) -> None:
    lines = [line for pair in evaluation_pairs("a1", "valid", 200, seed=1) for line in pair]
    text = tmp_path / "text"
    text.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for name in ("one", "two"):
        command = [sys.executable, "-c", LEARN, str(text), str(tmp_path / name), model_type]
        subprocess.run(command, check=True, cwd=PROJECT)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    # neither all lines nor the first ones
    for name, some in (("all", lines), ("first", lines[:120])):
        folder, most = tmp_path / name, len(some) + 1
        learn(some, ["en"], folder, model_type=model_type, size=100, max_sentences=most)
        assert tree(folder)["dict.txt"] != tree(tmp_path / "one")["dict.txt"]


def sample_one_by_one(corpora: list[tuple[Path, Path]], temperature: float, seed: int) -> list[str]:
    """Return the expected sample: one random number per pair, in order."""
    sides = [[list(read_sentences(path)) for path in files] for files in corpora]
    rates = keep_rates(np.array([len(left) for left, _ in sides]), temperature)
    generator = np.random.default_rng(seed)
    return [
        line
        for (left, right), rate in zip(sides, rates, strict=True)
        for pair in zip(left, right, strict=True)
        if generator.random() < rate
        for line in pair
    ]


@pytest.mark.parametrize("block", [1, 7, 100, 1 << 16])
def test_the_sample_does_not_depend_on_the_blocks_of_random_numbers(
    corpora: list[tuple[Path, Path]], monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(vocabulary, "PAIRS_PER_DRAW", block)
    for temperature, seed in ((1, 1), (2, 1), (2, 7), (5, 3)):
        expected = sample_one_by_one(corpora, temperature, seed)
        assert list(sample_lines(corpora, temperature, seed)) == expected


def test_only_line_feeds_end_lines_and_the_last_needs_none(tmp_path: Path) -> None:
    left, right = tmp_path / "x.en", tmp_path / "x.de"
    left.write_bytes("a\rb\nc\u2028d\r\n\ne".encode())
    right.write_bytes(b"1\n2\n3\n4\n")
    expected = ["a\rb", "1", "c\u2028d\r", "2", "", "3", "e", "4"]
    assert list(sample_lines([(left, right)], 1, seed=1)) == expected
    assert count_lines(left) == count_lines(right) == 4
    for text, lines in ((b"", 0), (b"\n", 1), (b"a", 1), (b"a\n\n", 2)):
        left.write_bytes(text)
        assert count_lines(left) == lines


@pytest.mark.parametrize("missing", [0, 1])
def test_sides_of_different_length_are_an_error(
    corpora: list[tuple[Path, Path]], missing: int
) -> None:
    path = corpora[0][missing]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(ValueError, match="zip"):
        list(sample_lines(corpora, 2, seed=1))


@pytest.fixture(params=["unigram", "bpe"])
def model(
    corpora: list[tuple[Path, Path]], tmp_path: Path, request: pytest.FixtureRequest
) -> sentencepiece.SentencePieceProcessor:
    """Return a model in a vocabulary folder."""
    lines = sample_lines(corpora, temperature=2, seed=1)
    learn(lines, ["en"], tmp_path, model_type=request.param)
    return sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "spm.model"))


def normalise(text: str) -> str:
    return " ".join(text.split())


def test_pieces_are_joined_as_sentencepiece_does(
    corpora: list[tuple[Path, Path]], model: sentencepiece.SentencePieceProcessor
) -> None:
    lines = [line for files in corpora for path in files for line in read_sentences(path)]
    for line in [*lines, "", " ", "日本 a日 日", "one  two", "ａｂ\u3000c"]:
        pieces = [
            "<unk>" if model.is_unknown(i) else model.id_to_piece(i) for i in model.encode(line)
        ]
        assert normalise(join_pieces(pieces)) == normalise(model.decode(pieces))
    # also arbitrary sequences that a model may generate
    known = [model.id_to_piece(i) for i in range(len(model)) if not model.is_control(i)]
    chooser = random.Random(1)
    for pieces in (chooser.choices(known, k=length) for length in range(60) for _ in range(20)):
        assert normalise(join_pieces(pieces)) == normalise(model.decode(pieces))
    assert normalise(join_pieces(["\u2581a", "<unk>", "b"])) == "a ⁇ b"


def test_the_model_joins_pieces_if_it_exists(
    model: sentencepiece.SentencePieceProcessor, tmp_path: Path
) -> None:
    assert piece_joiner(tmp_path, "en") is not join_pieces
    assert piece_joiner(tmp_path, "en")(model.encode("one two", out_type=str)) == "one two"
    (tmp_path / "spm.model").unlink()
    assert piece_joiner(tmp_path, "en") is join_pieces
    with pytest.raises(InputError, match=r"spm\.model: no such SentencePiece model"):
        vocabulary.load_pieces(tmp_path, "en")


def test_an_impossible_size_names_the_setting(
    corpora: list[tuple[Path, Path]], tmp_path: Path
) -> None:
    lines = sample_lines(corpora, temperature=2, seed=1)
    with pytest.raises(InputError, match=r"spm\.model: .* 100000 unigram .* change the size"):
        learn(lines, ["en"], tmp_path, size=100_000)
    assert not (tmp_path / "spm.model").exists()
    assert not list(tmp_path.glob("*.part"))


def test_a_language_has_a_separate_file_or_the_joint_one(tmp_path: Path) -> None:
    for name in ("dict.txt", "dict.de.txt"):
        (tmp_path / name).touch()
    assert language_file(tmp_path, "dict.txt", "de") == tmp_path / "dict.de.txt"
    assert language_file(tmp_path, "dict.txt", "fr") == tmp_path / "dict.txt"


def test_a_direction_uses_the_folder_of_its_pair_or_the_joint_one() -> None:
    assert vocabulary_folder(["v/joint"], "de-en") == Path("v/joint")
    assert vocabulary_folder(["v/en-fr", "v/en-de"], "de-en") == Path("v/en-de")
    assert vocabulary_folder(["v/en-fr", "v/en-de"], "en-fr") == Path("v/en-fr")
