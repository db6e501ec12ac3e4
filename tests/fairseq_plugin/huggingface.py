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

from neuron_specialization.corpora.builtin import evaluation_pairs, training_pairs
from neuron_specialization.corpora.huggingface_vocabulary import use_folder_vocabulary
from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.fairseq_plugin.importing import import_checkpoint
from neuron_specialization.settings.languages import all_directions
from neuron_specialization.settings.model_folders import folder_settings
from tests.trained_models import architecture

BUILTIN = ("a1", "b1", "b2")
"""Languages of the built-in corpus, whose text the tokenizers learn from."""
DIRECTIONS = all_directions(["en", *BUILTIN], "en")
SENTENCES = 9
CODES: Mapping[str, Mapping[str, str]] = {
    "m2m100": {"en": "en", "a1": "de", "b1": "fr", "b2": "es"},
    "small100": {"en": "en", "a1": "de", "b1": "fr", "b2": "es"},
    "nllb": {"en": "eng_Latn", "a1": "deu_Latn", "b1": "fra_Latn", "b2": "spa_Latn"},
    "nllb_legacy": {"en": "eng_Latn", "a1": "deu_Latn", "b1": "fra_Latn", "b2": "spa_Latn"},
    "mbart50": {"en": "en_XX", "a1": "de_DE", "b1": "fr_XX", "b2": "es_XX"},
}
"""By kind of model, its codes of languages of the built-in corpus."""
KINDS = tuple(CODES)
DRAWS = {"m2m100": (2, 1.0), "small100": (1, 0.5), "mbart50": (2, 1.0)}
DRAW = (1, 1.0)
"""By kind of model, or for others, the seed of its weights and how likely they make `</s>`."""
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
    """The model's codes, by our codes."""

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
    seed, end = DRAWS.get(kind, DRAW)
    torch.manual_seed(seed)
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
    embed_end(model, end)
    tokenizer.save_pretrained(path)
    model.save_pretrained(path)
    for name in ("pieces.model", "ids.json"):
        (path / name).unlink(missing_ok=True)
    return Folder(path=path, kind=kind, codes=CODES[kind])


def embed_end(model: Any, weight: float) -> None:
    """Make `</s>` more probable everywhere, so that hypotheses end, some sooner than others."""
    bias_D = model.model.decoder.layer_norm.bias.data
    model.model.shared.weight.data[2] += weight * bias_D / bias_D.square().sum()


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


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A model folder that was imported, with corpora that were binarised with its vocabulary."""

    folder: Folder
    text: Path
    vocabulary: Path
    data: Path
    checkpoint: Path

    def lines(self, direction: str) -> list[tuple[str, str]]:
        """Return the validation sentences of a direction, source and target."""
        source, target = direction.split("-")
        other = source if target == "en" else target
        sides = [(self.text / f"valid.en-{other}.{side}").read_text() for side in (source, target)]
        return list(zip(*(side.splitlines() for side in sides), strict=True))


def import_folder(folder: Folder, work: Path) -> Imported:
    """Import a folder and binarise the validation text of the built-in corpus for it."""
    found = Imported(
        folder=folder,
        text=work / "text",
        vocabulary=work / "joint",
        data=work / "data",
        checkpoint=work / "checkpoint.pt",
    )
    use_folder_vocabulary(folder.path, folder.codes, found.vocabulary)
    for each in (found.text, found.data):
        each.mkdir()
    for code in BUILTIN:
        pairs = evaluation_pairs(code, "valid", SENTENCES, seed=1)
        for side, lines in zip(("en", code), zip(*pairs, strict=True), strict=True):
            path = found.text / f"valid.en-{code}.{side}"
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    binarise_corpora(sorted(found.text.iterdir()), found.vocabulary, found.data)
    import_checkpoint(
        folder.path,
        architecture(**folder_settings(folder.path)),
        data=found.data,
        directions=DIRECTIONS,
        published=found.checkpoint,
        codes=folder.codes,
    )
    return found
