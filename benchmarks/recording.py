"""Recording the activations of all directions: ours, plain forward passes, published method.

    python -m benchmarks recording [--corpus builtin|FOLDER] [--shape mT-big] [--sentences 16]
        [--directions 8] [--keep]

- forward: one process for all directions, only a forward pass, as in `model(...)`
- features: the same without the output projection, which recording does not need
- ours: one process for all directions, features only, counted on the device
- official: a process per direction; a forward pass with the loss, inputs and outputs of every
  second FFN layer copied to the host, where the nonzero inputs are counted

Times are processor seconds of whole processes, including start-up; all sides read the same batches.
`builtin` is the built-in corpus's validation text; a FOLDER has one text per language, aligned with
en.txt, such as slices of NTREX-128. Weights are random. The official counts are checked against
ours with padding counted.
"""

import argparse
import resource
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from benchmarks.models import SHAPES, Sample, config_of, make_criterion, save_model
from benchmarks.paired import compare, in_process, keep, make_parser, start
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

BUILTIN = [f"{family}{number}" for family in "abc" for number in (1, 2, 3)]
PIECES = 1200
MAX_TOKENS = 4000


def write_corpus(folder: Path, options: argparse.Namespace) -> list[str]:
    """Write the validation text; return its languages."""
    if options.corpus == "builtin":
        languages = BUILTIN[: options.directions // 2]
        pairs = {code: evaluation_pairs(code, "valid", 300, seed=1) for code in languages}
    else:
        texts = {
            path.stem: path.read_text(encoding="utf-8").splitlines()[: options.sentences]
            for path in sorted(Path(options.corpus).glob("*.txt"))
        }
        english = texts.pop("en")
        languages = list(texts)[: options.directions // 2]
        pairs = {code: list(zip(english, texts[code], strict=True)) for code in languages}
    for code, both in pairs.items():
        for side, language in enumerate(("en", code)):
            text = "".join(f"{pair[side]}\n" for pair in both)
            write_text(folder / f"valid.en-{code}.{language}", text)
    return languages


def prepare(folder: Path, options: argparse.Namespace) -> list[str]:
    """Write text, vocabulary, binarised corpus and checkpoint; return the directions."""
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
    # pad the dictionary to the paper's size, keeping existing entries
    entries = dictionary.read_text(encoding="utf-8").splitlines()
    entries += [f"filler{number} 1" for number in range(shape.vocabulary - len(entries) - 4)]
    write_text(dictionary, "".join(f"{entry}\n" for entry in entries))
    binarised = folder / "binarised"
    binarised.mkdir()
    binarise_corpora(files, folder, binarised)
    directions = [f"en-{code}" for code in languages] + [f"{code}-en" for code in languages]
    config = config_of(shape, directions, binarised)
    task = DirectionsTask.setup_task(config.task)
    utils.set_torch_seed(0)
    save_model(folder / "checkpoint.pt", task.build_model(config.model), task, shape)
    return directions


def batches(task: DirectionsTask, device: str) -> Iterator[Sample]:
    """Yield the batches that our recording reads."""
    task.load_dataset("valid")
    dataset = task.dataset("valid")
    for batch in dataset.batch_by_size(dataset.ordered_indices(), MAX_TOKENS):
        sample = dataset.collater([dataset[int(i)] for i in batch])
        yield sample if device == "cpu" else utils.move_to_cuda(sample, torch.device(device))


def load(folder: Path, directions: list[str], device: str) -> tuple[nn.Module, DirectionsTask]:
    """Load the model for some directions."""
    settings = {"data": str(folder / "binarised"), "directions": ",".join(directions)}
    model, task = load_model(folder / "checkpoint.pt", settings)
    return model.to(device), task


@torch.inference_mode()
def forward(folder: Path, directions: list[str], device: str, features_only: bool) -> None:
    """Make a forward pass over all batches."""
    model, task = load(folder, directions, device)
    for sample in batches(task, device):
        model(**sample["net_input"], features_only=features_only)


def record_ours(folder: Path, directions: list[str], device: str, count_padding: bool) -> None:
    """Record with our method; write counts.npz."""
    settings = RecordingSettings(split="valid", max_tokens=MAX_TOKENS, count_padding=count_padding)
    counts = record_activations(
        checkpoint=folder / "checkpoint.pt",
        data=folder / "binarised",
        directions=directions,
        settings=settings,
        device=device,
    )
    counts.save(folder / "counts.npz")


@torch.inference_mode()
def record_official(folder: Path, direction: str, device: str) -> None:
    """Record one direction with the published method; write official.DIRECTION.npy."""
    model, task = load(folder, [direction], device)
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


def processor_seconds() -> float:
    """Return the processor time of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def check_counts(folder: Path, directions: list[str], device: str) -> None:
    """Check that the official counts match ours with padding."""
    record_ours(folder, directions, device, count_padding=True)
    ours = np.load(folder / "counts.npz")["token"]
    official = np.stack([np.load(folder / f"official.{each}.npy") for each in directions])
    # the last bit of an activation near 0 may vary with batch size or kernel
    assert abs(ours - official).sum() <= 1e-5 * official.sum(), "the counts differ"


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=5)
    parser.add_argument("--corpus", default="builtin", help="or a folder of texts (%(default)s)")
    parser.add_argument("--shape", choices=SHAPES, default="builtin", help="(%(default)s)")
    parser.add_argument("--sentences", type=int, default=16, help="from each text of a folder")
    parser.add_argument("--directions", type=int, default=18, help="an even number (%(default)s)")
    options = start(parser)
    with tempfile.TemporaryDirectory() as name:
        directions, device = prepare(folder := Path(name), options), options.device

        def official() -> None:
            for direction in directions:
                in_process(record_official, folder, direction, device)

        rows = compare(
            {
                "forward": partial(in_process, forward, folder, directions, device, False),
                "features": partial(in_process, forward, folder, directions, device, True),
                "ours": partial(in_process, record_ours, folder, directions, device, False),
                "official": official,
            },
            rounds=options.rounds,
            warm_up=0,
            clock=processor_seconds,
        )
        check_counts(folder, directions, device)
    print(f"ours / official {rows['ours']['seconds'] / rows['official']['seconds']:.3f}")
    label = "builtin" if options.corpus == "builtin" else Path(options.corpus).name
    keep(f"recording.{label}.{options.shape}", options, rows)


if __name__ == "__main__":
    main()
