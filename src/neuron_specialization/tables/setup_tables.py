"""The languages (Table 5) and the settings of models (Table 6), from the configuration."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from neuron_specialization.tables.text_tables import MISSING, TextTable, capitalise

LEVELS = ("high", "medium", "low", "")
SETTINGS = {
    "layers": "layers",
    "heads": "heads",
    "d_model": "width (d_model)",
    "d_ff": "FFN (d_ff)",
    "max_tokens": "max tokens",
    "update_freq": "update freq",
    "dropout": "dropout",
}
"""Settings of Table 6, with their headers."""


def language_table(
    languages: Sequence[Mapping[str, Any]], pairs: Mapping[str, int]
) -> pd.DataFrame:
    """A row per language, by resource level and then family (Table 5).

    Args:
        languages: `code`, `name`, `family`, `script` and `level` of each.
        pairs: sentence pairs that it is trained on, where they are known.

    Returns:
        The columns `level`, `family`, `code`, `name`, `script` and `pairs`.
    """
    table = pd.DataFrame(languages, columns=["level", "family", "code", "name", "script"])
    table["pairs"] = pd.array([pairs.get(code) for code in table["code"]], dtype="Int64")
    families = list(dict.fromkeys(table["family"]))
    order = table.assign(
        level=[LEVELS.index(level) for level in table["level"]],
        family=[families.index(family) for family in table["family"]],
    ).sort_values(["level", "family"], kind="stable")
    return table.loc[order.index].reset_index(drop=True)


def language_text(table: pd.DataFrame) -> TextTable:
    """Table 5 for people."""
    names = ["family", "code", "name", "script"]
    rows = [
        (
            capitalise(str(row["level"])) or MISSING,
            *(str(row[name]) for name in names),
            MISSING if pd.isna(row["pairs"]) else f"{row['pairs']:,}",
        )
        for _, row in table.iterrows()
    ]
    return TextTable(
        labels=("Level", "Family", "ISO", "Language", "Script"),
        columns=(("training pairs", ""),),
        rows=tuple(rows),
        block_labels=1,
    )


def model_table(systems: Sequence[Mapping[str, Any]], parameters: pd.DataFrame) -> pd.DataFrame:
    """The settings of systems with the parameters that were counted (Table 6), a row each.

    Args:
        systems: `system`, `label`, and its `architecture`: model sizes and training settings.
        parameters: indexed by system, with `models`, `total` and `trainable`.
    """
    rows = []
    for each in systems:
        counted = parameters.loc[each["system"]]
        rows.append(
            {
                "system": each["system"],
                "label": each["label"],
                "models": counted["models"],
                "parameters_of_one": int(counted["total"]) // int(counted["models"]),
                "trainable": counted["trainable"],
                **{name: each["architecture"][name] for name in SETTINGS},
            }
        )
    return pd.DataFrame(rows)


def model_text(table: pd.DataFrame) -> TextTable:
    """Table 6 for people."""
    rows = [
        (
            str(row["label"]),
            f"{row['models']:,}",
            f"{row['parameters_of_one']:,}",
            *(f"{row[name]:g}" if name == "dropout" else f"{row[name]:,}" for name in SETTINGS),
        )
        for _, row in table.iterrows()
    ]
    return TextTable(
        labels=("Model",),
        columns=(
            ("models", ""),
            ("parameters of one", ""),
            *((header, "") for header in SETTINGS.values()),
        ),
        rows=tuple(rows),
    )
