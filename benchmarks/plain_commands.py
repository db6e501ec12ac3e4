"""The command lines that one would binarise text with otherwise."""

import shlex
import shutil
import sys
from pathlib import Path

from benchmarks.zipf_text import PIVOT

SPM_LOOP = """
import sys, itertools, sentencepiece
processor = sentencepiece.SentencePieceProcessor(model_file=sys.argv[1])
while lines := [l.rstrip(b"\\n") for l in itertools.islice(sys.stdin.buffer, 10_000)]:
    for pieces in processor.encode(lines, out_type=str, num_threads=1):
        sys.stdout.buffer.write(b" ".join(pieces) + b"\\n")
"""


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
