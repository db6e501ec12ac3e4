"""Tiny random models of real classes of transformers, in folders as Hugging Face delivers them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from transformers import (
    M2M100Config,
    M2M100ForConditionalGeneration,
    M2M100Tokenizer,
    MBart50Tokenizer,
    MBartConfig,
    MBartForConditionalGeneration,
    NllbTokenizer,
)

from neuron_specialization.corpora.builtin import training_pairs

BUILTIN = ("a1", "b1", "b2")
"""Languages of the built-in corpus, whose text the tokenizers learn from."""
CODES: Mapping[str, Mapping[str, str]] = {
    "m2m100": {"en": "en", "a1": "de", "b1": "fr", "b2": "es"},
    "small100": {"en": "en", "a1": "de", "b1": "fr", "b2": "es"},
    "nllb": {"en": "eng_Latn", "a1": "deu_Latn", "b1": "fra_Latn", "b2": "spa_Latn"},
    "nllb_legacy": {"en": "eng_Latn", "a1": "deu_Latn", "b1": "fra_Latn", "b2": "spa_Latn"},
    "mbart50": {"en": "en_XX", "a1": "de_DE", "b1": "fr_XX", "b2": "es_XX"},
}
"""By kind of model, its codes of languages of the built-in corpus."""
KINDS = tuple(CODES)
SIZES = {
    "d_model": 16,
    **{f"{stack}_layers": 2 for stack in ("encoder", "decoder")},
    **{f"{stack}_attention_heads": 2 for stack in ("encoder", "decoder")},
    **{f"{stack}_ffn_dim": 32 for stack in ("encoder", "decoder")},
    **{"dropout": 0.1, "attention_dropout": 0.0, "activation_function": "relu"},
    **{"scale_embedding": True, "init_std": 0.2, "max_position_embeddings": 64},
    **{"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2},
    # as in published models, whose LayerDrop must be off here
    **{"encoder_layerdrop": 0.05, "decoder_layerdrop": 0.05},
}
UNLIKE = {"encoder_layers": 3, "decoder_layers": 1, "encoder_ffn_dim": 24, "decoder_ffn_dim": 40}
"""Sizes of stacks that differ, as SMaLL-100's layers do."""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A model folder, with the codes of its languages."""

    path: Path
    kind: str
    codes: Mapping[str, str] = field(default_factory=dict)
    """The model's codes, by those of the built-in corpus."""

    def model(self) -> Any:
        """Return transformers' model, in evaluation mode."""
        found = MBartForConditionalGeneration if self.kind == "mbart50" else None
        return (found or M2M100ForConditionalGeneration).from_pretrained(self.path).eval()

    def tokenizer(self, source: str = "en", target: str = "a1") -> Any:
        """Return transformers' tokenizer for a direction of the built-in corpus."""
        names = {"mbart50": MBart50Tokenizer, "nllb": NllbTokenizer, "nllb_legacy": NllbTokenizer}
        tokenizer = names.get(self.kind, M2M100Tokenizer).from_pretrained(self.path)
        tokenizer.src_lang, tokenizer.tgt_lang = self.codes[source], self.codes[target]
        return tokenizer

    def code_id(self, language: str) -> int:
        """Return the id of a language's code."""
        tokenizer, code = self.tokenizer(), self.codes[language]
        if isinstance(tokenizer, M2M100Tokenizer):
            return int(tokenizer.get_lang_id(code))
        return int(tokenizer.convert_tokens_to_ids(code))


def make_model_folder(
    kind: str, path: Path, languages: Sequence[str] = BUILTIN, **sizes: Any
) -> Folder:
    """Write a tiny random model of a kind (`KINDS`) into a new folder.

    Args:
        kind: the class of the model and of its tokenizer, such as `nllb`.
        path: the folder.
        languages: languages of the built-in corpus, whose text its SentencePiece model learns.
        sizes: settings of transformers' configuration that differ from SIZES.
    """
    path.mkdir(parents=True)
    settings = {**SIZES, **(UNLIKE if kind == "small100" else {}), **sizes}
    pieces = learn_pieces(path / "pieces.model", languages)
    torch.manual_seed(1)
    if kind == "mbart50":
        tokenizer: Any = MBart50Tokenizer(str(pieces), src_lang="en_XX")
        rows = len(tokenizer)
        model: Any = MBartForConditionalGeneration(MBartConfig(vocab_size=rows, **settings))
    elif kind.startswith("nllb"):
        tokenizer = NllbTokenizer(str(pieces), legacy_behaviour=kind == "nllb_legacy")
        rows = len(tokenizer) + 2  # published ones have fillers, too
        model = M2M100ForConditionalGeneration(M2M100Config(vocab_size=rows, **settings))
    else:
        tokenizer = M2M100Tokenizer(str(write_ids(pieces)), str(pieces))
        rows = len(json.loads((path / "ids.json").read_text())) + 100 + 8
        model = M2M100ForConditionalGeneration(M2M100Config(vocab_size=rows, **settings))
    for parameter in model.parameters():  # biases and norms that do nothing would hide mistakes
        if parameter.dim() == 1:
            parameter.data += 0.1 * torch.randn_like(parameter)
    tokenizer.save_pretrained(path)
    model.save_pretrained(path)
    for name in ("pieces.model", "ids.json"):
        (path / name).unlink(missing_ok=True)
    return Folder(path=path, kind=kind, codes=CODES[kind])


def learn_pieces(path: Path, languages: Sequence[str]) -> Path:
    """Learn a SentencePiece model from the text of the built-in corpus."""
    streams = [training_pairs(code, seed=1) for code in languages]
    lines = [line for stream in streams for _ in range(200) for line in next(stream)]
    with path.open("wb") as writer:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=writer,
            vocab_size=200,
            model_type="unigram",
            character_coverage=1.0,
            hard_vocab_limit=False,
            minloglevel=2,
        )
    return path


def write_ids(pieces: Path) -> Path:
    """Write the ids of pieces as M2M100Tokenizer reads them; return the path."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(pieces))
    names = [processor.id_to_piece(i) for i in range(3, len(processor))]
    ids = {name: i for i, name in enumerate(["<s>", "<pad>", "</s>", "<unk>", *names])}
    path = pieces.with_name("ids.json")
    path.write_text(json.dumps(ids), encoding="utf-8")
    return path
