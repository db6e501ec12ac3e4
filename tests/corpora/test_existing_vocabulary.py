"""Existing vocabularies: used unchanged, or rejected."""

from pathlib import Path

import pytest
import sentencepiece

from neuron_specialization.corpora.builtin import evaluation_pairs
from neuron_specialization.corpora.existing_vocabulary import (
    given_size,
    read_dictionary,
    use_vocabulary,
    vocabulary_lines,
)
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.binarise import load_encoder
from neuron_specialization.fairseq_plugin.data import load_dictionary
from tests.corpora.preparing import learn

LANGUAGES = ["en", "b1"]
TAGS = ["__en__ 100", "__b1__ 100"]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a learned model and its dictionary, which ends with tags."""
    folder = tmp_path_factory.mktemp("learned")
    lines = [line for pair in evaluation_pairs("b1", "valid", 100, seed=1) for line in pair]
    learn(lines, LANGUAGES, folder, model_type="bpe", size=120)
    return folder


@pytest.fixture(scope="module")
def pieces(learned: Path) -> list[str]:
    """Return the dictionary lines of the learned pieces."""
    return read(learned)[: -len(LANGUAGES)]


def read(folder: Path) -> list[str]:
    return (folder / "dict.txt").read_text(encoding="utf-8").splitlines()


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_without_a_dictionary_the_pieces_are_listed(learned: Path, tmp_path: Path) -> None:
    folder = tmp_path / "made/with/parents"
    use_vocabulary(learned / "spm.model", None, LANGUAGES, folder)
    for name in ("spm.model", "dict.txt"):
        assert (folder / name).read_bytes() == (learned / name).read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == ["dict.txt", "spm.model"]


def test_a_dictionary_without_model_is_used_unchanged(pieces: list[str], tmp_path: Path) -> None:
    lines = [line.replace(" 100", f" {n}") for n, line in enumerate(pieces)]
    dictionary = write(tmp_path / "d.txt", [*lines, "__fr__ 1"])
    use_vocabulary(None, dictionary, LANGUAGES, tmp_path / "folder")
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["dict.txt"]
    assert read(tmp_path / "folder") == [*lines, "__fr__ 1", *TAGS]


def test_the_first_piece_of_a_dictionary_has_no_byte_order_mark(
    learned: Path, pieces: list[str], tmp_path: Path
) -> None:
    dictionary = write(tmp_path / "d.txt", [f"\ufeff{pieces[0]}", *pieces[1:]])
    use_vocabulary(learned / "spm.model", dictionary, LANGUAGES, tmp_path / "folder")
    assert read(tmp_path / "folder") == [*pieces, *TAGS]


def test_the_size_of_existing_vocabularies(
    learned: Path, pieces: list[str], tmp_path: Path
) -> None:
    model, dictionary = str(learned / "spm.model"), str(write(tmp_path / "d.txt", pieces[:90]))
    assert given_size(model, tags=LANGUAGES) == len(pieces) + 2 + 4
    assert given_size(model, dictionary, tags=LANGUAGES) == 90 + 2 + 4
    assert given_size(dictionary=dictionary, tags=LANGUAGES) == 90 + 2 + 4
    assert given_size(dictionary=dictionary, tags=[]) == 90 + 4


def test_a_dictionary_whose_pieces_need_their_model_is_rejected(
    pieces: list[str], tmp_path: Path
) -> None:
    bytes_ = [f"<0x{n:02X}> 100" for n in range(256)]
    dictionary = write(tmp_path / "d.txt", [*bytes_, *pieces])
    assert_refused(
        tmp_path, None, dictionary, r"d\.txt: tokens such as <0x41> stand for bytes, which"
    )
    dictionary = write(tmp_path / "d.txt", ["the 100", "of@@ 90"])
    assert_refused(tmp_path, None, dictionary, r"d\.txt: no token has SentencePiece's ▁, so word")
    assert_refused(tmp_path, None, None, "no vocabulary is given; give a SentencePiece model or")


def test_pieces_are_found_for_any_position_of_special_ones(tmp_path: Path) -> None:
    sentences = [line for pair in evaluation_pairs("b1", "valid", 50, seed=1) for line in pair]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_prefix=str(tmp_path / "other"),
        vocab_size=90,
        model_type="bpe",
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        control_symbols=["<mask>"],
        user_defined_symbols=["__en__"],
        minloglevel=2,
    )
    lines = vocabulary_lines(tmp_path / "other.model", None, LANGUAGES)
    assert len(lines) == 90 - 4 + 1  # the tag of English is a piece already
    assert not {"<pad> 100", "</s> 100", "<unk> 100", "<mask> 100"} & set(lines)
    assert lines.count("__en__ 100") == 1
    assert lines[-1] == "__b1__ 100"


def test_pieces_named_like_tokens_of_fairseq_are_unknown(tmp_path: Path) -> None:
    sentences = [line for pair in evaluation_pairs("b1", "valid", 50, seed=1) for line in pair]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_prefix=str(tmp_path / "other"),
        vocab_size=90,
        user_defined_symbols=["<pad>", "\n", "<mask>"],
        minloglevel=2,
    )
    use_vocabulary(tmp_path / "other.model", None, [], tmp_path / "folder")
    encoder = load_encoder(tmp_path / "folder", "b1")
    unknown, listed = (
        encoder.index_P[encoder.processor.unk_id()],
        load_dictionary(tmp_path / "folder", "b1"),
    )
    assert len(listed) == 90 - 3 + 4
    assert [encoder.index_P[encoder.processor.piece_to_id(piece)] for piece in ("<pad>", "\n")] == [
        unknown,
        unknown,
    ]
    assert listed[encoder.index_P[encoder.processor.piece_to_id("<mask>")]] == "<mask>"
    tokens, _ = encoder.encode([b"a <pad> b"])
    assert listed.pad() not in tokens


def test_a_dictionary_keeps_its_order_and_counts(
    learned: Path, pieces: list[str], tmp_path: Path
) -> None:
    lines = [line.replace(" 100", f" {n}") for n, line in enumerate(reversed(pieces))]
    # padding, a token that is not a piece, and a line end that fairseq does not split at
    lines += ["madeupword0000 0", "日 3", "a\u2028b 1"]
    use_vocabulary(learned / "spm.model", write(tmp_path / "d.txt", lines), LANGUAGES, tmp_path)
    text = (tmp_path / "dict.txt").read_text(encoding="utf-8")
    assert text.split("\n") == [*lines, *TAGS, ""]


def test_existing_tags_keep_their_position(
    learned: Path, pieces: list[str], tmp_path: Path
) -> None:
    lines = [*pieces, "__b1__ 1", "__fr__ 1"]
    dictionary = write(tmp_path / "d.txt", lines)
    assert vocabulary_lines(learned / "spm.model", dictionary, LANGUAGES) == [*lines, TAGS[0]]
    assert vocabulary_lines(learned / "spm.model", dictionary, ["fr"]) == lines


def test_tokens_are_read_as_fairseq_reads_them(tmp_path: Path) -> None:
    lines = ["a 5", "b c 7", "a 9 #fairseq:overwrite", "<unk> 1 #fairseq:overwrite"]
    assert read_dictionary(write(tmp_path / "d.txt", lines)) == ["a", "b c", "a", "<unk>"]
    (tmp_path / "windows.txt").write_bytes(b"a 5\r\nb 7\r\n")
    assert read_dictionary(tmp_path / "windows.txt") == ["a", "b"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a 1", "b"], r"d\.txt, line 2: 'b' is not a token and a count"),
        (["a 1", "", "b 1"], r"line 2: '' is not a token and a count"),
        (["7"], r"line 1: '7' is not"),
        (["▁the\t-3.5"], r"line 1: .*\.vocab file of SentencePiece is not a dictionary"),
        (["a 1.5"], r"line 1: 'a 1\.5' is not"),
        (["a 1", "b 1", "a 2"], r"line 3: a occurs twice; .* #fairseq:overwrite"),
        (["<unk> 0", "a 1"], r"line 1: <unk> is one of fairseq's own tokens"),
    ],
)
def test_errors_of_damaged_dictionaries_name_the_line(
    learned: Path, tmp_path: Path, lines: list[str], message: str
) -> None:
    assert_refused(tmp_path, learned / "spm.model", write(tmp_path / "d.txt", lines), message)


def test_a_dictionary_of_another_model_is_rejected(
    learned: Path, pieces: list[str], tmp_path: Path
) -> None:
    strangers = [f"piece{n} 100" for n in range(200)]
    for shared in (0, 20):
        dictionary = write(tmp_path / "d.txt", [*strangers, *pieces[:shared], *TAGS])
        message = rf"d\.txt: {shared} of its {200 + shared} tokens are pieces .*, which has 117"
        assert_refused(tmp_path, learned / "spm.model", dictionary, message)
    # rare pieces are missing if a dictionary was made from a text
    lines = pieces[:40]
    dictionary = write(tmp_path / "d.txt", lines)
    assert vocabulary_lines(learned / "spm.model", dictionary, LANGUAGES) == [*lines, *TAGS]


def test_files_of_other_kinds_are_rejected(learned: Path, tmp_path: Path) -> None:
    model = learned / "spm.model"
    assert_refused(tmp_path, learned / "dict.txt", None, r"dict\.txt: not a SentencePiece model")
    assert_refused(tmp_path, tmp_path / "no.model", None, r"no\.model: no such SentencePiece model")
    assert_refused(tmp_path, model, tmp_path / "no.txt", r"no\.txt: no such dictionary")
    (tmp_path / "latin.txt").write_bytes("é 1\n".encode("latin-1"))
    assert_refused(tmp_path, model, tmp_path / "latin.txt", r"latin\.txt, line 1: byte 0xe9 is not")
    (tmp_path / "empty.txt").touch()
    assert_refused(tmp_path, model, tmp_path / "empty.txt", r"empty\.txt: the file is empty")


def assert_refused(
    tmp_path: Path, model: Path | None, dictionary: Path | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        use_vocabulary(model, dictionary, LANGUAGES, tmp_path / "out")
    assert not (tmp_path / "out").exists()
