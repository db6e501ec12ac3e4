"""The outputs of a system: a folder per direction, in the layout of the paper's release.

`test-src.txt`, `test-ref.txt` and `test-sys.txt` are detokenised text, a sentence per line. They
may come with the Moses-tokenised words (`test-ref.words.txt`, `test-sys.words.txt`), the raw
references (`test-raw.txt`) and finished scores. Outputs of any origin are converted to this form
first; scores are computed only from it.
"""

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from langcodes import tag_is_valid

from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.foreign_marks import check_plain
from neuron_specialization.evaluation.generate_log import read_generate_log
from neuron_specialization.evaluation.layout import (
    FINISHED,
    LOG,
    NOTES,
    RAW_REFERENCES,
    TEXTS,
    input_files,
    read_aligned,
    read_sentences,
    write_sentences,
)
from neuron_specialization.evaluation.moses import detokenise
from neuron_specialization.files import read_text, write_text
from neuron_specialization.settings.languages import two_letter_code

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The aligned texts of one direction."""

    references: list[str]
    """References, processed like the corpus."""
    hypotheses: list[str]
    """Translations."""
    sources: list[str] | None = None
    """Sources without tags; COMET needs them."""
    reference_words: list[str] | None = None
    """References as words of the corpus's Moses tokenisation."""
    hypothesis_words: list[str] | None = None
    """Translations as words of the corpus's Moses tokenisation."""
    numbers: list[int] | None = None
    """Numbers of the sentences in the test corpus, from 0; None if complete."""
    note: str = ""
    """What makes the text doubtful."""


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The prepared corpora of a test split: two files for each pair of languages."""

    folder: Path
    """The folder of the files."""
    split: str
    """The test split."""
    moses: bool
    """True if the text, and hence its translation, is Moses-tokenised."""

    def file(self, direction: str, language: str) -> Path:
        """Return the file of one side of a direction, whose pair may be named the other way."""
        path = self.folder / f"{self.split}.{direction}.{language}"
        reverse = "-".join(reversed(direction.split("-")))
        return path if path.is_file() else self.folder / f"{self.split}.{reverse}.{language}"


def moses_outputs(
    pair: str,
    sources: list[str],
    references: list[str],
    hypotheses: list[str],
    numbers: list[int] | None = None,
) -> Outputs:
    """Return detokenised outputs of a direction whose corpus is Moses-tokenised."""
    source, target = pair.split("-")
    return Outputs(
        sources=detokenise(sources, source),
        references=detokenise(references, target),
        hypotheses=detokenise(hypotheses, target),
        reference_words=references,
        hypothesis_words=hypotheses,
        numbers=numbers,
    )


def read_outputs(folder: Path, split: str) -> Outputs | None:
    """Read the plain text of a direction; return None if it has none.

    Raises InputError, naming the files, if one is missing or differs in length.
    """
    paths = {field: folder / name.format(split=split) for field, name in TEXTS.items()}
    there = {field: path for field, path in paths.items() if path.is_file()}
    if not there:
        return None
    for field in ("references", "hypotheses"):
        if field not in there:
            found = ", ".join(path.name for path in there.values())
            raise InputError(f"{paths[field]}: no such file, but there is {found}")
    hypotheses = there["hypotheses"]
    texts: dict[str, Any] = {
        field: read_aligned(path, hypotheses)[0] for field, path in there.items()
    }
    return Outputs(**texts, note=read_note(folder, split))


def read_note(folder: Path, split: str) -> str:
    """Return what makes the text of a direction doubtful, or ""."""
    path = folder / NOTES.format(split=split)
    return read_text(path).strip() if path.is_file() else ""


def write_outputs(folder: Path, split: str, outputs: Outputs) -> None:
    """Write the texts of a direction into its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for field, name in TEXTS.items():
        sentences = getattr(outputs, field)
        if sentences is not None:
            write_sentences(folder / name.format(split=split), sentences)
    if outputs.note:
        logger.warning("%s: %s", folder.name, outputs.note)
        write_text(folder / NOTES.format(split=split), f"{outputs.note}\n")


def write_raw_references(folder: Path, split: str, outputs: Outputs, references: Path) -> None:
    """Write the raw references of the sentences that a direction has."""
    raw = read_sentences(references)
    numbers = outputs.numbers
    if numbers is None and len(raw) != len(outputs.hypotheses):
        raise InputError(
            f"{references} has {len(raw)} lines, but {folder.name} has "
            f"{len(outputs.hypotheses)} sentences: line n of both must be the same sentence"
        )
    if numbers is not None and numbers[-1] >= len(raw):
        raise InputError(
            f"{references} has {len(raw)} lines, but {folder.name} has sentence number "
            f"{numbers[-1]} (from 0): they belong to different test corpora"
        )
    chosen = raw if numbers is None else [raw[n] for n in numbers]
    write_sentences(folder / RAW_REFERENCES.format(split=split), chosen)


