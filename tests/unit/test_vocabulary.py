"""Vocabularies and their dictionaries, joint or of one side of a pair."""

from pathlib import Path

import pytest
import sentencepiece

from neuron_specialization.corpora.builtin import evaluation_pairs
from neuron_specialization.corpora.vocabulary import (
    VocabularySettings,
    dictionary_size,
    language_file,
    learn_vocabulary,
    sample_lines,
    vocabulary_folder,
)
from neuron_specialization.errors import InputError


def settings(**changes: object) -> VocabularySettings:
    values = {
        "model_type": "unigram",
        "size": 150,
        "character_coverage": 1.0,
        "temperature": 2,
        "max_sentences": 1000,
        "seed": 1,
    }
    return VocabularySettings(**(values | changes))


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
    model, dictionary = tmp_path / "spm.model", tmp_path / "dict.txt"
    lines = sample_lines(corpora, temperature=2, seed=1)
    tags = ["en", "a1", "b1"]
    learn_vocabulary(lines, tags, settings(model_type=model_type), model, dictionary)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    tokens = [line.split(" ")[0] for line in dictionary.read_text(encoding="utf-8").splitlines()]
    assert len(processor) == 150
    assert len(tokens) == 150 - 3 + 3
    assert tokens[:-3] == [processor.id_to_piece(i) for i in range(3, 150)]
    assert tokens[-3:] == ["__en__", "__a1__", "__b1__"]
    assert dictionary_size(150, tags=3) == len(tokens) + 4


def test_the_same_seed_gives_the_same_files(
    corpora: list[tuple[Path, Path]], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        lines = sample_lines(corpora, temperature=2, seed=1)
        learn_vocabulary(lines, ["en"], settings(), tmp_path / name, tmp_path / f"{name}.txt")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one.txt").read_bytes() == (tmp_path / "two.txt").read_bytes()


def test_small_corpora_are_used_whole_and_large_ones_thinned(
    corpora: list[tuple[Path, Path]],
) -> None:
    lines = list(sample_lines(corpora, temperature=2, seed=1))
    small = corpora[1][1].read_text(encoding="utf-8").splitlines()
    large = set(corpora[0][1].read_text(encoding="utf-8").splitlines())
    assert set(small) <= set(lines)
    # sizes 100 and 25 at temperature 2: half of the large one
    assert 30 <= len([line for line in lines if line in large]) <= 70


def test_an_impossible_size_names_the_setting(
    corpora: list[tuple[Path, Path]], tmp_path: Path
) -> None:
    lines = sample_lines(corpora, temperature=2, seed=1)
    model, dictionary = tmp_path / "spm.model", tmp_path / "dict.txt"
    with pytest.raises(InputError, match=r"spm\.model: .* 100000 unigram .* change the size"):
        learn_vocabulary(lines, ["en"], settings(size=100_000), model, dictionary)
    assert not (tmp_path / "spm.model").exists()
    assert not list(tmp_path.glob("*.part"))


def test_a_language_has_its_own_file_or_the_joint_one(tmp_path: Path) -> None:
    for name in ("dict.txt", "dict.de.txt"):
        (tmp_path / name).touch()
    assert language_file(tmp_path, "dict.txt", "de") == tmp_path / "dict.de.txt"
    assert language_file(tmp_path, "dict.txt", "fr") == tmp_path / "dict.txt"


def test_the_folder_of_a_direction_is_its_pairs_or_the_joint_one() -> None:
    assert vocabulary_folder(["v/joint"], "de-en") == Path("v/joint")
    assert vocabulary_folder(["v/en-fr", "v/en-de"], "de-en") == Path("v/en-de")
    assert vocabulary_folder(["v/en-fr", "v/en-de"], "en-fr") == Path("v/en-fr")
