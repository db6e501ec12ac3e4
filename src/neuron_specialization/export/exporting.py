"""Export a model, or one direction's sub-network, as models that do not need this project."""

import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from neuron_specialization import __version__
from neuron_specialization.corpora.vocabulary import FAIRSEQ_TOKENS, language_file, language_tag
from neuron_specialization.errors import InputError
from neuron_specialization.export.checks import check_request
from neuron_specialization.export.ctranslate2_models import prepare_model, write_ctranslate2
from neuron_specialization.export.fairseq_model import write_fairseq_checkpoint
from neuron_specialization.export.huggingface_model import check_class, write_huggingface_model
from neuron_specialization.export.huggingface_tokenizer import (
    TokenizerFiles,
    folder_tokenizer,
    m2m100_tokenizer,
    trim_tokenizer,
)
from neuron_specialization.export.manifest import (
    CHECKPOINT,
    ENGINES,
    FORMATS,
    HUGGINGFACE,
    VOCABULARY,
    ExportManifest,
)
from neuron_specialization.export.model_card import model_card
from neuron_specialization.export.slicing import ffn_widths, slice_state, zero_rows
from neuron_specialization.export.source_model import SourceModel, read_source_model
from neuron_specialization.export.trimming import TrimmedVocabulary, trim_vocabulary
from neuron_specialization.fairseq_plugin.checkpoints import file_hash
from neuron_specialization.fairseq_plugin.data import dictionary_text, load_dictionary
from neuron_specialization.files import atomic_folder, write_text
from neuron_specialization.neurons.storage import Masks


def export_model(
    checkpoint: Path,
    out: Path,
    *,
    directions: Sequence[str],
    data: Path,
    vocabulary: Path,
    masks: Path | None = None,
    formats: Collection[str] = (),
    tokenizer: Path | None = None,
    trim_text: Sequence[Path] = (),
) -> None:
    """Write a model of one or more directions into a new folder, atomically.

    Args:
        checkpoint: the model, dense or specialized.
        out: folder to write.
        directions: the directions that the model is to translate; with masks, only one.
        data: folder of the binarised corpora that the model was trained on, whose dictionaries
            order its embeddings.
        vocabulary: folder of the SentencePiece models.
        masks: neuron masks; without them the model keeps all neurons.
        formats: names of `FORMATS`; empty for all of `ENGINES` that can be written.
        tokenizer: the model folder that the model was imported from, for `huggingface`.
        trim_text: texts to whose pieces the vocabulary is trimmed.

    Raises InputError, and writes nothing, if `out` exists already, a file is missing or damaged,
    files do not belong together, or the model was not trained in a direction.
    """
    if out.exists():
        raise InputError(f"{out}: already exists; remove it or give another folder")
    whole = len(directions) == 1 and not trim_text
    formats = formats or [name for name in ENGINES if whole or name != "fairseq"]
    check_request(directions, formats, masks, tokenizer, trim_text)
    source = read_source_model(checkpoint, directions, data, vocabulary, masks)
    origin = provenance(checkpoint, masks)
    trimmed, tensors = None, source.tensors
    if trim_text:
        trimmed = trim_vocabulary(source.joint_pieces(), source.dictionaries[0], trim_text)
        tensors = trimmed.cut(source.tensors)
        origin["trimmed"] = {"sizes": trimmed.sizes(source.tensors), "texts": trimmed.texts}
    served = None
    if HUGGINGFACE in formats:
        check_class(checkpoint, source.settings, source.tags)
        served = make_tokenizer(source, tokenizer, trimmed)
    with atomic_folder(out) as partial:
        if served:
            write_huggingface(partial / FORMATS[HUGGINGFACE], source, tensors, served, origin)
        write_engines(partial, source, tensors, trimmed, [n for n in ENGINES if n in formats])
        describe(source, formats, origin).write(partial)


def make_tokenizer(
    source: SourceModel, folder: Path | None, trimmed: TrimmedVocabulary | None
) -> TokenizerFiles:
    """Return the tokenizer of the model folder that a model comes from, or M2M-100's."""
    symbols, pieces = source.dictionaries[0].symbols, source.joint_pieces()
    if folder:
        last = source.source_tag_last
        found = folder_tokenizer(folder, symbols, source.languages, pieces, last)
        return trim_tokenizer(found, trimmed) if trimmed else found
    if source.source_tag_last:
        raise InputError(
            "M2M100Tokenizer has the source's tag in front, but the model was trained with it "
            "behind </s>; give the model folder that it was imported from (--tokenizer)"
        )
    if trimmed:
        symbols = [symbols[row] for row in trimmed.rows_K]
    model = trimmed.model if trimmed else pieces.read_bytes()
    return m2m100_tokenizer(symbols, source.languages, model)


