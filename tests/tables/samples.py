"""Made-up scores, rows and whole tables."""

from pathlib import Path

import pandas as pd

from neuron_specialization.evaluation.scoring import NOTE, SCORE_COLUMNS
from neuron_specialization.evaluation.significance import COMPARISON_COLUMNS, cell_name
from neuron_specialization.tables.cells import level_cells
from neuron_specialization.tables.rows import ScoredRun, SystemRow
from neuron_specialization.tables.table_files import TableSettings, write_tables

LEVELS = {"de": "high", "nl": "high", "lb": "low"}
PAIRS = ["en-de", "en-nl", "de-en", "nl-en", "en-lb", "lb-en"]
FORMS = {"csv": "csv", "wins": "wins.csv", "gains": "gains.csv"}
FORMS |= {"tests": "tests.csv", "tests_page": "tests.html"}
FORMS |= {"markdown": "md", "latex": "tex", "html": "html"}
NAN = float("nan")


def scores_of(
    values: dict[str, float],
    metric: str = "bleu",
    *,
    signature: str = "tok:13a|version:1",
    note: str = "",
) -> pd.DataFrame:
    rows = [(pair, metric, score, 9, signature, note) for pair, score in values.items()]
    return pd.DataFrame(rows, columns=[*SCORE_COLUMNS, NOTE])


def system(label: str, values: dict[str, float], extra: float | None = None) -> SystemRow:
    return SystemRow(label=label, scores=scores_of(values), extra_parameters=extra)


def scored_run(label: str, shift: float, seed: int = 1, **more: object) -> ScoredRun:
    """Return a run with scores of 20, 21 and so on in PAIRS, shifted."""
    values = {pair: 20.0 + i + shift for i, pair in enumerate(PAIRS)} | more.pop("values", {})
    scores = scores_of(values, **more)
    return ScoredRun(system=label.lower(), label=label, seed=seed, scores=scores)


def paired_tests(
    other: str, role: str, difference: float, p_value: float = 0.001, seed: int = 1
) -> pd.DataFrame:
    cells = level_cells(PAIRS, LEVELS, "en").values()
    means = [cell_name(cell) for cell in cells if sum(map(len, cell)) > 1]
    places = [*((pair, "") for pair in PAIRS), *(("", cell) for cell in dict.fromkeys(means))]
    low, high = difference - 0.5, difference + 0.5
    rows = [
        (*place, "bleu", 20 + difference, 20.0, low, high, p_value, "ar:9|seed:1")
        for place in places
    ]
    tests = pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))
    return tests.assign(role=role, other=other, seed=seed)


def write(
    folder: Path, *runs: ScoredRun, tests=(), paper_values=(), origin=(), **changes: object
) -> str:
    """Write a table of runs; return its Markdown."""
    values = {
        "title": "toy, test: levels",
        "layout": "levels",
        "metric": "bleu",
        "levels": LEVELS,
        "pivot": "en",
        "directions": PAIRS,
        "parameters": {run.system: 100 for run in runs},
        "labels": {run.system: run.label for run in runs} | {"continued": "Base, continued"},
    }
    settings = TableSettings(**(values | changes))
    out = {form: folder / f"table.{ending}" for form, ending in FORMS.items()}
    write_tables(runs, tests, paper_values, settings, origin=origin, out=out)
    return out["markdown"].read_text(encoding="utf-8")
