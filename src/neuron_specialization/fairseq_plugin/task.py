"""The fairseq task: translation in many directions, each batch in one of them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from fairseq.logging import metrics
from fairseq.tasks import FairseqTask, register_task
from omegaconf import II, MISSING
from torch import nn

from neuron_specialization.corpora.corpus_files import TRAIN
from neuron_specialization.corpora.vocabulary import detokenise, join_pieces
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.attention import fuse_cross_attention
from neuron_specialization.fairseq_plugin.data import (
    Sampling,
    load_dictionary,
    load_directions,
    tag_index,
)
from neuron_specialization.fairseq_plugin.methods import (
    add_adapters,
    check_directions,
    install_neuron_masks,
    install_weight_masks,
    parse_sets,
)
from neuron_specialization.fairseq_plugin.validation_log import Validations
from neuron_specialization.fairseq_plugin.validation_scores import (
    GREEDY,
    STATISTICS,
    batch_statistics,
    mean_score,
)
from neuron_specialization.methods.weight_masks import WeightMasks
from neuron_specialization.neurons.direction_state import DirectionState
from neuron_specialization.neurons.storage import Masks
from neuron_specialization.settings.bleu import DEFAULT
from neuron_specialization.settings.training import MAX_POSITIONS

logger = logging.getLogger(__name__)


def setting(default: Any, explanation: str) -> Any:
    """Return a setting of the task, which fairseq turns into a command-line flag."""
    return field(default=default, metadata={"help": explanation})


@dataclass
class DirectionsConfig(FairseqDataclass):
    """Settings of `DirectionsTask`."""

    data: str = setting(MISSING, "folders of binarised corpora, joined by ':'; one per epoch")
    directions: str = setting(MISSING, "directions, joined by ',', e.g. en-de,de-en")
    sampling_temperature: float = setting(1.0, "smoothing of the directions' sizes; 1 for none")
    even_batches: bool = setting(False, "a direction's batches are at even intervals of an epoch")
    no_language_tags: bool = setting(False, "no tags on source and target, as in bilingual models")
    source_tag_last: bool = setting(False, "the source's tag is behind </s>, not in front")
    masks: str = setting("", "neuron masks (.npz): a direction uses its own neurons only")
    subnetwork_form: ChoiceEnum(["auto", "compact", "reference"]) = field(  # type: ignore[valid-type]
        default="auto", metadata={"help": "form of the FFN; auto: the faster one"}
    )
    weight_masks: str = setting("", "weight masks (.npz), joined by ':', used by direction")
    adapter_sets: str = setting("", "set of adapters of each direction, e.g. en-de=de,en-nl=de")
    adapter_bottleneck: int = setting(128, "width of an adapter")
    adapters_per_layer: int = setting(2, "1: after the FFN; 2: after self-attention too")
    base: str = setting("", "checkpoint of the model that adapters are added to, frozen")
    attention: ChoiceEnum(["fairseq", "sdpa"]) = field(  # type: ignore[valid-type]
        default="fairseq", metadata={"help": "implementation of cross-attention in training"}
    )
    dev_metric: ChoiceEnum(["none", "bleu", "chrf"]) = field(  # type: ignore[valid-type]
        default="none",
        metadata={"help": "translate the validation text and score it by this metric"},
    )
    dev_tokenisers: str = setting("", "BLEU's tokeniser of each direction if not 13a, en-zh=zh")
    max_source_positions: int = setting(256, "longer sources are left out of training")
    max_target_positions: int = setting(256, "longer targets are left out of training")
    seed: int = II("common.seed")


@register_task("translation_directions", dataclass=DirectionsConfig)
class DirectionsTask(FairseqTask):
    """Translation with a source tag on the source and a target tag on the target (appendix A.2)."""

    def __init__(self, cfg: DirectionsConfig, source: Dictionary, target: Dictionary):
        super().__init__(cfg)
        self.dev_metric = str(cfg.dev_metric)
        self.dev_tokenisers = parse_sets(cfg.dev_tokenisers)
        self.dictionaries = source, target
        self.folders = [Path(folder) for folder in cfg.data.split(":")]
        self.directions: list[str] = cfg.directions.split(",")
        self.direction_state = DirectionState()
        self.validations = Validations()

    @classmethod
    def setup_task(cls, cfg: DirectionsConfig, **_: Any) -> "DirectionsTask":
        """Return the task and its dictionaries, one for all or one per side; fairseq calls this."""
        folder = Path(cfg.data.split(":")[0])
        first, *others = cfg.directions.split(",")
        source, target = (
            load_dictionary(folder, language, tags=not cfg.no_language_tags)
            for language in first.split("-")
        )
        if others and source.symbols != target.symbols:
            raise InputError(f"{folder}: separate vocabularies support only one direction: {first}")
        return cls(cfg, source, target)

    def has_sharded_data(self, split: str) -> bool:
        """Return whether the epochs of training read different folders."""
        return split == TRAIN and len(self.folders) > 1

    def load_dataset(self, split: str, epoch: int = 1, combine: bool = False, **_: Any) -> None:
        """Read a split; training is sampled by temperature, other splits are read completely."""
        training = split == TRAIN
        folder = self.folders[(epoch - 1) % len(self.folders)] if training else self.folders[0]
        sampling = Sampling(
            temperature=self.cfg.sampling_temperature,
            seed=self.cfg.seed,
            even=self.cfg.even_batches,
        )
        self.datasets[split] = load_directions(
            folder,
            split,
            self.directions,
            self.dictionaries,
            tags=not self.cfg.no_language_tags,
            source_tag_last=self.cfg.source_tag_last,
            sampling=sampling if training else None,
        )

    def build_model(self, cfg: Any, from_checkpoint: bool = False) -> nn.Module:
        """Build fairseq's transformer, and install the masks and adapters of its directions."""
        model = super().build_model(cfg, from_checkpoint)
        state, task = self.direction_state, self.cfg
        if task.attention == "sdpa":
            fuse_cross_attention(model)
        if task.masks:
            masks, form = Masks.load(Path(task.masks)), task.subnetwork_form
            install_neuron_masks(model, masks, self.directions, state, form=form)
        if task.weight_masks:
            parts = [WeightMasks.load(Path(path)) for path in task.weight_masks.split(":")]
            install_weight_masks(model, WeightMasks.join(parts), self.directions, state)
        if task.adapter_sets:
            sets = parse_sets(task.adapter_sets)
            check_directions(sets, self.directions, "adapters")
            add_adapters(
                model,
                Path(task.base) if task.base else None,
                [sets[direction] for direction in self.directions],
                bottleneck=task.adapter_bottleneck,
                per_layer=task.adapters_per_layer,
                state=state,
            )
        return model

    def train_step(self, sample: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Run one batch forward and backward, with the masks or adapters of its direction."""
        self.direction_state.direction = sample["direction"]
        self.validations.add_batch(sample["id_bytes"])
        return super().train_step(sample, *args, **kwargs)

    def valid_step(self, sample: dict[str, Any], model: nn.Module, criterion: Any) -> Any:
        """Run one validation batch, with the masks or adapters of its direction."""
        self.direction_state.direction = sample["direction"]
        loss, size, output = super().valid_step(sample, model, criterion)
        if self.dev_metric != "none":
            output[STATISTICS] = self.translate_and_compare(sample, model)
        return loss, size, output

    def translate_and_compare(self, sample: dict[str, Any], model: nn.Module) -> torch.Tensor:
        """Return the statistics of the dev metric for a batch, [L, S]."""
        found = self.inference_step(self.build_generator([model], GREEDY), [model], sample)
        hypotheses = [beams[0]["tokens"].tolist() for beams in found]
        texts = [
            [detokenise(self.target_words(tokens), join_pieces) for tokens in side]
            for side in (hypotheses, sample["target"].tolist())
        ]
        return batch_statistics(
            self.dev_metric,
            *texts,
            direction=sample["direction"],
            num_directions=len(self.directions),
            tokeniser=self.dev_tokenisers.get(self.directions[sample["direction"]], DEFAULT),
        )

    def reduce_metrics(self, logging_outputs: list[dict[str, Any]], criterion: Any) -> None:
        """Combine the logging outputs of all processes for a batch; fairseq calls this."""
        super().reduce_metrics(logging_outputs, criterion)
        found = [output[STATISTICS] for output in logging_outputs if STATISTICS in output]
        if found:
            metrics.log_scalar(f"_{STATISTICS}", sum(found))
            metrics.log_derived(
                self.dev_metric,
                lambda meters: mean_score(self.dev_metric, meters[f"_{STATISTICS}"].sum),
            )

    def get_checkpoint_dict(self) -> dict[str, Any]:
        """Return the state of the task that a checkpoint stores."""
        return {type(self).__name__: self.validations.state()}

    def set_checkpoint_dict(self, state: dict[str, Any]) -> None:
        """Restore the state of the task; fairseq calls this when it resumes."""
        self.validations.load(state)

    def begin_valid_epoch(self, epoch: int, model: nn.Module) -> None:
        """Log which batches were seen since the last validation; fairseq calls this."""
        logger.info("trained on %d batches, sha256 %s", *self.validations.begin())

    def inference_step(
        self,
        generator: Any,
        models: list[nn.Module],
        sample: dict[str, Any],
        prefix_tokens: torch.Tensor | None = None,
        constraints: torch.Tensor | None = None,
    ) -> Any:
        """Translate one batch; the target tag is forced as the first token."""
        self.direction_state.direction = sample["direction"]
        if prefix_tokens is None and not self.cfg.no_language_tags:
            prefix_tokens = self.target_tags(sample)
        return super().inference_step(generator, models, sample, prefix_tokens, constraints)

    def target_tags(self, sample: dict[str, Any]) -> torch.Tensor:
        """Return the target tag of each sentence of a batch, [B, 1]."""
        target = self.directions[sample["direction"]].split("-")[1]
        source_BT = sample["net_input"]["src_tokens"]
        return source_BT.new_full((source_BT.size(0), 1), tag_index(self.target_dictionary, target))

    def target_words(self, tokens: Sequence[int]) -> list[str]:
        """Return the pieces of a target, without its leading tag if the task has tags."""
        words = tokens if self.cfg.no_language_tags else tokens[1:]
        return [self.target_dictionary[token] for token in words]

    def max_positions(self) -> tuple[int, int]:
        """Return the longest source and target of training; a model may have more positions."""
        sides = (self.cfg.max_source_positions, self.cfg.max_target_positions)
        return min(sides[0], MAX_POSITIONS), min(sides[1], MAX_POSITIONS)

    @property
    def source_dictionary(self) -> Dictionary:
        """The dictionary of the source side."""
        return self.dictionaries[0]

    @property
    def target_dictionary(self) -> Dictionary:
        """The dictionary of the target side; the same one if the vocabulary is joint."""
        return self.dictionaries[1]
