"""Corpora binarised by others: linked unchanged, or refused."""

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from fairseq.data.indexed_dataset import MMapIndexedDatasetBuilder
from torch import tensor

from neuron_specialization.corpora.existing_vocabulary import use_vocabulary
from neuron_specialization.corpora.shards import shard_folders
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.fairseq_plugin.data import load_dictionary
from neuron_specialization.fairseq_plugin.indexed_files import HEADER
from neuron_specialization.fairseq_plugin.prebinarised import use_binarised
from tests.trained_models import LANGUAGES, TRAIN_PAIRS, run_training, translate

PAIRS = ["en-a1", "en-b1", "en-b2"]
SPLITS = ["train", "valid"]
ENDS = ("a1.bin", "a1.idx", "en.bin", "en.idx")


@pytest.fixture(scope="module")
def untagged(vocabulary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the vocabulary as others have it: without language tags."""
    folder = tmp_path_factory.mktemp("untagged")
    shutil.copy(vocabulary / "spm.model", folder)
    lines = (vocabulary / "dict.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "dict.txt").write_text("".join(lines[: -len(LANGUAGES)]), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def given(untagged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return our vocabulary, made from their dictionary."""
    folder = tmp_path_factory.mktemp("given")
    use_vocabulary(None, untagged / "dict.txt", LANGUAGES, folder)
    return folder


@pytest.fixture
def published(corpora: Path, untagged: Path, tmp_path: Path) -> Path:
    """Return two fairseq shards: a dictionary per language, and one pair in reversed order."""
    folder = tmp_path / "published"
    folder.mkdir()
    binarise_corpora(sorted(corpora.glob("*.en-*")), untagged, folder, shards=2)
    for shard in shard_folders(folder):
        for language in LANGUAGES:
            shutil.copy(shard / "dict.txt", shard / f"dict.{language}.txt")
        (shard / "dict.txt").unlink()
        for path in shard.glob("*.en-b1.*"):
            path.rename(path.with_name(path.name.replace("en-b1", "b1-en")))
    return folder


def use(found: Path, folder: Path, given: Path, **changes: object) -> None:
    settings = {"pairs": PAIRS, "splits": SPLITS, "vocabulary": given}
    use_binarised(found, folder, **(settings | changes))


def assert_refused(found: Path, given: Path, message: str, **changes: object) -> None:
    folder = found.parent / "refused"
    with pytest.raises(InputError, match=message):
        use(found, folder, given, **changes)
    assert not folder.exists()


def test_all_files_are_linked_and_the_dictionary_is_ours(
    published: Path, given: Path, tmp_path: Path
) -> None:
    use(published, tmp_path / "used", given)
    for number, splits in enumerate((("train", "valid"), ("train",))):
        shard, origin = tmp_path / f"used/shard{number}", published / f"shard{number}"
        names = {
            f"{split}.{pair}.{side}.{kind}"
            for split in splits
            for pair in ("en-a1", "b1-en", "en-b2")
            for side in pair.split("-")
            for kind in ("bin", "idx")
        }
        assert {path.name for path in shard.iterdir()} == names | {"dict.txt"}
        for name in names:
            assert (shard / name).is_symlink()
            assert (shard / name).resolve() == (origin / name).resolve()
        assert (shard / "dict.txt").read_bytes() == (given / "dict.txt").read_bytes()


def test_a_model_trains_and_translates_without_a_sentencepiece_model(
    published: Path, given: Path, vocabulary: Path, tmp_path: Path
) -> None:
    use(published, tmp_path / "used", given)
    checkpoint = run_training(tmp_path / "used", tmp_path / "model")
    without, known = (
        translate(checkpoint, tmp_path / "used", folder, tmp_path / "out")
        for folder in (given, vocabulary)
    )
    assert without == known
    assert not any("\u2581" in text for text in known.values())


def test_a_flat_folder_and_paths_from_here(
    binarised: Path, vocabulary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(binarised.parent)
    use(Path(binarised.name), tmp_path / "used", vocabulary, pairs=["en-a1"], splits=["valid"])
    monkeypatch.chdir(tmp_path)
    names = ["dict.txt", *(f"valid.en-a1.{end}" for end in ENDS)]
    assert sorted(path.name for path in (tmp_path / "used").iterdir()) == sorted(names)
    for name in names:
        assert (tmp_path / "used" / name).read_bytes() == (binarised / name).read_bytes()


def test_missing_files_are_named(published: Path, given: Path) -> None:
    assert_refused(
        published,
        given,
        r"shard0/test\.en-a1\.en\.idx: no such file, nor test\.a1-en\.en\.idx; add .* test",
        splits=["train", "test"],
    )
    (published / "shard1/train.b1-en.b1.bin").unlink()
    assert_refused(published, given, r"shard1/train\.b1-en\.b1\.bin: no such file, though")
    (published / "shard1/train.b1-en.b1.idx").unlink()
    assert_refused(published, given, r"shard1/train\.b1-en\.b1\.idx: not an index")
    (published / "shard1/train.b1-en.en.idx").unlink()
    assert_refused(published, given, r"shard1/train\.en-b1\.en\.idx: no such file, nor train\.b1-")
    shutil.rmtree(published / "shard1")
    use(published, published.parent / "one", given)
    shutil.rmtree(published)
    assert_refused(published, given, r"published/train\.en-a1\.en\.idx: no such file")


def test_truncated_downloads_are_named(published: Path, given: Path) -> None:
    for kind in ("idx", "bin"):
        path = published / f"shard1/train.en-b2.b2.{kind}"
        whole = path.read_bytes()
        for end in {0, 10, HEADER.size, len(whole) - 1} if kind == "idx" else {0, len(whole) - 1}:
            path.write_bytes(whole[:end])
            assert_refused(
                published, given, rf"train\.en-b2\.b2\.{kind}: ({end} bytes|not an index)"
            )
        path.write_bytes(whole + b"\0")
        assert_refused(published, given, rf"b2\.{kind}: {len(whole) + 1} bytes, its index requires")
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("start", "value"),
    [(0, b"TNTIDX\0\0\0"), (9, b"\2"), (17, b"\x63"), (18, struct.pack("<Q", 0))],
)
def test_other_forms_of_an_index_are_refused(
    published: Path, given: Path, start: int, value: bytes
) -> None:
    path = published / "shard0/valid.en-a1.a1.idx"
    data = path.read_bytes()
    path.write_bytes(data[:start] + value + data[start + len(value) :])
    assert_refused(published, given, r"valid\.en-a1\.a1\.idx: not an index of fairseq's mmap form")


def rewrite(prefix: Path, sentences: list[list[int]], dtype: type = np.uint16) -> None:
    builder = MMapIndexedDatasetBuilder(f"{prefix}.bin", dtype)
    for sentence in sentences:
        builder.add_item(tensor(sentence))
    builder.finalize(f"{prefix}.idx")


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.int64])
def test_sentences_of_another_length_or_dictionary_are_refused(
    published: Path, given: Path, untagged: Path, dtype: type
) -> None:
    prefix, size = published / "shard1/train.en-b2.en", len(load_dictionary(untagged, "en"))
    pairs = TRAIN_PAIRS["b2"] // 2
    rewrite(prefix, [[4, 2]] * (pairs - 1) + [[size - 1, 2]], dtype)
    use(published, published.parent / "good", given)
    rewrite(prefix, [[4, 2]] * (pairs - 1) + [[size, 2]], dtype)
    message = rf"en-b2\.en\.bin: sentence {pairs} has a token {size}, the dictionary has {size}"
    assert_refused(published, given, message)
    rewrite(prefix, [[4, 2]] * (pairs - 1) + [[4]], dtype)
    assert_refused(published, given, rf"en-b2\.en\.bin: sentence {pairs} does not end in </s>")
    rewrite(prefix, [[4, 2]] * (pairs + 1), dtype)
    counts = rf"en-b2\.en has {pairs + 1} and train\.en-b2\.b2 has {pairs}; copy both"
    assert_refused(published, given, counts)


def test_a_dictionary_that_is_not_the_beginning_of_ours_is_refused(
    published: Path, given: Path
) -> None:
    path = published / "shard0/dict.b1.txt"
    whole = path.read_text(encoding="utf-8")
    first, second, *rest = whole.splitlines(keepends=True)
    path.write_text("".join([second, first, *rest]), encoding="utf-8")
    assert_refused(published, given, r"dict\.b1\.txt, line 1: .*, but the vocabulary .* has")
    path.write_text(whole + "__en__ 1\n__a1__ 1\n", encoding="utf-8")
    use(published, published.parent / "tagged", given)
    path.write_text(whole + "more 1\n", encoding="utf-8")
    assert_refused(published, given, r"dict\.b1\.txt, line 298: more, but .* has __en__; specify")
    path.write_text(whole + "".join(f"__{n}__ 1\n" for n in [*LANGUAGES, "c1"]), encoding="utf-8")
    assert_refused(published, given, r"line 302: __c1__, but .* has nothing")
    path.unlink()
    assert_refused(published, given, r"shard0/dict\.txt: no such dictionary")
