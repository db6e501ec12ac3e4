"""Export one direction's sub-network as models that stand alone.

torch, fairseq and CTranslate2 are imported where they are needed: --help needs none.
"""

import argparse
from pathlib import Path

from neuron_specialization.export.manifest import FORMATS


def export(options: argparse.Namespace) -> None:
    """Export the sub-network of one direction as models that stand alone.

    Writes OUT/fairseq, a checkpoint of plain fairseq, OUT/ctranslate2/float32 and
    OUT/ctranslate2/int8, models of CTranslate2, the vocabulary, and OUT/export.json.
    """
    from neuron_specialization.export.exporting import export_model

    export_model(
        options.checkpoint,
        options.out,
        direction=options.direction,
        data=options.data,
        vocabulary=options.vocabulary or options.data,
        masks=options.masks,
        formats=options.formats,
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `export`."""
    parser.set_defaults(run=export)
    parser.add_argument("checkpoint", type=Path, help="a trained model, dense or specialized")
    parser.add_argument("out", type=Path, help="folder to write, which must not be there")
    parser.add_argument("--direction", required=True, help="such as en-de")
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="binarised corpora that it was trained on, for their dictionaries",
    )
    parser.add_argument(
        "--vocabulary", type=Path, metavar="FOLDER", help="SentencePiece models (that of --data)"
    )
    parser.add_argument(
        "--masks", type=Path, help="neuron masks (.npz); without them all neurons are exported"
    )
    parser.add_argument(
        "--formats", nargs="+", choices=FORMATS, default=list(FORMATS), help="(all of them)"
    )
