"""Settings to fairseq's command line: pure, no fairseq needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neuron_specialization.corpora.shards import fairseq_data
from neuron_specialization.errors import InputError
from neuron_specialization.files import only

PLUGIN = Path(__file__).parent / "fairseq_plugin"
NEVER = 1_000_000_000  # an interval in epochs: validation and saving go by updates alone


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Model sizes and training settings: a row of Table 6 of the paper."""

    layers: int
    """Layers of the encoder, and of the decoder."""
    heads: int
    """Attention heads."""
    d_model: int
    """Width of the embeddings and of the residual stream."""
    d_ff: int
    """Neurons of a feed-forward network."""
    dropout: float
    """Dropout of embeddings and sublayer outputs."""
    attention_dropout: float
    """Dropout of attention weights."""
    activation_dropout: float
    """Dropout of FFN activations."""
    max_positions: int
    """Longer sentences (in tokens) are left out of training."""
    temperature: float
    """Sampling temperature over the sizes of the directions."""
    max_tokens: int
    """Tokens of a batch, the longer side counted, padding included."""
    update_freq: int
    """Batches per update."""
    learning_rate: float
    """Peak of the inverse square root schedule."""
    warmup_updates: int
    """Updates of linear warm-up."""
    adam_betas: tuple[float, float]
    """Adam's decay rates."""
    adam_eps: float
    """Adam's epsilon."""
    weight_decay: float
    """Adam's weight decay."""
    clip_norm: float
    """Gradient norm above which gradients are scaled down; 0 never."""
    label_smoothing: float
    """Label smoothing of the cross-entropy."""
    max_updates: int
    """Updates after which training ends."""
    validate_every: int
    """Updates between two validations; a checkpoint is saved at each."""
    patience: int
    """Validations without a lower loss after which training ends."""
    precision: str
    """`fp32`, `fp16` or `bf16`."""
    optimizer: str = "adam"
    """`adam`, of fairseq, or `fused_adamw`, of torch."""
    attention: str = "fairseq"
    """Who computes cross-attention in training: `fairseq`, or torch's `sdpa`."""
    loss_chunk: int = 0
    """Target tokens whose logits are held at a time; 0 for all of a batch."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "adam_betas", tuple(self.adam_betas))


@dataclass(frozen=True, kw_only=True)
class DirectionFiles:
    """Files of what each direction has of its own."""

    masks: Path | None = None
    """Neuron masks: neuron specialization."""
    weight_masks: Sequence[str] = ()
    """Weight masks: LaSS."""
    base: Path | None = None
    """Checkpoint of the model under the adapters."""

    @classmethod
    def from_inputs(
        cls, masks: Sequence[str], weight_masks: Sequence[str], base: Sequence[str]
    ) -> "DirectionFiles":
        """The files that a rule has as inputs, each none or one but for the weight masks."""
        return cls(masks=only(masks), weight_masks=weight_masks, base=only(base))

    def settings(self) -> dict[str, str]:
        """The settings of the fairseq task."""
        return {
            "masks": str(self.masks or ""),
            "weight_masks": ":".join(self.weight_masks),
            "base": str(self.base or ""),
        }


@dataclass(frozen=True, kw_only=True)
class Adapters:
    """The adapters of a system."""

    sets: Mapping[str, str]
    """The set of adapters of each direction."""
    bottleneck: int
    """Width of an adapter."""
    per_layer: int
    """Adapters per layer: 1, behind the FFN; 2, behind self-attention too."""

    def settings(self) -> dict[str, str | int]:
        """The settings of the fairseq task."""
        return {
            "adapter_sets": ",".join(f"{pair}={name}" for pair, name in self.sets.items()),
            "adapter_bottleneck": self.bottleneck,
            "adapters_per_layer": self.per_layer,
        }


@dataclass(frozen=True, kw_only=True)
class Training:
    """What one training reads and writes."""

    data: Path
    """Folder of the binarised corpora, or of their shards, of which an epoch reads one."""
    directions: Sequence[str]
    """Directions to train."""
    save_dir: Path
    """Folder of fairseq's checkpoints."""
    tensorboard: Path
    """Folder of the TensorBoard logs."""
    seed: int
    """Seed of initialisation, dropout and data order."""
    device: str
    """`cpu` or `cuda`."""
    parent: Path | None = None
    """Checkpoint to continue from; optimiser, schedule, meters and loader start anew."""
    files: DirectionFiles = DirectionFiles()
    """What each direction has of its own."""
    adapters: Adapters | None = None
    """Adapters to train on `files.base`, which stays as it is."""
    language_tags: bool = True
    """Language tags on source and target."""
    processes: int = 1
    """Processes that train together, one per GPU."""
    nodes: int = 1
    """Nodes of a SLURM job that they are spread over."""


def processes_of(resources: Mapping[str, int]) -> dict[str, int]:
    """What the resources of a rule say of the processes of a training: one per GPU, or one."""
    return {"processes": max(1, resources.get("gpu", 1)), "nodes": resources.get("nodes", 1)}


