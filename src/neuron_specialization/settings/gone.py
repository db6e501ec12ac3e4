"""Settings that are gone: a configuration that still has one is told what became of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from neuron_specialization.errors import InputError

GONE = {
    "architectures.*.optimizer": "is part of kernels (torch for fused_adamw, fairseq for adam)",
    "architectures.*.attention": "is part of kernels (torch for sdpa, fairseq for fairseq's)",
    "architectures.*.adam_betas": "is always [0.9, 0.98]",
    "architectures.*.adam_eps": "is always 1e-6",
    "architectures.*.weight_decay": "is always 0",
    "architectures.*.clip_norm": "is always 0: gradients are not clipped",
    "architectures.*.activation_dropout": "is always 0",
    "recording.max_tokens": "is always 8000",
    "recording.count_padding": "is always false; only RecordingSettings in Python has it",
    "decoding.max_tokens": "is always 10000",
    "analysis.permutations": "is always 10000",
}
"""What became of each, by path; `*` is any name."""


def refuse_gone(config: Mapping[str, Any]) -> None:
    """Raise InputError for the first setting of a configuration that is gone."""
    for pattern, fate in GONE.items():
        for path in find_paths(config, pattern.split(".")):
            raise InputError(f"{path} is no setting any more: it {fate}. Leave it out")


def find_paths(settings: Any, keys: Sequence[str], path: str = "") -> Iterator[str]:
    """Yield the paths of settings that match a pattern, given as its keys."""
    if not keys:
        yield path.removeprefix(".")
    elif isinstance(settings, Mapping):
        for key in settings if keys[0] == "*" else keys[:1]:
            if key in settings:
                yield from find_paths(settings[key], keys[1:], f"{path}.{key}")
