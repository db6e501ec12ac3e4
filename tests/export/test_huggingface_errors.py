"""Exports of model folders that are refused, each with the reason."""

import json
import shutil
from pathlib import Path

import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.export.exporting import export_model
from neuron_specialization.export.huggingface_model import check_class
from neuron_specialization.export.manifest import ExportManifest
from tests.export.exports import change_checkpoint
from tests.export.served import import_folder
from tests.fairseq_plugin.huggingface import make_model_folder
from tests.trained_models import draw_masks, run_training


def refuse(message: str, out: Path, **arguments: object) -> None:
    with pytest.raises(InputError, match=message):
        export_model(out=out, **arguments)
    assert not out.exists()


@pytest.fixture
def learned_files(learned: Path, binarised: Path, vocabulary: Path) -> dict:
    return {
        "checkpoint": learned,
        "data": binarised,
        "vocabulary": vocabulary,
        "directions": ["en-a1"],
        "formats": ["huggingface"],
    }


def test_a_language_that_m2m100_lacks(learned_files: dict, tmp_path: Path) -> None:
    message = r"a1: not among the 100 codes of M2M100Tokenizer, .* fairseq, ctranslate2"
    refuse(message, tmp_path / "out", **learned_files)


def test_options_that_exclude_each_other(learned_files: dict, tmp_path: Path) -> None:
    out, masks = tmp_path / "out", draw_masks(tmp_path / "masks.npz")
    text = tmp_path / "text"
    text.write_text("a\n")
    several = learned_files | {"directions": ["en-a1", "a1-en"]}
    refuse(r"each direction has its own neurons", out, **several, masks=masks)
    refuse(r"format fairseq is for one direction", out, **several | {"formats": ["fairseq"]})
    trimmed = learned_files | {"formats": ["fairseq"], "trim_text": [text]}
    refuse(r"format fairseq is for one .* whole vocabulary", out, **trimmed)
    twice = learned_files | {"directions": ["en-a1", "en-a1"]}
    refuse(r"a direction is named twice", out, **twice)
    other = learned_files | {"formats": ["ctranslate2"], "tokenizer": tmp_path}
    refuse(r"--tokenizer is for the format huggingface", out, **other)


def test_models_that_no_class_of_transformers_has() -> None:
    names = ("encoder_learned_pos", "layernorm_embedding", "encoder_normalize_before")
    for values, tags, reason in (
        ((True, False, True), True, "encoder_learned_pos is True and layernorm_embedding is False"),
        ((False, False, False), True, "post-norm"),
        ((False, False, True), False, "no language tags"),
    ):
        with pytest.raises(InputError, match=reason):
            check_class(Path("model.pt"), dict(zip(names, values, strict=True)), tags)


def test_a_source_tag_that_m2m100s_tokenizer_cannot_add(
    learned_files: dict, tmp_path: Path
) -> None:
    last = change_checkpoint(learned_files["checkpoint"], tmp_path / "a.pt", source_tag_last=True)
    message = r"M2M100Tokenizer has the source's tag in front"
    refuse(message, tmp_path / "out", **learned_files | {"checkpoint": last})


def test_two_vocabularies(pair_binarised: Path, pair_vocabulary: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a\n")
    checkpoint = run_training(
        pair_binarised, tmp_path / "run", directions=["b1-en"], language_tags=False, max_updates=1
    )
    refuse(
        r"a vocabulary for each language; the format huggingface and --trim-text need a joint one",
        tmp_path / "out",
        checkpoint=checkpoint,
        data=pair_binarised,
        vocabulary=pair_vocabulary,
        directions=["b1-en"],
        trim_text=[tmp_path / "text"],
    )


def test_another_tokenizer(corpora: Path, tmp_path: Path) -> None:
    found = make_model_folder("nllb", tmp_path / "nllb")
    model = import_folder(found, corpora, tmp_path / "imported", ["en-a1"])
    arguments = {
        "checkpoint": model.checkpoint,
        "data": model.data,
        "vocabulary": model.vocabulary,
        "directions": ["en-a1"],
        "formats": ["huggingface"],
    }
    other = make_model_folder("mbart50", tmp_path / "mbart50")
    message = r"mbart50: its tokenizer has other tokens than the model's dictionary"
    refuse(message, tmp_path / "out", **arguments, tokenizer=other.path)
    changed = tmp_path / "changed"
    shutil.copytree(found.path, changed)
    pieces = changed / "sentencepiece.bpe.model"
    pieces.write_bytes(pieces.read_bytes() + b"\x12\x00")  # an empty field
    message = r"another SentencePiece model than"
    refuse(message, tmp_path / "out", **arguments, tokenizer=changed)


MANIFEST = {
    "direction": "en-de",
    "directions": ["en-de", "de-en"],
    "source_tag": "__en__",
    "target_tag": "__de__",
    "formats": ["huggingface"],
    "ffn_widths": {},
    "max_source_tokens": 1024,
    "max_target_positions": 64,
    "provenance": {},
}


def test_a_direction_of_several_is_named(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text(json.dumps(MANIFEST))
    manifest = ExportManifest.read(tmp_path)
    other = manifest.for_direction(tmp_path, "de-en")
    assert (other.source_tag, other.target_tag) == ("__de__", "__en__")
    for name in (None, "en-fr"):
        with pytest.raises(InputError, match=r"directions are en-de, de-en; choose one"):
            manifest.for_direction(tmp_path, name)
    with pytest.raises(InputError, match=r"README\.md says how to translate"):
        manifest.engine_folder(tmp_path, "huggingface")
