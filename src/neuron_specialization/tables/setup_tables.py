"""Set-up tables from the configuration: languages (Table 5), models (Table 6).

The other set-up tables are in `parameters`, `efficiency` (Table 4) and `curves`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from neuron_specialization.corpora.report import OVERLAPS, TOO_MANY_TOKENS, read_report
from neuron_specialization.evaluation.csv_tables import read_table
from neuron_specialization.files import write_text
from neuron_specialization.settings.training import MAX_POSITIONS
from neuron_specialization.tables.render import (
    MISSING,
    TextTable,
    capitalise,
    write_texts,
)

MISSING_PAIR = (math.nan, math.nan)
IN_TRAIN = (
    "In train: percentages of a split's sentences of the pivot / of the language that are in the "
    "pair's training text, too."
)
COUNTS = {"pairs": ("kept", "training pairs"), "skipped": (TOO_MANY_TOKENS, "skipped")}
"""Counts of Table 5: a column of the corpora's report, and its header."""
LEVELS = ("high", "medium", "low", "")
NOT_TRAINED = (
    "Imported checkpoints, not trained here (max tokens, update freq and dropout are the "
    "configuration's, not read from the file)"
)
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
BY_STACK = ("layers", "d_ff")
"""Settings of Table 6 that may differ between encoder and decoder."""


@dataclass(frozen=True, kw_only=True)
class SetupTable:
    """A set-up table in both forms."""

    numbers: pd.DataFrame
    """For programs, written as CSV without the index."""
    texts: Sequence[TextTable]
    """For readers."""
    title: str
    footer: Sequence[str] = ()


def write_setup_table(table: SetupTable, out: Mapping[str, Path]) -> None:
    """Write the files `csv`, `markdown`, `latex` and `html` of a table."""
    write_text(Path(out["csv"]), table.numbers.to_csv(index=False, lineterminator="\n"))
    write_texts(table.texts, out, title=table.title, footer=table.footer)


def read_parameters(path: Path) -> pd.DataFrame:
    """Read the parameters of systems, by system: `models`, `total`, `trainable`, `added`."""
    table = read_table(path, ["models", "total", "trainable", "added"])
    return table.set_index("system")


def read_sizes(report: Path) -> dict[str, int]:
    """Read the number of training pairs of each language from the corpora's report."""
    return training_counts(read_report(report), "kept")


def training_counts(report: Sequence[Mapping[str, str]], column: str) -> dict[str, int]:
    """Return a count of training pairs by language, if the rows of the report have it."""
    train = [row for row in report if row["split"] == "train" and column in row]
    return {row["pair"].split("-")[1]: int(row[column]) for row in train}


def find_overlaps(
    report: Sequence[Mapping[str, str]],
) -> dict[str, dict[str, tuple[float, float]]]:
    """Return the percentages of sentences within training text, by split and language.

    The pivot's side comes first.
    """
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for row in report:
        counts = [row.get(name) for name in OVERLAPS]
        if all(counts) and int(row["kept"]):
            pivot, other = (100 * int(count or 0) / int(row["kept"]) for count in counts)
            found.setdefault(row["split"], {})[row["pair"].split("-")[1]] = pivot, other
    return found


def describe_languages(
    languages: Sequence[Mapping[str, Any]], report: Sequence[Mapping[str, str]], dataset: str
) -> SetupTable:
    """Return Table 5: a row per language, by resource level and then family.

    Args:
        languages: `code`, `name`, `family`, `script` and `level` of each.
        report: the rows of the corpora's report, if there is one; its warnings are the footer.
        dataset: name of the dataset.
    """
    table = pd.DataFrame(languages, columns=["level", "family", "code", "name", "script"])
    for name, (column, _) in COUNTS.items():
        counts = training_counts(report, column)
        table[name] = pd.array([counts.get(code) for code in table["code"]], dtype="Int64")
    overlaps = find_overlaps(report)
    for split, of_split in overlaps.items():
        for side, name in enumerate(("pivot", "other")):
            values = [of_split.get(code, MISSING_PAIR)[side] for code in table["code"]]
            table[f"{split}_{name}_in_train"] = values
    families = list(dict.fromkeys(table["family"]))
    order = table.assign(
        level=[LEVELS.index(level) for level in table["level"]],
        family=[families.index(family) for family in table["family"]],
    ).sort_values(["level", "family"], kind="stable")
    table = table.loc[order.index].reset_index(drop=True)
    title = f"Languages of {dataset} (Table 5)"
    warned = (row for row in report if row.get("warnings"))
    footer = [
        f"Skipped: training pairs with more than {MAX_POSITIONS} tokens on a side",
        *([IN_TRAIN] if overlaps else []),
        *(f"{row['split']} {row['pair']}: {row['warnings']}" for row in warned),
    ]
    text = language_text(table, list(overlaps))
    return SetupTable(numbers=table, texts=[text], title=title, footer=footer)


