"""Lossless reading of CSV tables."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd


def read_table(path: Path, numbers: Iterable[str]) -> pd.DataFrame:
    """Read a CSV table losslessly: all digits of numbers, and texts such as `nan` and `None`.

    Args:
        path: the file.
        numbers: columns of numbers that may be missing; an empty cell is NaN in these columns
            and the text "" in others.
    """
    return pd.read_csv(
        path,
        float_precision="round_trip",
        keep_default_na=False,
        na_values={name: [""] for name in numbers},
    )
