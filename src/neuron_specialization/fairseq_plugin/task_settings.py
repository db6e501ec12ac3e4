"""Settings of the fairseq task; fairseq makes command-line flags of them."""

from dataclasses import dataclass, field

from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from omegaconf import II, MISSING


@dataclass
class DirectionsConfig(FairseqDataclass):
    """Settings of `task.DirectionsTask`."""

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
    no_language_tags: bool = field(
        default=False, metadata={"help": "no tags on source and target, as in bilingual models"}
    )
    masks: str = field(
        default="",
        metadata={"help": "neuron masks (.npz): a direction uses its own neurons only"},
    )
    subnetwork_form: ChoiceEnum(["auto", "compact", "reference"]) = field(  # type: ignore[valid-type]
        default="auto",
        metadata={"help": "form of the FFN; auto: the faster one"},
    )
    weight_masks: str = field(
        default="",
        metadata={"help": "weight masks (.npz), joined by ':': a direction uses its own weights"},
    )
    adapter_sets: str = field(
        default="",
        metadata={"help": "the set of adapters of each direction, e.g. en-de=de,en-nl=de"},
    )
    adapter_bottleneck: int = field(default=128, metadata={"help": "width of an adapter"})
    adapters_per_layer: int = field(
        default=2, metadata={"help": "1: behind the FFN; 2: behind self-attention too"}
    )
    base: str = field(
        default="", metadata={"help": "checkpoint of the model that adapters are added to, frozen"}
    )
    attention: ChoiceEnum(["fairseq", "sdpa"]) = field(  # type: ignore[valid-type]
        default="fairseq", metadata={"help": "who computes cross-attention in training"}
    )
    dev_metric: ChoiceEnum(["none", "bleu", "chrf"]) = field(  # type: ignore[valid-type]
        default="none",
        metadata={"help": "translate the validation text and score it by this metric"},
    )
    max_source_positions: int = field(
        default=256, metadata={"help": "longer sources are left out of training"}
    )
    max_target_positions: int = field(
        default=256, metadata={"help": "longer targets are left out of training"}
    )
    seed: int = II("common.seed")
