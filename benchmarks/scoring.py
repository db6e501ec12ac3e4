"""Time of scoring a system and testing it against another one: ours, and sacreBLEU on text.

    python -m benchmarks scoring [--directions 60] [--processes 2] [--text FOLDER] [--json FILE]

Both sides compute BLEU and chrF++ of every direction of two systems and a paired bootstrap of 1,000
resamples between them, with the same p-values (checked).

- ours: statistics of sentences once per system, kept; the test takes them from there
- text: `corpus_score` of both systems, then sacreBLEU's `PairedTest` on their text, as its command
  line does; directions shared out to as many processes

Without `--text` (a folder per direction with test-ref.txt and test-sys.txt; directions are repeated
until there are enough) the text is of random words, 2,009 sentences of 25. Rounds of both sides
alternate. Printed are the median time of each side over rounds, its range, and their ratio.
"""

import argparse
import json
import os
import platform
import random
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import sacrebleu
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest

from neuron_specialization.evaluation.outputs import Outputs, read_outputs, write_outputs
from neuron_specialization.evaluation.scoring import (
    ScoringSettings,
    score_outputs,
    write_scores,
)
from neuron_specialization.evaluation.significance import SignificanceSettings, compare_systems
from neuron_specialization.parallel import map_processes

SENTENCES, WORDS, SAMPLES, SEED = 2009, 25, 1000, 12345
SETTINGS = ScoringSettings(split="test", metrics=["bleu", "chrf"])
FACTORIES = {"bleu": lambda: BLEU(tokenize="13a"), "chrf": lambda: CHRF(word_order=2)}


def random_outputs(generator: random.Random) -> Outputs:
    """References of random words, hypotheses with a third of them replaced."""
    vocabulary = ["".join(generator.choices("abcdefghij", k=k)) for k in range(2, 9)] * 40
    references = [" ".join(generator.choices(vocabulary, k=WORDS)) for _ in range(SENTENCES)]
    return Outputs(references=references, hypotheses=spoil(references, generator, 3))


def spoil(sentences: list[str], generator: random.Random, every: int) -> list[str]:
    """Sentences with one in so many words reversed."""
    return [
        " ".join(w[::-1] if generator.randrange(every) == 0 else w for w in sentence.split())
        for sentence in sentences
    ]


def make_systems(folder: Path, text: Path | None, count: int) -> list[str]:
    """Write two systems of so many directions into `folder`; returns the directions."""
    generator = random.Random(0)
    found = [read_outputs(path, "test") for path in sorted(text.iterdir())] if text else []
    texts = [each for each in found if each] or [random_outputs(generator) for _ in range(3)]
    pairs = [f"en-x{i}" for i in range(count)]
    for i, pair in enumerate(pairs):
        outputs = texts[i % len(texts)]
        write_outputs(folder / "a" / pair, "test", outputs)
        other = Outputs(
            references=outputs.references, hypotheses=spoil(outputs.hypotheses, generator, 40)
        )
        write_outputs(folder / "b" / pair, "test", other)
    return pairs


PValues = dict[tuple[str, str], float]


def run_ours(folder: Path, pairs: list[str], processes: int) -> tuple[dict[str, float], PValues]:
    """Score two systems and test them; seconds of each part, p-values."""
    times = {}
    start = time.perf_counter()
    for system in ("a", "b"):
        scores = score_outputs(folder / system, pairs, SETTINGS, processes)
        files = {"sentences": folder / f"{system}.parquet", "corpus": folder / f"{system}.csv"}
        write_scores(scores, **files)
    times["score two systems"] = time.perf_counter() - start
    start = time.perf_counter()
    sentences, others = (pd.read_parquet(folder / f"{system}.parquet") for system in ("a", "b"))
    settings = SignificanceSettings(test="bootstrap", samples=SAMPLES, seed=SEED)
    tests = compare_systems(sentences, others, settings, processes)
    times["test one against the other"] = time.perf_counter() - start
    return times, tests.set_index(["pair", "metric"])["p_value"].to_dict()


def run_text_direction(folder: Path, pair: str) -> PValues:
    """Score a direction of both systems from its text and test it; p-values."""
    outputs = [read_outputs(folder / system / pair, "test") for system in ("b", "a")]
    references = [outputs[0].references]
    p_values = {}
    for name, make in FACTORIES.items():
        for each in outputs:
            make().corpus_score(each.hypotheses, references)
        named = [(str(i), each.hypotheses) for i, each in enumerate(outputs)]
        with patch.dict(os.environ, SACREBLEU_SEED=str(SEED)):
            test = PairedTest(named, {name: make()}, references, "bs", SAMPLES)
            _, results = test()
        ((_, (_, system)),) = (item for item in results.items() if item[0] != "System")
        p_values[pair, name] = system.p_value
    return p_values


def run_text(folder: Path, pairs: list[str], processes: int) -> tuple[float, PValues]:
    """The same from text; seconds, p-values."""
    start = time.perf_counter()
    found = map_processes(partial(run_text_direction, folder), pairs, processes)
    seconds = time.perf_counter() - start
    return seconds, {key: p_value for each in found for key, p_value in each.items()}


def describe(values: list[float]) -> dict[str, float]:
    """Median and range."""
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directions", type=int, default=6)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--text", type=Path, help="a system's outputs in real languages")
    parser.add_argument("--json", type=Path, help="file for the results")
    arguments = parser.parse_args()
    ours, text = [], []
    with tempfile.TemporaryDirectory() as name:
        pairs = make_systems(Path(name), arguments.text, arguments.directions)
        for _ in range(arguments.rounds):
            times, p_values = run_ours(Path(name), pairs, arguments.processes)
            seconds, others = run_text(Path(name), pairs, arguments.processes)
            assert p_values == others
            ours.append(times)
            text.append(seconds)
    parts = {part: describe([times[part] for times in ours]) for part in ours[0]}
    results = {
        **parts,
        "ours": describe([sum(times.values()) for times in ours]),
        "text": describe(text),
    }
    results["ratio"] = results["ours"]["median"] / results["text"]["median"]
    conditions = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "directions": arguments.directions,
        "sentences": SENTENCES,
        "text": "real" if arguments.text else "random words",
        "processes": arguments.processes,
        "rounds": arguments.rounds,
        "sacrebleu": sacrebleu.__version__,
    }
    print(conditions)
    for part, row in results.items():
        if part != "ratio":
            spread = f"{row['lowest']:.1f} to {row['highest']:.1f}"
            print(f"  {part:28} {row['median']:8.1f} s ({spread})")
    print(f"  ours / text {results['ratio']:.2f}")
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"conditions": conditions, "results": results}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
