"""Count the parameters of a system on its real modules, without allocating memory for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from fairseq.data import Dictionary

from neuron_specialization.fairseq_plugin.models import fairseq_arguments
from neuron_specialization.fairseq_plugin.task import DirectionsConfig, DirectionsTask
from neuron_specialization.settings.training import Adapters, Architecture


@dataclass(frozen=True, kw_only=True)
class ModelSize:
    """Parameter counts of one model."""

    total: int
    """All parameters; shared ones count once."""
    trainable: int
    """Parameters that training changes."""


def count_parameters(
    architecture: Architecture, dictionaries: Sequence[int], adapters: Adapters | None = None
) -> ModelSize:
    """Build a model without memory and count its parameters (paper, Table 6).

    Masks of neurons or weights add none.

    `dictionaries` are the sizes of the source and target dictionaries, including fairseq's
    special tokens and language tags.
    """
    directions = list(adapters.sets) if adapters else ["source-target"]
    # building fairseq's whole configuration would take a second
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
    """Return a dictionary with `size` entries."""
    dictionary = Dictionary()
    for number in range(size - len(dictionary)):
        dictionary.add_symbol(str(number))
    return dictionary
