"""Models that transformers can serve, trained here or imported, and what it makes of them."""

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from neuron_specialization.corpora.huggingface_vocabulary import use_folder_vocabulary
from neuron_specialization.corpora.vocabulary import (
    detokenise,
    language_tag,
    learn_vocabulary,
    piece_joiner,
    sample_lines,
)
from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.fairseq_plugin.data import load_dictionary
from neuron_specialization.fairseq_plugin.importing import import_checkpoint
from neuron_specialization.neurons.storage import Masks
from neuron_specialization.settings.decoding import DecodingSettings
from neuron_specialization.settings.model_folders import folder_settings
from neuron_specialization.settings.training import DirectionFiles
from tests.export.exports import SIZES, Model, draw_biases
from tests.fairseq_plugin.huggingface import Folder
from tests.trained_models import VOCABULARY, architecture, run_training

REAL_CODES = {"en": "en", "a1": "de", "b1": "fr"}
"""Codes that M2M-100 has, for languages of the built-in corpus."""
TRAINED = ["en-de", "de-en", "en-fr", "fr-en"]
UPDATES = {"max_updates": 300, "validate_every": 300, "warmup_updates": 50}
END = 2
SHORT = DecodingSettings(beam=1, length_penalty=1.0, max_len_a=0, max_len_b=12, max_tokens=10_000)
"""For random models, which find no end: the limit cuts their hypotheses off."""
CUT = {"num_beams": 1, "max_new_tokens": 13, "forced_eos_token_id": END}
"""SHORT for transformers."""
SEARCH = {"length_penalty": 0.0, "early_stopping": True, "max_new_tokens": 41}
"""Where transformers' beam search and fairseq's agree: transformers gives a forced token no
probability, so sums of log-probabilities differ by a constant, but means by more."""


def train_with_real_codes(corpora: Path, folder: Path) -> Model:
    """Train a model whose languages are called en, de and fr until it translates."""
    for path in corpora.glob("*.en-*1.*"):
        split, pair, language = path.name.split(".")
        target = REAL_CODES[pair.split("-")[1]]
        shutil.copy(path, folder / f"{split}.en-{target}.{REAL_CODES[language]}")
    names = [(f"train.en-{code}.en", f"train.en-{code}.{code}") for code in ("de", "fr")]
    pairs = [(folder / first, folder / second) for first, second in names]
    settings = dataclasses.replace(VOCABULARY, size=250)
    lines = sample_lines(pairs, 2, 1)
    learn_vocabulary(lines, ["en", "de", "fr"], settings, folder / "spm.model", folder / "dict.txt")
    data = folder / "binarised"
    data.mkdir()
    binarise_corpora(sorted(folder.glob("*.en-*")), folder, data)
    checkpoint = run_training(data, folder / "run", directions=TRAINED, **SIZES, **UPDATES)
    return Model(checkpoint=checkpoint, data=data, vocabulary=folder, direction="en-de")


def specialise(model: Model, folder: Path) -> Model:
    """Continue a model with neuron masks of its direction, from random biases."""
    masked = draw_masks(folder / "masks.npz", model, 0.6)
    checkpoint = run_training(
        model.data,
        folder,
        directions=[model.direction],
        parent=draw_biases(model.checkpoint, folder / "biased.pt"),
        files=DirectionFiles(masks=masked.masks),
        max_updates=150,
        validate_every=150,
        **SIZES,
    )
    return dataclasses.replace(masked, checkpoint=checkpoint)


def import_folder(found: Folder, corpora: Path, folder: Path, directions: Sequence[str]) -> Model:
    """Import a model folder as the workflow does."""
    vocabulary, data = folder / "vocabulary", folder / "binarised"
    use_folder_vocabulary(found.path, found.codes, vocabulary)
    data.mkdir(parents=True)
    binarise_corpora(sorted(corpora.glob("*.en-*")), vocabulary, data)
    checkpoint = folder / "checkpoint.pt"
    import_checkpoint(
        found.path,
        architecture(**folder_settings(found.path)),
        data=data,
        directions=directions,
        published=checkpoint,
        codes=found.codes,
    )
    return Model(checkpoint=checkpoint, data=data, vocabulary=vocabulary, direction=directions[0])


