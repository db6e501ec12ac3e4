"""Model folders that cannot be imported are refused, with the reason; forms of one are the same."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.huggingface_models import (
    fairseq_name,
    huggingface_name,
    read_model_folder,
)
from neuron_specialization.fairseq_plugin.importing import import_checkpoint
from neuron_specialization.settings.model_folders import folder_settings
from tests.fairseq_plugin.huggingface import (
    DIRECTIONS,
    Folder,
    Imported,
    import_folder,
    make_model_folder,
)
from tests.fairseq_plugin.test_checkpointing import Bomb
from tests.trained_models import architecture

WEIGHTS = "model.safetensors"
Edit = Callable[[Path], object]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    work = tmp_path_factory.mktemp("nllb")
    return import_folder(make_model_folder("nllb", work / "model"), work)


@pytest.fixture
def folder(imported: Imported, tmp_path: Path) -> Path:
    """Return a copy of the folder, to change something in it."""
    return Path(shutil.copytree(imported.folder.path, tmp_path / "model"))


def configure(**settings: Any) -> Edit:
    """Return a function that changes config.json; None removes a setting."""
    return lambda folder: rewrite(folder / "config.json", settings)


def rewrite(path: Path, settings: dict[str, Any]) -> None:
    changed = json.loads(path.read_text()) | settings
    path.write_text(json.dumps({name: v for name, v in changed.items() if v is not None}))


def edit_tensors(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    tensors = load_file(folder / WEIGHTS)
    edit(tensors)
    save_file(tensors, folder / WEIGHTS)


def truncate(folder: Path) -> None:
    path = folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])


def shard(folder: Path, suffix: str = "safetensors") -> list[Path]:
    """Split the weights into two files with an index."""
    tensors = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    stem = {"safetensors": "model", "bin": "pytorch_model"}[suffix]
    paths = [folder / f"{stem}-0000{i}-of-00002.{suffix}" for i in (1, 2)]
    parts = [{n: tensors[n] for n in list(tensors)[i::2]} for i in (0, 1)]
    for path, part in zip(paths, parts, strict=True):
        save_file(part, path) if suffix == "safetensors" else torch.save(part, path)
    index = {n: path.name for path, part in zip(paths, parts, strict=True) for n in part}
    (folder / f"{stem}.{suffix}.index.json").write_text(json.dumps({"weight_map": index}))
    return paths


def pickle_an_object(folder: Path) -> None:
    tensors: dict[str, Any] = dict(load_file(folder / WEIGHTS))
    (folder / WEIGHTS).unlink()
    torch.save(tensors | {"odd": Bomb(folder / "harm")}, folder / "pytorch_model.bin")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            configure(model_type="marian"),
            r"config.json: OPUS-MT \(Marian\) is post-norm, with swish",
        ),
        (
            configure(model_type="t5"),
            r"T5 and MADLAD have gated FFNs .*; M2M-100, NLLB-200 \(dense\)",
        ),
        (configure(model_type="nllb-moe"), r"a mixture of experts passes a token through some of"),
        (configure(model_type="bart"), r"models of the type bart are not supported"),
        (configure(activation_function="gelu"), r"activation function is gelu: .* settled definit"),
        (configure(scale_embedding=False), r"scale_embedding is False, not True"),
        (configure(encoder_attention_heads=4), r"4 heads in the encoder, 2 in the decoder"),
        (configure(decoder_layers=None), r"decoder_layers is missing or not a whole number"),
        (configure(vocab_size=410), r"vocab_size is 410, but the embedding has 406 rows"),
        (
            lambda f: (f / "config.json").unlink(),
            r"config.json: no such file; give the whole folder",
        ),
        (lambda f: (f / "config.json").write_text("{"), r"config.json: not a valid file of JSON"),
        (lambda f: (f / "config.json").write_text("[]"), r"config.json: not a mapping"),
        (
            lambda f: rewrite(
                f / "tokenizer_config.json", {"tokenizer_class": "SMALL100Tokenizer"}
            ),
            r"its tokenizer is a SMALL100Tokenizer, .* the target's language in the source",
        ),
        (
            lambda f: (f / WEIGHTS).unlink(),
            r"no weights, neither model.safetensors nor pytorch_mod",
        ),
        (truncate, r"model.safetensors: not a complete file of weights \(\d+ bytes"),
        (
            lambda f: shard(f)[1].unlink(),
            r"model-00002-of-00002.safetensors: no such file, which the",
        ),
        (
            lambda f: (lambda paths: shutil.copy(paths[0], paths[1]))(shard(f)),
            r"model-00002-of-00002.safetensors: lacks \d+ tensors that the index names",
        ),
        (
            pickle_an_object,
            r"pytorch_model.bin: it holds a posix.mknod, .* model.safetensors instead",
        ),
        (
            lambda f: edit_tensors(f, lambda t: t.update(final_logits_bias=torch.ones(1, 406))),
            r"its final_logits_bias is not 0",
        ),
        (
            lambda f: edit_tensors(f, lambda t: t.pop("model.decoder.layers.1.fc1.bias")),
            r"decoder\.layers\.1\.fc1\.bias is absent in the checkpoint",
        ),
        (
            lambda f: (f / "sentencepiece.bpe.model").unlink(),
            r"no SentencePiece model \(sentencepiece.bpe.model or spm.model\), which is needed",
        ),
        (
            lambda f: (f / "sentencepiece.bpe.model").write_text("x"),
            r"sentencepiece.bpe.model: not a SentencePiece model",
        ),
    ],
)
def test_other_folders_are_refused(
    imported: Imported, folder: Path, edit: Edit, message: str
) -> None:
    edit(folder)
    published = folder / "published.pt"
    with pytest.raises(InputError, match=message):
        import_checkpoint(
            folder,
            architecture(**folder_settings(imported.folder.path)),
            data=imported.data,
            directions=DIRECTIONS,
            published=published,
            codes=imported.folder.codes,
        )
    assert not published.exists()
    assert not (folder / "harm").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": 3}, r"config.json: layers is 2 in the folder, 3 in the architecture"),
        ({"source_tag_last": True}, r"source_tag_last is False in the folder, True in the arch"),
        ({"shared_embeddings": False}, r"shared_embeddings is True in the folder"),
    ],
)
def test_stated_sizes_are_checked(
    imported: Imported, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        import_checkpoint(
            imported.folder.path,
            architecture(**folder_settings(imported.folder.path) | changes),
            data=imported.data,
            directions=DIRECTIONS,
            published=tmp_path / "published.pt",
            codes=imported.folder.codes,
        )


def test_another_vocabulary_than_the_corpora_s_is_refused(
    imported: Imported, tmp_path: Path
) -> None:
    codes = {**imported.folder.codes, "a1": "ita_Latn"}
    with pytest.raises(InputError, match=r"its dictionary lacks 1 entries .*<ita_Latn>"):
        import_checkpoint(
            imported.folder.path,
            architecture(**folder_settings(imported.folder.path)),
            data=imported.data,
            directions=DIRECTIONS,
            published=tmp_path / "published.pt",
            codes=codes,
        )


def as_torch_file(folder: Path) -> None:
    """Replace the weights by an older file, with all names of the shared tensor and a bias."""
    tensors = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    shared = tensors["model.shared.weight"]
    names = ("model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight")
    tensors |= dict.fromkeys((*names, "lm_head.weight"), shared)
    tensors["final_logits_bias"] = torch.zeros(1, len(shared))
    tensors["model.encoder.embed_positions.weights"] = torch.zeros(66, 16)
    torch.save(tensors, folder / "pytorch_model.bin")


@pytest.mark.parametrize(
    "edit", [as_torch_file, shard, lambda folder: shard(folder, "bin")], ids=["torch", "two", "bin"]
)
def test_other_forms_of_a_folder_have_the_same_tensors(
    imported: Imported, folder: Path, edit: Edit
) -> None:
    edit(folder)
    found, expected = read_model_folder(folder), read_model_folder(imported.folder.path)
    names = {*expected.tensors, "decoder.output_projection.weight"}
    assert {*found.tensors} | names == names
    for name, tensor in expected.tensors.items():
        assert torch.equal(found.tensors[name], tensor), name


def test_half_precision_becomes_single(imported: Imported, folder: Path) -> None:
    edit_tensors(folder, lambda tensors: tensors.update({n: t.half() for n, t in tensors.items()}))
    halved = Folder(path=folder, kind="nllb", codes=imported.folder.codes)
    checkpoint = import_folder(halved, folder.parent).checkpoint
    found, expected = (read_checkpoint(p)["model"] for p in (checkpoint, imported.checkpoint))
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor.half().float()), name


def test_names_of_tensors_are_mapped_both_ways(imported: Imported) -> None:
    theirs = {*load_file(imported.folder.path / WEIGHTS), "lm_head.weight"}
    for name in theirs - {"model.shared.weight"}:
        assert huggingface_name(fairseq_name(name)) == name
    assert fairseq_name("lm_head.weight") == "decoder.output_projection.weight"
    assert fairseq_name("model.encoder.layers.0.fc1.bias") == "encoder.layers.0.fc1.bias"
