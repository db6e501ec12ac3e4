"""The statistics of all layers as a table, beside those of the untrained model."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_specialization.figures.style import layer_label, side_label
from neuron_specialization.neurons.neuron_tables import iou_matrix, telling_side
from neuron_specialization.neurons.statistics import describe_layer, family_gap, permute
from neuron_specialization.neurons.storage import Masks
from neuron_specialization.settings.languages import Language
from neuron_specialization.tables.text_tables import MISSING, TextTable

UNTRAINED = "untrained_"
PERMUTATIONS = 10_000  # of the languages, for p-values


def relation_table(
    overlap: pd.DataFrame,
    untrained: pd.DataFrame,
    families: Mapping[str, str],
    distances: Mapping[str, NDArray[np.float64]],
    *,
    layers: Sequence[str],
    seed: int,
    permutations: int = PERMUTATIONS,
) -> pd.DataFrame:
    """The statistics of every layer on its telling side, a row each.

    Args:
        overlap: of the trained model (`neuron_tables.overlap_table`).
        untrained: of the model before its training.
        families: of each language, in the order of the distances.
        distances: matrices by kind.
        layers: a row each; of one without two languages all is nan.
        seed: of the permutations.
        permutations: of the languages, for p-values.

    Returns:
        `layer`, `side`, the columns of `relations.describe_layer`, and `within`, `across`, `gap`
        and `p` of the untrained model with `untrained_` in front. Languages that were not recorded
        on the layer's side are left out.
    """
    rows = []
    for layer in layers:
        side = telling_side(layer)
        there = set(overlap[overlap["side"] == side][["a", "b"]].to_numpy().flat)
        places = [i for i, code in enumerate(families) if code in there]
        codes = [code for code in families if code in there]
        family_L = [families[code] for code in codes]
        nearby = {kind: far_LL[np.ix_(places, places)] for kind, far_LL in distances.items()}
        order_PL = permute(len(codes), permutations, seed)
        iou_LL = iou_matrix(overlap, layer, side, codes)
        found = describe_layer(iou_LL, family_L, nearby, order_PL)
        before = family_gap(iou_matrix(untrained, layer, side, codes), family_L, order_PL)
        control = {
            f"{UNTRAINED}{name}": getattr(before, name) for name in ("within", "across", "gap", "p")
        }
        rows.append({"layer": layer, "side": side, **found, **control})
    return pd.DataFrame(rows)


def family_means(overlap: pd.DataFrame, languages: Mapping[str, Language]) -> pd.DataFrame:
    """The mean IoU of each language with each family, itself left out, by layer.

    Returns:
        `layer`, `side`, `language`, `script`, `own_family`, `family` and `iou`.
    """
    mirrored = pd.concat([overlap, overlap.rename(columns={"a": "b", "b": "a"})])
    mirrored = mirrored.rename(columns={"a": "language"})
    mirrored["family"] = [languages[code].family for code in mirrored["b"]]
    means = mirrored.groupby(["layer", "side", "language", "family"], sort=False)["iou"].mean()
    table = means.reset_index()
    table.insert(3, "script", [languages[code].script for code in table["language"]])
    table.insert(4, "own_family", [languages[code].family for code in table["language"]])
    return table


def relation_text(relations: pd.DataFrame, pivot: str) -> TextTable:
    """The statistics as people read them: IoU in percent."""
    kinds = [name.removeprefix("rho_") for name in relations if name.startswith("rho_")]
    columns = [
        *(("trained", name) for name in ("within", "across", "gap", "p")),
        *(("untrained", name) for name in ("gap", "p")),
        ("clusters", "agreement"),
        *((kind.replace("_", " "), name) for kind in kinds for name in ("rho", "p")),
    ]
    rows = []
    for _, row in relations.iterrows():
        cells = [percent(row[name]) for name in ("within", "across", "gap")]
        cells += [p_value(row["p"]), percent(row[f"{UNTRAINED}gap"]), p_value(row[f"{UNTRAINED}p"])]
        cells.append(decimals(row["agreement"]))
        for kind in kinds:
            cells += [decimals(row[f"rho_{kind}"]), p_value(row[f"p_{kind}"])]
        rows.append((layer_label(row["layer"]), side_label(row["side"], pivot), *cells))
    return TextTable(labels=("Layer", "Side"), columns=tuple(columns), rows=tuple(rows))


def percent(value: float) -> str:
    """A share in percent, one decimal."""
    return MISSING if np.isnan(value) else f"{100 * value:.1f}".replace("-", "−")


def decimals(value: float) -> str:
    """A number with two decimals."""
    return MISSING if np.isnan(value) else f"{value:.2f}".replace("-", "−")


def p_value(value: float) -> str:
    """A p-value with as many decimals as tell something."""
    return MISSING if np.isnan(value) else f"{value:.4f}" if value < 0.01 else f"{value:.2f}"


def relation_notes(relations: pd.DataFrame) -> list[str]:
    """How to read the table, and why numbers are missing."""
    notes = [
        "Mean IoU (%) of two languages of one family (within) and of two families (across); p: the "
        f"share of {PERMUTATIONS:,} permutations of the languages with at least this gap.",
        "Untrained: the same model before its first update.",
        "Agreement: adjusted Rand index of the families and as many clusters (1 - IoU, average "
        "linkage): 1 is the same, 0 is chance.",
        "Distances: Spearman's rank correlation of IoU and distance, its two-sided p by the same "
        "permutations; below 0 where closer languages share more neurons.",
    ]
    if relations["within"].isna().all() and relations["across"].notna().any():
        notes.append("No family has two languages: there is nothing to compare within families.")
    if relations["across"].isna().all() and relations["within"].notna().any():
        notes.append("All languages are of one family: there is nothing to compare across.")
    if relations[["within", "across"]].isna().all(axis=None):
        notes.append("No layer has the neurons of two languages: there is nothing to compare.")
    return notes


def dead_layers(masks: Masks) -> list[str]:
    """Layers in which directions have no neuron at all."""
    notes = []
    for n, layer in enumerate(masks.layers):
        has_L = masks.mask_LNF[:, n].any(axis=-1)
        dead = [d for d, has in zip(masks.directions, has_L, strict=True) if not has]
        if dead:
            few = ", ".join(dead[:3]) + (f" and {len(dead) - 3} more" if len(dead) > 3 else "")
            notes.append(f"{layer_label(layer)} has no neuron of {few}: none fired.")
    return notes
