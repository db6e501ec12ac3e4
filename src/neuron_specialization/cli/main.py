"""Score, tabulate, analyse, export and translate without the Snakemake workflow."""

import argparse
import logging
import signal
import sys
import warnings
from collections.abc import Sequence

from neuron_specialization.cli import export, neurons, packing, score, tables, translate
from neuron_specialization.logs import cli_errors
from neuron_specialization.workflow.packed_results import merge, pack


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    # leave through `finally`, which removes unfinished files
    former = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        with cli_errors(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # hydra's, about fairseq's calls
            options.run(options)
    finally:
        signal.signal(signal.SIGTERM, former)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser with its subcommands and their options."""
    parser = argparse.ArgumentParser(prog="neuron-specialization", description=__doc__)
    verbs = parser.add_subparsers(
        required=True, metavar="score | tables | neurons | export | translate | pack | merge"
    )
    for name, text, description, add_options in (
        ("score", "score a folder of outputs", score.score.__doc__, score.add_options),
        ("tables", "make tables of scores", tables.tables.__doc__, tables.add_options),
        ("neurons", "print the overlap or sparsity of counts or masks", None, neurons.add_options),
        ("export", "export one direction", export.export.__doc__, export.add_options),
        (
            "translate",
            "translate with an export",
            translate.translate.__doc__,
            translate.add_options,
        ),
        ("pack", "pack results into a zip file", pack.__doc__, packing.add_pack_options),
        ("merge", "merge packed results into others", merge.__doc__, packing.add_merge_options),
    ):
        add_options(verbs.add_parser(name, help=text, description=description))
    return parser


if __name__ == "__main__":
    main()
