"""Paths of all results. `<dataset>` and `<downloads>` are path variables of the Snakefile."""

from collections.abc import Callable
from typing import Any

from snakemake.io import report

CORPUS = "<dataset>/corpora/{split}.{pair}.{lang}"
PACKAGE_TEXT = "<dataset>/packages/{split}.{pair}.{lang}"
CHECKS = "<dataset>/corpora/checks.tsv"
CORPUS_REPORT = "<dataset>/corpora/report.tsv"
REPORT_OF_PART = "<dataset>/corpora/report.{part}.tsv"
VOCABULARY = "<dataset>/vocabularies/{vocabulary}"
BINARISED = "<dataset>/binarised/{part}/{vocabulary}"
CHECKPOINT = "<dataset>/models/{system}/seed{seed}/checkpoint.pt"
CURVE = "<dataset>/models/{system}/seed{seed}/checkpoint.curve.csv"
BILINGUAL_MODELS = "<dataset>/models/{system}/seed{seed}/{shard}"
COUNTS = "<dataset>/activations/{system}/seed{seed}.npz"
MASKS = "<dataset>/masks/{system}/seed{seed}.npz"
WEIGHT_MASKS = "<dataset>/weight_masks/{system}/seed{seed}/{shard}.npz"
TRANSLATIONS = "<dataset>/translations/{split}/{system}/seed{seed}"
SCORES = "<dataset>/scores/{split}/{system}/seed{seed}.csv"
SENTENCES = "<dataset>/scores/{split}/{system}/seed{seed}.parquet"
COMET = (
    "<dataset>/comet/{split}/{system}/seed{seed}.parquet",
    "<dataset>/comet/{split}/{system}/seed{seed}.csv",
)
NLL = (
    "<dataset>/nll/{split}/{system}/seed{seed}.parquet",
    "<dataset>/nll/{split}/{system}/seed{seed}.csv",
)
OFF_TARGET = (
    "<dataset>/off_target/{split}/{system}/seed{seed}.parquet",
    "<dataset>/off_target/{split}/{system}/seed{seed}.csv",
)
IDENTIFIED = "<dataset>/off_target/{split}/{system}/seed{seed}.languages.csv"
IDENTIFIER_ACCURACY = "<dataset>/tables/{split}/language_identifier.csv"
TESTS = "<dataset>/significance/{split}/{system}/seed{seed}.csv"
PARAMETERS = "<dataset>/tables/parameters.csv"
DIAGNOSIS = "<dataset>/tables/diagnosis.csv"
SCORE_TABLE = "<dataset>/tables/{split}/{table}.{metric}"
NEURONS = "<dataset>/neurons/{system}/seed{seed}"
CROSS_MASKS = f"{NEURONS}/cross_masks"
FETCHED = "<downloads>/{corpus}/fetched.tsv"

CATEGORIES = dict.fromkeys(("scores", "score_figure", "tests", "language_identifier"), "Scores")
CATEGORIES |= dict.fromkeys(("settings", "setup_table", "trainings"), "Set-up")
CATEGORIES |= dict.fromkeys(("diagnosis", "claims"), "Diagnosis")
"""Categories of the report by caption; other captions are in Neurons."""


def shown(
    path: str, caption: str, item: str | Callable[[Any], dict[str, str]], **labels: str
) -> str:
    """Return a path of a rule's output that the report shows.

    Args:
        path: the path; the report also shows its split and metric.
        caption: name of a file of `report/`.
        item: its name in the report, or a function of wildcards that returns all labels.
        labels: further labels in the report.
    """
    of_path = {name: f"{{{name}}}" for name in ("metric", "split") if f"{{{name}}}" in path}
    said = item if callable(item) else {"item": item, **of_path, **labels}
    category = CATEGORIES.get(caption, "Neurons")
    flagged: str = report(path, f"../report/{caption}.rst", category, labels=said)
    return flagged
