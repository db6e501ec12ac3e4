"""Time and memory of preparing a corpus: our stages, and the usual commands.

    python -m benchmarks preparation [--pairs 5000000] [--commanded 5] [--rounds 3] [--keep]

- ours: read and clean (`prepare_corpora`), sample for the vocabulary (`sample_lines`, without
  learning it), convert text to tokens (`binarise_corpora`)
- commands: `--processes` parallel `spm_encode`, then `fairseq-preprocess` with the same number of
  workers, on the text that our side cleaned. If `spm_encode` (Debian: sentencepiece) is not on the
  PATH, a Python loop over SentencePiece's fastest call replaces it

Every stage is a separate process, including start-up. Both sides must write the same bytes
(checked). The commands are slow: `--commanded 1` gives them one of the five language pairs, and
all stages are compared by pairs per second. Disk use and the peak memory of all processes of a
stage (shared pages counted once) are also measured. Pairs are counted before cleaning. `EC30`
extrapolates the time of a stage linearly to EC30's pairs.

The text is made up (`benchmarks/zipf_text.py`), the vocabulary learned from a small sample of it.
"""

import filecmp
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

import psutil
from benchmarks.paired import Row, compare, keep, make_parser, start
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
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
INTERVAL = 0.2  # seconds between memory samples
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
    """Read the sample for learning a vocabulary, at a temperature of 2."""
    deque(sample_lines(corpora_in(work / "clean", "train."), temperature=2, seed=1), maxlen=0)


def binarise(work: Path, processes: int) -> None:
    """Convert the cleaned text to tokens."""
    from neuron_specialization.fairseq_plugin.binarise import binarise_corpora  # loads torch

    shutil.rmtree(work / "ours", ignore_errors=True)
    (work / "ours").mkdir()
    corpora = [path for files in corpora_in(work / "clean", "train.") for path in files]
    binarise_corpora(corpora, work / "vocabulary", work / "ours", processes=processes)


def languages_in(folder: Path) -> list[str]:
    """Return the languages of the pairs in a folder."""
    return sorted(path.suffix[1:] for path in folder.iterdir() if path.suffix[1:] in OTHERS)


def corpora_in(folder: Path, prefix: str) -> list[tuple[Path, Path]]:
    """Return the two files of each pair in a folder."""
    stems = {code: f"{prefix}{PIVOT}-{code}" for code in languages_in(folder)}
    return [(folder / f"{stem}.{PIVOT}", folder / f"{stem}.{code}") for code, stem in stems.items()]


def encode_command(work: Path, processes: int, languages: list[str]) -> str:
    """Return the shell command that splits the cleaned text of some languages into pieces."""
    model = work / "vocabulary" / "spm.model"
    if shutil.which("spm_encode"):
        encode = f"spm_encode --model={model}"
    else:
        encode = shlex.join([sys.executable, "-c", SPM_LOOP, str(model)])
    (work / "encode.sh").write_text(f'{encode} < "clean/$1" > "pieces/$1"\n')
    names = f"^train.{PIVOT}-({'|'.join(languages)})[.]"
    return f"mkdir -p pieces; ls clean | grep -E '{names}' | xargs -P {processes} -n 1 sh encode.sh"


def preprocess_command(processes: int, languages: list[str]) -> str:
    """Return the shell command that binarises the pieces of some languages, pair by pair."""
    preprocess = Path(sys.executable).parent / "fairseq-preprocess"
    return "rm -rf theirs && " + " && ".join(
        f"{preprocess} -s {PIVOT} -t {language} --trainpref pieces/train.{PIVOT}-{language} "
        f"--srcdict vocabulary/dict.txt --joined-dictionary --workers {processes} "
        "--dataset-impl mmap --destdir theirs"
        for language in languages
    )


def run_command(peaks: Row, name: str, command: list[str], work: Path) -> None:
    """Run a command to completion and record the peak memory of its processes in MB."""
    with (work / "log").open("a") as log:
        process = psutil.Popen(command, cwd=work, env=ENVIRONMENT, stdout=log, stderr=log)
        while process.poll() is None:
            peaks[name] = max(peaks.get(name, 0), tree_memory(process) / 1e6)
            time.sleep(INTERVAL)
    if process.returncode:
        sys.exit(f"{shlex.join(command)}\n{(work / 'log').read_text()[-3000:]}")


def tree_memory(process: psutil.Process) -> int:
    """Return the memory in bytes of a process and its descendants; shared pages count once."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_full_info().pss
        except psutil.Error:  # it has just ended
            continue
    return total


def make_sides(
    work: Path, processes: int, commanded: list[str], peaks: Row
) -> dict[str, Callable[[], None]]:
    """Return all stages of both sides; the commands run on `commanded` languages."""
    code = "from pathlib import Path; from benchmarks.preparation import {0}; {0}(Path('{1}'), {2})"
    commands = {
        stage: [sys.executable, "-c", code.format(stage, work, processes)]
        for stage in ("binarise", "prepare", "sample")
    }
    commands["spm_encode"] = ["sh", "-c", encode_command(work, processes, commanded)]
    commands["fairseq-preprocess"] = ["sh", "-c", preprocess_command(processes, commanded)]
    return {name: partial(run_command, peaks, name, each, work) for name, each in commands.items()}


def check_same(work: Path, languages: list[str]) -> None:
    """Check that both sides wrote the same files of some languages."""
    patterns = [f"train.{PIVOT}-{language}.*" for language in languages]
    names = sorted(path.name for each in patterns for path in (work / "ours").glob(each))
    assert len(names) == 4 * len(languages)
    same, *others = filecmp.cmpfiles(work / "ours", work / "theirs", names, shallow=False)
    assert sorted(same) == names, others


def learn(work: Path, size: int) -> None:
    """Learn the vocabulary from the first lines of each file."""
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


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=3)
    parser.add_argument("--pairs", type=int, default=5_000_000)
    parser.add_argument("--languages", type=int, default=5, choices=range(1, len(OTHERS) + 1))
    parser.add_argument("--commanded", type=int, default=5, help="languages for the commands")
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="folder with space for the files")
    options = start(parser)
    options.spm_encode = shutil.which("spm_encode") or "Python loop"
    peaks: Row = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        work = Path(name)
        write_text(work / "text", options.pairs, options.languages, options.processes)
        learn(work, options.vocabulary)
        prepare(work, options.processes)
        languages = languages_in(work / "clean")[: options.commanded]
        sides = make_sides(work, options.processes, languages, peaks)
        rows = compare(sides, rounds=options.rounds, warm_up=0)
        check_same(work, languages)
        disk = {
            each: sum(path.stat().st_size for path in (work / each).iterdir()) / options.pairs
            for each in ("clean", "ours")
        }
    for name, peak in peaks.items():
        commanded = name in ("spm_encode", "fairseq-preprocess")
        pairs = options.pairs * (len(languages) / options.languages if commanded else 1)
        speed = pairs / rows[name]["seconds"]
        rows[name] |= {"pairs_per_second": speed, "peak_mb": peak}
        minutes = EC30_PAIRS / speed / 60
        print(f"  {name:18} {speed:9,.0f} pairs/s  {peak:6,.0f} MB  EC30: {minutes:6.1f} min")
    print(f"MB per million pairs: {disk}")
    keep("preparation", options, {"stages": rows, "MB per million pairs": disk})


if __name__ == "__main__":
    main()
