"""Decoding one direction: fairseq and CTranslate2, all neurons or only the direction's.

    python -m benchmarks decoding [--shape mT-small] [--sentences 16] [--tokens 30] [--keep]

Times a model with a shape and mask sparsity from the paper:
fairseq (the exported checkpoint, in fairseq's beam search), CTranslate2 in float32 and in int8,
each dense and sliced, on the same sources, including scores. The model has random weights, trained
only to end after `--tokens` tokens, because a random model would never end and be cut off. Loading
is not timed.
"""

import argparse
import statistics
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from benchmarks.models import (
    PADDING,
    SHAPES,
    config_of,
    make_batch,
    make_criterion,
    profile_masks,
    save_model,
)
from benchmarks.paired import clock_of, compare, keep, make_parser, start
from benchmarks.recording import prepare

from neuron_specialization.corpora.vocabulary import language_tag
from neuron_specialization.export.exporting import export_model
from neuron_specialization.export.manifest import ENGINES, ExportManifest
from neuron_specialization.export.translation import load_engine
from neuron_specialization.fairseq_plugin.models import load_model
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.settings.decoding import DecodingSettings

TEACHING, TEACHING_TOKENS = 60, 480  # batches, and tokens per batch
MASKS = {"dense": False, "sliced": True}
BASELINE = "fairseq, dense"


def beam_search(tokens: int) -> DecodingSettings:
    """Return the paper's beam settings, with at most `tokens` tokens per hypothesis."""
    return DecodingSettings(
        beam=5, length_penalty=1.0, max_len_a=0, max_len_b=tokens, max_tokens=4000
    )


def export_both(folder: Path, options: argparse.Namespace) -> tuple[dict[str, Path], list[Any]]:
    """Export a random model dense and sliced; return its folders and sources to translate."""
    directions = prepare(folder, options)
    config = config_of(SHAPES[options.shape], directions, folder / "binarised")
    task = DirectionsTask.setup_task(config.task)
    with torch.device("meta"):
        model = task.build_model(config.model)
    profile_masks(model, directions).save(folder / "masks.npz")
    teach_to_end(folder, directions, options)
    exported = {}
    for name, masked in MASKS.items():
        exported[name] = folder / name
        export_model(
            folder / "checkpoint.pt",
            exported[name],
            directions=directions[:1],
            data=folder / "binarised",
            vocabulary=folder,
            masks=folder / "masks.npz" if masked else None,
        )
    task.load_dataset("valid")
    dataset = task.dataset("valid")
    words = [dataset[number]["source"].tolist() for number in range(options.sentences)]
    sources = [[task.source_dictionary[index] for index in each] for each in words]
    return exported, sources


def teach_to_end(folder: Path, directions: list[str], options: argparse.Namespace) -> None:
    """Train the model to end after a number of random tokens, with and without masks."""
    settings = {
        "data": str(folder / "binarised"),
        "directions": ",".join(directions),
        "masks": str(folder / "masks.npz"),
    }
    model, task = load_model(folder / "checkpoint.pt", settings)
    optimiser = torch.optim.Adam(model.train().parameters(), lr=0.0005)
    shape = replace(SHAPES[options.shape], longest=options.tokens)
    dictionary = task.target_dictionary
    for number in range(TEACHING):
        sample = make_batch(shape, TEACHING_TOKENS, seed=number)
        target_BT = sample["target"].masked_fill_(sample["target"] == PADDING, dictionary.unk())
        target_BT[:, 0] = dictionary.index(language_tag(directions[0].split("-")[1]))
        target_BT[:, -1] = dictionary.eos()
        sample["net_input"]["prev_output_tokens"] = target_BT.roll(1, dims=1)
        task.direction_state.direction = (None, 0)[number % 2]
        optimiser.zero_grad()
        make_criterion(task)(model, sample)[0].div(TEACHING_TOKENS).backward()
        optimiser.step()
    save_model(folder / "checkpoint.pt", model, task, SHAPES[options.shape])


def time_engines(options: argparse.Namespace) -> dict[str, Any]:
    """Time every engine, dense and sliced, in turn."""
    with tempfile.TemporaryDirectory() as name:
        exported, sources = export_both(Path(name), options)
        sides = {}
        for masked, folder in exported.items():
            description = ExportManifest.read(folder)
            for engine in ENGINES:
                loaded = load_engine(folder, description, engine, options.device, options.threads)
                run = partial(loaded.translate, sources, beam_search(2 * options.tokens))
                sides[f"{engine}, {masked}"] = run
        first = {BASELINE: sides.pop(BASELINE)}
        lengths = [len(each.words) for each in first[BASELINE]()]
        rows = compare(first | sides, rounds=options.rounds, clock=clock_of(options.device))
        return {"tokens of hypotheses": statistics.mean(lengths), "sides": rows}


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=7)
    parser.add_argument("--shape", choices=SHAPES, default="mT-small")
    parser.add_argument("--sentences", type=int, default=16, help="per batch (%(default)s)")
    parser.add_argument("--tokens", type=int, default=30, help="per hypothesis (%(default)s)")
    options = start(parser)
    options.corpus, options.directions = "builtin", 2
    results = time_engines(options)
    print(f"hypotheses of {results['tokens of hypotheses']:.1f} tokens")
    keep(f"decoding.{options.shape}.{options.sentences}", options, results)


if __name__ == "__main__":
    main()
