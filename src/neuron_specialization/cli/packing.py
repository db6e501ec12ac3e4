"""Pack the results of a workflow, and merge them into other results."""

import argparse
import sys
from pathlib import Path

from neuron_specialization.workflow.packed_results import merge, pack


def pack_results(options: argparse.Namespace) -> None:
    """Pack the results of a workflow, without text and models."""
    pack(options.results, options.archive, small=options.small)


def merge_packed(options: argparse.Namespace) -> None:
    """Merge packed results, and print the added files."""
    for name in (added := merge(options.archive, options.results)):
        print(name)
    if not added:
        print(
            f"{options.archive}: nothing to add; {options.results} already has its runs, or "
            "does not name their systems",
            file=sys.stderr,
        )


def add_pack_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `pack`."""
    parser.set_defaults(run=pack_results)
    parser.add_argument(
        "results", type=Path, help="results folder of a dataset, such as results/experiment"
    )
    parser.add_argument("archive", type=Path, help="zip file to write")
    parser.add_argument(
        "--small",
        action="store_true",
        help="leave out sentence scores, pictures and pages; tables are remade from the rest",
    )


def add_merge_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `merge`."""
    parser.set_defaults(run=merge_packed)
    parser.add_argument("archive", type=Path, help="zip file that `pack` wrote")
    parser.add_argument("results", type=Path, help="results folder to add its runs to")
