"""Adapters and weight masks of directions, in complete runs."""

import dataclasses
import logging
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.methods import pruned_tensors
from neuron_specialization.fairseq_plugin.training import find_all_weights
from neuron_specialization.methods.adapters import is_adapter
from neuron_specialization.methods.packed_bits import keep_weights
from neuron_specialization.methods.weight_masks import WeightMasks
from neuron_specialization.neurons.storage import Masks
from neuron_specialization.settings.training import Adapters, DirectionFiles
from tests.trained_models import (
    DIRECTIONS,
    architecture,
    draw_masks,
    first_batches,
    load_task,
    loss_of,
    make_training,
    method_settings,
    run_training,
    translate,
)

PAIR_SETS = {direction: direction for direction in DIRECTIONS}
FAMILY_SETS = {"en-a1": "en-A", "en-b1": "en-B", "en-b2": "en-B"} | {
    "a1-en": "A-en",
    "b1-en": "B-en",
    "b2-en": "B-en",
}


def adapters(sets: dict[str, str] = PAIR_SETS, per_layer: int = 2) -> Adapters:
    return Adapters(sets=sets, bottleneck=4, per_layer=per_layer)


@pytest.fixture(scope="module")
def adapted(learned: Path, binarised: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return pair adapters on a model with some training, far from their initial values."""
    return run_training(
        binarised,
        tmp_path_factory.mktemp("adapted"),
        adapters=adapters(),
        files=DirectionFiles(base=learned),
        max_updates=30,
        learning_rate=0.05,
    )


def losses(task, model, samples: list[dict]) -> list[float]:
    with torch.no_grad():
        return [loss_of(task, model, sample).item() for sample in samples]


def test_the_checkpoint_of_adapters_holds_only_adapters(
    adapted: Path, learned: Path, binarised: Path
) -> None:
    stored, base = read_checkpoint(adapted)["model"], read_checkpoint(learned)["model"]
    assert all(map(is_adapter, stored))
    model, _ = load_task(adapted, binarised, base=str(learned))
    assert set(model.state_dict()) - set(base) == set(stored)
    assert model.encoder.layer_norm is not None  # fairseq drops it from old checkpoints


def test_adapters_are_after_self_attention_and_ffn(
    adapted: Path, learned: Path, binarised: Path
) -> None:
    model, task = load_task(adapted, binarised, base=str(learned))
    called: list[str] = []
    for stack in ("encoder", "decoder"):
        for name, module in getattr(model, stack).layers[0].named_modules():
            if name in ("self_attn", "encoder_attn", "fc2") or name.startswith("adapters."):
                hook = partial(lambda name, *_: called.append(name), f"{stack}.{name}")
                module.register_forward_hook(hook)
    losses(task, model, first_batches(task)[:1])
    encoder = ["self_attn", "adapters.self_attn", "fc2", "adapters.ffn"]
    decoder = [*encoder[:2], "encoder_attn", *encoder[2:]]
    expected = [f"encoder.{name}" for name in encoder] + [f"decoder.{name}" for name in decoder]
    assert called == expected


def test_adapters_leave_the_base_bit_identical(
    learned: Path, binarised: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # fairseq's own checkpoint, before publishing, has the base as it was in memory
    monkeypatch.setattr("shutil.rmtree", lambda _: None)
    files = DirectionFiles(base=learned)
    run_training(binarised, tmp_path, adapters=adapters(), files=files, max_updates=5)
    trained = read_checkpoint(tmp_path / "work/checkpoint_best.pt")["model"]
    for name, value in read_checkpoint(learned)["model"].items():
        assert torch.equal(trained[name], value), name
    changed = [name for name in trained if is_adapter(name) and name.endswith("up_weight_SDK")]
    assert all(trained[name].abs().max() > 0.005 for name in changed)


def test_a_direction_is_decoded_by_the_base_and_its_set(
    adapted: Path, learned: Path, binarised: Path
) -> None:
    model, task = load_task(adapted, binarised, base=str(learned))
    samples = first_batches(task)
    own = losses(task, model, samples)
    plain_model, plain_task = load_task(learned, binarised)
    assert np.abs(np.subtract(own, losses(plain_task, plain_model, samples))).min() > 0.1
    for i, direction in enumerate(DIRECTIONS):
        alone, alone_task = load_task(adapted, binarised, base=str(learned), directions=direction)
        assert alone.encoder.layers[0].adapters["ffn"].down_weight_SKD.size(0) == 1
        sample = {**samples[i], "direction": 0}
        assert losses(alone_task, alone, [sample]) == [own[i]]


def test_families_share_their_sets(learned: Path, binarised: Path, tmp_path: Path) -> None:
    published = run_training(
        binarised,
        tmp_path,
        adapters=adapters(FAMILY_SETS, per_layer=1),
        files=DirectionFiles(base=learned),
        max_updates=3,
    )
    state = read_checkpoint(published)["model"]
    assert all(tensor.size(0) == 4 for tensor in state.values())  # en-A en-B A-en B-en
    model, task = load_task(published, binarised, base=str(learned), directions="en-b2,en-b1,b2-en")
    layer = model.encoder.layers[0]
    assert list(layer.adapters) == ["ffn"]
    assert layer.adapters["ffn"].set_of_direction == (0, 0, 1)
    rows = state["encoder.layers.0.adapters.ffn.up_weight_SDK"][[1, 3]]
    assert torch.equal(layer.adapters["ffn"].up_weight_SDK, rows)
    assert task.directions == ["en-b2", "en-b1", "b2-en"]


def test_adapters_of_other_directions_or_bases_are_refused(
    adapted: Path, learned: Path, binarised: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="do not include en-c1"):
        load_task(adapted, binarised, base=str(learned), directions="en-c1")
    with pytest.raises(InputError, match=r"nowhere\.pt: no such checkpoint"):
        load_task(adapted, binarised, base=str(tmp_path / "nowhere.pt"))
    wide = run_training(binarised, tmp_path, d_ff=48, max_updates=1, validate_every=1)
    with pytest.raises(InputError, match=r"checkpoint\.pt: not the base model of these adapters"):
        load_task(adapted, binarised, base=str(wide))


def test_pruned_tensors_are_attention_and_ffn(learned: Path) -> None:
    state = read_checkpoint(learned)["model"]
    names = pruned_tensors(state, output_projection=False)
    assert len(names) == 2 * (4 + 2) + 2 * (8 + 2)
    assert not [n for n in names if "norm" in n or "embed" in n or n.endswith("bias")]
    with_projection = pruned_tensors(state, output_projection=True)
    assert set(with_projection) - set(names) == {"decoder.output_projection.weight"}


def fine_tune(directions: list[str], learned: Path, data: Path, folder: Path) -> WeightMasks:
    """Return the weight masks of some directions, fine-tuned one after the other."""
    runs = [
        dataclasses.replace(
            make_training(data, folder, directions=[direction], parent=learned),
            save_dir=folder / "work" / direction,
        )
        for direction in directions
    ]
    folder.mkdir(exist_ok=True)
    find_all_weights(
        architecture(max_updates=6, validate_every=3, dropout=0.3),
        runs,
        pruning=0.7,
        output_projection=False,
        work=folder / "work",
        masks=folder / "masks.npz",
    )
    assert [path.name for path in folder.glob("*") if path.name != "tensorboard"] == ["masks.npz"]
    return WeightMasks.load(folder / "masks.npz")


def test_fine_tuning_keeps_the_largest_weights_and_changes_no_other_model(
    learned: Path, binarised: Path, tmp_path: Path
) -> None:
    before = learned.read_bytes()
    both = fine_tune(["en-b1", "b1-en"], learned, binarised, tmp_path / "both")
    alone = fine_tune(["b1-en"], learned, binarised, tmp_path / "alone")
    assert learned.read_bytes() == before
    assert (both.directions, alone.directions) == (("en-b1", "b1-en"), ("b1-en",))
    assert all(np.array_equal(both.bits[name][1], alone.bits[name][0]) for name in both.shapes)
    assert any(not np.array_equal(*both.bits[name]) for name in both.shapes)
    for name, shape in both.shapes.items():
        size = shape[0] * shape[1]
        bits = torch.from_numpy(both.bits[name][0])
        assert keep_weights(torch.ones(shape), bits).sum() == size - size * 7 // 10, name


def test_fine_tuning_finished_by_a_killed_job_is_not_repeated(
    learned: Path, binarised: Path, weight_masks: Path, tmp_path: Path
) -> None:
    masks = WeightMasks.load(weight_masks)
    kept = {name: bits[:1] for name, bits in masks.bits.items()}
    done = dataclasses.replace(masks, directions=("en-a1",), bits=kept)
    (tmp_path / "work/en-a1").mkdir(parents=True)
    done.save(tmp_path / "work/en-a1.npz")
    found = fine_tune(["en-a1"], learned, binarised, tmp_path).bits
    assert all(np.array_equal(found[name], kept[name]) for name in kept)


def test_masked_weights_get_no_gradient_in_a_batch_of_their_direction(
    learned: Path, binarised: Path, weight_masks: Path
) -> None:
    model, task = load_task(learned, binarised, weight_masks=str(weight_masks))
    masks = WeightMasks.load(weight_masks)
    parameters = dict(model.named_parameters())
    for direction, sample in enumerate(first_batches(task)):
        model.zero_grad()
        loss_of(task, model, sample).backward()
        for name, shape in masks.shapes.items():
            bits = torch.from_numpy(masks.bits[name][direction])
            kept = keep_weights(torch.ones(shape), bits).bool()
            gradient = parameters[name].grad
            assert (gradient[~kept] == 0).all(), name
            assert (gradient[kept] != 0).any(), name


def turned(names: tuple[str, ...]) -> tuple[str, ...]:
    """Give each direction the masks or adapters of the next one."""
    return (*names[1:], names[0])


def turn_masks(kind: type[Masks | WeightMasks], path: Path, folder: Path) -> Path:
    masks = kind.load(path)
    dataclasses.replace(masks, directions=turned(masks.directions)).save(folder / "turned.npz")
    return folder / "turned.npz"


def turn_adapters(path: Path, folder: Path) -> Path:
    state = read_checkpoint(path)
    sets = zip(DIRECTIONS, turned(tuple(DIRECTIONS)), strict=True)
    # stored in the order of the directions; each is now named after another
    state["cfg"]["task"]["adapter_sets"] = ",".join(f"{d}={d}" for _, d in sets)
    torch.save(state, folder / "adapters.pt")
    return folder / "adapters.pt"


@pytest.mark.parametrize("method", ["neurons", "weights", "adapters"])
def test_masks_and_adapters_of_another_direction_change_translations(
    method: str,
    learned: Path,
    adapted: Path,
    binarised: Path,
    vocabulary: Path,
    weight_masks: Path,
    tmp_path: Path,
) -> None:
    models, files = [learned, learned], [DirectionFiles(base=learned)] * 2
    if method == "neurons":
        masks = draw_masks(tmp_path / "masks.npz")
        turned_masks = turn_masks(Masks, masks, tmp_path)
        files = [DirectionFiles(masks=each) for each in (masks, turned_masks)]
    elif method == "weights":
        turned_masks = turn_masks(WeightMasks, weight_masks, tmp_path)
        files = [DirectionFiles(weight_masks=[str(each)]) for each in (weight_masks, turned_masks)]
    else:
        models = [adapted, turn_adapters(adapted, tmp_path)]
    texts = [
        translate(model, binarised, vocabulary, tmp_path / "out", files=own)
        for model, own in zip([learned, *models], [DirectionFiles(), *files], strict=True)
    ]
    dense, own_texts, other_texts = texts
    for a, b in ((dense, own_texts), (own_texts, other_texts)):
        assert sum(a[direction] != b[direction] for direction in DIRECTIONS) >= 4


def test_a_sparse_systems_checkpoint_is_a_plain_model(
    learned: Path, binarised: Path, weight_masks: Path, tmp_path: Path
) -> None:
    files = DirectionFiles(weight_masks=[str(weight_masks)])
    published = run_training(binarised, tmp_path, parent=learned, files=files, max_updates=3)
    child, parent = read_checkpoint(published)["model"], read_checkpoint(learned)["model"]
    assert list(child) == list(parent)
    model, task = load_task(published, binarised, weight_masks="")
    plain, plain_task = load_task(learned, binarised)
    assert list(model.state_dict()) == list(plain.state_dict())
    assert type(model.encoder.layers[0].self_attn.q_proj) is torch.nn.Linear
    samples = first_batches(task)
    assert losses(task, model, samples) != losses(plain_task, plain, samples)


def test_weight_masks_of_another_architecture_or_other_directions_are_refused(
    learned: Path, binarised: Path, weight_masks: Path, tmp_path: Path
) -> None:
    masks = WeightMasks.load(weight_masks)
    shapes = {name: (rows + 1, columns) for name, (rows, columns) in masks.shapes.items()}
    bits = {name: np.zeros((6, -(-r * c // 8)), np.uint8) for name, (r, c) in shapes.items()}
    dataclasses.replace(masks, shapes=shapes, bits=bits).save(tmp_path / "odd.npz")
    with pytest.raises(InputError, match=r"made for another architecture: encoder\.layers\.0"):
        load_task(learned, binarised, weight_masks=str(tmp_path / "odd.npz"))
    fewer = dataclasses.replace(
        masks,
        directions=masks.directions[1:],
        bits={name: bits[1:] for name, bits in masks.bits.items()},
    )
    fewer.save(tmp_path / "fewer.npz")
    with pytest.raises(InputError, match="the weight masks do not include en-a1"):
        load_task(learned, binarised, weight_masks=str(tmp_path / "fewer.npz"))


def test_all_methods_start_from_the_same_model_and_see_the_same_batches(
    learned: Path,
    binarised: Path,
    weight_masks: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    logged = {}
    start = read_checkpoint(learned)["model"]
    for name in ("multilingual", "neuron_specialization", "lass", "adapter"):
        settings = method_settings(name, learned, weight_masks, tmp_path)
        caplog.clear()
        with caplog.at_level(logging.INFO):
            run_training(
                binarised,
                tmp_path / name,
                max_updates=6,
                validate_every=3,
                learning_rate=1e-9,
                **settings,
            )
        logged[name] = re.findall(r"trained on (\d+ batches, sha256 \w+)", caplog.text)
        model = read_checkpoint(tmp_path / name / "checkpoint.pt")["model"]
        for key in start.keys() & model.keys():
            torch.testing.assert_close(model[key], start[key], atol=1e-6, rtol=0)
    assert len(set(logged["multilingual"])) == len(logged["multilingual"]) == 2
    assert all(found == logged["multilingual"] for found in logged.values())
