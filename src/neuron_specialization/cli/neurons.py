"""The subcommands for counts or masks, usable without the workflow."""

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from neuron_specialization.errors import InputError
from neuron_specialization.files import check_output, write_text
from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.selection import select_all
from neuron_specialization.neurons.sides import with_pivot
from neuron_specialization.neurons.storage import Counts, Masks, array_names

logger = logging.getLogger(__name__)

DEFAULT_K, DEFAULT_COUNTING = 95.0, "token"


def overlap(options: argparse.Namespace) -> None:
    """Print the IoU of every pair of directions of a side in every layer, as CSV."""
    print_table(Overlap.table, options)


def sparsity(options: argparse.Namespace) -> None:
    """Print the share of neurons that each direction does not use in each layer, as CSV."""
    print_table(Overlap.sparsity_table, options)


def read_neurons(options: argparse.Namespace) -> Masks:
    """Return the neurons in a file of masks, or select them by k from a file of counts."""
    path: Path = options.file
    if "bits" not in array_names(path):
        k = DEFAULT_K if options.k is None else options.k
        return select_all(Counts.load(path), k=k, counting=options.counting or DEFAULT_COUNTING)
    if options.k is not None or options.counting:
        raise InputError(
            f"{path}: contains masks, which are already selected; --k and --counting need counts"
        )
    return Masks.load(path)


def print_table(make: Callable[[Overlap], pd.DataFrame], options: argparse.Namespace) -> None:
    """Write a table of neurons as CSV to a file or to standard output."""
    if options.out:
        check_output(options.out)
    neurons = read_neurons(options)
    shown = with_pivot(neurons, options.pivot)
    if shown.directions != neurons.directions:
        left_out = sorted({*neurons.directions} - {*shown.directions})
        logger.warning("Left out, without %s: %s", options.pivot, ", ".join(left_out))
    table = make(Overlap.of(shown, options.pivot))
    text = table.to_csv(index=False, lineterminator="\n")
    if options.out:
        write_text(options.out, text)
    else:
        sys.stdout.write(text)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the two subcommands of `neurons` and their options."""
    verbs = parser.add_subparsers(required=True, metavar="overlap | sparsity")
    for name, run in (("overlap", overlap), ("sparsity", sparsity)):
        verb = verbs.add_parser(name, help=run.__doc__, description=run.__doc__)
        verb.set_defaults(run=run)
        verb.add_argument("file", type=Path, help="activation counts or neuron masks (.npz)")
        verb.add_argument(
            "--k", type=float, help="for counts: percentage of the activations (default: 95)"
        )
        verb.add_argument(
            "--counting",
            choices=["token", "sentence"],
            help="for counts: count activations per (default: token)",
        )
        verb.add_argument(
            "--pivot", default="en", help="language common to all directions (default: %(default)s)"
        )
        verb.add_argument("--out", type=Path, help="file to write instead of printing")
