"""Trimmed vocabularies tokenise the same, and models with them translate the same."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from fairseq.data import Dictionary
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from transformers import AutoTokenizer

from neuron_specialization.errors import InputError
from neuron_specialization.export import trimming
from neuron_specialization.export.trimming import trim_vocabulary
from tests.export.exports import exported_outputs, pipeline_outputs
from tests.export.served import (
    CUT,
    SHORT,
    Served,
    diversify,
    import_folder,
    logits_here,
    logits_there,
    train_with_real_codes,
)
from tests.fairseq_plugin.huggingface import make_model_folder

PAIR = ("en", "a1")
KEPT = 3  # sentence pairs
FORMATS = ("--formats", "huggingface", "ctranslate2")


def learn(folder: Path, corpora: Path, model_type: str) -> tuple[Path, Dictionary]:
    """Learn a SentencePiece model with byte pieces; return it with its dictionary."""
    lines = (corpora / "train.en-a1.en").read_text().splitlines()
    path = folder / "spm.model"
    with path.open("wb") as writer:
        SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=writer,
            model_type=model_type,
            vocab_size=450,
            byte_fallback=model_type == "bpe",
            hard_vocab_limit=False,
            minloglevel=2,
        )
    processor = SentencePieceProcessor(model_file=str(path))
    dictionary = Dictionary()
    for number in range(3, len(processor)):
        dictionary.add_symbol(processor.id_to_piece(number))
    dictionary.add_symbol("__en__")
    return path, dictionary


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_kept_text_is_tokenised_as_before(model_type: str, corpora: Path, tmp_path: Path) -> None:
    path, dictionary = learn(tmp_path, corpora, model_type)
    lines = [*(corpora / "train.en-a1.en").read_text().splitlines()[:5], "\u2603 snow"]
    text = tmp_path / "text.en"
    text.write_text("".join(f"{line}\n" for line in lines))
    found = trim_vocabulary(path, dictionary, [text])
    before = SentencePieceProcessor(model_file=str(path))
    after = SentencePieceProcessor(model_proto=found.model)
    assert len(after) < 0.9 * len(before)
    for line in lines:
        assert after.encode(line, out_type=str) == before.encode(line, out_type=str)
    kept = [dictionary[row] for row in found.rows_K]
    pieces = [after.id_to_piece(number) for number in range(3, len(after))]
    assert kept == [*dictionary.symbols[:4], *pieces, "__en__"]
    single = [s for s in dictionary.symbols if len(s) == 1 or s.startswith("<0x")]
    assert {*single} <= {*kept}
    unknown = 1 if model_type == "unigram" else 0  # bpe has pieces of bytes
    (report,) = found.texts
    assert report["file"] == "text.en"
    assert report["lines"] == 6
    assert report["unknown_before"] == report["unknown_after"] == unknown
    assert report["pieces"] == len({i for line in lines for i in before.encode(line)})


def test_text_that_would_be_tokenised_otherwise_is_refused(
    corpora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, dictionary = learn(tmp_path, corpora, "bpe")
    text = corpora / "train.en-a1.en"
    monkeypatch.setattr(trimming, "merged_pieces", lambda *_: iter(()))
    with pytest.raises(InputError, match=r"train\.en-a1\.en, line \d+: the trimmed vocabulary"):
        trim_vocabulary(path, dictionary, [text])


def test_bad_texts_are_named(corpora: Path, tmp_path: Path) -> None:
    path, dictionary = learn(tmp_path, corpora, "bpe")
    text = tmp_path / "text.en"
    with pytest.raises(InputError, match=r"text\.en: no such text"):
        trim_vocabulary(path, dictionary, [text])
    text.touch()
    with pytest.raises(InputError, match=r"text\.en: the file is empty"):
        trim_vocabulary(path, dictionary, [text])
    text.write_bytes(b"a\n\xff\n")
    with pytest.raises(InputError, match=r"text\.en, line 2: byte 0xff"):
        trim_vocabulary(path, dictionary, [text])


def model_size(model: Any) -> int:
    """Return the number of parameters, shared ones once."""
    return sum(parameter.numel() for parameter in model.parameters())


def shorten(corpora: Path, folder: Path) -> list[Path]:
    """Write the first sentence pairs, whose pieces are kept, to two files."""
    texts = []
    for language in PAIR:
        lines = (corpora / f"valid.en-a1.{language}").read_text().splitlines()[:KEPT]
        texts.append(folder / f"kept.{language}")
        texts[-1].write_text("".join(f"{line}\n" for line in lines))
    return texts


def test_several_directions_of_a_model_trained_here(corpora: Path, tmp_path: Path) -> None:
    folder = tmp_path / "trained"
    folder.mkdir()
    model = train_with_real_codes(corpora, folder)
    # the pieces of the third language go
    texts = [corpora / f"{split}.en-a1.{side}" for split in ("valid", "train") for side in PAIR]
    model = dataclasses.replace(model, direction="de-en")
    out = tmp_path / "out"
    exported = model.export(out, *FORMATS, "--trim-text", *texts, "--directions", "en-de", "de-en")
    manifest = json.loads((exported / "export.json").read_text())
    assert manifest["directions"] == ["en-de", "de-en"]
    before, after = manifest["provenance"]["trimmed"]["sizes"]["entries"]
    parameters = manifest["provenance"]["trimmed"]["sizes"]["parameters"]
    assert parameters[0] - parameters[1] == 2 * 32 * (before - after) > 0
    card = (exported / "huggingface/README.md").read_text()
    assert f"| parameters | {parameters[1]:,} (before trimming {parameters[0]:,}) |" in card
    served = Served(folder=exported / "huggingface")
    served.tokenizer.src_lang = "de"
    text = texts[1]
    expected = pipeline_outputs(model, SHORT)
    forced = served.tokenizer.get_lang_id("en")
    lines = text.read_text().splitlines()
    assert served.translate(lines, **CUT, forced_bos_token_id=forced) == [
        words for words, _ in expected
    ]
    found = exported_outputs(exported, text, "ctranslate2", SHORT, "--direction", "de-en")
    assert [words for words, _ in found] == [words for words, _ in expected]


@pytest.mark.parametrize("kind", ["m2m100", "nllb", "nllb_legacy", "mbart50"])
def test_imported_models(kind: str, corpora: Path, tmp_path: Path) -> None:
    original = make_model_folder(kind, tmp_path / "original")
    diversify(original)
    model = import_folder(original, corpora, tmp_path / "imported", ["en-a1"])
    texts = shorten(corpora, tmp_path)
    options = (*FORMATS, "--tokenizer", original.path, "--trim-text", *texts)
    exported = model.export(tmp_path / "out", *options)
    served, whole = Served(folder=exported / "huggingface"), original.tokenizer()
    _, task = model.load()
    spm = model.vocabulary / "spm.model"
    rows_K = trim_vocabulary(spm, task.source_dictionary, texts).rows_K
    num_rows = len(task.source_dictionary)
    assert served.model.config.vocab_size == len(rows_K) < num_rows
    sizes = json.loads((exported / "export.json").read_text())["provenance"]["trimmed"]["sizes"]
    assert sizes["entries"] == [num_rows, len(rows_K)]
    free = original.model()
    assert sizes["parameters"] == [model_size(free), model_size(served.model)]
    lines = texts[0].read_text().splitlines()
    slow = type(whole).from_pretrained(exported / "huggingface")
    for line in lines:
        ids = served.tokenizer(line)["input_ids"]
        assert rows_K[ids].tolist() == whole(line)["input_ids"]
        assert slow(line)["input_ids"] == ids
    ids_V = torch.full((num_rows,), -1)
    ids_V[rows_K] = torch.arange(len(rows_K))
    expected = [logits[:, rows_K] for logits in logits_here(model)[:KEPT]]
    for logits, wanted in zip(logits_there(served, model, ids_V, KEPT), expected, strict=True):
        torch.testing.assert_close(logits, wanted, atol=1e-5, rtol=1e-5)
    # the untrimmed model without the removed pieces: its softmax has a larger sum, so that only
    # the choice of single tokens is the same
    removed = [int(i) for i in (ids_V < 0).nonzero()]
    forced = original.code_id("a1")
    limits = CUT | {"suppress_tokens": removed, "forced_bos_token_id": forced}
    for line in lines:
        (ids,) = served.model.generate(**served.tokenizer(line, return_tensors="pt"), **CUT)
        (there,) = free.generate(**whole(line, return_tensors="pt"), **limits)
        assert rows_K[ids.tolist()].tolist() == there.tolist()
    found = [words for words, _ in exported_outputs(exported, texts[0], "ctranslate2", SHORT)]
    assert found == served.spell(lines, exported / "vocabulary", **CUT)


def test_codes_that_only_the_fast_tokenizer_s_file_has(corpora: Path, tmp_path: Path) -> None:
    """As in NLLB-200's published folder: ids of codes are in tokenizer.json alone."""
    original = make_model_folder("nllb", tmp_path / "original")
    AutoTokenizer.from_pretrained(original.path).save_pretrained(original.path)
    path = original.path / "tokenizer_config.json"
    config = json.loads(path.read_text())
    del config["added_tokens_decoder"]
    path.write_text(json.dumps(config))
    (original.path / "added_tokens.json").unlink(missing_ok=True)
    model = import_folder(original, corpora, tmp_path / "imported", ["en-a1"])
    texts = shorten(corpora, tmp_path)
    options = ("--formats", "huggingface", "--tokenizer", original.path, "--trim-text", *texts)
    folder = model.export(tmp_path / "out", *options) / "huggingface"
    assert (original.path / "tokenizer.json").is_file() > (folder / "tokenizer.json").is_file()
    whole, trimmed = map(AutoTokenizer.from_pretrained, (original.path, folder))
    for line in texts[0].read_text().splitlines():
        before, after = (each(line)["input_ids"] for each in (whole, trimmed))
        assert trimmed.convert_ids_to_tokens(after) == whole.convert_ids_to_tokens(before)
        assert max(after) < json.loads((folder / "config.json").read_text())["vocab_size"]
    assert (
        trimmed.convert_tokens_to_ids("deu_Latn")
        == json.loads((folder / "generation_config.json").read_text())["forced_bos_token_id"]
    )
