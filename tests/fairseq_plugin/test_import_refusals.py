"""Checkpoints from elsewhere that do not fit, or could be harmful, are refused with the reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from tests.fairseq_plugin.external_checkpoints import (
    THEIR_LANGUAGES,
    Edit,
    Plain,
    assert_refused,
    assert_same_tensors,
    drop,
    edited,
    learn_positions,
    post_norm,
    run_import,
    set_model,
    set_task,
    untie,
)
from tests.fairseq_plugin.test_checkpointing import Bomb
from tests.trained_models import DIRECTIONS, save_masks


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"layers": 3},
            r"42 tensors differ: encoder\.layers\.2\.self_attn\.k_proj\.weight is absent in the "
            r"checkpoint, \(16, 16\) in the architecture.* has layers 2 \+ 2, d_ff 32, d_model 16",
        ),
        ({"layers": 1}, r"encoder\.layers\.1\.\S+ is \(16, 16\) in the checkpoint, absent in the"),
        (
            {"d_model": 32},
            r"encoder\.embed_tokens\.weight is \(307, 16\) in the checkpoint, \(307, 32\) in the "
            r"architecture.* d_model 16; use these sizes",
        ),
        (
            {"d_ff": 64},
            r"fc1\.weight is \(32, 16\) in the checkpoint, \(64, 16\) in the arch.*d_ff",
        ),
        ({"heads": 4}, r"encoder_attention_heads is 2 in .*, 4 in the architecture; set its heads"),
        ({"dictionary": None}, r"its language tags are in the order of b2, b1, a1, en, the"),
        ({"directions": ["en-a1", "a1-xx"]}, r"not trained on xx, but on b2, b1, a1, en"),
        ({"language_tags": False}, r"language tags \('src', 'tgt'\) .* here they are \(None, None"),
    ],
)
def test_another_architecture_or_task_is_refused(
    plain: Plain, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    assert_refused(plain, tmp_path, f"checkpoint_best.pt: .*{message}", **changes)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (set_model(encoder_normalize_before=False), r"encoder_normalize_before is False in the"),
        (set_model(activation_fn="gelu"), r"activation_fn is gelu in .*, relu in the architecture"),
        (set_model(layernorm_embedding=True), r"layernorm_embedding is True in the checkpoint"),
        (set_model(decoder_learned_pos=True), r"decoder_learned_pos is True in the checkpoint"),
        (set_model(no_scale_embedding=True), r"no_scale_embedding is True in the checkpoint"),
        (set_task(langtoks={"main": ("tgt", None)}), r"trained with the language tags \('tgt', N"),
        (set_task(encoder_langtok="tgt", langtoks=None), r"trained with the language tags \('tgt'"),
        (set_task(lang_tok_replacing_bos_eos=True), r"in place of </s>"),
        (set_task(langs=["b2", "b1", "en"]), r"not trained on a1, but on b2, b1, en"),
        (set_task(langs=None, lang_dict="/a/b.txt"), r"has 307 rows, but the dictionary has 303"),
        (set_task(langs=[*THEIR_LANGUAGES, "fr"]), r"has 307 rows, but the dictionary has 308 ent"),
        (set_task(lang_tok_style="mbart"), r"has 307 rows, but the dictionary has 308 entries"),
        (lambda state: post_norm(state), r"4 tensors differ.* post-norm model"),
        (drop("decoder.layers.1.fc1.bias"), r"decoder\.layers\.1\.fc1\.bias is absent in the che"),
        (untie, r"decoder\.output_projection\.weight differ"),
        (learn_positions, r"encoder\.embed_positions\.weight is \(10, 16\) .*, absent in the arch"),
        (lambda state: state.update(model={}), r"not one of fairseq's transformer"),
        (lambda state: state.pop("model"), r"not a valid fairseq checkpoint .*KeyError\('model'\)"),
    ],
)
def test_other_models_are_refused(plain: Plain, tmp_path: Path, edit: Edit, message: str) -> None:
    source = edited(plain, tmp_path, edit)
    assert_refused(plain, tmp_path, rf"edited\.pt: .*{message}", source)


@pytest.mark.parametrize(
    ("shape", "directions", "message"),
    [
        ((6, 4, 64), DIRECTIONS, "masks were made for another architecture: 4 layers of 64 neur"),
        ((5, 4, 32), DIRECTIONS[:5], f"masks do not include {DIRECTIONS[5]}"),
    ],
)
def test_masks_of_another_model_are_refused(
    plain: Plain, tmp_path: Path, shape: tuple[int, ...], directions: list[str], message: str
) -> None:
    kept = np.ones(shape, dtype=bool)
    masks = save_masks(tmp_path / "masks.npz", kept, directions=directions)
    assert_refused(plain, tmp_path, message, masks=masks)


def test_another_vocabulary_is_refused(
    plain: Plain, binarised: Path, baseline: Path, tmp_path: Path
) -> None:
    message = r"encoder\.embed_tokens\.weight has 305 rows, but the dictionary has 307 entries"
    own = Plain(checkpoint=baseline, outputs={}, data=plain.data)
    assert_refused(own, tmp_path, message)
    # the dictionary that was given fits the checkpoint, but not the corpora
    lines = plain.dictionary.read_text(encoding="utf-8").replace("▁the 100", "other 100")
    (tmp_path / "other.txt").write_text(lines, encoding="utf-8")
    message = "its dictionary lacks 1 entries of the corpora's, such as ▁the; specify"
    assert_refused(plain, tmp_path, message, dictionary=tmp_path / "other.txt")


class Unknown:
    """An object that a checkpoint might contain."""


def test_potentially_harmful_classes_are_not_read(plain: Plain, tmp_path: Path) -> None:
    source = edited(plain, tmp_path, lambda state: state.update(odd=Unknown()))
    message = (
        r"edited\.pt: it holds a tests\.fairseq_plugin\.test_import_refusals\.Unknown, .*"
        "trust_checkpoints: true.* `model` and `args`"
    )
    assert_refused(plain, tmp_path, message, source)
    harmful = Bomb(tmp_path / "harm")
    source = edited(plain, tmp_path, lambda state: state.update(odd=harmful))
    assert_refused(plain, tmp_path, r"edited\.pt: it holds a posix\.mknod", source)
    assert not (tmp_path / "harm").exists()


def test_a_trusted_checkpoint_is_read_anyway(plain: Plain, imported: Path, tmp_path: Path) -> None:
    source = edited(plain, tmp_path, lambda state: state.update(odd=Unknown()))
    published = run_import(plain, tmp_path, source, trusted=True)
    assert_same_tensors(published, read_checkpoint(imported)["model"])


def test_damaged_and_missing_files_are_named(plain: Plain, tmp_path: Path) -> None:
    truncated = tmp_path / "truncated.pt"
    truncated.write_bytes(plain.checkpoint.read_bytes()[:5000])
    message = r"truncated\.pt: not a valid fairseq checkpoint \(5000 bytes"
    assert_refused(plain, tmp_path, message, truncated)
    assert_refused(plain, tmp_path, r"nothing\.pt: no such checkpoint", tmp_path / "nothing.pt")


def test_a_failed_write_leaves_nothing(
    plain: Plain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(state: object, path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        run_import(plain, tmp_path / "target")
    assert not list((tmp_path / "target").iterdir())
