"""Recording the activations of all directions: ours, a plain forward pass, and the published way.

    python -m benchmarks recording [--corpus builtin|FOLDER] [--shape mT-big] [--sentences 16]
        [--directions 8] [--keep]

- ours: one process for all directions, features only, counted on the device
- forward: one process for all directions, a forward pass and nothing else, as `model(...)` does it
- features: the same without the output projection, which is all that can be recorded from
- official: a process per direction; a forward pass with the loss, inputs and outputs of every
  second FFN layer copied to the host, where the inputs that are not zero are counted

Each is a command of its own, start-up included, and all read the same batches. Rounds alternate.
`builtin` is the built-in corpus's validation text and a model of its size; a FOLDER has a text per
language, aligned with en.txt, such as slices of NTREX-128. Weights are random. The official counts
are checked against ours, padding counted.
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.models import SHAPES, Sample, config_of, make_criterion, save_model
from benchmarks.paired import NOISE, Row, keep, make_parser, run_itself, start, summarise
from fairseq import utils
from torch import Tensor, nn

from neuron_specialization.corpora.builtin import evaluation_pairs
from neuron_specialization.corpora.vocabulary import VocabularySettings, learn_vocabulary
from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.fairseq_plugin.methods import ffn_layers
from neuron_specialization.fairseq_plugin.models import load_model
from neuron_specialization.fairseq_plugin.recording import RecordingSettings, record_activations
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.files import write_text

SIDES = ("forward", "features", "ours", "official")
BUILTIN = [f"{family}{number}" for family in "abc" for number in (1, 2, 3)]
PIECES = 1200
MAX_TOKENS = 4000
OURS = RecordingSettings(split="valid", max_tokens=MAX_TOKENS, count_padding=False)


def write_corpus(folder: Path, options: argparse.Namespace) -> list[str]:
    """Write the validation text; returns its languages."""
    if options.corpus == "builtin":
        languages = BUILTIN[: options.directions // 2]
        pairs = {code: evaluation_pairs(code, "valid", 300, seed=1) for code in languages}
    else:
        texts = {path.stem: path for path in sorted(Path(options.corpus).glob("*.txt"))}
        english = texts.pop("en").read_text(encoding="utf-8").splitlines()[: options.sentences]
        languages = list(texts)[: options.directions // 2]
        lines = {code: texts[code].read_text(encoding="utf-8").splitlines() for code in languages}
        pairs = {code: list(zip(english, lines[code], strict=False)) for code in languages}
    for code, both in pairs.items():
        for side, language in enumerate(("en", code)):
            text = "".join(f"{pair[side]}\n" for pair in both)
            write_text(folder / f"valid.en-{code}.{language}", text)
    return languages


def prepare(folder: Path, options: argparse.Namespace) -> list[str]:
    """Text, vocabulary, binarised corpus and checkpoint; returns the directions."""
    shape, languages = SHAPES[options.shape], write_corpus(folder, options)
    files = sorted(folder.glob("valid.*"))
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    settings = VocabularySettings(
        model_type="bpe",
        size=PIECES,
        character_coverage=0.98,
        temperature=1,
        max_sentences=100_000,
        seed=1,
    )
    dictionary = folder / "dict.txt"
    learn_vocabulary(lines, ["en", *languages], settings, folder / "spm.model", dictionary)
    fill_up(dictionary, shape.vocabulary)
    binarised = folder / "binarised"
    binarised.mkdir()
    binarise_corpora(files, folder, binarised)
    directions = [f"en-{code}" for code in languages] + [f"{code}-en" for code in languages]
    config = config_of(shape, directions, binarised)
    task = DirectionsTask.setup_task(config.task)
    utils.set_torch_seed(0)
    save_model(folder / "checkpoint.pt", task.build_model(config.model), task, shape)
    return directions


def fill_up(dictionary: Path, size: int) -> None:
    """Give a dictionary as many entries as the paper's, without changing those that it has."""
    lines = dictionary.read_text(encoding="utf-8").splitlines(keepends=True)
    lines += [f"filler{number} 1\n" for number in range(size - len(lines) - 4)]
    write_text(dictionary, "".join(lines))


def batches(task: DirectionsTask, device: str) -> Iterator[Sample]:
    """The batches that ours reads."""
    task.load_dataset("valid")
    dataset = task.dataset("valid")
    for batch in dataset.batch_by_size(dataset.ordered_indices(), MAX_TOKENS):
        sample = dataset.collater([dataset[int(i)] for i in batch])
        yield sample if device == "cpu" else utils.move_to_cuda(sample, torch.device(device))


def load(folder: Path, directions: list[str], device: str) -> tuple[nn.Module, DirectionsTask]:
    """The model, for some directions."""
    settings = {"data": str(folder / "binarised"), "directions": ",".join(directions)}
    model, task = load_model(folder / "checkpoint.pt", settings)
    return model.to(device), task


