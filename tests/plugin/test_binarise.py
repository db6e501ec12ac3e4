"""Binarised corpora hold what fairseq's own encoding would."""

from pathlib import Path

import pytest
import sentencepiece
from fairseq.data import data_utils

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.fairseq_plugin.data import load_dictionary


def test_equals_fairseqs_encoding_of_the_pieces(
    binarised: Path, corpora: Path, vocabulary: Path
) -> None:
    dictionary = load_dictionary(binarised, "en")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(vocabulary / "spm.model"))
    lines = (corpora / "valid.en-b1.b1").read_text(encoding="utf-8").splitlines()
    stored = data_utils.load_indexed_dataset(str(binarised / "valid.en-b1.b1"), dictionary, "mmap")
    assert len(stored) == len(lines)
    for line, tokens in zip(lines, stored, strict=True):
        pieces = " ".join(processor.encode(line, out_type=str))
        expected = dictionary.encode_line(pieces, add_if_not_exist=False)
        assert tokens.tolist() == expected.tolist()


def test_unknown_characters_become_the_unknown_token(
    binarised: Path, vocabulary: Path, tmp_path: Path
) -> None:
    dictionary = load_dictionary(binarised, "en")
    (tmp_path / "odd.en-a1.en").write_text("日\n\n", encoding="utf-8")
    binarise_corpora([tmp_path / "odd.en-a1.en"], vocabulary, tmp_path)
    stored = data_utils.load_indexed_dataset(str(tmp_path / "odd.en-a1.en"), dictionary, "mmap")
    assert stored[0].tolist()[-2:] == [dictionary.unk(), dictionary.eos()]
    assert stored[1].tolist() == [dictionary.eos()]


def test_a_dictionary_of_another_model_is_refused(
    corpora: Path, vocabulary: Path, tmp_path: Path
) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    (mixed / "dict.txt").write_text("the 100\na 100\n", encoding="utf-8")
    (mixed / "spm.model").symlink_to(vocabulary / "spm.model")
    with pytest.raises(InputError, match="the dictionary does not belong"):
        binarise_corpora([corpora / "valid.en-a1.en"], mixed, tmp_path)
