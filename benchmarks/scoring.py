"""Time of scoring a system and testing it against another one: ours, and sacreBLEU on text.

    python -m benchmarks scoring [--directions 60] [--processes 2] [--text FOLDER] [--keep]

Both sides compute BLEU and chrF++ of every direction of two systems and a paired bootstrap of 1,000
resamples between them, with the same p-values (checked).

- ours: statistics of sentences once per system, kept; the test takes them from there
- text: `corpus_score` of both systems, then sacreBLEU's `PairedTest` on their text, as its command
  line does; directions shared out to as many processes

Without `--text` (a folder per direction with test-ref.txt and test-sys.txt; directions are repeated
until there are enough) the text is of random words, 2,009 sentences of 25. Rounds of both sides
alternate. Printed are the times of each side and of the parts of ours, and their ratios to text.
"""

import os
import random
import tempfile
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pandas as pd
from benchmarks.paired import keep, make_parser, show, summarise
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


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=3)
    parser.add_argument("--directions", type=int, default=6)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--text", type=Path, help="a system's outputs in real languages")
    options = parser.parse_args()
    seconds: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        pairs = make_systems(Path(name), options.text, options.directions)
        for _ in range(options.rounds):
            times, p_values = run_ours(Path(name), pairs, options.processes)
            of_text, others = run_text(Path(name), pairs, options.processes)
            assert p_values == others
            for part, each in {"text": of_text, "ours": sum(times.values()), **times}.items():
                seconds[part].append(each)
    results = {part: summarise(each, seconds["text"]) for part, each in seconds.items()}
    show(results)
    keep(f"scoring_{options.directions}_directions", options, results)


if __name__ == "__main__":
    main()
