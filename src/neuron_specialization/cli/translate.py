"""Translate raw text with an exported model.

torch, fairseq and CTranslate2 are imported only on use: --help needs none of them.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from neuron_specialization.cli.option_types import finite, not_negative, positive_int
from neuron_specialization.corpora.text_lines import count_lines, read_lines, split_lines
from neuron_specialization.errors import InputError
from neuron_specialization.export.manifest import ENGINES, ExportManifest
from neuron_specialization.files import atomic_write, check_output
from neuron_specialization.settings.decoding import DecodingSettings

STANDARD = Path("-")


def translate(options: argparse.Namespace) -> None:
    """Translate raw text with an exported model, line by line, in order."""
    manifest = ExportManifest.read(options.exported)
    manifest = manifest.for_direction(options.exported, options.direction)
    check_streams(options.input, options.output)
    title, total = name_input(options.input)
    if options.output != STANDARD:
        check_output(options.output)
    preferred = "ctranslate2" if "ctranslate2" in manifest.formats else manifest.formats[0]
    settings = DecodingSettings(
        beam=options.beam,
        length_penalty=options.length_penalty,
        max_len_a=options.max_len_a,
        max_len_b=options.max_len_b,
        max_tokens=options.max_tokens,
    )
    from neuron_specialization.export.translation import load_engine, translate_text

    name = options.engine or preferred
    engine = load_engine(options.exported, manifest, name, options.device, options.threads)
    from_pipe = options.input == STANDARD
    lines = split_lines(sys.stdin.buffer) if from_pipe else read_lines(options.input)
    with open_output(options.output) as output:
        bar = tqdm(total=total, unit=" lines", disable=None if sys.stderr else True)
        for chunk in translate_text(lines, title, options.exported, manifest, engine, settings):
            for text, score in chunk:
                prefix = f"{score:.6f}\t" if options.scores and score is not None else ""
                output.write(f"{prefix}{text}\n".encode())
            output.flush()
            bar.update(len(chunk))
        bar.close()


def check_streams(source: Path, target: Path) -> None:
    """Raise InputError if a standard stream that is needed is closed."""
    if source == STANDARD and sys.stdin is None:
        raise InputError("the standard input is closed; give a file (--input)")
    if target == STANDARD and sys.stdout is None:
        raise InputError("the standard output is closed; give a file (--output)")


def name_input(path: Path) -> tuple[str, int | None]:
    """Return the input's name for messages, and its number of lines if it can be counted."""
    if path == STANDARD:
        return "standard input", None
    if not path.exists():
        raise InputError(f"{path}: no such file")
    return str(path), count_lines(path) if path.is_file() else None


@contextmanager
def open_output(path: Path) -> Iterator[BinaryIO]:
    """Yield standard output, or a file that is written atomically."""
    if path == STANDARD:
        yield sys.stdout.buffer
        return
    with atomic_write(path) as partial, partial.open("wb") as file:
        yield file


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `translate`."""
    parser.set_defaults(run=translate)
    parser.add_argument("exported", type=Path, help="folder written by `export`")
    parser.add_argument(
        "--engine", choices=ENGINES, help="decoder (default: ctranslate2 if exported)"
    )
    parser.add_argument("--direction", help="needed if several directions were exported: en-de")
    parser.add_argument(
        "--input", type=Path, default=STANDARD, help="text file (default: standard input)"
    )
    parser.add_argument(
        "--output", type=Path, default=STANDARD, help="file to write (default: standard output)"
    )
    parser.add_argument(
        "--beam", type=positive_int, default=5, help="beam size (default: %(default)s)"
    )
    parser.add_argument(
        "--length-penalty",
        type=finite,
        default=1.0,
        help="values above 1 favour longer hypotheses (default: %(default)s)",
    )
    parser.add_argument(
        "--max-tokens",
        type=positive_int,
        default=4000,
        metavar="N",
        help="source tokens per batch, including padding (default: %(default)s)",
    )
    parser.add_argument(
        "--max-len-a",
        type=not_negative,
        default=0,
        metavar="A",
        help="a hypothesis has at most A * source tokens + B tokens (default: %(default)s)",
    )
    parser.add_argument(
        "--max-len-b",
        type=positive_int,
        default=200,
        metavar="B",
        help="see --max-len-a (default: %(default)s)",
    )
    parser.add_argument(
        "--device",
        choices=["cpu", "cuda"],
        default="cpu",
        help="device to decode on (default: %(default)s)",
    )
    parser.add_argument("--threads", type=positive_int, help="CPU threads (default: all)")
    parser.add_argument(
        "--scores", action="store_true", help="write the score and a tab before each hypothesis"
    )