def describe_models(
    systems: Sequence[Mapping[str, Any]],
    parameters: pd.DataFrame,
    normalisation: Sequence[str],
    dataset: str,
) -> SetupTable:
    """Return Table 6: the settings and counted parameters of systems, a row each.

    Args:
        systems: `system`, `label`, its `architecture` (model sizes and training settings), and
            `is_checkpoint`: it was trained elsewhere.
        parameters: result of `read_parameters`.
        normalisation: SentencePiece's rules of the vocabularies.
        dataset: name of the dataset.
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
                **decoder_sizes(each["architecture"]),
            }
        )
    table = pd.DataFrame(rows)
    title = f"Models on {dataset} (Table 6)"
    footer = [f"SentencePiece normalises text by {' and '.join(normalisation)}."]
    elsewhere = [str(each["label"]) for each in systems if each["is_checkpoint"]]
    if elsewhere:
        footer.append(f"{NOT_TRAINED}: {', '.join(elsewhere)}.")
    return SetupTable(numbers=table, texts=[model_text(table)], title=title, footer=footer)


def decoder_sizes(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sizes of a decoder by their settings; by default they are the encoder's."""
    sizes = {name: architecture.get(f"decoder_{name}") for name in BY_STACK}
    return {f"decoder_{name}": size or architecture[name] for name, size in sizes.items()}


def format_setting(row: Mapping[str, Any], name: str) -> str:
    """Format a setting of Table 6: `12 / 3` if it differs between encoder and decoder."""
    if name == "dropout":
        return f"{row[name]:g}"
    differs = name in BY_STACK and row[f"decoder_{name}"] != row[name]
    return f"{row[name]:,}" + (f" / {row[f'decoder_{name}']:,}" if differs else "")


def format_count(number: int | None) -> str:
    """Format a whole number with thousands separators; MISSING if unknown."""
    return MISSING if number is None or pd.isna(number) else f"{int(number):,}"


def format_overlap(pivot: float, other: float) -> str:
    """Format the percentages of both sides; MISSING if unknown."""
    return MISSING if math.isnan(pivot) else f"{pivot:.1f} / {other:.1f}"


def language_text(table: pd.DataFrame, splits: Sequence[str]) -> TextTable:
    """Return Table 5 as text, with a column for the overlap of each split with training text."""
    names = ["family", "code", "name", "script"]
    rows = [
        (
            capitalise(str(row["level"])) or MISSING,
            *(str(row[name]) for name in names),
            *(format_count(row[name]) for name in COUNTS),
            *(
                format_overlap(row[f"{split}_pivot_in_train"], row[f"{split}_other_in_train"])
                for split in splits
            ),
        )
        for _, row in table.iterrows()
    ]
    return TextTable(
        labels=("Level", "Family", "ISO", "Language", "Script"),
        columns=(
            *((header, "") for _, header in COUNTS.values()),
            *((f"{split} in train", "") for split in splits),
        ),
        rows=tuple(rows),
        block_labels=1,
    )


def model_text(table: pd.DataFrame) -> TextTable:
    """Return Table 6 as text."""
    rows = [
        (
            str(row["label"]),
            f"{row['models']:,}",
            f"{row['parameters_of_one']:,}",
            *(format_setting(row, name) for name in SETTINGS),
        )
        for row in table.to_dict("records")
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
