"""Read the settings that a checkpoint states: a typed list of known settings, and nothing else.

fairseq acts on the settings of a file: it evaluates some as Python, resolves `${oc.env:...}`, and
opens files that others name. So a file's settings never reach it: the known ones are checked here,
and fairseq's configuration is built from them.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fairseq import options
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.models.transformer import TransformerModel

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.flags import as_flags

ARCHITECTURE = "transformer"
OF_STACK = {
    **dict.fromkeys(("layers", "embed_dim", "ffn_embed_dim", "attention_heads"), int),
    **dict.fromkeys(("normalize_before", "learned_pos"), bool),
}
MODEL: Mapping[str, type] = {
    **{f"{stack}_{name}": OF_STACK[name] for stack in ("encoder", "decoder") for name in OF_STACK},
    **dict.fromkeys(("share_decoder_input_output_embed", "share_all_embeddings"), bool),
    **dict.fromkeys(("no_token_positional_embeddings", "no_scale_embedding"), bool),
    **dict.fromkeys(("dropout", "attention_dropout", "activation_dropout"), float),
    **dict.fromkeys(("max_source_positions", "max_target_positions"), int),
    "layernorm_embedding": bool,
}
"""Settings of the model that are read; all others must have fairseq's defaults."""
TASK: Mapping[str, type] = {
    **dict.fromkeys(("directions", "adapter_sets", "masks", "weight_masks"), str),
    **dict.fromkeys(("adapter_bottleneck", "adapters_per_layer"), int),
    **dict.fromkeys(("no_language_tags", "source_tag_last"), bool),
}
"""Settings of this project's task that are read; paths only say whether there was such a file."""
LATER = {"source_tag_last": False}
"""Settings of the task that older checkpoints lack, with their default."""
PATHS = ("masks", "weight_masks")
WITHOUT_EFFECT = ("min_params_to_wrap",)  # set while a model is built for training
LARGEST = 1 << 20


def read_config(path: Path, state: Mapping[str, Any], overrides: Mapping[str, Any]) -> Any:
    """Build fairseq's configuration from what a checkpoint of this project's task states.

    Args:
        path: the checkpoint, for messages.
        state: its content.
        overrides: settings of the task to use instead, with all paths.

    Raises:
        InputError: it is a checkpoint of another task or model, or a setting is missing, has
            another type, or is one that this project's models do not have.
    """
    task = read_task(path, state)
    known = {name: value for name, value in task.items() if name not in PATHS}
    arguments = read_model(path, state, "translation_directions", ["--directions", "x-y"])
    for name, value in (known | dict(overrides)).items():
        setattr(arguments, name, value)
    return convert_namespace_to_omegaconf(arguments)


def read_task(path: Path, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the known settings of this project's task; `read_config` describes the errors."""
    task = LATER | stated(path, state, "task", "translation_directions")
    return {name: typed(path, task, name, kind) for name, kind in TASK.items()}


def read_model(path: Path, state: Mapping[str, Any], task: str, flags: Sequence[str]) -> Namespace:
    """Return fairseq's arguments for the model of a checkpoint; `read_config` describes the errors.

    `flags` are arguments of the task, which the file does not influence.
    """
    stated(path, state, "task", task)
    model = stated(path, state, "model", ARCHITECTURE)
    known = {name: typed(path, model, name, kind) for name, kind in MODEL.items()}
    check_layers(path, known, state["model"])
    if model.get("activation_fn") != "relu":
        raise InputError(f"{path}: its activation_fn is not relu; other models are not supported")
    # numbers and booleans only: no text of a file is on fairseq's command line
    given = {name: value for name, value in known.items() if value is not False}
    options_of_model = {name.replace("_", "-"): value for name, value in given.items()}
    task_flags = ["--task", task, "--arch", ARCHITECTURE, *flags]
    arguments = Namespace(**parse_flags(*task_flags, *as_flags(options_of_model)))
    for name in transformer_settings():
        expected = getattr(arguments, name, None)
        if name not in WITHOUT_EFFECT and model.get(name, expected) != expected:
            raise InputError(
                f"{path}: its setting {name} is not {expected}; models with this setting are not "
                "supported"
            )
    return arguments


@cache
def parse_flags(*flags: str) -> dict[str, Any]:
    """Return the arguments that fairseq makes of its command line; it takes a moment each time."""
    parser = options.get_training_parser()
    return dict(vars(options.parse_args_and_arch(parser, ["nowhere", *flags])))


def check_layers(path: Path, known: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
    """Raise InputError if a stack has another number of layers than the settings state."""
    for stack in ("encoder", "decoder"):
        names = [name.split(".") for name in tensors if name.startswith(f"{stack}.layers.")]
        layers = len({name[2] for name in names})
        if known[f"{stack}_layers"] != layers:
            raise InputError(
                f"{path}: {stack}_layers is {known[f'{stack}_layers']}, but the file has {layers} "
                "layers; use another checkpoint"
            )


@cache
def transformer_settings() -> tuple[str, ...]:
    """Return the names of all settings of fairseq's transformer."""
    parser = ArgumentParser(add_help=False)
    TransformerModel.add_args(parser)
    return tuple(action.dest for action in parser._actions)


def stated(path: Path, state: Mapping[str, Any], section: str, name: str) -> dict[str, Any]:
    """Return a section of a checkpoint's settings; raise InputError if it is of another kind."""
    settings = state.get("cfg")
    found = settings.get(section) if isinstance(settings, Mapping) else None
    found = vars(found) if isinstance(found, Namespace) else found
    if not isinstance(found, dict) or found.get("_name") != name:
        raise InputError(
            f"{path}: not a checkpoint of the {section} {name}; import checkpoints from elsewhere "
            "first (`checkpoint` in systems.tsv)"
        )
    return found


def typed(path: Path, settings: Mapping[str, Any], name: str, kind: type) -> Any:
    """Return a setting; raise InputError if it is missing or is not a plain value of its type."""
    value: Any = settings.get(name)
    plain = type(value) in ((int, float) if kind is float else (kind,))
    if not plain or (kind is int and not 0 < value <= LARGEST) or (kind is str and "${" in value):
        raise InputError(
            f"{path}: its setting {name} is missing or not a valid {kind.__name__}; use a "
            "checkpoint written by this project"
        )
    return value
