"""Inputs of a training run: model sizes, settings, files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from neuron_specialization.errors import InputError
from neuron_specialization.files import single_or_none

MAX_POSITIONS = 256
"""Most tokens of a sentence in training."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Model sizes and training settings: one of `architectures` in config/README.md."""

    layers: int
    heads: int
    d_model: int
    d_ff: int
    dropout: float
    attention_dropout: float
    temperature: float
    max_tokens: int
    update_freq: int
    learning_rate: float
    warmup_updates: int
    label_smoothing: float
    max_updates: int
    validate_every: int
    patience: int
    precision: str
    max_positions: int = MAX_POSITIONS
    """Positions of the model: tokens of the longest sentence, in training at most MAX_POSITIONS."""
    checkpoint_metric: str = "loss"
    kernels: str = "fairseq"
    loss_chunk: int = 0
    decoder_layers: int = 0
    """0: the number of the encoder."""
    decoder_d_ff: int = 0
    """0: the width of the encoder's FFNs."""
    shared_embeddings: bool = False
    """One embedding for source and target; otherwise for input and output of the decoder only."""
    learned_positions: bool = False
    """Learned positions instead of sinusoidal ones."""
    embedding_norm: bool = False
    """A LayerNorm on embeddings."""
    even_batches: bool = False
    """Each direction's batches are at even intervals of an epoch; otherwise in random order."""
    source_tag_last: bool = False
    """Sources have their language tag behind `</s>` instead of in front."""


@dataclass(frozen=True, kw_only=True)
class DirectionFiles:
    """Files with the masks or adapter base of each direction."""

    masks: Path | None = None
    """Neuron masks: neuron specialization."""
    weight_masks: Sequence[str] = ()
    """Weight masks: LaSS."""
    base: Path | None = None
    """Checkpoint of the model that adapters are added to."""

    @classmethod
    def from_inputs(
        cls, masks: Sequence[str], weight_masks: Sequence[str], base: Sequence[str]
    ) -> "DirectionFiles":
        """Return the files among a rule's inputs: at most one of each, except weight masks."""
        return cls(
            masks=single_or_none(masks), weight_masks=weight_masks, base=single_or_none(base)
        )

    def settings(self) -> dict[str, str]:
        """Return the settings of the fairseq task."""
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
    per_layer: int
    """Adapters per layer: 1, after the FFN; 2, also after self-attention."""

    def settings(self) -> dict[str, str | int]:
        """Return the settings of the fairseq task."""
        return {
            "adapter_sets": ",".join(f"{pair}={name}" for pair, name in self.sets.items()),
            "adapter_bottleneck": self.bottleneck,
            "adapters_per_layer": self.per_layer,
        }


@dataclass(frozen=True, kw_only=True)
class Training:
    """Inputs and outputs of a training run."""

    data: Path
    """Folder of the binarised corpora, or of their shards; an epoch reads one shard."""
    directions: Sequence[str]
    save_dir: Path
    tensorboard: Path
    seed: int
    """Seed of initialisation, dropout and data order."""
    device: str
    parent: Path | None = None
    """Checkpoint to continue from; optimiser, schedule, meters and loader are reset."""
    files: DirectionFiles = DirectionFiles()
    adapters: Adapters | None = None
    """Adapters to train on `files.base`, which is frozen."""
    language_tags: bool = True
    tokenisers: Mapping[str, str] = field(default_factory=dict)
    """BLEU's tokenisers of the validation text, by direction; 13a for others."""
    processes: int = 1
    """Number of processes, one per GPU."""
    nodes: int = 1
    """Nodes of the SLURM job that runs the processes."""


def processes_of(resources: Mapping[str, int]) -> dict[str, int]:
    """Return the processes and nodes of a run from its rule's resources: one per GPU, or one."""
    return {"processes": max(1, resources.get("gpu", 1)), "nodes": resources.get("nodes", 1)}


def share_update(update_freq: int, processes: int) -> int:
    """Return each process's batches per update, which keep updates independent of their number."""
    if update_freq % processes:
        divisors = [n for n in range(1, update_freq + 1) if update_freq % n == 0]
        raise InputError(
            f"update_freq is {update_freq}, which {processes} GPUs cannot share evenly; use "
            f"one of {', '.join(map(str, divisors))} (`gpus`, or the rule's resource gpu)"
        )
    return update_freq // processes
