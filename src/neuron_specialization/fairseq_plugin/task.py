"""The fairseq task: translation in many directions, each batch in one of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from fairseq.data import Dictionary
from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from fairseq.tasks import FairseqTask, register_task
from omegaconf import II, MISSING
from torch import nn

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.data import (
    Sampling,
    load_dictionary,
    load_directions,
    tag_index,
)
from neuron_specialization.neurons.storage import Masks
from neuron_specialization.neurons.subnetwork import DirectionState, install_subnetworks


@dataclass
class DirectionsConfig(FairseqDataclass):
    """Settings of the task; fairseq makes command-line flags of them."""

    data: str = field(
        default=MISSING,
        metadata={"help": "folders of binarised corpora, joined by ':'; an epoch of training each"},
    )
    directions: str = field(
        default=MISSING, metadata={"help": "directions, joined by ',', e.g. en-de,de-en"}
    )
    sampling_temperature: float = field(
        default=1.0, metadata={"help": "smoothing of the sizes of the directions; 1 for none"}
    )
    masks: str = field(
        default="",
        metadata={"help": "neuron masks (.npz): a direction uses its own neurons only"},
    )
    subnetwork_form: ChoiceEnum(["auto", "compact", "reference"]) = field(  # type: ignore[valid-type]
        default="auto",
        metadata={"help": "form of the FFN; auto: compact unless there is activation dropout"},
    )
    max_source_positions: int = field(
        default=256, metadata={"help": "longer sources are left out of training"}
    )
    max_target_positions: int = field(
        default=256, metadata={"help": "longer targets are left out of training"}
    )
    seed: int = II("common.seed")


@register_task("translation_directions", dataclass=DirectionsConfig)
class DirectionsTask(FairseqTask):
    """Source tag on the source, target tag on the target (paper, appendix A.2)."""

    def __init__(self, cfg: DirectionsConfig, dictionary: Dictionary):
        super().__init__(cfg)
        self.dictionary = dictionary
        self.folders = [Path(folder) for folder in cfg.data.split(":")]
        self.directions: list[str] = cfg.directions.split(",")
        self.direction_state = DirectionState()

    @classmethod
    def setup_task(cls, cfg: DirectionsConfig, **_: Any) -> "DirectionsTask":
        """Called by fairseq: read the dictionary."""
        return cls(cfg, load_dictionary(Path(cfg.data.split(":")[0]) / "dict.txt"))

    def has_sharded_data(self, split: str) -> bool:
        """Whether the epochs of training come from different folders."""
        return split == "train" and len(self.folders) > 1

    def load_dataset(self, split: str, epoch: int = 1, combine: bool = False, **_: Any) -> None:
        """Read a split; training is sampled by temperature, anything else is read whole."""
        training = split == "train"
        folder = self.folders[(epoch - 1) % len(self.folders)] if training else self.folders[0]
        sampling = Sampling(temperature=self.cfg.sampling_temperature, seed=self.cfg.seed)
        self.datasets[split] = load_directions(
            folder, split, self.directions, self.dictionary, sampling if training else None
        )

    def build_model(self, cfg: Any, from_checkpoint: bool = False) -> nn.Module:
        """Build fairseq's transformer, and its sub-networks where there are masks."""
        model = super().build_model(cfg, from_checkpoint)
        if self.cfg.masks:
            masks = Masks.load(Path(self.cfg.masks))
            compact = wants_compact(self.cfg.subnetwork_form, float(cfg.activation_dropout))
            self.direction_state = specialise(model, masks, self.directions, compact)
        return model

    def train_step(self, sample: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """One batch forward and backward, through its direction's sub-network."""
        self.direction_state.direction = sample["direction"]
        return super().train_step(sample, *args, **kwargs)

    def valid_step(self, sample: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """One validation batch, through its direction's sub-network."""
        self.direction_state.direction = sample["direction"]
        return super().valid_step(sample, *args, **kwargs)

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
        if prefix_tokens is None:
            prefix_tokens = self.target_tags(sample)
        return super().inference_step(generator, models, sample, prefix_tokens, constraints)

    def target_tags(self, sample: dict[str, Any]) -> torch.Tensor:
        """The target tag of each sentence of a batch, [B, 1]."""
        target = self.directions[sample["direction"]].split("-")[1]
        source_BT = sample["net_input"]["src_tokens"]
        return source_BT.new_full((source_BT.size(0), 1), tag_index(self.dictionary, target))

    def max_positions(self) -> tuple[int, int]:
        """Longest source and target of training."""
        return self.cfg.max_source_positions, self.cfg.max_target_positions

    @property
    def source_dictionary(self) -> Dictionary:
        """The joint dictionary."""
        return self.dictionary

    @property
    def target_dictionary(self) -> Dictionary:
        """The joint dictionary."""
        return self.dictionary


def ffn_layers(model: Any) -> dict[str, Any]:
    """The layers with a feed-forward network by name, encoder first."""
    return {
        f"{stack}.layers.{i}": layer
        for stack in ("encoder", "decoder")
        for i, layer in enumerate(getattr(model, stack).layers)
    }


def wants_compact(form: str, activation_dropout: float) -> bool:
    """Whether to use the compact form; it cannot drop activations that it never computes."""
    if form == "compact" and activation_dropout > 0:
        raise InputError("the compact sub-network FFN needs an activation dropout of 0")
    return form == "compact" or (form == "auto" and activation_dropout == 0)


def specialise(
    model: nn.Module, masks: Masks, directions: Iterable[str], compact: bool
) -> DirectionState:
    """Give each direction its own neurons in every layer that the masks name."""
    check_masks(model, masks, directions)
    layers = ffn_layers(model)
    rows = [masks.directions.index(direction) for direction in directions]
    mask_NLF = torch.from_numpy(masks.mask_LNF[rows]).transpose(0, 1).contiguous()
    return install_subnetworks([layers[name] for name in masks.layers], mask_NLF, compact=compact)


def check_masks(model: nn.Module, masks: Masks, directions: Iterable[str]) -> None:
    """InputError where the masks were made for other directions or another architecture."""
    missing = sorted(set(directions) - set(masks.directions))
    if missing:
        raise InputError(f"the masks have no neurons for {', '.join(missing)}; select them again")
    layers = ffn_layers(model)
    unknown = sorted(set(masks.layers) - set(layers))
    widths = {layers[name].fc1.out_features for name in masks.layers if name in layers}
    if unknown or widths != {masks.mask_LNF.shape[-1]}:
        raise InputError(
            f"the masks were made for another architecture: {len(masks.layers)} layers of "
            f"{masks.mask_LNF.shape[-1]} neurons; the model has {len(layers)} layers of "
            f"{'/'.join(str(w) for w in sorted(widths))}. Record and select its neurons again"
        )
