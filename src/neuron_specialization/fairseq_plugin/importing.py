"""Convert checkpoints trained elsewhere to checkpoints of this project's task.

Supported are folders of Hugging Face (`huggingface_models`), this project's own checkpoints, plain
fairseq's (`translation_multi_simple_epoch`, `translation`) and the official code's of Neuron
Specialization and LaSS, which name the weight of a linear layer `global_weight` and store a shared
tensor under only one of its names.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from fairseq.data import Dictionary
from omegaconf import OmegaConf

from neuron_specialization.corpora.huggingface_vocabulary import dictionary_tokens
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.checkpoints import (
    bare_checkpoint,
    file_hash,
    write_checkpoint,
)
from neuron_specialization.fairseq_plugin.external_checkpoints import (
    DECODER_EMBEDDING,
    ENCODER_EMBEDDING,
    ExternalCheckpoint,
    check_shapes,
    order_rows,
    read_external_checkpoint,
    restore_names,
    stated_languages,
    stated_tags,
    trained_dictionary,
)
from neuron_specialization.fairseq_plugin.huggingface_models import folder_hash, read_model_folder
from neuron_specialization.fairseq_plugin.methods import OUTPUT_PROJECTION, check_masks
from neuron_specialization.fairseq_plugin.models import fairseq_config
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.neurons.storage import Masks
from neuron_specialization.settings.model_folders import check_settings
from neuron_specialization.settings.training import Architecture

logger = logging.getLogger(__name__)

HEADS = ("encoder_attention_heads", "decoder_attention_heads")
# other settings that do not appear in any tensor's shape
FIXED = (
    *("encoder_normalize_before", "decoder_normalize_before", "activation_fn"),
    *("encoder_learned_pos", "decoder_learned_pos", "no_token_positional_embeddings"),
    *("layernorm_embedding", "no_scale_embedding"),
)


def import_checkpoint(
    source: Path,
    architecture: Architecture,
    *,
    data: Path,
    directions: Sequence[str],
    published: Path,
    dictionary: Path | None = None,
    codes: Mapping[str, str] | None = None,
    language_tags: bool = True,
    masks: Path | None = None,
    trusted: bool = False,
) -> None:
    """Publish a checkpoint from elsewhere as if it had been trained here.

    Args:
        source: the checkpoint: a file, or a folder as Hugging Face delivers it.
        architecture: its sizes.
        data: folder of the binarised corpora, whose dictionaries order the embeddings.
        directions: the directions that it translates.
        published: the checkpoint to write, in float32 and without optimiser state.
        dictionary: the dictionary file that it was trained with; None for the one in `data`. The
            tags of its languages that the file lacks follow in the order that it states.
        codes: for a folder, the model's codes of the corpora's languages, by ours.
        language_tags: it was trained with a tag on source and on target.
        masks: the neuron masks that it was trained with, as it does not contain them; the published
            checkpoint names the file, like the ones that are trained here.
        trusted: read it even if that could run code that it contains.

    Raise InputError, and write nothing, if it cannot be read or is not such a model, or if the
    masks are of another model or lack a direction.
    """
    external = read_external(source, architecture, directions, codes, language_tags, trusted)
    warn_of_masks(external, masks)
    config = fairseq_config(
        architecture, directions, data=data, folder=published.parent, language_tags=language_tags
    )
    check_model(external, vars(config.model))
    task = DirectionsTask.setup_task(config.task)
    tensors = restore_names(external)
    joint = make_dictionary(dictionary_tokens(source, codes or {})) if source.is_dir() else None
    for name, ours in zip((ENCODER_EMBEDDING, DECODER_EMBEDDING), task.dictionaries, strict=True):
        if name in tensors:
            theirs = joint or trained_dictionary(external, dictionary, ours)
            tensors[name] = order_rows(external.path, name, tensors[name], theirs, ours)
            tensors[OUTPUT_PROJECTION] = tensors[name]  # the decoder's comes last
    with torch.device("meta"):  # a model without memory
        model = task.build_model(config.model)
    expected = model.state_dict()
    check_shapes(external.path, tensors, expected)
    if masks:
        check_masks(model, Masks.load(masks), directions)
        config.task.masks = str(masks)
    state = bare_checkpoint(
        OmegaConf.to_container(config, resolve=True, enum_to_str=True),
        {name: tensors[name] for name in expected},
        num_updates=external.num_updates,
        origin={"imported_from": {"file": source.name, "sha256": hash_of(source)}},
    )
    write_checkpoint(published, state)


def read_external(
    source: Path,
    architecture: Architecture,
    directions: Sequence[str],
    codes: Mapping[str, str] | None,
    language_tags: bool,
    trusted: bool,
) -> ExternalCheckpoint:
    """Read a checkpoint or a folder; raise InputError if it does not fit the directions or sizes.

    `import_checkpoint` describes the arguments.
    """
    if not source.is_dir():
        external = read_external_checkpoint(source, trusted=trusted)
        check_task(external, directions, language_tags)
        return external
    if not language_tags:
        raise InputError(f"{source}: a model with language tags; it is not a bilingual one")
    if not codes:
        raise InputError(
            f"{source}: a folder has no `source`; download it, and name the local folder, of which "
            "the plan reads sizes and codes"
        )
    check_settings(source, vars(architecture))
    return read_model_folder(source)


def make_dictionary(tokens: Iterable[str]) -> Dictionary:
    """Return fairseq's dictionary of some tokens."""
    dictionary = Dictionary()
    for token in tokens:
        dictionary.add_symbol(token, overwrite=True)
    return dictionary


def hash_of(source: Path) -> str:
    """Return 16 hexadecimal digits that change with a checkpoint or a model folder."""
    return folder_hash(source) if source.is_dir() else file_hash(source)


def check_model(external: ExternalCheckpoint, ours: Mapping[str, Any]) -> None:
    """Raise InputError if a setting that no shape shows differs from the architecture's."""
    for name in (*HEADS, *FIXED):
        found = external.model.get(name)
        if found is not None and found != ours[name]:
            remedy = f"set its heads to {found}" if name in HEADS else "it cannot be changed"
            raise InputError(
                f"{external.path}: {name} is {found} in the checkpoint, {ours[name]} in the "
                f"architecture; {remedy}"
            )


def check_task(
    external: ExternalCheckpoint, directions: Sequence[str], language_tags: bool
) -> None:
    """Raise InputError if it was trained with other tags, or without a language that is needed."""
    found, wanted = stated_tags(external.task), ("src", "tgt") if language_tags else (None, None)
    if found not in (None, wanted) or external.task.get("lang_tok_replacing_bos_eos"):
        raise InputError(
            f"{external.path}: trained with the language tags {found} on source and target, or in "
            f"place of </s>; here they are {wanted}, so its translations would be wrong"
        )
    languages = stated_languages(external.task)
    lacking = {language for pair in directions for language in pair.split("-")} - {*languages}
    if languages and lacking:
        raise InputError(
            f"{external.path}: not trained on {', '.join(sorted(lacking))}, but on "
            f"{', '.join(languages)}; remove the directions of other languages"
        )
    if language_tags and not languages:
        logger.warning(
            "%s does not name its languages: assuming that their tags are in dictionary order",
            external.path,
        )


def warn_of_masks(external: ExternalCheckpoint, masks: Path | None) -> None:
    """Warn if it states that it was trained with masks that it is not imported with."""
    if external.task.get("weight_masks") or (external.task.get("masks") and not masks):
        logger.warning("%s was trained with masks; it is imported without them", external.path)
