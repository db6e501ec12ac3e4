"""The subcommand that makes tables of scores."""

import argparse
import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from neuron_specialization.cli.option_types import (
    natural,
    positive_int,
    probability,
)
from neuron_specialization.cli.score import SCORES, SENTENCES
from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.scoring import SENTENCE_COLUMNS, present_metrics, read_scores
from neuron_specialization.evaluation.significance import SignificanceSettings, compare_systems
from neuron_specialization.settings.languages import (
    Language,
    all_directions,
    every_direction,
    read_languages,
)
from neuron_specialization.tables.cells import Cell, table_blocks
from neuron_specialization.tables.comparisons import FIRST
from neuron_specialization.tables.footers import describe_origin
from neuron_specialization.tables.paper_values import PaperValue, check_paper, read_paper_values
from neuron_specialization.tables.rows import ScoredRun, number_seeds
from neuron_specialization.tables.table_files import TableSettings, write_tables

logger = logging.getLogger(__name__)

PROJECT = Path(__file__).parents[3]
_FORMS = {"csv": "csv", "wins": "wins.csv", "gains": "gains.csv"}
_FORMS |= {"tests": "tests.csv", "tests_page": "tests.html"}
_FORMS |= {"markdown": "md", "latex": "tex", "html": "html"}


def tables(options: argparse.Namespace) -> None:
    """Make a table of systems scored by `score` for every metric that they have.

    Each is written to OUT/LAYOUT.METRIC.* as CSV at full precision, Markdown, LaTeX and HTML.
    """
    schema = PROJECT / "config/schemas/languages.schema.yaml"
    languages = read_languages(options.languages, schema, options.pivot)
    folders = [split_system(text) for text in options.systems]
    labels = [label for label, _ in folders]
    frames = [read_system(folder / SCORES) for _, folder in folders]
    runs = [
        ScoredRun(system=label, label=label, seed=seed, scores=scores)
        for label, seed, scores in zip(labels, number_seeds(labels, frames), frames, strict=True)
    ]
    values = read_paper_values(PROJECT / "config/paper_results.tsv")
    paper = find_paper_tables(options.paper, values, runs)
    options.out.mkdir(parents=True, exist_ok=True)
    scored = {pair for frame in frames for pair in frame["pair"]}
    directions = list_directions(languages, options, scored)
    blocks = table_blocks(
        options.layout,
        levels={code: each.level for code, each in languages.items() if code != options.pivot},
        pivot=options.pivot,
        directions=directions,
        scored=scored,
        first=set(frames[0]["pair"]),
    )
    cells = [cell for block in blocks.values() for cell in block.values()]
    tests = compare_with_first(runs, [folder for _, folder in folders], cells, options)
    for metric in dict.fromkeys(metric for run in runs for metric in run.scores["metric"]):
        write_tables(
            runs,
            tests,
            values,
            TableSettings(
                title=options.layout,
                layout=options.layout,
                metric=metric,
                levels={c: lang.level for c, lang in languages.items() if c != options.pivot},
                pivot=options.pivot,
                directions=directions,
                parameters=dict.fromkeys(labels, float("nan")),
                labels={label: label for label in labels},
                level=options.level,
                paper=paper.get(metric, ""),
            ),
            origin=[
                *(describe_pairing(runs) if tests else []),
                *describe_origin("", {}, PROJECT),
            ],
            out={
                form: options.out / f"{options.layout}.{metric}.{ending}"
                for form, ending in _FORMS.items()
            },
        )


def list_directions(
    languages: Mapping[str, Language], options: argparse.Namespace, scored: Collection[str]
) -> list[str]:
    """Return the directions of a layout: a matrix has those that are scored, with pivot or not."""
    if options.layout != "matrix":
        return all_directions(languages, options.pivot)
    return [pair for pair in every_direction(languages, options.pivot) if pair in scored]


def find_paper_tables(
    texts: Sequence[str], values: Sequence[PaperValue], runs: Sequence[ScoredRun]
) -> dict[str, str]:
    """Return the paper's table by metric; raise InputError for one that cannot be compared with."""
    found = {}
    scored = dict.fromkeys(metric for run in runs for metric in run.scores["metric"])
    for text in texts:
        metric, separator, table = text.partition("=")
        where = f"--paper {text!r}"
        if not separator:
            raise InputError(f'{where}: expected METRIC=TABLE, such as "bleu=Table 2"')
        lacking = check_paper(values, table, metric, [run.label for run in runs], where)
        if metric not in scored:
            raise InputError(f"{where}: no system has {metric}, only {', '.join(scored)}")
        if lacking:
            logger.warning("%s: the paper's table has no row %s", where, ", ".join(lacking))
        found[metric] = table
    return found


