"""Binarised corpora equal fairseq's own encoding."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from fairseq.data.indexed_dataset import MMapIndexedDatasetBuilder, best_fitting_int_dtype
from torch import tensor

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin import chunks
from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.fairseq_plugin.data import load_dictionary, load_directions
from neuron_specialization.fairseq_plugin.lengths import report_lengths

# other line separators, which do not count here; blanks; unknown characters; no final line feed
ODD_LINES = [
    "one",
    "",
    "two\u2028three",
    "four\x85",
    "fi\rve\r",
    " ",
    "日 six",
    "\x0b\x1c",
    "",
    "end",
]


def write_odd(folder: Path) -> Path:
    path = folder / "valid.en-a1.en"
    path.write_bytes("\n".join(ODD_LINES).encode())
    return path


def build_by_fairseq(corpus: Path, vocabulary: Path, folder: Path) -> None:
    """Write the files that fairseq's own builder writes."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(vocabulary / "spm.model"))
    dictionary = load_dictionary(vocabulary, corpus.suffix[1:])
    prefix = folder / corpus.name
    builder = MMapIndexedDatasetBuilder(f"{prefix}.bin", best_fitting_int_dtype(len(dictionary)))
    for line in corpus.read_bytes().decode().removesuffix("\n").split("\n"):
        pieces = processor.encode(line, out_type=str)
        builder.add_item(tensor([*map(dictionary.index, pieces), dictionary.eos()]))
    builder.finalize(f"{prefix}.idx")


def read_folder(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".txt"}


