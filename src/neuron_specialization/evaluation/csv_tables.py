"""CSV tables that are read as they were written."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd


def read_table(path: Path, numbers: Iterable[str]) -> pd.DataFrame:
    """Read a CSV table: every digit of its numbers, and every text, `nan` and `None` included.

    Args:
        path: the file.
        numbers: columns of numbers that may be missing; an empty cell of these is NaN, an empty
            one of others the text "".
    """
    return pd.read_csv(
        path,
        float_precision="round_trip",
        keep_default_na=False,
        na_values={name: [""] for name in numbers},
    )
