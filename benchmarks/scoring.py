"""Time to score a system and test it against another: ours, and sacreBLEU on text.

    python -m benchmarks scoring [--directions 60] [--processes 2] [--tests-only] [--keep]

All sides take BLEU and chrF++ of every direction of two systems. The first is sacreBLEU's paired
bootstrap of 1,000 resamples between them; ours gives the same p-values (checked).

- text: `corpus_score` of both systems, then sacreBLEU's `PairedTest` on their text, as in its
  command line; directions are divided among the same number of processes
- score: our sentence statistics, once per system, for both systems
- bootstrap: the same test on these statistics
- randomisation: the default test, 10,000 trials, with intervals and a test of the overall mean

With `--tests-only` the first side is the bootstrap, and text and its check are left out: 60
directions of text take an hour.

The text is 2,009 sentences of 25 random words for each direction.
"""

import os
import random
import tempfile
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pandas as pd
from benchmarks.paired import compare, keep, make_parser, start
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.significance import PairedTest

from neuron_specialization.evaluation.outputs import Outputs, read_outputs, write_outputs
from neuron_specialization.evaluation.scoring import (
    ScoringSettings,
    score_outputs,
    write_scores,
)
from neuron_specialization.evaluation.significance import (
    BOOTSTRAP,
    RANDOMISATION,
    SignificanceSettings,
    compare_systems,
)
from neuron_specialization.parallel import parallel_map

SENTENCES, WORDS, SAMPLES, SEED = 2009, 25, 1000, 12345
SETTINGS = ScoringSettings(split="test", metrics=["bleu", "chrf"])
FACTORIES = {"bleu": lambda: BLEU(tokenize="13a"), "chrf": lambda: CHRF(word_order=2)}
PValues = dict[tuple[str, str], float]


def make_systems(folder: Path, directions: int) -> list[str]:
    """Write the outputs of two systems, `a` and `b`, into a folder; return the directions."""
    generator = random.Random(0)
    vocabulary = ["".join(generator.choices("abcdefghij", k=k)) for k in range(2, 9)] * 40
    names = [f"en-x{number}" for number in range(directions)]
    for name in names:
        references = [" ".join(generator.choices(vocabulary, k=WORDS)) for _ in range(SENTENCES)]
        sentences = references
        for system, every in (("a", 3), ("b", 40)):
            sentences = spoil(sentences, generator, every)
            outputs = Outputs(references=references, hypotheses=sentences)
            write_outputs(folder / system / name, "test", outputs)
    return names


def spoil(sentences: list[str], generator: random.Random, every: int) -> list[str]:
    """Return the sentences with one word in `every` reversed."""
    return [
        " ".join(w[::-1] if generator.randrange(every) == 0 else w for w in sentence.split())
        for sentence in sentences
    ]


def score(folder: Path, directions: list[str], processes: int) -> None:
    """Score two systems as the workflow does."""
    for system in ("a", "b"):
        scores = score_outputs(folder / system, directions, SETTINGS, processes)
        files = {"sentences": folder / f"{system}.parquet", "corpus": folder / f"{system}.csv"}
        write_scores(scores, **files)


def test_pair(folder: Path, test: str, directions: list[str], processes: int) -> PValues:
    """Test one system against the other as the workflow does."""
    sentences, others = (pd.read_parquet(folder / f"{system}.parquet") for system in ("a", "b"))
    settings = SignificanceSettings(test=test, seed=SEED)
    tests = compare_systems(sentences, others, settings, processes, [(tuple(directions),)])
    of_directions = tests[tests["cell"] == ""]
    return of_directions.set_index(["pair", "metric"])["p_value"].to_dict()


def run_text_direction(folder: Path, direction: str) -> PValues:
    """Score both systems on the text of a direction and test one against the other."""
    outputs = [read_outputs(folder / system / direction, "test") for system in ("b", "a")]
    references = [outputs[0].references]
    p_values = {}
    for name, make in FACTORIES.items():
        for each in outputs:
            make().corpus_score(each.hypotheses, references)
        named = [(str(i), each.hypotheses) for i, each in enumerate(outputs)]
        with patch.dict(os.environ, SACREBLEU_SEED=str(SEED)):
            _, results = PairedTest(named, {name: make()}, references, "bs", SAMPLES)()
        ((_, (_, system)),) = (item for item in results.items() if item[0] != "System")
        p_values[direction, name] = system.p_value
    return p_values


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=3)
    parser.add_argument("--directions", type=int, default=6, help="(%(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="(%(default)s)")
    parser.add_argument("--tests-only", action="store_true")
    options = start(parser)
    processes = options.processes
    with tempfile.TemporaryDirectory() as name:
        directions = make_systems(folder := Path(name), options.directions)
        score(folder, directions, processes)  # for the test
        of_direction = partial(run_text_direction, folder)
        on_text = {
            "text": lambda: parallel_map(of_direction, directions, processes),
            "score": partial(score, folder, directions, processes),
        }
        tests = {
            test: partial(test_pair, folder, test, directions, processes)
            for test in (BOOTSTRAP, RANDOMISATION)
        }
        sides = tests if options.tests_only else on_text | tests
        rows = compare(sides, rounds=options.rounds)
        if not options.tests_only:
            expected = {key: p for each in sides["text"]() for key, p in each.items()}
            assert sides[BOOTSTRAP]() == expected, "different p-values"
            for test in tests:
                ratio = rows["score"]["ratio"] + rows[test]["ratio"]
                print(f"score + {test}: {ratio:.2f} of text")
    part = "significance" if options.tests_only else "scoring"
    keep(f"{part}_{options.directions}_directions", options, rows)


if __name__ == "__main__":
    main()
