"""Translation of raw text with an exported model, line by line, in chunks of any size of file."""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from neuron_specialization.corpora.text_lines import MAX_CHARACTERS
from neuron_specialization.corpora.vocabulary import (
    FAIRSEQ_TOKENS,
    UNKNOWN,
    detokenise,
    load_pieces,
    piece_joiner,
)
from neuron_specialization.errors import InputError
from neuron_specialization.export.hypotheses import Engine, Hypothesis
from neuron_specialization.export.manifest import FORMATS, VOCABULARY, ExportManifest
from neuron_specialization.settings.decoding import DecodingSettings

CHUNK = 1000  # lines that are read, batched and written at a time


Translation = tuple[str, float | None]
"""Plain text and the hypothesis's score; empty and None for an empty line."""


def load_engine(
    exported: Path, manifest: ExportManifest, engine: str, device: str, threads: int | None
) -> Engine:
    """Return the decoder of an exported model without importing the others."""
    folder = manifest.engine_folder(exported, engine)
    manifest.check_files(exported, FORMATS[engine], VOCABULARY)
    if engine == "fairseq":
        from neuron_specialization.export.fairseq_engine import FairseqEngine

        return FairseqEngine(folder, manifest, device, threads)
    if engine == "ctranslate2-int8":
        # CTranslate2's default library for AMD gave wrong products on a processor without AVX-512.
        # It reads this variable once, on import
        os.environ.setdefault("CT2_USE_MKL", "1")
    from neuron_specialization.export.ctranslate2_engine import CTranslate2Engine

    return CTranslate2Engine(folder, manifest, device, threads)


def translate_text(
    lines: Iterable[bytes],
    name: str,
    exported: Path,
    manifest: ExportManifest,
    engine: Engine,
    settings: DecodingSettings,
) -> Iterator[list[Translation]]:
    """Yield the translations of UTF-8 lines without line ends, chunk by chunk, in order.

    Raises InputError, naming the file `name`, if a line is not UTF-8 or exceeds the positions of
    the model.
    """
    source, target = manifest.direction.split("-")
    processor = load_pieces(exported / VOCABULARY, source)
    join = piece_joiner(exported / VOCABULARY, target)
    added = len(manifest.source_words([]))
    # unknown are also pieces that are named like fairseq's own tokens
    unknown = {processor.unk_id(), *map(processor.piece_to_id, FAIRSEQ_TOKENS)}

    def encode(number: int, line: bytes) -> list[str]:
        ids = processor.encode(read_line(name, number, line))
        words = [UNKNOWN if i in unknown else processor.id_to_piece(i) for i in ids]
        if len(words) + added > manifest.max_source_tokens:
            raise InputError(
                f"{name}, line {number}: {len(words)} tokens, but the model reads "
                f"{manifest.max_source_tokens - added} at most; split the line"
            )
        return manifest.source_words(words) if words else []

    numbered = enumerate(lines, 1)
    while chunk := list(islice(numbered, CHUNK)):
        sources = [encode(number, line) for number, line in chunk]
        found = translate_chunk(sources, engine, settings)
        yield [
            (detokenise(found[i].words, join), found[i].score) if i in found else ("", None)
            for i in range(len(sources))
        ]


def read_line(name: str, number: int, line: bytes) -> str:
    """Return the text of a line; raise InputError if it is not UTF-8 or has too many characters."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}, line {number}: byte 0x{line[error.start]:02x} is not valid UTF-8; "
            "convert the file to UTF-8"
        ) from error
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f"{name}, line {number}: {len(text):,} characters, more than {MAX_CHARACTERS:,}; "
            "split the line"
        )
    return text


def translate_chunk(
    sources: Sequence[Sequence[str]], engine: Engine, settings: DecodingSettings
) -> dict[int, Hypothesis]:
    """Return the hypothesis of each non-empty source by its index."""
    batches = list(make_batches([len(words) for words in sources], settings.max_tokens))
    found = chain.from_iterable(
        engine.translate([sources[i] for i in batch], settings) for batch in batches
    )
    return dict(zip(chain.from_iterable(batches), found, strict=True))


def make_batches(lengths: Sequence[int], max_tokens: int) -> Iterator[list[int]]:
    """Yield batches of indices, padded at most `max_tokens`; a longer line has a separate batch.

    Batches group lines of similar length; empty lines are left out.
    """
    batch: list[int] = []
    for i in sorted(filter(lengths.__getitem__, range(len(lengths))), key=lengths.__getitem__):
        if batch and lengths[i] * (len(batch) + 1) > max_tokens:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
