"""Failed exports raise an error and leave nothing behind."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuron_specialization.errors import InputError
from neuron_specialization.export.exporting import export_model
from neuron_specialization.export.manifest import ExportManifest
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint, write_checkpoint
from tests.export.exports import change_checkpoint
from tests.trained_models import DIRECTIONS, draw_masks, save_masks

ADAPTERS = ",".join(f"{direction}={direction}" for direction in DIRECTIONS)


@pytest.fixture
def arguments(learned: Path, binarised: Path, vocabulary: Path, tmp_path: Path) -> dict:
    """Return the arguments that export a model."""
    (tmp_path / "exports").mkdir()
    return {
        "checkpoint": learned,
        "out": tmp_path / "exports/en-a1",
        "directions": ["en-a1"],
        "data": binarised,
        "vocabulary": vocabulary,
    }


def refuse(arguments: dict, message: str, **changes: object) -> None:
    """Check that the export fails with this message and writes nothing."""
    folder = arguments["out"].parent
    before = sorted(folder.rglob("*"))
    with pytest.raises(InputError, match=message):
        export_model(**(arguments | changes))
    assert sorted(folder.rglob("*")) == before


def test_an_unknown_direction(arguments: dict) -> None:
    refuse(arguments, r"no model of en-c1; it was trained in en-a1, .*b2-en", directions=["en-c1"])
    refuse(arguments, r"no model of german", directions=["german"])


def test_an_existing_folder(arguments: dict) -> None:
    out = arguments["out"]
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    refuse(arguments, rf"{out}: already exists")


def test_a_checkpoint_that_is_cut_off_or_missing(arguments: dict, tmp_path: Path) -> None:
    whole = arguments["checkpoint"].read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    refuse(arguments, r"cut\.pt: not a valid fairseq", checkpoint=tmp_path / "cut.pt")
    refuse(arguments, r"workflow's results, delete it", checkpoint=tmp_path / "cut.pt")
    refuse(arguments, r"no\.pt: no such checkpoint", checkpoint=tmp_path / "no.pt")
    torch.save({"a": 1}, tmp_path / "other.pt")
    message = r"other\.pt: not a fairseq checkpoint, as it has no 'model'; use another$"
    refuse(arguments, message, checkpoint=tmp_path / "other.pt")


def test_a_checkpoint_whose_task_has_no_settings(arguments: dict, tmp_path: Path) -> None:
    state = read_checkpoint(arguments["checkpoint"])
    for name in ("adapter_sets", "no_language_tags"):
        del state["cfg"]["task"][name]
    write_checkpoint(tmp_path / "part.pt", state)
    message = r"part\.pt: its setting adapter_sets is missing or not a valid str; use"
    refuse(arguments, message, checkpoint=tmp_path / "part.pt")


def test_other_methods(arguments: dict, tmp_path: Path) -> None:
    """Check methods by their checkpoints' settings of the task."""
    learned = arguments["checkpoint"]
    adapted = change_checkpoint(learned, tmp_path / "a.pt", adapter_sets=ADAPTERS)
    refuse(arguments, r"a\.pt: adapters cannot be .*neuron masks \(--masks\)", checkpoint=adapted)
    lass = change_checkpoint(learned, tmp_path / "l.pt", weight_masks="masks.npz")
    refuse(arguments, r"l\.pt: trained with weight masks .*neuron masks", checkpoint=lass)
    foreign = change_checkpoint(learned, tmp_path / "f.pt", _name="translation")
    refuse(
        arguments, r"f\.pt: not a checkpoint of the task translation_directions", checkpoint=foreign
    )


def test_other_masks(arguments: dict, tmp_path: Path) -> None:
    few, wide = tmp_path / "few.npz", tmp_path / "wide.npz"
    save_masks(few, np.ones((5, 4, 32), dtype=bool), directions=DIRECTIONS[1:])
    refuse(arguments, r"few\.npz: the masks do not include en-a1", masks=few)
    save_masks(wide, np.ones((6, 4, 64), dtype=bool))
    refuse(arguments, r"wide\.npz: the masks were made for another architecture", masks=wide)
    (tmp_path / "cut.npz").write_bytes(few.read_bytes()[:200])
    refuse(arguments, r"cut\.npz: not a valid file", masks=tmp_path / "cut.npz")
    refuse(arguments, r"no\.npz: no such file", masks=tmp_path / "no.npz")