def training_flags(architecture: Architecture, training: Training) -> list[str]:
    """The arguments of `fairseq-train`."""
    return [
        fairseq_data(training.data),
        *as_flags({"user-dir": PLUGIN}),
        *task_flags(architecture, training),
        *model_flags(architecture),
        *optimisation_flags(architecture, training.processes),
        *checkpoint_flags(architecture, training),
        *precision_flags(architecture.precision, training.device),
    ]


def as_flags(options: Mapping[str, object]) -> list[str]:
    """`{"lr": 1}` to `--lr 1`; True is a bare flag, None is left out."""
    flags = []
    for name, value in options.items():
        if value is not None:
            flags += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return flags


def task_flags(architecture: Architecture, training: Training) -> list[str]:
    """The directions, their sampling and what they have of their own."""
    adapters = training.adapters.settings() if training.adapters else {}
    own = {**training.files.settings(), **adapters}
    return as_flags(
        {
            "task": "translation_directions",
            "directions": ",".join(training.directions),
            "sampling-temperature": architecture.temperature,
            "no-language-tags": None if training.language_tags else True,
            **{name.replace("_", "-"): value or None for name, value in own.items()},
            "attention": None if architecture.attention == "fairseq" else architecture.attention,
            "max-source-positions": architecture.max_positions,
            "max-target-positions": architecture.max_positions,
            "skip-invalid-size-inputs-valid-test": True,
            "required-batch-size-multiple": 1,
            "max-tokens": architecture.max_tokens,
            "num-workers": 0,  # a thread loads ahead; processes would not outlive a signal to stop
            "seed": training.seed,
        }
    )


def model_flags(architecture: Architecture) -> list[str]:
    """Pre-norm transformer, decoder input and output embeddings shared (appendix A.2)."""
    options: dict[str, object] = {"arch": "transformer", "share-decoder-input-output-embed": True}
    for stack in ("encoder", "decoder"):
        options |= {
            f"{stack}-layers": architecture.layers,
            f"{stack}-embed-dim": architecture.d_model,
            f"{stack}-ffn-embed-dim": architecture.d_ff,
            f"{stack}-attention-heads": architecture.heads,
            f"{stack}-normalize-before": True,
        }
    return as_flags(
        {
            **options,
            "dropout": architecture.dropout,
            "attention-dropout": architecture.attention_dropout,
            "activation-dropout": architecture.activation_dropout,
        }
    )


def optimisation_flags(architecture: Architecture, processes: int) -> list[str]:
    """Adam, inverse square root schedule, label smoothing (section 5.3, appendix A.2)."""
    chunked = "chunked_" if architecture.loss_chunk else ""
    return as_flags(
        {
            "criterion": f"{chunked}label_smoothed_cross_entropy",
            "label-smoothing": architecture.label_smoothing,
            "loss-chunk": architecture.loss_chunk or None,
            "optimizer": architecture.optimizer,
            "adam-betas": str(architecture.adam_betas),
            "adam-eps": architecture.adam_eps,
            "weight-decay": architecture.weight_decay,
            "clip-norm": architecture.clip_norm,
            "lr-scheduler": "inverse_sqrt",
            "lr": architecture.learning_rate,
            "warmup-updates": architecture.warmup_updates,
            "update-freq": share_update(architecture.update_freq, processes),
            "max-update": architecture.max_updates,
            "patience": architecture.patience,
        }
    )


def share_update(update_freq: int, processes: int) -> int:
    """Batches per update of each process, so that an update is the same however many there are."""
    if update_freq % processes:
        divisors = [n for n in range(1, update_freq + 1) if update_freq % n == 0]
        raise InputError(
            f"update_freq is {update_freq}, which {processes} GPUs cannot share evenly; give the "
            f"rule as many as one of {', '.join(map(str, divisors))} (resources: gpu)"
        )
    return update_freq // processes


def checkpoint_flags(architecture: Architecture, training: Training) -> list[str]:
    """Validate and save by updates; how it is saved is ours (`fairseq_plugin/resuming.py`)."""
    return as_flags(
        {
            "save-dir": training.save_dir,
            "finetune-from-model": training.parent,
            "validate-interval-updates": architecture.validate_every,
            "save-interval-updates": architecture.validate_every,
            "validate-interval": NEVER,
            "save-interval": NEVER,
            # sums all gradients after the last batch of an update, whatever a batch left unused
            "ddp-backend": "legacy_ddp",
            "distributed-world-size": 1,  # not as many processes as there are GPUs
            # fairseq's way of passing a checkpoint on is one that torch refuses since 2.6
            "load-checkpoint-on-all-dp-ranks": True,
            "tensorboard-logdir": training.tensorboard,
            "log-format": "simple",
            "log-interval": 100,
        }
    )


def precision_flags(precision: str, device: str) -> list[str]:
    """Number format and device."""
    return as_flags({"cpu": device == "cpu" or None, precision: precision != "fp32" or None})
