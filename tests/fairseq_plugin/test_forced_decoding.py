"""Score references by forced decoding: every token but the tag, through the direction's masks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.cross_masks import cross_masks
from neuron_specialization.fairseq_plugin.forced_decoding import (
    References,
    force_decode,
    score_references,
)
from neuron_specialization.settings.training import DirectionFiles
from tests.trained_models import (
    DIRECTIONS,
    EVALUATION_PAIRS,
    draw_masks,
    load_task,
    run_training,
)

NONE = DirectionFiles()


def score(
    checkpoint: Path,
    data: Path,
    directions: Sequence[str] = DIRECTIONS,
    files: DirectionFiles = NONE,
    processes: int = 1,
    device: str = "cpu",
) -> dict[str, References]:
    """Score the references of the validation text; the corpora's folder is named as in a run."""
    folder = data.parent / f"{data.name}_links" / "joint"
    folder.parent.mkdir(exist_ok=True)
    if not folder.exists():
        folder.symlink_to(data)
    return score_references(
        [str(checkpoint)],
        directions,
        files=files,
        data=[str(folder)],
        split="valid",
        device=device,
        processes=processes,
    )


@pytest.fixture(scope="module")
def scored(learned: Path, binarised: Path) -> dict[str, References]:
    return score(learned, binarised)


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_masks(tmp_path_factory.mktemp("masks") / "masks.npz")


def by_hand(checkpoint: Path, data: Path, direction: str, tag: int, **overrides: object) -> list:
    """Return the sum of each sentence alone, without its first `tag` tokens, and their number."""
    model, task = load_task(checkpoint, data, directions=direction, **overrides)
    task.load_dataset("valid")
    dataset = task.dataset("valid")
    task.direction_state.direction = 0
    found = []
    for index in range(len(dataset)):
        sample = dataset.collater([dataset[index]])
        with torch.no_grad():
            logits_1TV, _ = model(**sample["net_input"])
        logs_TV = torch.log_softmax(logits_1TV[0], dim=-1)
        tokens = sample["target"][0].tolist()
        assert tokens[-1] == task.target_dictionary.eos()
        sums = [logs_TV[place, token].item() for place, token in enumerate(tokens)]
        found.append((-sum(sums[tag:]), len(tokens) - tag))
    return found


def check_by_hand(found: References, expected: list) -> None:
    assert found.nll_N == pytest.approx([nll for nll, _ in expected], rel=1e-5)
    assert found.tokens_N.tolist() == [tokens for _, tokens in expected]


@pytest.mark.parametrize("direction", ["en-b1", "b1-en"])
def test_it_is_the_log_softmax_of_each_sentence_alone(
    scored: dict[str, References], learned: Path, binarised: Path, direction: str
) -> None:
    assert list(scored) == DIRECTIONS
    assert len(scored[direction].nll_N) == EVALUATION_PAIRS
    check_by_hand(scored[direction], by_hand(learned, binarised, direction, tag=1))


def test_the_probability_of_the_tag_does_not_matter(
    scored: dict[str, References], learned: Path, binarised: Path
) -> None:
    """Change what the model predicts at the first place of every target, and only there."""
    model, task = load_task(learned, binarised)
    task.load_dataset("valid")
    extract_features = model.decoder.extract_features

    def change_first(*args: Any, **kwargs: Any) -> tuple:
        features_BTD, extra = extract_features(*args, **kwargs)
        features_BTD[:, 0] = 100.0
        return features_BTD, extra

    model.decoder.extract_features = change_first
    found = force_decode(model, task, "valid", "cpu")
    for name, references in scored.items():
        assert (found[name].nll_N == references.nll_N).all()


def test_batches_do_not_matter(
    scored: dict[str, References], learned: Path, binarised: Path
) -> None:
    model, task = load_task(learned, binarised)
    task.load_dataset("valid")
    for max_tokens in (1, 60):
        found = force_decode(model, task, "valid", "cpu", max_tokens)
        for name, references in scored.items():
            assert found[name].nll_N == pytest.approx(references.nll_N, rel=1e-5)
            assert (found[name].tokens_N == references.tokens_N).all()


def test_processes_share_the_directions(
    scored: dict[str, References], learned: Path, binarised: Path
) -> None:
    found = score(learned, binarised, processes=2)
    assert list(found) == DIRECTIONS
    for name, references in scored.items():
        assert found[name].nll_N == pytest.approx(references.nll_N, rel=1e-5)


def test_masks_are_used(
    scored: dict[str, References], learned: Path, binarised: Path, masks: Path
) -> None:
    found = score(learned, binarised, files=DirectionFiles(masks=masks))
    for name, references in scored.items():
        assert (found[name].tokens_N == references.tokens_N).all()
        assert np.abs(found[name].nll_N - references.nll_N).min() > 1e-3
    expected = by_hand(learned, binarised, "en-b2", tag=1, masks=str(masks))
    check_by_hand(found["en-b2"], expected)


def test_bilingual_models_have_no_tag(pair_binarised: Path, tmp_path: Path) -> None:
    """Their folders of models and corpora are named as in a run."""
    models, corpora = tmp_path / "models", tmp_path / "en-b1"
    models.mkdir()
    corpora.symlink_to(pair_binarised)
    for direction in ("en-b1", "b1-en"):
        options = {"directions": [direction], "language_tags": False}
        checkpoint = run_training(pair_binarised, tmp_path / direction, **options)
        checkpoint.rename(models / f"{direction}.pt")
    found = score_references(
        [str(models)],
        ["en-b1", "b1-en"],
        files=NONE,
        data=[str(corpora)],
        split="valid",
        device="cpu",
        processes=1,
    )
    for direction, references in found.items():
        expected = by_hand(models / f"{direction}.pt", pair_binarised, direction, tag=0)
        check_by_hand(references, expected)


def test_a_diverged_model_is_reported(learned: Path, binarised: Path) -> None:
    model, task = load_task(learned, binarised)
    task.load_dataset("valid")
    model.encoder.layers[0].fc1.bias.data.fill_(float("nan"))
    with pytest.raises(InputError, match="0 of 126 references have a finite likelihood"):
        force_decode(model, task, "valid", "cpu")


def test_directions_through_the_masks_of_others(
    learned: Path, binarised: Path, masks: Path
) -> None:
    side = ["en-a1", "en-b2"]
    found = cross_masks(
        learned,
        {"en-a1": side, "en-b2": side, "b1-en": ["b1-en"]},
        masks=masks,
        data=binarised,
        split="valid",
        sentences=5,
        device="cpu",
        processes=1,
    )
    own = score(learned, binarised, files=DirectionFiles(masks=masks))
    assert list(found) == [
        *(("en-a1", other) for other in side),
        *(("en-b2", other) for other in side),
        ("b1-en", "b1-en"),
    ]
    for (direction, mask), (nll, tokens) in found.items():
        assert tokens == own[direction].tokens_N[:5].sum()
        is_own = nll == pytest.approx(own[direction].nll_N[:5].sum(), rel=1e-5)
        assert is_own == (direction == mask)
