"""A page to explore activation counts: one HTML file, no server, no network.

Axes: C ways of counting, L directions, N FFN layers, F FFN neurons.
"""

import base64
import json
import re
import zlib
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_specialization.figures.heat_maps import family_order
from neuron_specialization.files import write_text
from neuron_specialization.neurons.sides import layer_label, other_language, side_of
from neuron_specialization.neurons.storage import Counts
from neuron_specialization.settings.languages import Language

TEMPLATE = Path(__file__).with_name("explorer.html")


def write_explorer(
    counts: Counts,
    languages: Mapping[str, Language],
    *,
    path: Path,
    title: str,
    pivot: str,
    k: float,
    counting: str,
) -> None:
    """Write the page, which selects neurons by Eq. 1 in the browser for any k and way of counting.

    Args:
        counts: the recorded counts.
        languages: languages of the directions.
        path: the page to write.
        title: name of the page's subject.
        pivot: the language common to all directions.
        k: initial percentage of the activations.
        counting: initial way of counting.
    """
    rows = ordered_directions(counts, languages, pivot)
    count_CNLF = np.stack([counts.sentence_LNF, counts.token_LNF])[:, rows].swapaxes(1, 2)
    data, width = pack(count_CNLF)
    head = {
        "neurons": count_CNLF.shape[-1],
        "bytes": width,
        "k": k,
        "counting": counting,
        "layers": [
            {"label": layer_label(name), "stack": name.split(".")[0], "neurons": int(width)}
            for name, width in zip(counts.layers, counts.exists_NF.sum(axis=-1), strict=True)
        ],
        "directions": [
            describe_direction(counts.directions[row], languages, pivot) for row in rows
        ],
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    # < could end the script element that holds the data, or hide its end
    filled = {"head": json.dumps(head).replace("<", "\\u003c"), "counts": data}
    filled |= {"title": escape(title), "pivot": escape(pivot)}
    # in one pass: a value with a placeholder in it stays as it is
    write_text(path, re.sub(r"\{\{(\w+)\}\}", lambda found: filled[found[1]], text))


def ordered_directions(counts: Counts, languages: Mapping[str, Language], pivot: str) -> list[int]:
    """Return the rows of directions family by family, directions from the pivot first."""
    codes = [other_language(direction, pivot) for direction in counts.directions]
    order = family_order([languages[code].family for code in codes])
    return sorted(order, key=lambda row: side_of(counts.directions[row], pivot) != "o2m")


def describe_direction(
    direction: str, languages: Mapping[str, Language], pivot: str
) -> dict[str, Any]:
    """Return the page's data on a direction."""
    language = languages[other_language(direction, pivot)]
    return {
        "name": direction,
        "side": side_of(direction, pivot),
        "language": language.code,
        "title": language.name,
        "family": language.family,
        "script": language.script,
    }


def pack(count_CNLF: NDArray[np.int64]) -> tuple[str, int]:
    """Return counts as text and their width in bytes: unsigned, little-endian, deflated, base64."""
    width = 2 if count_CNLF.max(initial=0) < 2**16 else 4
    data = count_CNLF.astype(f"<u{width}").tobytes()
    return base64.b64encode(zlib.compress(data, level=9)).decode("ascii"), width
