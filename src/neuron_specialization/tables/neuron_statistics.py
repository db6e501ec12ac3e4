"""The statistics of neurons as readable text, with explanatory notes."""

import numpy as np
import pandas as pd

from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.sides import layer_label, side_label
from neuron_specialization.neurons.statistics import ONE_SCRIPT, PERMUTATIONS, UNTRAINED
from neuron_specialization.tables.render import MISSING, TextTable


def relation_text(relations: pd.DataFrame, pivot: str) -> TextTable:
    """Return the statistics of `relation_table` as text, IoU in percent."""
    kinds = [name.removeprefix("rho_") for name in relations if name.startswith("rho_")]
    columns = [
        *(("trained", name) for name in ("within", "across", "gap", "p")),
        *(("untrained", name) for name in ("gap", "p")),
        *(("one script", name) for name in ("gap", "p")),
        ("clusters", "agreement"),
        *((kind.replace("_", " "), name) for kind in kinds for name in ("rho", "p")),
    ]
    rows = []
    for _, row in relations.iterrows():
        cells = [number(100 * row[name], 1) for name in ("within", "across", "gap")]
        cells += [p_value(row["p"]), number(100 * row[f"{UNTRAINED}gap"], 1)]
        cells += [p_value(row[f"{UNTRAINED}p"]), number(100 * row[f"{ONE_SCRIPT}gap"], 1)]
        cells += [p_value(row[f"{ONE_SCRIPT}p"]), number(row["agreement"], 2)]
        for kind in kinds:
            cells += [number(row[f"rho_{kind}"], 2), p_value(row[f"p_{kind}"])]
        rows.append((layer_label(row["layer"]), side_label(row["side"], pivot), *cells))
    return TextTable(labels=("Layer", "Side"), columns=tuple(columns), rows=tuple(rows))


def activity_text(activity: pd.DataFrame, pivot: str) -> TextTable:
    """Return `activity_table` as text, in percent of a layer's neurons."""
    names = ("always", "never", "masked", "differing", "sparsity")
    rows = [
        (
            layer_label(row["layer"]),
            side_label(row["side"], pivot),
            *(number(100 * row[name], 1) for name in names),
        )
        for _, row in activity.iterrows()
    ]
    return TextTable(
        labels=("Layer", "Side"),
        columns=(
            *(("fire in (%)", name) for name in ("every sentence", "no sentence")),
            *(("masked in (%)", name) for name in ("all directions", "some", "the mean direction")),
        ),
        rows=tuple(rows),
        block_labels=1,
        caption="Neurons that fire, and neurons that are masked",
    )


def number(value: float, decimals: int) -> str:
    """Return a number with its decimals and a minus sign, "–" for nan."""
    return MISSING if np.isnan(value) else f"{value:.{decimals}f}".replace("-", "−")


def p_value(value: float) -> str:
    """Return a p-value with four decimals below 0.01, otherwise with two."""
    return number(value, 4 if value < 0.01 else 2)


def relation_notes(relations: pd.DataFrame, overlap: Overlap) -> list[str]:
    """Explain how to read the table, why numbers are missing, and which layers lack neurons."""
    notes = [
        "Mean IoU (%) of two languages of one family (within) and of two families (across); p: the "
        f"share of {PERMUTATIONS:,} permutations of the languages with at least this gap.",
        "Untrained: the same model before its first update.",
        "One script: the gap between pairs of languages with the same script, with permutations "
        "of the languages of a script: what a family adds to its script; – if no script has pairs "
        "within and across families.",
        "Agreement: adjusted Rand index of the families and the same number of clusters (1 - IoU, "
        "average linkage): 1 is identical, 0 is chance.",
        "Distances: Spearman's rank correlation of IoU and distance, its two-sided p by the same "
        "permutations; below 0 if closer languages share more neurons.",
    ]
    if relations["within"].isna().all() and relations["across"].notna().any():
        notes.append("No family has two languages: there is nothing to compare within families.")
    if relations["across"].isna().all() and relations["within"].notna().any():
        notes.append("All languages are of one family: there is nothing to compare across.")
    if relations[["within", "across"]].isna().all(axis=None):
        notes.append("No layer has the neurons of two languages: there is nothing to compare.")
    return notes + dead_layers(overlap)


def activity_notes(activity: pd.DataFrame) -> list[str]:
    """Explain why ways of counting differ in sparsity, and why a column is empty."""
    notes = [
        "Neurons that fire, and that are masked (not selected), in percent of a layer's neurons; "
        "firing is the mean over directions. Masked in some: selected in other directions.",
        "Counts of sentences saturate: neurons that fire in every sentence have the same count, "
        "however often they fire within it, so that k % of the activations needs nearly k % of "
        "these neurons, and their order is by index. Counts of tokens tell them apart, so that "
        "fewer neurons hold k %.",
    ]
    if activity["always"].isna().any():
        notes.append(
            "Every sentence: not known, since these counts were recorded without the number of "
            "sentences; record the activations again to see it."
        )
    return notes


def dead_layers(overlap: Overlap) -> list[str]:
    """Name the layers in which directions have no neuron at all."""
    notes = []
    for layer, sparsity_L in zip(overlap.layers, overlap.sparsity_LN.T, strict=True):
        dead = [d for d, share in zip(overlap.directions, sparsity_L, strict=True) if share == 1]
        if dead:
            few = ", ".join(dead[:3]) + (f" and {len(dead) - 3} more" if len(dead) > 3 else "")
            notes.append(f"{layer_label(layer)} has no neuron of {few}: none fired.")
    return notes
