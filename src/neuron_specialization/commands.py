"""The verbs of the command line: score outputs that exist, make tables of scores."""

import argparse
import re
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from neuron_specialization.analysis.footers import describe_origin
from neuron_specialization.analysis.paper import read_paper_values
from neuron_specialization.analysis.rows import Training, gather_comparisons, gather_rows
from neuron_specialization.analysis.table_files import TableSettings, write_tables
from neuron_specialization.config import all_directions, read_languages
from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.comet_scores import CometSettings
from neuron_specialization.evaluation.comet_system import score_comet
from neuron_specialization.evaluation.layout import input_files
from neuron_specialization.evaluation.metrics import UNTOUCHED
from neuron_specialization.evaluation.outputs import copy_direction
from neuron_specialization.evaluation.scoring import (
    ScoringSettings,
    read_scores,
    score_outputs,
    write_scores,
)
from neuron_specialization.evaluation.significance import SignificanceSettings, compare_systems
from neuron_specialization.parallel import map_processes

PROJECT = Path(__file__).parents[2]
SENTENCES, SCORES = "scores.parquet", "scores.csv"
_DIRECTION = re.compile(r"[a-z][a-z0-9]+-[a-z][a-z0-9]+")
_FORMS = {"csv": "csv", "wins": "wins.csv", "gains": "gains.csv"}
_FORMS |= {"markdown": "md", "latex": "tex", "html": "html"}


def score(options: argparse.Namespace) -> None:
    """Score a system's outputs by direction.

    Writes the post-processed texts to OUT/outputs, the scores of directions to OUT/scores.csv and
    those of sentences, with their statistics, to OUT/scores.parquet.
    """
    folder, split = options.folder, options.split
    directions = find_directions(folder, split)
    untouched = find_untouched(options.untouched, directions)
    texts = options.out / "outputs"
    shutil.rmtree(texts, ignore_errors=True)  # nothing of a former run may be scored
    copy = partial(copy_direction, folder, split, untouched, texts)
    map_processes(copy, directions, options.processes)
    wanted = [m for m in options.metrics if m in ("bleu", "chrf") and untouched]
    settings = ScoringSettings(
        split=split,
        metrics=[*options.metrics, *(metric + UNTOUCHED for metric in wanted)],
        tokenised_bleu=options.tokenised_bleu,
    )
    scores = score_outputs(texts, directions, settings, options.processes)
    if "comet" in options.metrics:
        comet = CometSettings(
            model=options.comet_model,
            batch_size=options.comet_batch_size,
            offline=options.offline,
            device=options.device,
        )
        scores += score_comet(texts, directions, split, comet)
    write_scores(scores, sentences=options.out / SENTENCES, corpus=options.out / SCORES)


def find_directions(folder: Path, split: str) -> list[str]:
    """The directions that a folder has outputs of; InputError where it has none."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; it must hold a folder per direction")
    names = sorted(path.name for path in folder.iterdir() if _DIRECTION.fullmatch(path.name))
    found = [name for name in names if input_files(folder / name, split)]
    if not found:
        raise InputError(
            f"{folder}: no folder of a direction, such as en-de, has outputs of {split}"
        )
    return found


def find_untouched(pattern: str | None, directions: Sequence[str]) -> dict[str, Path]:
    """The untouched references that are there, by direction; InputError where none is."""
    if not pattern:
        return {}
    targets = {direction: direction.split("-")[1] for direction in directions}
    files = {pair: Path(pattern.replace("{lang}", target)) for pair, target in targets.items()}
    found = {pair: path for pair, path in files.items() if path.is_file()}
    if not found:
        languages = ", ".join(sorted(set(targets.values())))
        raise InputError(f"{pattern}: no such file for any of {languages}")
    return found


def tables(options: argparse.Namespace) -> None:
    """Make tables of systems that `score` has scored, in every metric that they have.

    Each is written as CSV at full precision, Markdown, LaTeX and HTML, to OUT/LAYOUT.METRIC.*.
    """
    schema = PROJECT / "config/schemas/languages.schema.yaml"
    languages = read_languages(options.languages, schema, options.pivot)
    folders = [split_system(text) for text in options.systems]
    trainings = [
        Training(system=label, label=label, seed=i, scores=read_scores(folder / SCORES))
        for i, (label, folder) in enumerate(folders)
    ]
    comparisons = gather_comparisons(
        compare_with_first(folders, options), {label: label for label, _ in folders}
    )
    paper = dict(text.split("=", 1) for text in options.paper if "=" in text)
    options.out.mkdir(parents=True, exist_ok=True)
    found = dict.fromkeys(metric for each in trainings for metric in each.scores["metric"])
    for metric in found:
        write_tables(
            gather_rows(trainings, dict.fromkeys((label for label, _ in folders), float("nan"))),
            comparisons,
            read_paper_values(PROJECT / "config/paper_results.tsv"),
            TableSettings(
                title=options.layout,
                layout=options.layout,
                metric=metric,
                levels={c: lang.level for c, lang in languages.items() if c != options.pivot},
                pivot=options.pivot,
                directions=all_directions(languages, options.pivot),
                round_first=options.round_first,
                level=options.level,
                paper=paper.get(metric, ""),
            ),
            origin=describe_origin("", {}, PROJECT),
            out={
                form: options.out / f"{options.layout}.{metric}.{ending}"
                for form, ending in _FORMS.items()
            },
        )


def split_system(text: str) -> tuple[str, Path]:
    """`LABEL=FOLDER` in its parts; InputError where scores are not there."""
    label, separator, folder = text.partition("=")
    if not separator or not label:
        raise InputError(f"'{text}': expected LABEL=FOLDER, such as Ours=scored/ours")
    if not (Path(folder) / SCORES).is_file():
        raise InputError(f"{folder}: no {SCORES}; run `neuron-specialization score` first")
    return label, Path(folder)


def compare_with_first(
    folders: Sequence[tuple[str, Path]], options: argparse.Namespace
) -> list[tuple[str, pd.DataFrame]]:
    """The paired tests of every system against the first one, by label; its folder is its seed."""
    if options.test == "none":
        return []
    settings = SignificanceSettings(
        test=options.test,
        samples=options.samples,
        seed=options.seed,
        tokenised_bleu=options.tokenised_bleu,
    )
    first, *others = [(label, pd.read_parquet(path / SENTENCES)) for label, path in folders]
    return [
        (
            label,
            compare_systems(sentences, first[1], settings, options.processes).assign(
                role="parent", other=first[0], seed=number
            ),
        )
        for number, (label, sentences) in enumerate(others)
        if label != first[0]
    ]