def test_another_vocabulary(
    arguments: dict, pair_binarised: Path, pair_vocabulary: Path, tmp_path: Path
) -> None:
    refuse(arguments, r"spm\.model: no such SentencePiece model", vocabulary=arguments["data"])
    refuse(arguments, r"nowhere/dict\.txt: no such dictionary", data=tmp_path / "nowhere")
    message = r"dict\.en\.txt: 121 entries, but .*checkpoint\.pt has 305 embeddings.*--data"
    refuse(arguments, message, data=pair_binarised, directions=["en-b1"])
    (tmp_path / "spm.model").write_bytes(b"no model")
    refuse(arguments, r"spm\.model: not a SentencePiece model", vocabulary=tmp_path)


def test_other_activations(arguments: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "activation_fn": "gelu",
        "encoder_normalize_before": True,
        "encoder_attention_heads": 2,
        "encoder_learned_pos": False,
    }
    monkeypatch.setattr(
        "neuron_specialization.export.source_model.model_settings", lambda _: settings
    )
    refuse(arguments, "activation_fn is gelu; only models in which it is relu")


def test_a_specialized_model_without_its_masks_is_exported_with_a_warning(
    arguments: dict, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    masks = draw_masks(tmp_path / "masks.npz")
    own = change_checkpoint(arguments["checkpoint"], tmp_path / "ns.pt", masks=str(masks))
    masks.unlink()  # the path used by the run is gone
    export_model(**(arguments | {"checkpoint": own, "formats": ["ctranslate2"]}))
    assert "ns.pt was trained with neuron masks, but is exported with all neurons" in caplog.text
    assert not (arguments["out"] / "fairseq").exists()
    assert (arguments["out"] / "export.json").is_file()


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, OSError])
def test_an_interrupted_export_leaves_nothing(
    arguments: dict, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    seen: list[str] = []

    def fail(folder: Path, *_: object) -> None:
        seen.extend(path.name for path in arguments["out"].parent.rglob("*"))
        raise error

    monkeypatch.setattr("neuron_specialization.export.exporting.write_ctranslate2", fail)
    with pytest.raises(error):
        export_model(**arguments)
    assert "checkpoint.pt" in seen  # part of it was written
    assert "en-a1" not in seen
    assert not list(arguments["out"].parent.iterdir())


def test_remains_of_a_killed_export_are_removed(
    arguments: dict, caplog: pytest.LogCaptureFixture
) -> None:
    rest = arguments["out"].with_name("en-a1.part")
    (rest / "fairseq").mkdir(parents=True)
    (rest / "old.txt").touch()
    with caplog.at_level(logging.WARNING):
        export_model(**arguments, formats=["fairseq"])
    assert not caplog.records
    assert sorted(path.name for path in arguments["out"].parent.iterdir()) == ["en-a1"]
    assert not (arguments["out"] / "old.txt").exists()


MANIFEST: dict[str, Any] = {
    "direction": "en-a1",
    "source_tag": "__en__",
    "target_tag": "__a1__",
    "formats": ["fairseq"],
    "ffn_widths": {"encoder.layers.0": 3},
    "max_source_tokens": 1024,
    "max_target_positions": 64,
    "provenance": {},
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("direction", "en-a1-b1"),
        ("direction", "--user-dir=/x"),
        ("direction", "en-a1\n"),
        ("direction", 1),
        ("source_tag", 1),
        ("formats", []),
        ("formats", ["other"]),
        ("formats", "fairseq"),
        ("ffn_widths", {"encoder.layers.0": "3"}),
        ("ffn_widths", []),
        ("max_source_tokens", "1024"),
        ("max_target_positions", True),
        ("files", {"a": 1}),
    ],
)
def test_a_manifest_with_other_types_is_refused(tmp_path: Path, name: str, value: object) -> None:
    (tmp_path / "export.json").write_text(json.dumps(MANIFEST))
    assert ExportManifest.read(tmp_path).direction == "en-a1"
    (tmp_path / "export.json").write_text(json.dumps(MANIFEST | {name: value}))
    with pytest.raises(InputError, match=r"export\.json: not the manifest of an export"):
        ExportManifest.read(tmp_path)


def test_a_deep_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match=r"export\.json: not the manifest of an export"):
        ExportManifest.read(tmp_path)


def test_a_changed_file_of_an_export_is_named(tmp_path: Path) -> None:
    (tmp_path / "fairseq").mkdir()
    path = tmp_path / "fairseq/checkpoint.pt"
    path.write_bytes(b"weights")
    ExportManifest(**MANIFEST).write(tmp_path)
    manifest = ExportManifest.read(tmp_path)
    manifest.check_files(tmp_path, "fairseq")
    for change in (lambda: path.write_bytes(b"weightt"), path.unlink):
        change()
        with pytest.raises(InputError, match=r"checkpoint\.pt: missing or changed since"):
            manifest.check_files(tmp_path, "fairseq")
    manifest.check_files(tmp_path, "ctranslate2")
