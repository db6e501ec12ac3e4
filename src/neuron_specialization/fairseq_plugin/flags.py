"""Translate settings to fairseq's command line."""

from collections.abc import Mapping
from pathlib import Path

from neuron_specialization.corpora.shards import fairseq_data
from neuron_specialization.settings.training import Architecture, Training, share_update

PLUGIN = Path(__file__).parent
NEVER_EPOCHS = 1_000_000_000  # interval in epochs: validation and saving count only updates
ADAM = {"adam-betas": "(0.9, 0.98)", "adam-eps": 1e-6, "weight-decay": 0.0, "clip-norm": 0.0}
OPTIMIZERS = {"fairseq": "adam", "torch": "fused_adamw"}  # by `kernels`
ATTENTIONS = {"fairseq": None, "torch": "sdpa"}  # fairseq's is the default


def training_flags(architecture: Architecture, training: Training) -> list[str]:
    """Return the arguments of `fairseq-train`."""
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
    """Return `--lr 1` for `{"lr": 1}`; True becomes a bare flag, None is left out."""
    flags = []
    for name, value in options.items():
        if value is not None:
            flags += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return flags


def task_flags(architecture: Architecture, training: Training) -> list[str]:
    """Return the flags of the directions, their sampling, and their masks or adapters."""
    adapters = training.adapters.settings() if training.adapters else {}
    own = {**training.files.settings(), **adapters}
    return as_flags(
        {
            "task": "translation_directions",
            "directions": ",".join(training.directions),
            "sampling-temperature": architecture.temperature,
            "even-batches": architecture.even_batches or None,
            # the epochs that fairseq does not shuffle: all
            "curriculum": architecture.max_updates if architecture.even_batches else None,
            "no-language-tags": None if training.language_tags else True,
            "source-tag-last": architecture.source_tag_last or None,
            **{name.replace("_", "-"): value or None for name, value in own.items()},
            "dev-metric": None
            if architecture.checkpoint_metric == "loss"
            else architecture.checkpoint_metric,
            "dev-tokenisers": ",".join(
                f"{pair}={name}" for pair, name in training.tokenisers.items()
            )
            or None,
            "attention": ATTENTIONS[architecture.kernels],
            "max-source-positions": architecture.max_positions,
            "max-target-positions": architecture.max_positions,
            "skip-invalid-size-inputs-valid-test": True,
            "required-batch-size-multiple": 1,
            "max-tokens": architecture.max_tokens,
            "num-workers": 0,  # a thread loads ahead; processes would not survive a stop signal
            "seed": training.seed,
        }
    )


def model_flags(architecture: Architecture) -> list[str]:
    """Return the flags of a pre-norm transformer with a shared decoder embedding (appendix A.2)."""
    options: dict[str, object] = {"arch": "transformer", "share-decoder-input-output-embed": True}
    sizes = {
        "encoder": (architecture.layers, architecture.d_ff),
        "decoder": (
            architecture.decoder_layers or architecture.layers,
            architecture.decoder_d_ff or architecture.d_ff,
        ),
    }
    for stack, (layers, d_ff) in sizes.items():
        options |= {
            f"{stack}-layers": layers,
            f"{stack}-embed-dim": architecture.d_model,
            f"{stack}-ffn-embed-dim": d_ff,
            f"{stack}-attention-heads": architecture.heads,
            f"{stack}-normalize-before": True,
            f"{stack}-learned-pos": architecture.learned_positions or None,
        }
    return as_flags(
        {
            **options,
            "share-all-embeddings": architecture.shared_embeddings or None,
            "layernorm-embedding": architecture.embedding_norm or None,
            "dropout": architecture.dropout,
            "attention-dropout": architecture.attention_dropout,
            "activation-dropout": 0.0,  # the compact FFN cannot drop neurons that it skips
        }
    )


def optimisation_flags(architecture: Architecture, processes: int) -> list[str]:
    """Return flags: Adam, inverse square root, label smoothing (section 5.3, appendix A.2)."""
    chunked = "chunked_" if architecture.loss_chunk else ""
    return as_flags(
        {
            "criterion": f"{chunked}label_smoothed_cross_entropy",
            "label-smoothing": architecture.label_smoothing,
            "loss-chunk": architecture.loss_chunk or None,
            "optimizer": OPTIMIZERS[architecture.kernels],
            **ADAM,
            "lr-scheduler": "inverse_sqrt",
            "lr": architecture.learning_rate,
            "warmup-updates": architecture.warmup_updates,
            "update-freq": share_update(architecture.update_freq, processes),
            "max-update": architecture.max_updates,
            "patience": architecture.patience,
        }
    )


def checkpoint_flags(architecture: Architecture, training: Training) -> list[str]:
    """Return flags to validate and save by updates; `checkpointing.py` replaces how it is saved."""
    by_score = architecture.checkpoint_metric != "loss"
    return as_flags(
        {
            "save-dir": training.save_dir,
            "finetune-from-model": training.parent,
            "validate-interval-updates": architecture.validate_every,
            "save-interval-updates": architecture.validate_every,
            "validate-interval": NEVER_EPOCHS,
            "save-interval": NEVER_EPOCHS,
            "best-checkpoint-metric": architecture.checkpoint_metric if by_score else None,
            "maximize-best-checkpoint-metric": by_score or None,
            # sums all gradients after the last batch of an update, even if batches skip some
            "ddp-backend": "legacy_ddp",
            "distributed-world-size": 1,  # not one process for every GPU
            # since 2.6, torch refuses fairseq's way of broadcasting a checkpoint
            "load-checkpoint-on-all-dp-ranks": True,
            "tensorboard-logdir": training.tensorboard,
            "log-format": "simple",
            "log-interval": 100,
        }
    )


def precision_flags(precision: str, device: str) -> list[str]:
    """Return the flags of number format and device."""
    return as_flags({"cpu": device == "cpu" or None, precision: precision != "fp32" or None})
