"""Scores, tables, neurons and translations of files that exist, outside Snakemake."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from neuron_specialization.cli.export import add_export, add_translate, export, translate
from neuron_specialization.cli.neurons import overlap, sparsity
from neuron_specialization.cli.option_types import natural, positive_int, probability
from neuron_specialization.cli.score import score
from neuron_specialization.cli.tables import tables
from neuron_specialization.evaluation.metrics import METRIC_NAMES, TOKENISED_BLEU
from neuron_specialization.logs import answering
from neuron_specialization.workflow.packed_results import merge, pack


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    with answering():
        options.run(options)


def make_parser() -> argparse.ArgumentParser:
    """The verbs and their options."""
    parser = argparse.ArgumentParser(prog="neuron-specialization", description=__doc__)
    verbs = parser.add_subparsers(
        required=True, metavar="score | tables | neurons | export | translate | pack | merge"
    )
    add_score(
        verbs.add_parser("score", help="score a folder of outputs", description=score.__doc__)
    )
    add_tables(verbs.add_parser("tables", help="make tables of scores", description=tables.__doc__))
    add_neurons(verbs.add_parser("neurons", help="overlap and sparsity of counts or masks"))
    add_export(verbs.add_parser("export", help="export one direction", description=export.__doc__))
    add_translate(
        verbs.add_parser(
            "translate", help="translate with an export", description=translate.__doc__
        )
    )
    add_merging(
        verbs.add_parser("pack", help="results to take along", description=pack.__doc__),
        verbs.add_parser("merge", help="add packed results", description=merge.__doc__),
    )
    return parser


def add_merging(packing: argparse.ArgumentParser, merging: argparse.ArgumentParser) -> None:
    """The options of `pack` and `merge`."""
    packing.set_defaults(
        run=lambda options: pack(options.results, options.archive, small=options.small)
    )
    packing.add_argument("results", type=Path, help="of a dataset, such as results/experiment")
    packing.add_argument("archive", type=Path, help="zip file to write")
    packing.add_argument(
        "--small",
        action="store_true",
        help="without scores of sentences, pictures and pages; tables are made again from the rest",
    )
    merging.set_defaults(run=add_packed)
    merging.add_argument("archive", type=Path, help="zip file that `pack` wrote")
    merging.add_argument("results", type=Path, help="where to add its trainings")


def add_packed(options: argparse.Namespace) -> None:
    """Merge packed results, and print the files that were added."""
    for name in (added := merge(options.archive, options.results)):
        print(name)
    if not added:
        print(
            f"{options.archive}: nothing to add; {options.results} has its trainings already, or "
            "does not name their systems",
            file=sys.stderr,
        )


def add_neurons(parser: argparse.ArgumentParser) -> None:
    """The two verbs of `neurons`, and their options."""
    verbs = parser.add_subparsers(required=True, metavar="overlap | sparsity")
    for name, run in (("overlap", overlap), ("sparsity", sparsity)):
        verb = verbs.add_parser(name, help=run.__doc__, description=run.__doc__)
        verb.set_defaults(run=run)
        verb.add_argument("file", type=Path, help="activation counts or neuron masks (.npz)")
        verb.add_argument("--k", type=float, help="of counts: percentage of the activations (95)")
        verb.add_argument(
            "--counting",
            choices=["sentence", "token"],
            help="of counts: activations per (sentence)",
        )
        verb.add_argument("--pivot", default="en", help="language of all directions (%(default)s)")
        verb.add_argument("--out", type=Path, help="file to write instead of printing")


def add_score(parser: argparse.ArgumentParser) -> None:
    """The options of `score`."""
    parser.set_defaults(run=score)
    parser.add_argument("folder", type=Path, help="outputs, a folder per direction (en-de) in it")
    parser.add_argument("out", type=Path, help="where to write scores and post-processed text")
    parser.add_argument("--split", default="test", help="part of the files' names (%(default)s)")
    parser.add_argument(
        "--metrics",
        nargs="+",
        choices=METRIC_NAMES,
        default=["bleu", "chrf"],
        metavar="METRIC",
        help=f"of {', '.join(METRIC_NAMES)} (bleu chrf)",
    )
    add_tokenised_bleu(parser)
    parser.add_argument(
        "--untouched",
        metavar="PATTERN",
        help="untouched references, such as flores/{lang}.txt, for a second column",
    )
    parser.add_argument(
        "--comet-model",
        default="",
        metavar="MODEL",
        help="name on the hub, or path of a checkpoint; without it finished scores only",
    )
    parser.add_argument("--comet-batch-size", type=positive_int, default=64, help="(%(default)s)")
    parser.add_argument("--offline", action="store_true", help="never ask the model hub")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="for COMET")
    parser.add_argument("--processes", type=positive_int, default=1, help="(%(default)s)")


def add_tables(parser: argparse.ArgumentParser) -> None:
    """The options of `tables`."""
    parser.set_defaults(run=tables)
    parser.add_argument(
        "systems",
        nargs="+",
        metavar="LABEL=FOLDER",
        help="what `score` wrote, the reference first; a label given twice has several seeds",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--languages", type=Path, required=True, help="table of languages")
    parser.add_argument("--pivot", default="en", help="(%(default)s)")
    parser.add_argument("--layout", choices=["levels", "languages"], default="levels")
    parser.add_argument("--round-first", action="store_true", help="round before averaging")
    parser.add_argument(
        "--paper",
        nargs="*",
        default=[],
        metavar="METRIC=TABLE",
        help='values of the paper to put beside, such as "bleu=Table 2"',
    )
    parser.add_argument(
        "--test",
        choices=["bootstrap", "randomisation", "none"],
        default="bootstrap",
        help="paired test against the first system (%(default)s)",
    )
    add_tokenised_bleu(parser)
    parser.add_argument(
        "--samples", type=positive_int, default=1000, help="of the test (%(default)s)"
    )
    parser.add_argument("--seed", type=natural, default=12345, help="of the test (%(default)s)")
    parser.add_argument(
        "--level", type=probability, default=0.05, help="of significance (%(default)s)"
    )
    parser.add_argument("--processes", type=positive_int, default=1, help="(%(default)s)")


def add_tokenised_bleu(parser: argparse.ArgumentParser) -> None:
    """The option that scores and their tests must have alike."""
    parser.add_argument(
        "--tokenised-bleu",
        choices=TOKENISED_BLEU,
        default="fairseq",
        help="; ".join(f"{name}: {text}" for name, text in TOKENISED_BLEU.items()),
    )


if __name__ == "__main__":
    main()