def assert_built_alike(
    corpora: list[Path], vocabulary: Path, tmp_path: Path, processes: int = 1
) -> None:
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    binarise_corpora(corpora, vocabulary, tmp_path / "ours", processes=processes)
    for corpus in corpora:
        build_by_fairseq(corpus, vocabulary, tmp_path / "theirs")
    assert read_folder(tmp_path / "ours") == read_folder(tmp_path / "theirs")


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize("size", [1, 5, 6, 13, 100, 4000])
def test_files_are_fairseqs_own_whatever_the_chunks(
    corpora: Path,
    vocabulary: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    processes: int,
    size: int,
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_BYTES", size)
    monkeypatch.setattr(chunks, "BLOCK_BYTES", max(1, size // 3))
    files = [write_odd(tmp_path), *sorted(corpora.glob("*.en-b2.*"))]
    assert_built_alike(files, vocabulary, tmp_path, processes)


def test_chunks_end_at_line_ends_and_leave_nothing_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = write_odd(tmp_path)
    for text in (odd.read_bytes(), odd.read_bytes() + b"\n", b"\n", b"\n\n"):
        odd.write_bytes(text)
        for size in range(1, len(text) + 2):
            monkeypatch.setattr(chunks, "CHUNK_BYTES", size)
            cut = chunks.cut_corpus(odd, tmp_path)
            parts = [text[chunk.start : chunk.end] for chunk in cut]
            assert b"".join(parts) == text
            assert all(part.endswith(b"\n") for part in parts[:-1])
            lines = [line for chunk in cut for block in chunks.read_blocks(chunk) for line in block]
            assert lines == text.removesuffix(b"\n").split(b"\n")
            if size == 1:
                assert len(cut) == len(lines)


def test_large_dictionaries_have_larger_numbers(
    corpora: Path, vocabulary: Path, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.mkdir()
    (large / "spm.model").symlink_to(vocabulary / "spm.model")
    lines = (vocabulary / "dict.txt").read_text(encoding="utf-8")
    for number, more in enumerate((65_499, 65_500, 70_000)):
        fill = "".join(f"madeup{n} 1\n" for n in range(more - 4 - lines.count("\n")))
        (large / "dict.txt").write_text(fill + lines, encoding="utf-8")
        (tmp_path / str(number)).mkdir()
        files = [write_odd(tmp_path), corpora / "valid.en-b1.b1"]
        assert_built_alike(files, large, tmp_path / str(number))
        bits = (tmp_path / str(number) / "ours" / "valid.en-b1.b1.idx").read_bytes()[17]
        assert bits == (8 if more < 65_500 else 9)  # fairseq's codes of uint16 and uint32


def test_a_dictionary_of_another_model_is_refused(
    corpora: Path, vocabulary: Path, tmp_path: Path
) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    (mixed / "dict.txt").write_text("the 100\na 100\n", encoding="utf-8")
    (mixed / "spm.model").symlink_to(vocabulary / "spm.model")
    with pytest.raises(InputError, match="the dictionary does not belong"):
        binarise_corpora([corpora / "valid.en-a1.en"], mixed, tmp_path)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_line_that_is_not_utf8_is_named(
    vocabulary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    corpus = tmp_path / "train.en-a1.en"
    corpus.write_bytes(b"one\ntwo\n" * 50 + b"gr\xfcn\nthree\n")
    for size in (1, 50, 1 << 20):
        monkeypatch.setattr(chunks, "CHUNK_BYTES", size)
        message = r"train\.en-a1\.en, line 101: not UTF-8 \(invalid start byte, byte 0xfc\)"
        with pytest.raises(InputError, match=message):
            binarise_corpora([corpus], vocabulary, tmp_path, processes=processes)
        assert list(tmp_path.iterdir()) == [corpus]


def test_empty_and_misaligned_corpora_are_named(vocabulary: Path, tmp_path: Path) -> None:
    english, other = tmp_path / "train.en-a1.en", tmp_path / "train.en-a1.a1"
    english.write_text("one\ntwo\n")
    other.write_text("")
    with pytest.raises(InputError, match=r"train\.en-a1\.a1: empty corpus"):
        binarise_corpora([english, other], vocabulary, tmp_path)
    other.write_text("one\n")
    with pytest.raises(InputError, match=r"a1\.en has 2 lines, .*a1\.a1 has 1; "):
        binarise_corpora([english, other], vocabulary, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [other.name, english.name]


def test_a_pair_without_a_split_is_an_empty_direction(
    corpora: Path, vocabulary: Path, tmp_path: Path
) -> None:
    files = [corpora / f"valid.en-b1.{code}" for code in ("en", "b1")]
    empty = [tmp_path / f"valid.en-a1.{code}" for code in ("en", "a1")]
    for path in empty:
        path.touch()
    (tmp_path / "out").mkdir()
    binarise_corpora([*files, *empty], vocabulary, tmp_path / "out")
    dictionary = load_dictionary(tmp_path / "out", "en")
    directions = ["a1-en", "en-b1", "en-a1", "b1-en"]
    found = load_directions(tmp_path / "out", "valid", directions, (dictionary, dictionary))
    sizes = np.diff(found.starts)
    assert sizes[0] == sizes[2] == 0
    assert sizes[1] == sizes[3] > 0
    batches = found.batch_by_size(found.ordered_indices(), 500)
    seen = {found.collater([found[int(i)] for i in batch])["direction"] for batch in batches}
    assert seen == {1, 3}
    assert sum(map(len, batches)) == len(found)
    with pytest.raises(InputError, match="no binarised valid corpus for en-x1"):
        load_directions(tmp_path / "out", "valid", ["en-x1"], (dictionary, dictionary))


def test_a_vocabulary_without_a_model_cannot_binarise(
    corpora: Path, vocabulary: Path, tmp_path: Path
) -> None:
    (tmp_path / "dict.txt").symlink_to(vocabulary / "dict.txt")
    with pytest.raises(InputError, match=r"spm\.model: no such SentencePiece model, which is"):
        binarise_corpora([corpora / "valid.en-a1.en"], tmp_path, tmp_path)


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Simulate a disk that is full when a file has `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("chunk", [100, 1 << 20])  # the joined file or a chunk's is too long
def test_a_full_disk_leaves_nothing(
    corpora: Path,
    vocabulary: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    processes: int,
    chunk: int,
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_BYTES", chunk)
    corpus = corpora / "train.en-a1.en"
    with (
        files_limited_to((vocabulary / "dict.txt").stat().st_size + 1),
        pytest.raises(OSError, match="File too large"),
    ):
        binarise_corpora([corpus], vocabulary, tmp_path, processes=processes)
    assert [path.name for path in tmp_path.iterdir()] == (["dict.txt"] if chunk == 100 else [])


# ---- pairs that training skips ----


def write_lengths(folder: Path, vocabulary: Path, **lines: list[str]) -> Path:
    """Binarise splits of `en-a1`, whose sides are equal; return the folder."""
    corpora = []
    for split, language in product(lines, ("en", "a1")):
        corpora.append(folder / f"{split}.en-a1.{language}")
        corpora[-1].write_text("".join(f"{line}\n" for line in lines[split]), encoding="utf-8")
    (folder / "out").mkdir()
    binarise_corpora(corpora, vocabulary, folder / "out", shards=2)
    return folder / "out"


def test_pairs_longer_than_a_model_are_counted_by_split(
    vocabulary: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """A sentence has a tag and an end besides its pieces; test splits are translated whole."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(vocabulary / "spm.model"))
    word = "日 "  # two pieces that are in no corpus
    assert len(processor.encode(word * 127)) == 254
    fits, too_long = word * 127, word * 127 + "日"
    lines = {"train": 9 * [fits] + [too_long], "valid": [too_long, fits], "test": [too_long]}
    folder = write_lengths(tmp_path, vocabulary, **lines)
    report_lengths(folder)
    assert (folder / "too_long.tsv").read_text().splitlines() == [
        "split\tpair\ttoo_many_tokens",
        "train\ten-a1\t1",
        "valid\ten-a1\t1",
    ]
    (warning,) = capsys.readouterr().err.splitlines()
    assert "split 'valid', pair 'en-a1': 1 of 2 (50.0 %) pairs have more than 256 tokens" in warning


def test_a_pair_of_which_nothing_fits_is_an_error(vocabulary: Path, tmp_path: Path) -> None:
    folder = write_lengths(tmp_path, vocabulary, train=2 * ["日 " * 200], valid=["日"])
    with pytest.raises(InputError, match=r"'train', pair 'en-a1': 2 of 2 .* nothing to train on"):
        report_lengths(folder)
