"""Load trained models for recording or decoding."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from fairseq import options, utils
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.modules import LearnedPositionalEmbedding
from torch import Tensor, nn

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.checkpoint_settings import read_config
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.data import DirectionDataset
from neuron_specialization.fairseq_plugin.flags import training_flags
from neuron_specialization.fairseq_plugin.methods import check_directions, parse_sets
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.methods.adapters import is_adapter
from neuron_specialization.settings.training import Adapters, Architecture, Training

NOWHERE = Path("nowhere")  # for a model that neither reads nor writes files


def fairseq_config(architecture: Architecture, directions: Sequence[str], **options: Any) -> Any:
    """Return fairseq's configuration of a model; `fairseq_arguments` describes the arguments."""
    return convert_namespace_to_omegaconf(fairseq_arguments(architecture, directions, **options))


def fairseq_arguments(
    architecture: Architecture,
    directions: Sequence[str],
    *,
    data: Path = NOWHERE,
    folder: Path = NOWHERE,
    adapters: Adapters | None = None,
    language_tags: bool = True,
) -> Namespace:
    """Return the command line of `fairseq-train` for a model that is built but not trained."""
    training = Training(
        data=data,
        directions=directions,
        save_dir=folder,
        tensorboard=folder,
        seed=1,
        device="cpu",
        adapters=adapters,
        language_tags=language_tags,
    )
    flags = training_flags(architecture, training)
    arguments: Namespace = options.parse_args_and_arch(options.get_training_parser(), flags)
    return arguments


def check_device(device: str) -> None:
    """Raise InputError if torch has no GPU for a device of CUDA."""
    if not device.startswith("cuda") or torch.cuda.is_available():
        return
    build = "finds no GPU" if torch.version.cuda else "is built without CUDA (`make TORCH=cuda`)"
    raise InputError(
        f"device is {device}, but torch {torch.__version__} {build}: set device: cpu, or run on a "
        "machine with a GPU"
    )


def load_model(path: Path, overrides: Mapping[str, Any]) -> tuple[nn.Module, DirectionsTask]:
    """Load a trained model, in evaluation mode, and its task.

    Args:
        path: the checkpoint of a model, or of its adapters only.
        overrides: settings of the task that replace the ones it was trained with: `data`,
            `directions`, and the files of masks or the base model.
    """
    state = read_checkpoint(path)
    config = read_config(path, state, overrides)
    task = DirectionsTask.setup_task(config.task)
    tensors = state["model"]
    if config.task.adapter_sets:
        tensors = join_adapters(path, tensors, config.task)
    return fill_model(path, task.build_model(config.model), tensors, config), task


def check_positions(model: Any, dataset: DirectionDataset) -> None:
    """Raise InputError if a sentence is longer than the learned positions of a model."""
    sides = (model.encoder, dataset.source_sizes), (model.decoder, dataset.target_sizes)
    for stack, sizes in sides:
        positions = stack.embed_positions
        longest = int(sizes.max(initial=0))
        if isinstance(positions, LearnedPositionalEmbedding) and longest > positions.max_positions:
            raise InputError(
                f"a sentence has {longest} tokens, but the model has {positions.max_positions} "
                "learned positions; cut or split long sentences"
            )


def fill_model(path: Path, model: Any, tensors: Mapping[str, Tensor], config: Any) -> nn.Module:
    """Return a model with the weights of a checkpoint, in evaluation mode.

    Raises InputError if names or shapes differ.
    """
    try:
        model.load_state_dict(tensors, strict=True, model_cfg=config.model)
    except RuntimeError as error:
        raise InputError(f"{path}: its tensors do not fit its settings ({error})") from error
    filled: nn.Module = model.eval()
    return filled


def load_untrained(
    path: Path, overrides: Mapping[str, Any], seed: int
) -> tuple[nn.Module, DirectionsTask]:
    """Return a model as it was with this seed before its first update, and its task.

    `load_model` describes `path` and `overrides`.
    """
    config = read_config(path, read_checkpoint(path), overrides)
    task = DirectionsTask.setup_task(config.task)
    utils.set_torch_seed(seed)
    model: nn.Module = task.build_model(config.model)
    return model.eval(), task


def join_adapters(path: Path, tensors: Mapping[str, Tensor], task: Any) -> dict[str, Tensor]:
    """Return the base's weights, with the adapters of the task's directions in the task's order.

    Both go into the model together: fairseq mistakes a state dict without the encoder's version
    for an old one, and would remove the final LayerNorm.
    """
    sets = parse_sets(task.adapter_sets)
    directions = task.directions.split(",")
    check_directions(sets, directions, f"adapters of {path}")
    order = list(dict.fromkeys(sets.values()))
    rows = [order.index(name) for name in dict.fromkeys(sets[each] for each in directions)]
    adapters = {name: tensor[rows] for name, tensor in tensors.items() if is_adapter(name)}
    if not adapters or adapters.keys() != tensors.keys():
        raise InputError(f"{path}: not a checkpoint of adapters; delete it to train them again")
    return {**read_checkpoint(Path(task.base))["model"], **adapters}
