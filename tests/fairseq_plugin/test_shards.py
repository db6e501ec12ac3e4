"""Shards: parts of the training corpora, one of which an epoch reads."""

import shutil
from collections import defaultdict
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairseq.data.data_utils import load_indexed_dataset

from neuron_specialization.corpora.shards import fairseq_data, shard_folders
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin import chunks
from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.data import load_dictionary, load_directions
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.fairseq_plugin.training import training_digest
from tests.fairseq_plugin.test_recording import record
from tests.trained_models import DIRECTIONS, TRAIN_PAIRS, run_training, translate

SHARDS = 3
Rows = set[tuple[int, ...]]


def binarise(corpora: Path, vocabulary: Path, folder: Path, shards: int) -> Path:
    folder.mkdir()
    binarise_corpora(sorted(corpora.glob("*.en-*")), vocabulary, folder, shards=shards)
    return folder


@pytest.fixture(scope="module")
def sharded(corpora: Path, vocabulary: Path) -> Path:
    return binarise(corpora, vocabulary, corpora / "sharded", SHARDS)


def sentences(folder: Path, name: str) -> list[list[int]]:
    dictionary = load_dictionary(folder, "en")
    return [s.tolist() for s in load_indexed_dataset(str(folder / name), dictionary, "mmap")]


def test_a_flat_folder_is_its_only_shard(tmp_path: Path) -> None:
    (tmp_path / "shards.txt").touch()
    assert shard_folders(tmp_path) == [tmp_path]
    assert fairseq_data(tmp_path) == str(tmp_path)
    assert shard_folders(Path("nowhere")) == [Path("nowhere")]


def test_shards_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"shard{number}").mkdir()
    folders = [tmp_path / f"shard{number}" for number in range(12)]
    assert shard_folders(tmp_path) == folders
    assert fairseq_data(tmp_path) == ":".join(map(str, folders))
    folders[4].rmdir()
    with pytest.raises(InputError, match="no shard4 next to shard0, shard1"):
        shard_folders(tmp_path)