def read_raw_references(folder: Path, split: str) -> list[str] | None:
    """Read the raw references of a direction; return None if it has none."""
    path = folder / RAW_REFERENCES.format(split=split)
    return read_sentences(path) if path.is_file() else None


def find_missing(folder: Path, directions: Sequence[str], split: str) -> list[str]:
    """Return the directions missing from a folder of outputs; raise InputError if all are."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; it must hold a folder per direction")
    missing = [pair for pair in directions if not input_files(folder / pair, split)]
    if len(missing) == len(directions):
        raise InputError(
            f"{folder}: no folder of a direction has outputs of {split}; expected files such as "
            f"{directions[0]}/{LOG.format(split=split)}, {split}-sys.txt or {split}_detok_bleu.txt"
        )
    return missing


def postprocess_direction(
    translations: Path, corpus: Corpus, raw: Mapping[str, Path], out: Path, pair: str
) -> None:
    """Convert one direction of our translations to the layout of `out`.

    `raw` maps directions to their files of raw references.
    """
    source, target = pair.split("-")
    translation = translations / f"{pair}.txt"
    hypotheses, references = read_aligned(translation, corpus.file(pair, target))
    sources = read_aligned(corpus.file(pair, source), translation)[0]
    outputs = (
        moses_outputs(pair, sources, references, hypotheses)
        if corpus.moses
        else Outputs(sources=sources, references=references, hypotheses=hypotheses)
    )
    _write_direction(out / pair, corpus.split, outputs, raw)


def copy_direction(folder: Path, split: str, raw: Mapping[str, Path], out: Path, pair: str) -> None:
    """Convert the texts and finished scores of one direction of a folder to the layout of `out`.

    Texts come from the log of fairseq-generate if it exists, otherwise from plain text, if any.
    `raw` maps directions to their files of raw references.
    """
    plain = read_outputs(folder / pair, split)
    log = folder / pair / LOG.format(split=split)
    outputs = _read_log(log, pair) if log.is_file() else plain
    if outputs and plain and len(outputs.hypotheses) != len(plain.hypotheses):
        raise InputError(
            f"{log} has {len(outputs.hypotheses)} sentences, but the text beside it "
            f"({TEXTS['hypotheses'].format(split=split)}) has {len(plain.hypotheses)}: remove the "
            "one that is not of this system"
        )
    if outputs is plain:
        _check_plain(folder / pair, split, plain)
    (out / pair).mkdir(parents=True, exist_ok=True)
    if outputs:
        _write_direction(out / pair, split, outputs, raw)
    for pattern in FINISHED.values():
        name = pattern.format(split=split)
        if (folder / pair / name).is_file():
            shutil.copyfile(folder / pair / name, out / pair / name)


def _read_log(log: Path, pair: str) -> Outputs:
    """Read a log as outputs; raise InputError if its sources have another language's tag."""
    found = read_generate_log(log)
    source = pair.split("-")[0]
    codes = {code for code in found.source_tags if tag_is_valid(code.replace("_", "-"))}
    if wrong := sorted(c for c in codes if two_letter_code(c) != two_letter_code(source)):
        raise InputError(
            f"{log}: its sources have the tag of {', '.join(wrong)}, but the folder {pair} says "
            f"{source}: move the log to the folder of its direction; if the tag names the target "
            r"language, remove it (sed -E -i 's/^(S-[0-9]+\t)__\w+__ /\1/')"
        )
    outputs = moses_outputs(pair, found.sources, found.references, found.hypotheses, found.numbers)
    return replace(outputs, note=found.note)


def _check_plain(folder: Path, split: str, outputs: Outputs | None) -> None:
    for field in ("sources", "references", "hypotheses"):
        sentences = getattr(outputs, field, None)
        if sentences is not None:
            check_plain(sentences, folder / TEXTS[field].format(split=split))


def _write_direction(folder: Path, split: str, outputs: Outputs, raw: Mapping[str, Path]) -> None:
    write_outputs(folder, split, outputs)
    if folder.name in raw:
        write_raw_references(folder, split, outputs, raw[folder.name])
