"""Export a model, or one direction's sub-network, as standalone models.

torch, fairseq and CTranslate2 are imported only on use: --help needs none of them.
"""

import argparse
from pathlib import Path

from neuron_specialization.export.manifest import FORMATS


def export(options: argparse.Namespace) -> None:
    """Export a model, or one direction's sub-network, as standalone models.

    Writes OUT/fairseq, a checkpoint for unmodified fairseq, OUT/ctranslate2/float32 and
    OUT/ctranslate2/int8, CTranslate2 models, their vocabulary, OUT/huggingface, a folder for
    transformers, and OUT/export.json.
    """
    from neuron_specialization.export.exporting import export_model

    export_model(
        options.checkpoint,
        options.out,
        directions=options.directions,
        data=options.data,
        vocabulary=options.vocabulary or options.data,
        masks=options.masks,
        formats=options.formats,
        tokenizer=options.tokenizer,
        trim_text=options.trim_text,
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `export`."""
    parser.set_defaults(run=export)
    parser.add_argument("checkpoint", type=Path, help="a trained model, dense or specialized")
    parser.add_argument("out", type=Path, help="folder to write, which must not exist")
    parser.add_argument(
        "--directions",
        "--direction",
        nargs="+",
        required=True,
        metavar="DIRECTION",
        help="direction to export, such as en-de; several for a model without masks",
    )
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
        default=[],
        help="formats to write (default: all but huggingface; not fairseq if several directions "
        "or a trimmed vocabulary are exported)",
    )
    parser.add_argument(
        "--tokenizer",
        type=Path,
        metavar="FOLDER",
        help="model folder that the model was imported from, whose tokenizer is copied (for the "
        "format huggingface; default: an M2M100Tokenizer)",
    )
    parser.add_argument(
        "--trim-text",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="texts of the languages; keep only the pieces that occur in them",
    )