def diversify(found: Folder) -> None:
    """Make hypotheses of a random model depend on the source; they would repeat one token."""
    model = found.model()
    for layer in model.model.decoder.layers:
        layer.encoder_attn.q_proj.weight.data *= 5
        layer.encoder_attn.out_proj.weight.data *= 5
        layer.fc2.weight.data *= 2
    model.save_pretrained(found.path)


def draw_masks(path: Path, model: Model, share: float) -> Model:
    """Return a model with neuron masks of its direction that keep a share of the neurons."""
    network, _ = model.load()
    layers = {
        f"{stack}.layers.{i}": layer.fc1.out_features
        for stack in ("encoder", "decoder")
        for i, layer in enumerate(getattr(network, stack).layers)
    }
    widths_N = np.array([*layers.values()])
    mask_LNF = np.random.default_rng(0).random((1, len(layers), widths_N.max())) < share
    Masks(
        directions=(model.direction,),
        layers=tuple(layers),
        mask_LNF=mask_LNF & (np.arange(widths_N.max()) < widths_N[:, np.newaxis]),
        widths_N=widths_N,
        provenance={"k": 95.0},
    ).save(path)
    return dataclasses.replace(model, masks=path)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Served:
    """A model folder, loaded as its users do."""

    folder: Path

    def __post_init__(self) -> None:
        found = AutoModelForSeq2SeqLM.from_pretrained(self.folder).eval()
        object.__setattr__(self, "model", found)
        tokenizer = AutoTokenizer.from_pretrained(self.folder)
        object.__setattr__(self, "tokenizer", tokenizer)

    def translate(self, lines: Sequence[str], **options: Any) -> list[str | None]:
        """Translate lines one by one; the folder's own settings have the languages.

        None for one that the limit cuts off: fairseq then adds </s> and its probability.
        """
        batches = [self.tokenizer(line, return_tensors="pt") for line in lines]
        found = [self.model.generate(**batch, **(SEARCH | options))[0] for batch in batches]
        return [self.decode(tokens) if tokens[-1] == END else None for tokens in found]

    def spell(self, lines: Sequence[str], vocabulary: Path, **options: Any) -> list[str]:
        """Translate lines, and spell hypotheses as our decoders do: with the names of codes."""
        symbols, join = load_dictionary(vocabulary, "a1").symbols, piece_joiner(vocabulary, "a1")
        batches = [self.tokenizer(line, return_tensors="pt") for line in lines]
        found = [self.model.generate(**batch, **options)[0].tolist() for batch in batches]
        return [detokenise([symbols[i] for i in tokens[2:]], join) for tokens in found]

    def decode(self, tokens: torch.Tensor) -> str:
        """Return the text of a hypothesis."""
        return " ".join(self.tokenizer.decode(tokens, skip_special_tokens=True).split())


def samples_of(model: Model) -> tuple[Any, Any, list[dict[str, Any]]]:
    """Return a network, its task and a sample of each validation sentence of its direction."""
    network, task = model.load()
    task.load_dataset("valid")
    dataset = task.dataset("valid")
    return network, task, [dataset.collater([dataset[i]]) for i in range(len(dataset))]


@torch.no_grad()
def logits_here(model: Model) -> list[torch.Tensor]:
    """Return the logits of the validation targets, [T, V] each, of the model with its masks."""
    network, task, samples = samples_of(model)
    task.direction_state.direction = 0
    return [network(**sample["net_input"])[0][0] for sample in samples]


@torch.no_grad()
def logits_there(
    served: Served, model: Model, ids_V: torch.Tensor, sentences: int | None = None
) -> list[torch.Tensor]:
    """Return transformers' logits of the first validation targets, [T, I] each.

    `ids_V` are its ids of the dictionary's entries.
    """
    _, _, samples = samples_of(model)
    return [
        served.model(
            input_ids=ids_V[sample["net_input"]["src_tokens"]],
            decoder_input_ids=ids_V[sample["net_input"]["prev_output_tokens"]],
        ).logits[0]
        for sample in samples[:sentences]
    ]


def ids_of(served: Served, symbols: Sequence[str], codes: dict[str, str]) -> torch.Tensor:
    """Return the tokenizer's id of each entry of a dictionary, [V]."""
    tags = {language_tag(ours): f"__{theirs}__" for ours, theirs in codes.items()}
    return torch.tensor(
        [served.tokenizer.convert_tokens_to_ids(tags.get(name, name)) for name in symbols]
    )
