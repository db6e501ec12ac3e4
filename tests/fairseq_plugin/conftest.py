"""Models of plain fairseq, shared by tests of importing, and a reset of received signals."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from neuron_specialization.corpora.existing_vocabulary import use_vocabulary
from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.fairseq_plugin.checkpointing import received
from tests.fairseq_plugin.external_checkpoints import (
    BILINGUAL_FLAGS,
    MEASURED,
    MULTILINGUAL_FLAGS,
    Plain,
    run_import,
    run_plain,
)
from tests.trained_models import LANGUAGES


@pytest.fixture(scope="session")
def plain(corpora: Path, vocabulary: Path, tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """Return a multilingual model with a padded dictionary and its tags in another order."""
    folder = tmp_path_factory.mktemp("plain")
    ours, theirs, dictionary = folder / "ours", folder / "theirs", folder / "dict.txt"
    lines = (vocabulary / "dict.txt").read_text(encoding="utf-8").splitlines()
    lines[-len(LANGUAGES) :] = ["madeupword0000 0", "madeupword0001 0"]
    dictionary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    use_vocabulary(vocabulary / "spm.model", dictionary, LANGUAGES, folder / "vocabulary")
    for path in (ours, theirs):
        path.mkdir()
    binarise_corpora(sorted(corpora.glob("*.en-*")), folder / "vocabulary", ours)
    for path in ours.glob("*.en-*"):
        (theirs / path.name).symlink_to(path)
    for language in LANGUAGES:
        (theirs / f"dict.{language}.txt").symlink_to(dictionary)
    return Plain(
        outputs=run_plain(folder, theirs, MEASURED, MULTILINGUAL_FLAGS),
        checkpoint=folder / "save/checkpoint_best.pt",
        data=ours,
        vocabulary=folder / "vocabulary",
        dictionary=dictionary,
    )


@pytest.fixture(scope="session")
def bilingual(pair_binarised: Path, tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """Return a model of one direction, with two vocabularies and BLEU for validation."""
    folder = tmp_path_factory.mktemp("bilingual")
    return Plain(
        outputs=run_plain(folder, pair_binarised, ["en-b1"], BILINGUAL_FLAGS),
        checkpoint=folder / "save/checkpoint_best.pt",
        data=pair_binarised,
    )


@pytest.fixture(scope="session")
def imported(plain: Plain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_import(plain, tmp_path_factory.mktemp("imported"))


@pytest.fixture(autouse=True)
def no_signals() -> Iterator[None]:
    yield
    received.clear()
