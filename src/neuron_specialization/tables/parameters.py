"""The parameters of systems, counted on their modules: the only table that needs fairseq."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from neuron_specialization.fairseq_plugin.parameters import count_parameters
from neuron_specialization.settings.training import Adapters, Architecture
from neuron_specialization.tables.render import TextTable, capitalise
from neuron_specialization.tables.setup_tables import SetupTable, format_count

COLUMNS = ("models", "total", "trainable", "added")


def describe_parameters(
    systems: Sequence[Mapping[str, Any]], imported: Sequence[Mapping[str, Any]]
) -> SetupTable:
    """Return a row per system: numbers cover all its models, `added` is beyond its parent's.

    Args:
        systems: `system`, `label`, `parent`, number of `models`, and their components:
            `architecture`, entries of `dictionaries`, `adapters` or None.
        imported: `system`, `label`, `parent` and the stated `total`, or None.
    """
    rows = [*map(_count, systems), *map(_known, imported)]
    table = pd.DataFrame(rows, columns=["system", "label", *COLUMNS[:-1]])
    table = table.astype(dict.fromkeys(["total", "trainable"], "Int64"))
    total = dict(zip(table["system"], table["total"], strict=True))
    added = [total[s["system"]] - total[s["parent"] or s["system"]] for s in (*systems, *imported)]
    table["added"] = pd.array(added, dtype="Int64")
    return SetupTable(numbers=table, texts=[_parameter_text(table)], title="Parameters")


def _count(system: Mapping[str, Any]) -> dict[str, Any]:
    """Count the parameters of all models of a system."""
    size = count_parameters(
        Architecture(**system["architecture"]),
        system["dictionaries"],
        Adapters(**system["adapters"]) if system["adapters"] else None,
    )
    return {
        "system": system["system"],
        "label": system["label"],
        "models": system["models"],
        "total": system["models"] * size.total,
        "trainable": system["models"] * size.trainable,
    }


def _known(system: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stated parameters of an imported system."""
    return {**system, "models": 1, "trainable": system["total"]}


def _parameter_text(table: pd.DataFrame) -> TextTable:
    return TextTable(
        labels=("System",),
        columns=tuple((capitalise(name), "") for name in COLUMNS),
        rows=tuple(
            (str(row.system), *(format_count(getattr(row, name)) for name in COLUMNS))
            for row in table.itertuples()
        ),
    )
