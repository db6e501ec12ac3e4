"""The subcommand that scores existing outputs."""

import argparse
import logging
import math
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

from neuron_specialization.cli.off_target import (
    OFF_TARGET,
    find_identifier_text,
    identify_languages,
)
from neuron_specialization.cli.option_types import positive_int
from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.comet_scores import CometSettings
from neuron_specialization.evaluation.comet_system import score_comet
from neuron_specialization.evaluation.finished_scores import read_finished_scores
from neuron_specialization.evaluation.layout import FINISHED, input_files
from neuron_specialization.evaluation.metrics import (
    METRIC_NAMES,
    RAW,
    check_tokenisers,
    metric_name,
)
from neuron_specialization.evaluation.outputs import copy_direction
from neuron_specialization.evaluation.scoring import (
    Score,
    ScoringSettings,
    score_outputs,
    write_scores,
)
from neuron_specialization.parallel import parallel_map
from neuron_specialization.settings.bleu import AUTO, TOKENISERS, BleuTokenisers
from neuron_specialization.settings.languages import DIRECTION

logger = logging.getLogger(__name__)

SENTENCES, SCORES = "scores.parquet", "scores.csv"
METRICS = [name for name in METRIC_NAMES if name != "nll"]  # which needs the system's model


def score(options: argparse.Namespace) -> None:
    """Score a system's outputs by direction.

    Writes the post-processed texts to OUT/outputs, the scores by direction to OUT/scores.csv, and
    the scores by sentence, with their statistics, to OUT/scores.parquet. The off-target rate adds
    the languages of the hypotheses and the accuracy of the identifier.
    """
    folder, split = options.folder, options.split
    directions = find_directions(folder, split)
    options.metrics = options.metrics or default_metrics(folder, directions, split)
    if OFF_TARGET in options.metrics:
        identifier_text = find_identifier_text(options.identifier_text)
    raw = find_raw_references(options.raw_references, directions)
    tokenisers = find_tokenisers(options.bleu_tokeniser, directions)
    if {"bleu", "tokenised_bleu"} & {*options.metrics}:
        check_tokenisers(map(tokenisers.of, directions))
        for warning in tokenisers.warnings(directions):
            logger.warning(warning)
    texts, sentences, corpus = (options.out / name for name in ("outputs", SENTENCES, SCORES))
    check_apart(texts, [folder, *(folder / pair for pair in directions), *raw.values()])
    # files of an earlier run must not be scored or kept with these texts
    shutil.rmtree(texts, ignore_errors=True)
    sentences.unlink(missing_ok=True)
    corpus.unlink(missing_ok=True)
    copy = partial(copy_direction, folder, split, raw, texts)
    report(f"Reading {count_directions(len(directions))} of {folder}")
    parallel_map(copy, directions, options.processes)
    wanted = [m for m in options.metrics if m in ("bleu", "chrf") and raw]
    settings = ScoringSettings(
        split=split,
        metrics=[*options.metrics, *(metric + RAW for metric in wanted)],
        tokenisers=tokenisers,
    )
    report(f"Scoring them by {', '.join(settings.metrics)}")
    scores = score_outputs(texts, directions, settings, options.processes)
    if "comet" in options.metrics:
        comet = CometSettings(
            model=options.comet_model,
            batch_size=options.comet_batch_size,
            offline=options.offline,
            device=options.device,
        )
        scores += score_comet(texts, directions, split, comet)
    if OFF_TARGET in options.metrics:
        scores += identify_languages(texts, directions, split, identifier_text, options.out)
    if all(math.isnan(score.score) for score in scores):
        finished = [read_finished_scores(texts / pair, split) for pair in directions]
        raise no_scores(options, {score.note for score in scores}, {m for f in finished for m in f})
    write_scores(scores, sentences=sentences, corpus=corpus)
    print("\n".join([*summary(scores), f"Scores of directions: {corpus}"]))


def report(progress: str) -> None:
    """Print a line of progress."""
    print(progress, file=sys.stderr, flush=True)


def count_directions(number: int) -> str:
    """Return `1 direction` or `2 directions`."""
    return f"{number} direction{'' if number == 1 else 's'}"


def default_metrics(folder: Path, directions: Sequence[str], split: str) -> list[str]:
    """Return BLEU and chrF++, and COMET if a direction has a finished score of it."""
    files = [folder / pair / FINISHED["comet"].format(split=split) for pair in directions]
    return ["bleu", "chrf", *(["comet"] if any(path.is_file() for path in files) else [])]


def summary(scores: Sequence[Score]) -> list[str]:
    """Return a line per metric: mean, lowest and highest score, and missing directions."""
    lines = []
    for metric in dict.fromkeys(score.metric for score in scores):
        every = [score for score in scores if score.metric == metric]
        found = sorted(
            (score for score in every if not math.isnan(score.score)), key=lambda s: s.score
        )
        if found:
            low, high = found[0], found[-1]
            mean = fmean(score.score for score in found)
            missing = f"; {len(every) - len(found)} missing" if len(found) < len(every) else ""
            lines.append(
                f"{metric_name(metric)}: mean {mean:.2f} of {count_directions(len(found))}, from "
                f"{low.score:.1f} ({low.pair}) to {high.score:.1f} ({high.pair}){missing}"
            )
    return lines