def split_system(text: str) -> tuple[str, Path]:
    """Split `LABEL=FOLDER`; raise InputError if the folder has no scores."""
    label, separator, folder = text.partition("=")
    if not separator or not label or label.startswith(("+", "-", "@")):
        raise InputError(
            f"'{text}': expected LABEL=FOLDER, such as Ours=scored/ours; a label does not "
            "begin with +, - or @, which a spreadsheet would take for a formula"
        )
    if not (Path(folder) / SCORES).is_file():
        raise InputError(f"{folder}: no {SCORES}; run `neuron-specialization score` first")
    return label, Path(folder)


def read_system(path: Path) -> pd.DataFrame:
    """Read the scores of a system; raise InputError if it has none."""
    scores = read_scores(path)
    if not len(scores):
        raise InputError(
            f"{path}: contains no scores; run `neuron-specialization score` with metrics that the "
            "outputs have (--metrics)"
        )
    return scores


def read_sentence_scores(path: Path) -> pd.DataFrame:
    """Read the scores that paired tests need; raise InputError if they are unreadable."""
    try:
        table = pd.read_parquet(path)
        if not {*SENTENCE_COLUMNS} <= {*table}:
            raise ValueError(f"expected the columns {', '.join(SENTENCE_COLUMNS)}")
        return present_metrics(table)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: not the sentence scores that paired tests need ({error}); run "
            "`neuron-specialization score` again, or skip the tests (--test none)"
        ) from error


def compare_with_first(
    runs: Sequence[ScoredRun],
    folders: Sequence[Path],
    cells: Sequence[Cell],
    options: argparse.Namespace,
) -> list[tuple[str, pd.DataFrame]]:
    """Return the paired tests of every system against the first one, by label.

    A seed is compared with the same seed of the first label, or with its only one.
    """
    if options.test == "none":
        return []
    settings = SignificanceSettings(
        test=options.test,
        samples=options.samples,
        seed=options.seed,
    )
    first = runs[0].label
    seeds = {each.seed for each in runs if each.label == first}
    systems = list(zip(runs, folders, strict=True))
    tests = []
    for one, folder in systems:
        if one.label != first:
            continue
        # read at most two systems at a time: the sentences of dozens take gigabytes
        others = read_sentence_scores(folder / SENTENCES)
        for each, path in systems:
            if each.label != first and (len(seeds) == 1 or each.seed == one.seed):
                found = compare_systems(
                    read_sentence_scores(path / SENTENCES),
                    *(others, settings, options.processes, cells),
                )
                tests.append((each.label, found.assign(role=FIRST, other=first, seed=each.seed)))
    return tests


def describe_pairing(runs: Sequence[ScoredRun]) -> list[str]:
    """Describe labels with more or fewer seeds than the first: extra seeds are not tested."""
    seeds = {
        label: len({t.seed for t in runs if t.label == label})
        for label in dict.fromkeys(t.label for t in runs)
    }
    first = runs[0].label
    lines = []
    for label, number in seeds.items():
        if seeds[first] not in (1, number):
            more, fewer = (label, first) if number > seeds[first] else (first, label)
            lines.append(
                f"{more} has {seeds[more]} seeds, {fewer} {seeds[fewer]}: the tests of {label} "
                f"leave out the extra seeds of {more}"
            )
    return lines


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `tables`."""
    parser.set_defaults(run=tables)
    parser.add_argument(
        "systems",
        nargs="+",
        metavar="LABEL=FOLDER",
        help="folders written by `score`, the reference first; repeat a label for several seeds",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write the tables to")
    parser.add_argument(
        "--languages", type=Path, required=True, help="table of the languages (TSV)"
    )
    parser.add_argument("--pivot", default="en", help="pivot language (default: %(default)s)")
    parser.add_argument(
        "--layout",
        choices=["levels", "languages", "matrix"],
        default="levels",
        help="columns: means by level, or every direction by language, each marked by its own "
        "paired test; matrix: sources by targets, with or without the pivot (default: %(default)s)",
    )
    parser.add_argument(
        "--paper",
        nargs="*",
        default=[],
        metavar="METRIC=TABLE",
        help='tables of the paper to compare with, such as "bleu=Table 2"',
    )
    parser.add_argument(
        "--test",
        choices=["randomisation", "bootstrap", "none"],
        default="randomisation",
        help="paired test against the first system (default: %(default)s)",
    )
    parser.add_argument(
        "--samples",
        type=positive_int,
        help="trials or resamples (default: 10,000 of randomisation, 1,000 of bootstrap)",
    )
    parser.add_argument(
        "--seed", type=natural, default=12345, help="seed of the test (default: %(default)s)"
    )
    parser.add_argument(
        "--level", type=probability, default=0.05, help="significance level (default: %(default)s)"
    )
    parser.add_argument(
        "--processes", type=positive_int, default=1, help="processes to use (default: %(default)s)"
    )