@pytest.mark.parametrize("shards", [2, 7])
@pytest.mark.parametrize("size", [100, 1 << 20])
def test_shards_are_the_corpus_line_by_line(
    corpora: Path,
    vocabulary: Path,
    binarised: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shards: int,
    size: int,
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_BYTES", size)
    folders = shard_folders(binarise(corpora, vocabulary, tmp_path / "out", shards))
    assert len(folders) == shards
    for code, pairs in TRAIN_PAIRS.items():
        for language in ("en", code):
            name = f"train.en-{code}.{language}"
            parts = [sentences(folder, name) for folder in folders]
            expected = [len(part) for part in np.array_split(np.arange(pairs), shards)]
            assert [len(part) for part in parts] == expected
            assert [*chain.from_iterable(parts)] == sentences(binarised, name)


def test_other_splits_are_in_the_first_shard_and_dictionaries_in_all(
    sharded: Path, binarised: Path
) -> None:
    assert [path.name for path in sorted(sharded.iterdir())] == ["shard0", "shard1", "shard2"]
    names = {path.name for path in binarised.iterdir()}
    assert {path.name for path in (sharded / "shard0").iterdir()} == names
    rest = {name for name in names if not name.startswith("valid")}
    assert {path.name for path in (sharded / "shard1").iterdir()} == rest
    for path in (sharded / "shard0").iterdir():
        if not path.name.startswith("train"):
            assert path.read_bytes() == (binarised / path.name).read_bytes()


def test_no_more_shards_than_lines(vocabulary: Path, tmp_path: Path) -> None:
    files = [
        tmp_path / f"{split}.en-a1.{side}" for split in ("train", "valid") for side in ("en", "a1")
    ]
    for path in files:
        path.write_text("one\ntwo\nthree\n" if path.name.startswith("train") else "four\n")
    binarise_corpora(files, vocabulary, tmp_path, shards=3)
    shutil.rmtree(tmp_path / "shard0")
    with pytest.raises(InputError, match=r"en-a1\.en: 3 lines cannot be split into 4 shards; ask"):
        binarise_corpora(files, vocabulary, tmp_path, shards=4)
    assert not (tmp_path / "shard0").exists()


def test_the_digest_of_a_run_depends_on_every_shard(sharded: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(sharded, tmp_path / "copy")
    digest = training_digest({}, [str(copy)], [])
    assert training_digest({}, [str(sharded)], []) == digest
    found = {digest}
    for shard in shard_folders(copy):
        for name in ("dict.txt", "train.en-b2.b2.bin"):
            with (shard / name).open("a") as file:
                file.write("more 1\n")
            found.add(training_digest({}, [str(copy)], []))
    assert len(found) == 1 + 2 * SHARDS


class Watch:
    """Records the source sentences that a run reads in each epoch."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, dies_at: int = -1):
        self.epochs: dict[int, Rows] = defaultdict(set)
        self.updates: list[int] = []
        self.dies_at = dies_at
        step, update = DirectionsTask.train_step, DirectionsTask.optimizer_step

        def watch_step(task: DirectionsTask, sample: dict[str, Any], **kwargs: Any) -> Any:
            rows = sample["net_input"]["src_tokens"].tolist()
            self.epochs[task.dataset("train").epoch] |= set(map(tuple, rows))
            return step(task, sample, **kwargs)

        def watch_update(task: DirectionsTask, optimizer: Any, model: Any, update_num: int) -> None:
            self.updates.append(task.dataset("train").epoch)
            if update_num == self.dies_at:
                raise KeyboardInterrupt
            update(task, optimizer, model, update_num)

        monkeypatch.setattr(DirectionsTask, "train_step", watch_step)
        monkeypatch.setattr(DirectionsTask, "optimizer_step", watch_update)


def source_rows(folder: Path) -> Rows:
    """Return the source sentences of a shard, without padding."""
    dictionary = load_dictionary(folder, "en")
    train = load_directions(folder, "train", DIRECTIONS, (dictionary, dictionary))
    return {tuple(train[i]["source"].tolist()) for i in range(len(train))}


def unpadded(rows: Rows, pad: int) -> Rows:
    return {tuple(token for token in row if token != pad) for row in rows}


def test_an_epoch_of_training_reads_its_shard(
    sharded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(monkeypatch)
    run_training(sharded, tmp_path, max_updates=70, validate_every=35)
    pad = load_dictionary(sharded / "shard0", "en").pad()
    shards = [source_rows(folder) for folder in shard_folders(sharded)]
    assert len(watch.epochs) > SHARDS + 1
    for epoch, rows in watch.epochs.items():
        shard = shards[(epoch - 1) % SHARDS]
        others = set.union(*shards) - shard
        seen = unpadded(rows, pad)
        assert seen <= shard
        assert not seen & others
        if epoch < max(watch.epochs):
            assert len(seen) > len(shard) / 2


SHORT = {"max_updates": 14, "validate_every": 1, "max_tokens": 1200}


@pytest.fixture(scope="module")
def whole(sharded: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Watch, Path]:
    """Return a run that was not killed."""
    with pytest.MonkeyPatch.context() as patch:
        watch = Watch(patch)
        published = run_training(sharded, tmp_path_factory.mktemp("whole"), **SHORT)
    assert max(watch.epochs) > 2
    return watch, published


@pytest.mark.parametrize("late", [0, 2])  # at the start or in the middle of an epoch
def test_a_killed_run_resumes_in_the_shard_of_its_epoch(
    sharded: Path,
    whole: tuple[Watch, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    late: int,
) -> None:
    expected, published = whole
    with monkeypatch.context() as patch:
        # updates count from 0
        killed = Watch(patch, dies_at=expected.updates.index(2) + late)
        with pytest.raises(KeyboardInterrupt):
            run_training(sharded, tmp_path, **SHORT)
    resumed = Watch(monkeypatch)
    found = read_checkpoint(run_training(sharded, tmp_path, **SHORT))
    assert resumed.updates == expected.updates[killed.dies_at :]
    assert resumed.epochs[3] == expected.epochs[3]
    for name, value in read_checkpoint(published)["model"].items():
        assert torch.equal(value, found["model"][name]), name


def test_recording_and_decoding_read_the_first_shard(
    learned: Path, sharded: Path, binarised: Path, vocabulary: Path, tmp_path: Path
) -> None:
    counts, texts = zip(
        *(
            (record(learned, data), translate(learned, data, vocabulary, tmp_path / "out"))
            for data in (sharded, binarised)
        ),
        strict=True,
    )
    assert (counts[0].token_LNF == counts[1].token_LNF).all()
    assert texts[0] == texts[1]


def test_a_colon_in_a_path_is_avoided_or_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fairseq splits paths at colons."""
    folder = tmp_path / "a:b" / "data"
    for number in range(2):
        (folder / f"shard{number}").mkdir(parents=True)
    with pytest.raises(InputError, match="a:b/data: has a colon, at which fairseq splits paths"):
        fairseq_data(folder)
    monkeypatch.chdir(folder.parent)
    assert fairseq_data(folder) == "data/shard0:data/shard1"
