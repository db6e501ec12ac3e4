"""The statistics of all layers as tables, beside those of the untrained model."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.sides import informative_side
from neuron_specialization.neurons.statistics import describe_layer, family_gap, permute
from neuron_specialization.settings.languages import Language

UNTRAINED = "untrained_"


def relation_table(
    overlap: Overlap,
    untrained: Overlap,
    families: Mapping[str, str],
    distances: Mapping[str, NDArray[np.float64]],
    *,
    permutations: int,
    seed: int,
) -> pd.DataFrame:
    """Return the statistics of every layer on its informative side, a row each.

    Args:
        overlap: of the trained model.
        untrained: of the model before its training.
        families: of each language, in the order of the distances.
        distances: matrices by kind.
        permutations: of the languages, for p-values.
        seed: of the permutations.

    Returns:
        `layer`, `side`, the columns of `statistics.describe_layer`, and `within`, `across`, `gap`
        and `p` of the untrained model with `untrained_` in front. Languages that were not recorded
        on the layer's side are left out; all is nan in a layer with fewer than two.
    """
    rows = []
    for layer in overlap.layers:
        recorded = overlap.recorded(layer)
        places = [i for i, code in enumerate(families) if code in recorded]
        codes = [code for code in families if code in recorded]
        family_L = [families[code] for code in codes]
        nearby = {kind: far_LL[np.ix_(places, places)] for kind, far_LL in distances.items()}
        order_PL = permute(len(codes), permutations, seed)
        found = describe_layer(overlap.matrix(layer, codes), family_L, nearby, order_PL)
        before = family_gap(untrained.matrix(layer, codes), family_L, order_PL)
        control = {
            f"{UNTRAINED}{name}": getattr(before, name) for name in ("within", "across", "gap", "p")
        }
        rows.append({"layer": layer, "side": informative_side(layer), **found, **control})
    return pd.DataFrame(rows)


def family_means(overlap: Overlap, languages: Mapping[str, Language]) -> pd.DataFrame:
    """Return the mean IoU of each language with each family, itself left out, by layer.

    The columns are `layer`, `side`, `language`, `script`, `own_family`, `family` and `iou`.
    """
    pairs = overlap.table()
    mirrored = pd.concat([pairs, pairs.rename(columns={"a": "b", "b": "a"})])
    mirrored = mirrored.rename(columns={"a": "language"})
    mirrored["family"] = [languages[code].family for code in mirrored["b"]]
    means = mirrored.groupby(["layer", "side", "language", "family"], sort=False)["iou"].mean()
    table = means.reset_index()
    table.insert(3, "script", [languages[code].script for code in table["language"]])
    table.insert(4, "own_family", [languages[code].family for code in table["language"]])
    return table
