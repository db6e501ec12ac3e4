"""Training with fairseq: golden losses, sub-networks, checkpoints."""

import csv
import os
import re
import shutil
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from fairseq.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyCriterion

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.methods import ffn_layers
from neuron_specialization.fairseq_plugin.training import training_digest
from neuron_specialization.neurons.storage import Masks
from neuron_specialization.settings.training import DirectionFiles
from tests.trained_models import (
    DIRECTIONS,
    LAYERS,
    draw_masks,
    first_batches,
    load_task,
    loss_of,
    run_training,
    save_masks,
    translate,
)

NUM_NEURONS = 32
# of the first five validation sentences of each direction
GOLDEN_LOSSES = [441.204, 469.555, 516.506, 419.471, 419.251, 419.159]


def test_golden_loss_of_20_updates(baseline: Path, binarised: Path) -> None:
    assert read_checkpoint(baseline)["optimizer_history"][-1]["num_updates"] == 20
    assert list(baseline.parent.glob("tensorboard/**/events.out.tfevents.*"))
    model, task = load_task(baseline, binarised)
    losses = [loss_of(task, model, sample).item() for sample in first_batches(task)]
    assert losses == pytest.approx(GOLDEN_LOSSES, rel=5e-4)


def test_the_curve_has_every_validation_and_its_batches(baseline: Path) -> None:
    with baseline.with_suffix(".curve.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["updates"] for row in rows] == ["10", "20"]
    assert {row["metric"] for row in rows} == {"loss"}
    state = read_checkpoint(baseline)["extra_state"]
    assert min(float(row["value"]) for row in rows) == state["best"]
    assert [row["batches"] for row in rows] == ["20", "20"]  # update_freq is 2
    assert len({row["sha256"] for row in rows}) == 2


def test_a_run_with_other_settings_or_inputs_has_another_digest(tmp_path: Path) -> None:
    for name in ("dict.txt", "train.bin", "parent.pt"):
        (tmp_path / name).write_text(name)
    data, parent = [str(tmp_path)], [str(tmp_path / "parent.pt")]
    found = [training_digest({"seed": 1}, data, [])]
    assert training_digest({"seed": 1}, data, []) == found[0]
    found.append(training_digest({"seed": 2}, data, []))
    found.append(training_digest({"seed": 1}, data, parent))
    (tmp_path / "train.bin").write_text("longer than before")
    found.append(training_digest({"seed": 1}, data, []))
    (tmp_path / "dict.txt").write_text("txt.dict")
    found.append(training_digest({"seed": 1}, data, []))
    assert len(set(found)) == 5


def test_neuron_specialization_trains_and_its_checkpoint_is_an_ordinary_one(
    baseline: Path, binarised: Path, tmp_path: Path
) -> None:
    masks = draw_masks(tmp_path / "masks.npz")
    published = run_training(
        binarised, tmp_path, parent=baseline, files=DirectionFiles(masks=masks)
    )
    child, parent = read_checkpoint(published)["model"], read_checkpoint(baseline)["model"]
    assert list(child) == list(parent)
    assert not torch.equal(
        child["encoder.layers.0.fc1.weight"], parent["encoder.layers.0.fc1.weight"]
    )
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("form", ["compact", "reference"])
def test_masked_rows_get_zero_gradient_in_a_batch_of_their_direction(
    baseline: Path, binarised: Path, tmp_path: Path, form: str
) -> None:
    masks = draw_masks(tmp_path / "masks.npz")
    mask_LNF = Masks.load(masks).mask_LNF
    model, task = load_task(baseline, binarised, masks=str(masks), subnetwork_form=form)
    for direction, sample in enumerate(first_batches(task)):
        model.zero_grad()
        loss_of(task, model, sample).backward()
        for n, layer in enumerate(ffn_layers(model).values()):
            row_gradient_F = layer.fc1.weight.grad.abs().sum(1).numpy()
            mask_F = mask_LNF[direction, n]
            assert (row_gradient_F[~mask_F] == 0).all()
            assert (row_gradient_F[mask_F] > 0).any()


def test_validation_uses_the_sub_network(baseline: Path, binarised: Path, tmp_path: Path) -> None:
    nothing = np.zeros((len(DIRECTIONS), 4, NUM_NEURONS), dtype=bool)
    masks = save_masks(tmp_path / "masks.npz", nothing)
    dense, task = load_task(baseline, binarised)
    masked, masked_task = load_task(baseline, binarised, masks=str(masks))
    criterion = LabelSmoothedCrossEntropyCriterion(task, sentence_avg=False, label_smoothing=0.1)
    sample = first_batches(task)[0]
    full = task.valid_step(sample, dense, criterion)[0]
    assert masked_task.valid_step(sample, masked, criterion)[0] != full


def test_plain_fairseq_decodes_with_our_checkpoint(
    baseline: Path, binarised: Path, tmp_path: Path
) -> None:
    for side in ("en", "a1"):
        (tmp_path / f"dict.{side}.txt").symlink_to(binarised / "dict.txt")
        for kind in ("bin", "idx"):
            name = f"valid.en-a1.{side}.{kind}"
            (tmp_path / name).symlink_to(binarised / name)
    command = ["fairseq-generate", str(tmp_path), "--path", str(baseline), "--gen-subset", "valid"]
    command += ["--task", "translation", "-s", "en", "-t", "a1", "--cpu", "--batch-size", "1"]
    command += ["--required-batch-size-multiple", "1"]
    command += ["--beam", "1", "--max-len-b", "5"]
    done = subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        capture_output=True,
        text=True,
        # plain fairseq does not know torch's allow-list
        env={"PATH": os.environ["PATH"], "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(re.findall(r"^H-\d+", done.stdout, re.MULTILINE)) == 21


def test_truncated_checkpoints_are_named(baseline: Path, binarised: Path, tmp_path: Path) -> None:
    truncated = tmp_path / "parent.pt"
    truncated.write_bytes(baseline.read_bytes()[:5000])
    with pytest.raises(
        InputError, match=r"parent\.pt: not a valid fairseq checkpoint \(5000 bytes"
    ):
        run_training(binarised, tmp_path / "child", parent=truncated)
    assert not list((tmp_path / "child").iterdir())
    with pytest.raises(InputError, match=r"nothing\.pt: no such checkpoint"):
        load_task(tmp_path / "nothing.pt", binarised)


def test_masks_of_one_stack_leave_the_other_dense(
    baseline: Path, binarised: Path, tmp_path: Path
) -> None:
    encoder = np.zeros((len(DIRECTIONS), 2, NUM_NEURONS), dtype=bool)
    masks = save_masks(tmp_path / "masks.npz", encoder, LAYERS[:2])
    model, task = load_task(baseline, binarised, masks=str(masks))
    loss_of(task, model, first_batches(task)[0]).backward()
    for name, layer in ffn_layers(model).items():
        row_gradient_F = layer.fc1.weight.grad.abs().sum(1)
        assert bool(row_gradient_F.any()) == name.startswith("decoder")


@pytest.mark.parametrize(
    ("shape", "layers", "directions", "message"),
    [
        ((6, 4, 64), LAYERS, DIRECTIONS, "made for another architecture"),
        ((6, 5, 32), [*LAYERS, "encoder.layers.2"], DIRECTIONS, "made for another architecture"),
        ((5, 4, 32), LAYERS, DIRECTIONS[:-1], "the masks do not include b2-en"),
    ],
)
def test_masks_of_other_architectures_or_directions_are_refused(
    baseline: Path,
    binarised: Path,
    tmp_path: Path,
    shape: tuple[int, int, int],
    layers: list[str],
    directions: list[str],
    message: str,
) -> None:
    masks = save_masks(tmp_path / "masks.npz", np.ones(shape, dtype=bool), layers, directions)
    with pytest.raises(InputError, match=message):
        load_task(baseline, binarised, masks=str(masks))


def test_a_bilingual_model_has_two_vocabularies_and_no_tags(
    pair_binarised: Path, pair_vocabulary: Path, tmp_path: Path
) -> None:
    published = run_training(
        pair_binarised, tmp_path, directions=["b1-en"], language_tags=False, max_updates=3
    )
    model, task = load_task(published, pair_binarised, directions="b1-en")
    assert (len(task.source_dictionary), len(task.target_dictionary)) == (121, 121)
    assert task.source_dictionary.symbols != task.target_dictionary.symbols
    task.load_dataset("valid")
    first = task.dataset("valid")[0]
    assert not task.source_dictionary[first["source"][0]].startswith("__")
    texts = translate(published, pair_binarised, pair_vocabulary, tmp_path, directions=["b1-en"])
    assert texts["b1-en"].count("\n") == 21
    assert model.encoder.embed_tokens.num_embeddings == 121


def test_a_bilingual_model_with_the_joint_vocabulary_has_no_entries_for_tags(
    binarised: Path, tmp_path: Path
) -> None:
    published = run_training(
        binarised, tmp_path, directions=["en-a1"], language_tags=False, max_updates=2
    )
    entries = read_checkpoint(published)["model"]["encoder.embed_tokens.weight"].size(0)
    assert entries == 300 - 3 + 4


def test_separate_vocabularies_support_only_one_direction(
    pair_binarised: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="separate vocabularies support only one direction: en-b1"):
        run_training(pair_binarised, tmp_path, directions=["en-b1", "b1-en"], language_tags=False)


def test_a_run_that_diverges_says_so_and_is_not_repeated(binarised: Path, tmp_path: Path) -> None:
    """Its first step makes the weights so large that the second has no gradients."""
    changes: dict = {"learning_rate": 1e30, "warmup_updates": 1}
    message = r"diverged at update 3, after a loss of [\d.]+ \(gradients are Nan/Inf\): lower the"
    with pytest.raises(InputError, match=message):
        run_training(binarised, tmp_path / "run", **changes)
    (folder,) = (tmp_path / "run").iterdir()
    assert [path.name for path in folder.iterdir()] == ["diverged.txt"]
    os.utime(folder / "diverged.txt", (1, 1))
    with pytest.raises(InputError, match=rf"{message}.*remove {re.escape(str(folder))}"):
        run_training(binarised, tmp_path / "run", **changes)
    assert (folder / "diverged.txt").stat().st_mtime == 1  # nothing was trained


def test_a_run_without_its_gpu_does_not_train_on_the_cpu(
    binarised: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device is cuda, but torch"):
        run_training(binarised, tmp_path, device="cuda")
    assert not list(tmp_path.iterdir())


def strings(value: object) -> Iterator[str]:
    """Yield all texts of a checkpoint's settings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Namespace | dict):
        for each in (value if isinstance(value, dict) else vars(value)).values():
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)


def test_equal_runs_publish_equal_files_wherever_they_are_made(
    baseline: Path, binarised: Path, tmp_path: Path
) -> None:
    """No setting in a checkpoint names a place on a machine, so the hashes of parents agree."""
    published = []
    for place in ("here", "far/from/here"):
        folder = tmp_path / place
        shutil.copytree(binarised, folder / "data")
        files = DirectionFiles(masks=draw_masks(folder / "masks.npz"))
        parent = Path(shutil.copy(baseline, folder / "parent.pt"))
        changes: dict = {"parent": parent, "files": files, "max_updates": 2, "validate_every": 1}
        published.append(run_training(folder / "data", folder / "run", **changes))
    assert published[0].read_bytes() == published[1].read_bytes()
    found = [text for text in strings(read_checkpoint(published[0])["cfg"]) if "/" in text]
    assert set(found) == {"/tmp/plasma"}  # fairseq's default, which has no effect
    assert read_checkpoint(published[0])["cfg"]["task"]["masks"] == "masks.npz"
