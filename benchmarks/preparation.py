"""Time and memory of preparing a corpus: ours by stage, and the usual command lines.

    python -m benchmarks preparation [--pairs 5000000] [--commanded 5] [--rounds 3] [--keep]

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
import shlex
import shutil
import statistics
import sys
import tempfile
import time
from collections import deque
from itertools import islice
from pathlib import Path

import psutil
from benchmarks.paired import ENVIRONMENT, Row, keep, make_parser, summarise
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
INTERVAL = 0.2  # seconds between two looks at the memory
SPM_LOOP = """
import sys, itertools, sentencepiece
processor = sentencepiece.SentencePieceProcessor(model_file=sys.argv[1])
while lines := [l.rstrip(b"\\n") for l in itertools.islice(sys.stdin.buffer, 10_000)]:
    for pieces in processor.encode(lines, out_type=str, num_threads=1):
        sys.stdout.buffer.write(b" ".join(pieces) + b"\\n")
"""


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


def encode_command(work: Path, processes: int, languages: list[str]) -> str:
    """The shell line that makes pieces of the cleaned text of some languages."""
    model = work / "vocabulary" / "spm.model"
    if shutil.which("spm_encode"):
        encode = f"spm_encode --model={model}"
    else:
        encode = shlex.join([sys.executable, "-c", SPM_LOOP, str(model)])
    (work / "encode.sh").write_text(f'{encode} < "clean/$1" > "pieces/$1"\n')
    names = f"^train.{PIVOT}-({'|'.join(languages)})[.]"
    return f"mkdir pieces; ls clean | grep -E '{names}' | xargs -P {processes} -n 1 sh encode.sh"


def preprocess_command(work: Path, processes: int, languages: list[str]) -> str:
    """The shell line that makes tokens of the pieces of some languages, pair by pair."""
    preprocess = Path(sys.executable).parent / "fairseq-preprocess"
    return " && ".join(
        f"{preprocess} -s {PIVOT} -t {language} --trainpref pieces/train.{PIVOT}-{language} "
        f"--srcdict vocabulary/dict.txt --joined-dictionary --workers {processes} "
        "--dataset-impl mmap --destdir theirs"
        for language in languages
    )


def measure_command(command: list[str], work: Path) -> Row:
    """Seconds of a command, and the peak memory of its processes in MB."""
    start, peak = time.perf_counter(), 0
    with (work / "log").open("a") as log:
        process = psutil.Popen(command, cwd=work, stdout=log, stderr=log, env=ENVIRONMENT)
        while process.poll() is None:
            peak = max(peak, tree_memory(process))
            time.sleep(INTERVAL)
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"{shlex.join(command)}\n{(work / 'log').read_text()[-3000:]}")
    return {"seconds": seconds, "peak_mb": peak / 1e6}


def tree_memory(process: psutil.Process) -> int:
    """Bytes of a process and what it started; a page that several have counts once."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_full_info().pss
        except psutil.Error:  # it has just ended
            continue
    return total


def run_round(work: Path, processes: int, commanded: int) -> dict[str, Row]:
    """All stages of both sides, once; the commands on so many of the languages."""
    for name in ("clean", "ours", "pieces", "theirs"):
        shutil.rmtree(work / name, ignore_errors=True)
    ours = [sys.executable, "-m", "benchmarks", "preparation", "--processes", str(processes)]
    rows = {}
    for stage in STAGES:
        rows[stage] = measure_command([*ours, "--stage", stage, str(work)], work) | {"share": 1}
        print(stage, rows[stage], flush=True)
    languages = languages_in(work / "clean")
    share = min(commanded, len(languages)) / len(languages)
    for name, make in (("spm_encode", encode_command), ("fairseq-preprocess", preprocess_command)):
        line = make(work, processes, languages[:commanded])
        rows[name] = measure_command(["sh", "-c", line], work) | {"share": share}
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


def report(results: dict[str, Row], disk: Row, ratios: Row) -> None:
    """Print what was measured."""
    for stage, row in results.items():
        print(
            f"  {stage:18} {row['seconds']:8.1f} s ({row['seconds_lower']:.1f} to "
            f"{row['seconds_upper']:.1f})  {row['pairs_per_second']:9,.0f} pairs/s  "
            f"peak {row['peak_mb']:6,.0f} MB  "
            f"EC30: {EC30_PAIRS / row['pairs_per_second'] / 60:6.1f} min"
        )
    spread = f"{ratios['ratio_lower']:.2f} to {ratios['ratio_upper']:.2f}"
    print(f"  binarise / commands {ratios['ratio']:.2f} ({spread})")
    for name, size in disk.items():
        print(f"  {name}: {size:.0f} MB per million pairs, EC30 {size * EC30_PAIRS / 1e9:.1f} GB")


def summarise_stage(rows: list[Row], pairs: int) -> Row:
    """A stage on its share of so many pairs, over several rounds."""
    seconds = [row["seconds"] for row in rows]
    return {
        **{
            name: value
            for name, value in summarise(seconds, seconds).items()
            if "ratio" not in name
        },
        "pairs_per_second": rows[0]["share"] * pairs / statistics.median(seconds),
        "peak_mb": max(row["peak_mb"] for row in rows),
    }


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=3)
    parser.add_argument("--pairs", type=int, default=5_000_000)
    parser.add_argument("--languages", type=int, default=5, choices=range(1, len(OTHERS) + 1))
    parser.add_argument("--commanded", type=int, default=5, help="languages of the commands")
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where there is room for the files")
    parser.add_argument("--stage", nargs=2, metavar=("STAGE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        stage, folder = options.stage
        stages = dict(zip(STAGES, (prepare, sample, binarise), strict=True))
        stages[stage](Path(folder), options.processes)
        return
    options.spm_encode = shutil.which("spm_encode") or "Python loop"
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        work = Path(name)
        write_text(work / "text", options.pairs, options.languages, options.processes)
        learn(work, options.vocabulary)
        rounds = [
            run_round(work, options.processes, options.commanded) for _ in range(options.rounds)
        ]
        disk = {
            "clean text": megabytes(work / "clean", options.pairs),
            "binarised": megabytes(work / "ours", options.pairs),
        }
    stages = {
        name: summarise_stage([rows[name] for rows in rounds], options.pairs) for name in rounds[0]
    }
    shares = [rows["commands"]["seconds"] / rows["commands"]["share"] for rows in rounds]
    ratios = summarise([rows["binarise"]["seconds"] for rows in rounds], shares)
    report(stages, disk, ratios)
    keep("preparation", options, {"stages": stages, "disk": disk, "binarise / commands": ratios})


if __name__ == "__main__":
    main()
