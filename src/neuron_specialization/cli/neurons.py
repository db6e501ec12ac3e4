"""The verbs of the command line for people who have counts or masks and no workflow."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from neuron_specialization.errors import InputError
from neuron_specialization.files import check_output, write_text
from neuron_specialization.neurons.overlap import Overlap
from neuron_specialization.neurons.selection import select_all
from neuron_specialization.neurons.storage import Counts, Masks, array_names

DEFAULT_K, DEFAULT_COUNTING = 95.0, "sentence"


def overlap(options: argparse.Namespace) -> None:
    """Print the IoU of every two directions of a side in every layer, as CSV."""
    print_table(Overlap.table, options)


def sparsity(options: argparse.Namespace) -> None:
    """Print the share of neurons that a direction does not use in every layer, as CSV."""
    print_table(Overlap.sparsity_table, options)


def read_neurons(options: argparse.Namespace) -> Masks:
    """The neurons of a file of masks, or those that k selects from a file of counts."""
    path: Path = options.file
    if "bits" not in array_names(path):
        k = DEFAULT_K if options.k is None else options.k
        return select_all(Counts.load(path), k=k, counting=options.counting or DEFAULT_COUNTING)
    if options.k is not None or options.counting:
        raise InputError(
            f"{path}: these are masks, selected already; --k and --counting need counts"
        )
    return Masks.load(path)


def print_table(make: Callable[[Overlap], pd.DataFrame], options: argparse.Namespace) -> None:
    """Write a table of neurons as CSV to a file, or to the standard output."""
    if options.out:
        check_output(options.out)
    table = make(Overlap.of(read_neurons(options), options.pivot))
    text = table.to_csv(index=False, lineterminator="\n")
    if options.out:
        write_text(options.out, text)
    else:
        sys.stdout.write(text)


def add_options(parser: argparse.ArgumentParser) -> None:
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
