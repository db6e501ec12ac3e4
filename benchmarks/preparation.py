"""Time and memory of preparing a corpus: ours by stage, and the usual command lines.

    python -m benchmarks preparation [--pairs 5000000] [--commanded 5] [--rounds 3] [--json FILE]

- ours: read and clean (`prepare_corpora`), sample for the vocabulary (`sample_lines`, without the
  learning), text to tokens (`binarise_corpora`)
- commands: `spm_encode`, as many at a time as there are processes, then `fairseq-preprocess` with
  as many workers, on the text that ours has cleaned. Where there is no `spm_encode` on the PATH
  (Debian: sentencepiece), a Python loop over SentencePiece's fastest call stands in for it

Every stage is a command of its own, start-up included. The two sides alternate, round after round,
and must write the same bytes (checked). The commands take long: `--commanded 1` gives them one of
the five language pairs only, and all is compared by pairs per second. Printed are the median time
of each stage and its range, the peak memory of all its processes (shared pages counted once), disk
per million pairs, and what that is for the pairs of EC30, by the rule of three. Pairs are those
before cleaning.

The text is made up (`benchmarks/zipf_text.py`), the vocabulary learned from a small sample of it.
"""

import argparse
import filecmp
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import deque
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import sentencepiece
from benchmarks.command_cost import Row, measure, summarise
from benchmarks.plain_commands import encode_command, preprocess_command
from benchmarks.zipf_text import ALPHABETS, OTHERS, PIVOT, write_text

from neuron_specialization.corpora.cleaning import Cleaning
from neuron_specialization.corpora.corpus_files import SplitSource
from neuron_specialization.corpora.preparation import prepare_corpora
from neuron_specialization.corpora.vocabulary import (
    VocabularySettings,
    learn_vocabulary,
    sample_lines,
)

EC30_PAIRS = 60_300_000
SAMPLE = 100_000  # lines that the vocabulary is learned from
STAGES = ("prepare", "sample", "binarise")


def prepare(work: Path, processes: int) -> None:
    """Read and clean the text."""
    source = SplitSource(
        name="train", format="text", paths=("{pair}.{lang}",), folder=work / "text"
    )
    prepare_corpora(
        sources=[source],
        codes={},
        pivot=PIVOT,
        max_pairs=dict.fromkeys(languages_in(work / "text")),
        cleaning=Cleaning(max_words=256, max_ratio=9, drop_duplicates=True),
        seed=1,
        out=work / "clean",
        processes=processes,
    )


def sample(work: Path, _: int) -> None:
    """Read what a vocabulary would be learned from, at a temperature of 2."""
    deque(sample_lines(corpora_in(work / "clean", "train."), temperature=2, seed=1), maxlen=0)


def binarise(work: Path, processes: int) -> None:
    """Text to tokens."""
    from neuron_specialization.fairseq_plugin.binarise import binarise_corpora  # loads torch

    (work / "ours").mkdir()
    corpora = [path for files in corpora_in(work / "clean", "train.") for path in files]
    binarise_corpora(corpora, work / "vocabulary", work / "ours", processes=processes)


def languages_in(folder: Path) -> list[str]:
    """The languages of the pairs in a folder."""
    return sorted(path.suffix[1:] for path in folder.iterdir() if path.suffix[1:] in OTHERS)


def corpora_in(folder: Path, prefix: str) -> list[tuple[Path, Path]]:
    """The two files of each pair in a folder."""
    stems = [folder / f"{prefix}{PIVOT}-{language}" for language in languages_in(folder)]
    return [(Path(f"{stem}.{PIVOT}"), Path(f"{stem}.{stem.name[-2:]}")) for stem in stems]


def run_round(work: Path, processes: int, commanded: int) -> dict[str, Row]:
    """All stages of both sides, once; the commands on so many of the languages."""
    for name in ("clean", "ours", "pieces", "theirs"):
        shutil.rmtree(work / name, ignore_errors=True)
    ours = [sys.executable, "-m", "benchmarks.preparation", "--processes", str(processes)]
    rows = {}
    for stage in STAGES:
        rows[stage] = measure([*ours, "--stage", stage, str(work)], work) | {"share": 1}
        print(stage, rows[stage], flush=True)
    languages = languages_in(work / "clean")
    share = min(commanded, len(languages)) / len(languages)
    for name, make in (("spm_encode", encode_command), ("fairseq-preprocess", preprocess_command)):
        line = make(work, processes, languages[:commanded])
        rows[name] = measure(["sh", "-c", line], work) | {"share": share}
        print(name, rows[name], flush=True)
    check_same(work, languages[:commanded])
    parts = rows["spm_encode"], rows["fairseq-preprocess"]
    rows["commands"] = {
        "seconds": sum(row["seconds"] for row in parts),
        "peak_mb": max(row["peak_mb"] for row in parts),
        "share": share,
    }
    return rows


