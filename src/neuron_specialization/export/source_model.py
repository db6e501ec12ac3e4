"""Read the model that is exported, after checking that its files belong together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairseq.data import Dictionary
from torch import Tensor

from neuron_specialization.corpora.shards import shard_folders
from neuron_specialization.corpora.vocabulary import language_file
from neuron_specialization.errors import InputError
from neuron_specialization.export.checks import (
    check_dictionaries,
    check_settings,
    read_masks,
    trained_task,
)
from neuron_specialization.export.fairseq_model import model_settings
from neuron_specialization.fairseq_plugin.checkpoint_settings import read_config
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.models import load_model

POSITIONS = 1024  # at least, for sources and hypotheses, even if the checkpoint has fewer


@dataclass(frozen=True, kw_only=True)
class SourceModel:
    """A model to export, with all its neurons, and the masks of its direction."""

    directions: Sequence[str]
    network: Any
    tensors: Mapping[str, Tensor]
    settings: dict[str, Any]
    """fairseq's settings of its transformer."""
    mask_F_by_layer: dict[str, Tensor]
    """True for active neurons; without layers that keep all neurons."""
    dictionaries: tuple[Dictionary, Dictionary]
    data: Path
    """Folder of the dictionaries."""
    vocabulary: Path
    """Folder of the SentencePiece models."""
    tags: bool
    source_tag_last: bool
    num_updates: int

    @property
    def languages(self) -> list[str]:
        """The languages of the directions, each once."""
        return list(dict.fromkeys("-".join(self.directions).split("-")))

    @property
    def positions(self) -> int:
        """Most tokens of a source: sinusoidal positions can be extended, learned ones cannot."""
        longest: int = self.settings["max_source_positions"]
        if self.settings["encoder_learned_pos"]:
            return longest
        return max(longest, self.settings["max_target_positions"], POSITIONS)

    def joint_pieces(self) -> Path:
        """Return the SentencePiece model; raise InputError if each language has its own."""
        for place, name in ((self.data, "dict.txt"), (self.vocabulary, "spm.model")):
            if len({language_file(place, name, language) for language in self.languages}) > 1:
                raise InputError(
                    f"{place}: a vocabulary for each language; the format huggingface and "
                    "--trim-text need a joint one, so choose other formats for the whole vocabulary"
                )
        return language_file(self.vocabulary, "spm.model", self.languages[0])


def read_source_model(
    checkpoint: Path, directions: Sequence[str], data: Path, vocabulary: Path, masks: Path | None
) -> SourceModel:
    """Read a model and its masks; `export_model` describes arguments and errors."""
    state = read_checkpoint(checkpoint)
    own = {"masks": "", "weight_masks": "", "base": "", "directions": ",".join(directions)}
    task_settings = trained_task(checkpoint, state, directions, masks)
    tags = not task_settings["no_language_tags"]
    settings = model_settings(vars(read_config(checkpoint, state, own).model))
    check_settings(checkpoint, settings)
    folder = shard_folders(data)[0]
    for direction in directions:
        check_dictionaries(checkpoint, state["model"], folder, direction, tags, vocabulary)
    network, task = load_model(checkpoint, {**own, "data": str(folder)})
    return SourceModel(
        directions=directions,
        network=network,
        tensors=network.state_dict(),
        settings=settings,
        mask_F_by_layer=read_masks(masks, network, directions[0]) if masks else {},
        dictionaries=task.dictionaries,
        data=folder,
        vocabulary=vocabulary,
        tags=tags,
        source_tag_last=task_settings["source_tag_last"],
        num_updates=state["optimizer_history"][-1]["num_updates"],
    )