def write_huggingface(
    folder: Path,
    source: SourceModel,
    tensors: Mapping[str, Tensor],
    tokenizer: TokenizerFiles,
    origin: Mapping[str, Any],
) -> None:
    """Write a model folder for transformers: masked neurons stay, their rows of fc1 are zero."""
    folder.mkdir(parents=True)
    targets = {direction.split("-")[1] for direction in source.directions}
    forced = tokenizer.ids[targets.pop()] if len(source.directions) == 1 else None
    zeroed = zero_rows(tokenizer.arrange(tensors), source.mask_F_by_layer)
    write_huggingface_model(folder, zeroed, source.settings, forced)
    tokenizer.write(folder, source.directions)
    card = model_card(source.directions, tokenizer.codes, tokenizer.ids, origin)
    write_text(folder / "README.md", card)


def write_engines(
    out: Path,
    source: SourceModel,
    tensors: Mapping[str, Tensor],
    trimmed: TrimmedVocabulary | None,
    formats: Sequence[str],
) -> None:
    """Write the formats that `translate` decodes, and the vocabulary that it reads."""
    if not formats:
        return
    copy_vocabulary(out / VOCABULARY, source, trimmed)
    sliced = slice_state(tensors, source.mask_F_by_layer)
    if "fairseq" in formats:
        place = out / FORMATS["fairseq"]
        models = shutil.ignore_patterns("spm*.model")
        shutil.copytree(out / VOCABULARY, place, ignore=models)
        (direction,) = source.directions
        write_fairseq_checkpoint(
            place / CHECKPOINT, sliced, source.settings, direction, source.num_updates
        )
    prepare_model(source.network, sliced, source.positions)
    languages = source.directions[0].split("-")
    first, second = (load_dictionary(out / VOCABULARY, each) for each in languages)
    for name in sorted({*formats} - {"fairseq"}):
        place = out / FORMATS[name]
        write_ctranslate2(place, source.network, source.settings, (first, second), place.name)


def copy_vocabulary(target: Path, source: SourceModel, trimmed: TrimmedVocabulary | None) -> None:
    """Write the dictionary of each language and the SentencePiece models, trimmed or whole."""
    target.mkdir()
    for language in source.languages:
        text = dictionary_text(source.data, language, tags=source.tags)
        model = language_file(source.vocabulary, "spm.model", language)
        if trimmed:
            lines = text.splitlines(keepends=True)
            rows = trimmed.rows_K[len(FAIRSEQ_TOKENS) :] - len(FAIRSEQ_TOKENS)
            text = "".join(lines[row] for row in rows)
            (target / model.name).write_bytes(trimmed.model)
        else:
            shutil.copy(model, target)
        write_text(target / f"dict.{language}.txt", text)


def describe(
    source: SourceModel, formats: Collection[str], origin: dict[str, Any]
) -> ExportManifest:
    """Return the manifest of an export."""
    first = source.directions[0]
    tags = map(language_tag, first.split("-")) if source.tags else (None, None)
    source_tag, target_tag = tags
    widths = ffn_widths(source.tensors)
    kept = {name: int(mask_F.sum()) for name, mask_F in source.mask_F_by_layer.items()}
    return ExportManifest(
        direction=first,
        directions=list(source.directions),
        source_tag=source_tag,
        target_tag=target_tag,
        source_tag_last=source.source_tag_last,
        formats=[name for name in FORMATS if name in formats],
        ffn_widths=widths | kept,
        max_source_tokens=source.positions,
        max_target_positions=source.settings["max_target_positions"],
        provenance=origin,
    )


def provenance(checkpoint: Path, masks: Path | None) -> dict[str, Any]:
    """Return the version, the source files and their hashes."""
    found: dict[str, Any] = {
        "neuron_specialization": __version__,
        "checkpoint": {"file": checkpoint.name, "sha256": file_hash(checkpoint)},
    }
    if masks:
        selection = dict(Masks.load(masks).provenance)
        found["masks"] = {"file": masks.name, "sha256": file_hash(masks), "selection": selection}
    return found
