"""Distances between languages, to compare with the overlap of their neurons."""

from collections.abc import Mapping, Sequence
from itertools import combinations, combinations_with_replacement
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuron_specialization.corpora.builtin_languages import find_language, shared_lexicon
from neuron_specialization.errors import InputError
from neuron_specialization.settings.languages import Language
from neuron_specialization.settings.rows import read_cells

BUILTIN = "builtin"
SCRIPT = "script"

Distances = dict[str, NDArray[np.float64]]


def language_distances(
    source: str | Path, languages: Mapping[str, Language], codes: Sequence[str]
) -> Distances:
    """Return the distances of some languages by kind, each a symmetric matrix [L, L].

    Args:
        source: `builtin` for the known distances of the built-in corpus; a file for
            `read_distances`; or empty.
        languages: the table of languages; the distance of their scripts is 0 or 1.
        codes: the languages, in the order of axis L.
    """
    scripts = [languages[code].script for code in codes]
    found = {SCRIPT: different(scripts)}
    if source == BUILTIN:
        found |= builtin_distances(codes)
    elif source:
        found |= read_distances(Path(source), codes)
    return found


def different(values: Sequence[str]) -> NDArray[np.float64]:
    """Return 1 where two values differ, and 0 where they are equal, [L, L]."""
    value_L = np.array(values)
    return (value_L[:, None] != value_L[None, :]).astype(float)


def builtin_distances(codes: Sequence[str]) -> Distances:
    """Return the known distances of languages in the built-in corpus: lexicon and word order.

    The distance of lexicons is the share of concepts whose roots have different origins.
    """
    lexicon_LL = np.zeros((len(codes), len(codes)))
    for i, j in combinations(range(len(codes)), 2):
        lexicon_LL[i, j] = lexicon_LL[j, i] = 1 - shared_lexicon(codes[i], codes[j])
    return {
        "lexicon": lexicon_LL,
        "word_order": different([find_language(code).word_order for code in codes]),
    }


def read_distances(path: Path, codes: Sequence[str]) -> Distances:
    """Read distances from a TSV file: a row per pair, in any order.

    Its columns are `a`, `b` and one per kind of distance. Rows of other languages are skipped.

    Raise InputError naming the line of a bad row, or the pair that has no row.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file (analysis.distances)")
    columns, lines = read_cells(path)
    kinds = [name for name in columns if name not in ("a", "b")]
    if not kinds or not {"a", "b"} <= set(columns):
        raise InputError(f"{path}: the header must be a, b and a name per kind of distance")
    index = {code: i for i, code in enumerate(codes)}
    found = {kind: np.full((len(codes), len(codes)), np.nan) for kind in kinds}
    for number, row in lines:
        if row["a"] in index and row.get("b") in index:
            i, j = index[row["a"]], index[row["b"]]
            for kind in kinds:
                found[kind][i, j] = found[kind][j, i] = read_number(
                    row.get(kind), path, number, kind
                )
    for kind, distance_LL in found.items():
        np.fill_diagonal(distance_LL, 0)
        for i, j in combinations_with_replacement(range(len(codes)), 2):
            if np.isnan(distance_LL[i, j]):
                raise InputError(f"{path}: no {kind} of {codes[i]} and {codes[j]}")
    return found


def read_number(text: str | None, path: Path, line: int, column: str) -> float:
    """Read a number of a table; raise InputError naming its place if it is not one."""
    try:
        return float(text or "")
    except ValueError:
        raise InputError(f"{path}, line {line}, column {column}: {text} is not a number") from None