def check_same(work: Path, languages: list[str]) -> None:
    """Both sides wrote the same files of some languages."""
    patterns = [f"train.{PIVOT}-{language}.*" for language in languages]
    names = sorted(path.name for each in patterns for path in (work / "ours").glob(each))
    assert len(names) == 4 * len(languages)
    same, *others = filecmp.cmpfiles(work / "ours", work / "theirs", names, shallow=False)
    assert sorted(same) == names, others


def learn(work: Path, size: int) -> None:
    """Learn the vocabulary from some lines of each side."""
    files = [path for pair in corpora_in(work / "text", "") for path in pair]
    texts = [path.open(encoding="utf-8") for path in files]
    lines = (line.strip() for text in texts for line in islice(text, SAMPLE // len(files)))
    settings = VocabularySettings(
        model_type="bpe",
        size=size,
        character_coverage=1.0,
        temperature=1,
        max_sentences=SAMPLE,
        seed=1,
    )
    folder = work / "vocabulary"
    folder.mkdir()
    learn_vocabulary(lines, list(ALPHABETS), settings, folder / "spm.model", folder / "dict.txt")


def megabytes(folder: Path, pairs: int) -> float:
    """Disk of a folder in MB per million pairs."""
    return sum(path.stat().st_size for path in folder.iterdir()) / pairs


def report(results: dict[str, Row], disk: Row, ratios: list[float]) -> None:
    """Print what was measured."""
    for stage, row in results.items():
        print(
            f"  {stage:18} {row['median']:8.1f} s ({row['lowest']:.1f} to {row['highest']:.1f})  "
            f"{row['pairs_per_second']:9,.0f} pairs/s  peak {row['peak_mb']:6,.0f} MB  "
            f"EC30: {EC30_PAIRS / row['pairs_per_second'] / 60:6.1f} min"
        )
    print(f"  binarise / commands {statistics.median(ratios):.2f} (rounds: {ratios})")
    for name, size in disk.items():
        print(f"  {name}: {size:.0f} MB per million pairs, EC30 {size * EC30_PAIRS / 1e9:.1f} GB")


def state_conditions(arguments: argparse.Namespace) -> dict[str, object]:
    """What the numbers depend on."""
    binary = shutil.which("spm_encode")
    command = [binary, "--version"] if binary else ["echo", "Python loop"]
    encoder = subprocess.run(command, capture_output=True, text=True, check=True)
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "pairs": arguments.pairs,
        "languages": arguments.languages,
        "commanded": arguments.commanded,
        "vocabulary": arguments.vocabulary,
        "processes": arguments.processes,
        "rounds": arguments.rounds,
        "load": os.getloadavg()[0],
        "sentencepiece": sentencepiece.__version__,
        "spm_encode": (encoder.stdout + encoder.stderr).strip(),
        "fairseq": version("fairseq-fixed"),
    }


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5_000_000)
    parser.add_argument("--languages", type=int, default=5, choices=range(1, len(OTHERS) + 1))
    parser.add_argument("--commanded", type=int, default=5, help="languages of the commands")
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where there is room for the files")
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--stage", nargs=2, metavar=("STAGE", "FOLDER"), help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Entry point."""
    arguments = parse_arguments()
    if arguments.stage:
        stage, folder = arguments.stage
        stages = dict(zip(STAGES, (prepare, sample, binarise), strict=True))
        stages[stage](Path(folder), arguments.processes)
        return
    conditions = state_conditions(arguments)
    print(conditions)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        work = Path(name)
        write_text(work / "text", arguments.pairs, arguments.languages, arguments.processes)
        learn(work, arguments.vocabulary)
        rounds = [
            run_round(work, arguments.processes, arguments.commanded)
            for _ in range(arguments.rounds)
        ]
        disk = {
            "clean text": megabytes(work / "clean", arguments.pairs),
            "binarised": megabytes(work / "ours", arguments.pairs),
        }
    results = {
        name: summarise([rows[name] for rows in rounds], arguments.pairs) for name in rounds[0]
    }
    ratios = [
        rows["binarise"]["seconds"] / rows["commands"]["seconds"] * rows["commands"]["share"]
        for rows in rounds
    ]
    report(results, disk, [round(ratio, 3) for ratio in ratios])
    if arguments.json:
        found = {"conditions": conditions, "results": results, "disk": disk, "ratios": ratios}
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
