"""The statistics of neurons as readable text, with explanatory notes."""

import numpy as np
import pandas as pd

from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.sides import layer_label, side_label
from neuron_specialization.neurons.statistics import PERMUTATIONS, UNTRAINED
from neuron_specialization.tables.render import MISSING, TextTable


def relation_text(relations: pd.DataFrame, pivot: str) -> TextTable:
    """Return the statistics of `relation_table` as text, IoU in percent."""
    kinds = [name.removeprefix("rho_") for name in relations if name.startswith("rho_")]
    columns = [
        *(("trained", name) for name in ("within", "across", "gap", "p")),
        *(("untrained", name) for name in ("gap", "p")),
        ("clusters", "agreement"),
        *((kind.replace("_", " "), name) for kind in kinds for name in ("rho", "p")),
    ]
    rows = []
    for _, row in relations.iterrows():
        cells = [number(100 * row[name], 1) for name in ("within", "across", "gap")]
        cells += [p_value(row["p"]), number(100 * row[f"{UNTRAINED}gap"], 1)]
        cells += [p_value(row[f"{UNTRAINED}p"]), number(row["agreement"], 2)]
        for kind in kinds:
            cells += [number(row[f"rho_{kind}"], 2), p_value(row[f"p_{kind}"])]
        rows.append((layer_label(row["layer"]), side_label(row["side"], pivot), *cells))
    return TextTable(labels=("Layer", "Side"), columns=tuple(columns), rows=tuple(rows))


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


def dead_layers(overlap: Overlap) -> list[str]:
    """Name the layers in which directions have no neuron at all."""
    notes = []
    for layer, sparsity_L in zip(overlap.layers, overlap.sparsity_LN.T, strict=True):
        dead = [d for d, share in zip(overlap.directions, sparsity_L, strict=True) if share == 1]
        if dead:
            few = ", ".join(dead[:3]) + (f" and {len(dead) - 3} more" if len(dead) > 3 else "")
            notes.append(f"{layer_label(layer)} has no neuron of {few}: none fired.")
    return notes
