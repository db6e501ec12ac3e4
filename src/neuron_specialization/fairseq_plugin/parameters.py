"""Parameters of a system, counted on its real modules, which take no memory for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from fairseq.data import Dictionary

from neuron_specialization.fairseq_plugin.models import fairseq_arguments
from neuron_specialization.fairseq_plugin.task import DirectionsConfig, DirectionsTask
from neuron_specialization.settings.training import Adapters, Architecture


@dataclass(frozen=True, kw_only=True)
class ModelSize:
    """Numbers of parameters of one model."""

    total: int
    """All of them; shared ones once."""
    trainable: int
    """Those that its training changes."""


def count_parameters(
    architecture: Architecture, dictionaries: Sequence[int], adapters: Adapters | None = None
) -> ModelSize:
    """Build a model without memory and count its parameters (paper, Table 6).

    Masks of neurons or weights add none.

    `dictionaries` has the entries of source and target, fairseq's special ones and language tags
    included.
    """
    directions = list(adapters.sets) if adapters else ["source-target"]
    # fairseq's whole configuration would take a second to make
    arguments = fairseq_arguments(architecture, directions, adapters=adapters)
    settings = DirectionsConfig.from_namespace(arguments)
    source, target = map(make_dictionary, dictionaries)
    with torch.device("meta"):
        model = DirectionsTask(settings, source, target).build_model(arguments)
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return ModelSize(
        total=sum(size for size, _ in sizes),
        trainable=sum(size for size, trained in sizes if trained),
    )


def make_dictionary(size: int) -> Dictionary:
    """A dictionary of so many entries."""
    dictionary = Dictionary()
    for number in range(size - len(dictionary)):
        dictionary.add_symbol(str(number))
    return dictionary
