"""Export one direction's sub-network as standalone models.

torch, fairseq and CTranslate2 are imported only on use: --help needs none of them.
"""

import argparse
from pathlib import Path

from neuron_specialization.export.manifest import FORMATS


def export(options: argparse.Namespace) -> None:
    """Export the sub-network of one direction as standalone models.

    Writes OUT/fairseq, a checkpoint for unmodified fairseq, OUT/ctranslate2/float32 and
    OUT/ctranslate2/int8, CTranslate2 models, the vocabulary, and OUT/export.json.
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
    """Add the options of `export`."""
    parser.set_defaults(run=export)
    parser.add_argument("checkpoint", type=Path, help="a trained model, dense or specialized")
    parser.add_argument("out", type=Path, help="folder to write, which must not exist")
    parser.add_argument("--direction", required=True, help="direction to export, such as en-de")
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="binarised corpora that the model was trained on, for their dictionaries",
    )
    parser.add_argument(
        "--vocabulary",
        type=Path,
        metavar="FOLDER",
        help="folder of the SentencePiece models (default: --data)",
    )
    parser.add_argument(
        "--masks", type=Path, help="neuron masks (.npz); without them all neurons are exported"
    )
    parser.add_argument(
        "--formats",
        nargs="+",
        choices=FORMATS,
        default=list(FORMATS),
        help="formats to write (default: all)",
    )