def find_tokenisers(names: Sequence[str], directions: Sequence[str]) -> BleuTokenisers:
    """Return the tokenisers of `auto ko=char`; raise InputError for unknown names or languages."""
    exceptions = dict(text.split("=", 1) for text in names if "=" in text)
    for_all = [text for text in names if "=" not in text] or [AUTO]
    targets = {direction.split("-")[1] for direction in directions}
    for name in (*for_all, *exceptions.values()):
        if name not in TOKENISERS or len(for_all) > 1:
            raise InputError(
                f"--bleu-tokeniser {' '.join(names)}: give one of {', '.join(TOKENISERS)}, and "
                "others by target language, such as ko=char"
            )
    if unknown := sorted({*exceptions} - targets):
        raise InputError(
            f"--bleu-tokeniser {' '.join(names)}: no direction is into {', '.join(unknown)}, only "
            f"into {', '.join(sorted(targets))}"
        )
    return BleuTokenisers(tokeniser=for_all[0], exceptions=exceptions)


def no_scores(options: argparse.Namespace, notes: set[str], finished: set[str]) -> InputError:
    """Return the error for a lack of scores; `notes` give reasons, `finished` other metrics."""
    reasons = f" ({'; '.join(sorted(notes))})" if notes else ""
    advice = "give other --metrics or a --comet-model"
    if finished:
        advice = f"finished scores exist: --metrics {' '.join(sorted(finished))}"
    return InputError(
        f"{options.folder}: no score in {', '.join(options.metrics)}{reasons}; {advice}"
    )


def check_apart(texts: Path, inputs: Sequence[Path]) -> None:
    """Raise InputError if emptying a folder would delete inputs."""
    place = texts.resolve()
    for path in inputs:
        there = path.resolve()
        if there.is_relative_to(place) or place.is_relative_to(there):
            raise InputError(
                f"{texts}: this folder is emptied and rewritten, but it overlaps with the input "
                f"{path}; give another OUT"
            )


def find_directions(folder: Path, split: str) -> list[str]:
    """Return the directions that a folder has outputs of; raise InputError if it has none."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; it must hold a folder per direction")
    names = sorted(path.name for path in folder.iterdir() if input_files(path, split))
    found = [name for name in names if DIRECTION.fullmatch(name)]
    if not found:
        raise InputError(
            f"{folder}: no folder of a direction, such as en-de, has outputs of {split}"
        )
    for name in sorted({*names} - {*found}):
        logger.warning(
            "%s is not scored: its name is not a direction such as en-de or en-zh_Hans (two codes "
            "of letters, digits and _ with a hyphen between)",
            folder / name,
        )
    return found


def find_raw_references(pattern: str | None, directions: Sequence[str]) -> dict[str, Path]:
    """Return the existing raw references by direction; raise InputError if none exists."""
    if not pattern:
        return {}
    targets = {direction: direction.split("-")[1] for direction in directions}
    files = {pair: Path(pattern.replace("{lang}", target)) for pair, target in targets.items()}
    found = {pair: path for pair, path in files.items() if path.is_file()}
    if not found:
        languages = ", ".join(sorted(set(targets.values())))
        raise InputError(f"{pattern}: no such file for any of {languages}")
    return found


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `score`."""
    parser.set_defaults(run=score)
    parser.add_argument(
        "folder", type=Path, help="folder of outputs, with a subfolder per direction (en-de)"
    )
    parser.add_argument("out", type=Path, help="folder for scores and post-processed text")
    parser.add_argument(
        "--split", default="test", help="split, part of the file names (default: %(default)s)"
    )
    parser.add_argument(
        "--metrics",
        nargs="+",
        choices=METRICS,
        metavar="METRIC",
        help=f"any of {', '.join(METRICS)} (default: bleu, chrf, and comet where a direction "
        "has a finished score of it)",
    )
    parser.add_argument(
        "--bleu-tokeniser",
        nargs="+",
        default=[AUTO],
        metavar="NAME",
        help="sacreBLEU's tokeniser, and others by target language, such as: auto ko=char; of "
        f"{', '.join(TOKENISERS)} (default: auto, by the target language)",
    )
    parser.add_argument(
        "--raw-references",
        "--untouched",  # its former name
        metavar="PATTERN",
        help="raw references, such as flores/{lang}.txt, for a second column",
    )
    parser.add_argument(
        "--identifier-text",
        type=Path,
        metavar="FOLDER",
        help="for off_target: text of each language (en.txt, de.txt ...), detokenised as the "
        "outputs are, that the language identifier learns from; sentences of the test are left out",
    )
    parser.add_argument(
        "--comet-model",
        default="",
        metavar="MODEL",
        help="name on the hub or path of a checkpoint; without it, only finished scores are used",
    )
    parser.add_argument(
        "--comet-batch-size",
        type=positive_int,
        default=64,
        help="sentences per batch (default: %(default)s)",
    )
    parser.add_argument("--offline", action="store_true", help="never contact the model hub")
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], default="cpu", help="for COMET (default: %(default)s)"
    )
    parser.add_argument(
        "--processes", type=positive_int, default=1, help="processes to use (default: %(default)s)"
    )