@torch.inference_mode()
def forward(folder: Path, directions: list[str], device: str, *, features_only: bool) -> None:
    """A forward pass over all batches."""
    model, task = load(folder, directions, device)
    for sample in batches(task, device):
        model(**sample["net_input"], features_only=features_only)


def record_ours(folder: Path, directions: list[str], device: str, **changes: Any) -> None:
    """Our recording; counts.npz has the counts."""
    settings = RecordingSettings(**vars(OURS) | changes)
    counts = record_activations(
        checkpoint=folder / "checkpoint.pt",
        data=folder / "binarised",
        directions=directions,
        settings=settings,
        device=device,
    )
    counts.save(folder / "counts.npz")


@torch.inference_mode()
def record_official(folder: Path, directions: list[str], device: str) -> None:
    """The published way for one direction; its counts are in official.DIRECTION.npy."""
    (direction,) = directions
    model, task = load(folder, directions, device)
    kept: dict[str, tuple[Tensor, Tensor]] = {}
    layers = ffn_layers(model)
    for name, layer in layers.items():
        layer.fc2.register_forward_hook(
            lambda _, inputs, output, name=name: kept.update(
                {name: (inputs[0].cpu(), output.cpu())}
            )
        )
    counts = {name: torch.zeros(layer.fc1.out_features).long() for name, layer in layers.items()}
    criterion = make_criterion(task)
    for sample in batches(task, device):
        criterion(model, sample)
        for name, (inputs, _) in kept.items():
            counts[name] += (inputs != 0).sum(dim=(0, 1))
    np.save(folder / f"official.{direction}.npy", torch.stack(list(counts.values())).numpy())


def run_stage(side: str, folder: Path, directions: list[str], device: str) -> None:
    """What one of the commands does."""
    if side == "ours":
        record_ours(folder, directions, device)
    elif side == "official":
        record_official(folder, directions, device)
    else:
        forward(folder, directions, device, features_only=side == "features")


def time_side(side: str, folder: Path, directions: list[str], options: argparse.Namespace) -> Row:
    """Wall and processor seconds of all commands of a side."""
    groups = [[each] for each in directions] if side == "official" else [directions]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    for group in groups:
        same = ["--device", options.device, "--threads", options.threads]
        run_itself("recording", "--stage", side, folder, *same, "--stage-directions", *group)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": time.perf_counter() - start, "cpu": cpu}


def check_counts(folder: Path, directions: list[str], device: str) -> None:
    """The official counts are ours with padding."""
    record_ours(folder, directions, device, count_padding=True)
    ours = np.load(folder / "counts.npz")["token"]
    official = np.stack([np.load(folder / f"official.{each}.npy") for each in directions])
    # a last bit of an activation near 0 may differ between batches of other sizes or kernels
    assert abs(ours - official).sum() <= 1e-5 * official.sum(), "the counts differ"


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """All sides, round after round."""
    directions = prepare(folder, options)
    order = [*SIDES, NOISE]
    rows: dict[str, list[Row]] = {side: [] for side in order}
    for number in range(options.rounds):
        for side in order if number % 2 == 0 else reversed(order):
            run = SIDES[0] if side == NOISE else side
            rows[side].append(time_side(run, folder, directions, options))
            print(
                side, {name: round(value, 2) for name, value in rows[side][-1].items()}, flush=True
            )
    check_counts(folder, directions, options.device)
    found = {}
    for clock in ("wall", "cpu"):
        seconds = {side: [row[clock] for row in each] for side, each in rows.items()}
        compared = {side: summarise(each, seconds["forward"]) for side, each in seconds.items()}
        ours = summarise(seconds["ours"], seconds["official"])
        found[clock] = {"sides": compared, "ours / official": ours["ratio"]}
    return {"directions": directions, **found}


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=5)
    parser.add_argument("--corpus", default="builtin", help="or a folder of texts (%(default)s)")
    parser.add_argument("--shape", choices=SHAPES, default="builtin")
    parser.add_argument("--sentences", type=int, default=16, help="of each text of a folder")
    parser.add_argument("--directions", type=int, default=18, help="an even number (%(default)s)")
    parser.add_argument("--stage", nargs=2, metavar=("SIDE", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--stage-directions", nargs="+", help=argparse.SUPPRESS)
    options = start(parser)
    if options.stage:
        side, folder = options.stage
        run_stage(side, Path(folder), options.stage_directions, options.device)
        return
    with tempfile.TemporaryDirectory() as name:
        results = measure(Path(name), options)
    print(json.dumps(results, indent=1))
    label = "builtin" if options.corpus == "builtin" else Path(options.corpus).name
    keep(f"recording.{label}.{options.shape}", options, results)


if __name__ == "__main__":
    main()
