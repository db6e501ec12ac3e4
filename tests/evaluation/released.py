"""The paper's released outputs, and folders made of its released scores."""

import csv
import json
from pathlib import Path

import pytest

from tests.conftest import DATA

PUBLISHED = DATA.parent / "published" / "mT-big"
PUBLISHED_SCORES = DATA.parent / "facts" / "published_scores.csv"
RELEASED_PAIRS = ["en-de", "en-kn", "oc-en"]

needs_outputs = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason="the paper's released outputs are not available"
)
needs_scores = pytest.mark.skipif(
    not PUBLISHED_SCORES.is_file(), reason="the paper's released scores are not available"
)


def released_scores() -> list[dict[str, str]]:
    """Return a row per system and direction: system, direction, bleu, chrfpp, comet."""
    with PUBLISHED_SCORES.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_finished(folder: Path, row: dict[str, str]) -> None:
    """Write the files of finished scores that a direction of the released outputs has."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, column, signature in (
        ("bleu", "bleu", "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.3.1"),
        ("chrfpp", "chrfpp", "nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:2.3.1"),
    ):
        result = {"name": column, "score": float(row[column]), "signature": signature}
        (folder / f"test_detok_{name}.txt").write_text(json.dumps(result, indent=1))
    (folder / "test_comet.txt").write_text(f"results/test-sys.txt\tscore: {row['comet']}\n")


def write_released(folder: Path) -> None:
    """Write a folder per system and direction, with the finished scores of all 120 outputs."""
    for row in released_scores():
        write_finished(folder / row["system"] / row["direction"], row)
