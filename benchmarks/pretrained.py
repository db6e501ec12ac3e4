"""A pretrained model of full size: import, recording and decoding, with memory and disk.

    python -m benchmarks pretrained --text FOLDER [--shape nllb-600M|nllb-1.3B|m2m100-418M]
        [--sentences 200] [--threads 2] [--keep]

The model has the published configuration and random weights, in a folder as Hugging Face delivers
it. FOLDER has one text per language, aligned with en.txt, such as slices of NTREX-128. Each step is
a separate process: its seconds, start-up included, and its largest resident size.

- vocabulary: dictionary and SentencePiece model of the folder
- binarise: the text of four languages with English
- import: the folder as a checkpoint of this project
- record: the activations of all eight directions
- decode: one direction with a beam of 5. A random model never ends a sentence, so every hypothesis
  has `--tokens` tokens, about the length of a real one
- decode in small batches: the same, of at most 1,000 tokens: scores of 256,000 pieces take memory
- export: a Hugging Face folder and a CTranslate2 model of all directions
- export trimmed: the same, with the pieces that occur in all lines of FOLDER in these languages
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from benchmarks.paired import in_process, keep, make_parser, start

from neuron_specialization.corpora.huggingface_vocabulary import M2M100_CODES, use_folder_vocabulary
from neuron_specialization.export.exporting import export_model
from neuron_specialization.fairseq_plugin.binarise import binarise_corpora
from neuron_specialization.fairseq_plugin.decoding import translate_split
from neuron_specialization.fairseq_plugin.importing import import_checkpoint
from neuron_specialization.fairseq_plugin.recording import RecordingSettings, record_activations
from neuron_specialization.files import write_text
from neuron_specialization.settings.decoding import DecodingSettings
from neuron_specialization.settings.model_folders import folder_settings
from neuron_specialization.settings.training import Architecture, DirectionFiles

LANGUAGES = ("de", "es", "ru", "ar")
LEARNED_PIECES = 8000
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


@dataclass(frozen=True)
class Published:
    """The published configuration of a model."""

    family: str
    layers: int
    d_ff: int
    pieces: int
    """Pieces of its SentencePiece model, without the special ones."""
    vocabulary: int
    """Rows of its embeddings."""
    d_model: int = 1024
    heads: int = 16


SHAPES = {
    "m2m100-418M": Published("m2m100", 12, 4096, 128_000, 128_112),
    "nllb-600M": Published("nllb", 12, 4096, 255_997, 256_206),
    "nllb-1.3B": Published("nllb", 24, 8192, 255_997, 256_206),
}
FORMATS = ("huggingface", "ctranslate2")
TOKENIZERS = {"m2m100": "M2M100Tokenizer", "nllb": "NllbTokenizer"}
CODES = {
    "m2m100": {code: code for code in ("en", *LANGUAGES)},
    "nllb": {
        **{"en": "eng_Latn", "de": "deu_Latn", "es": "spa_Latn"},
        **{"ru": "rus_Cyrl", "ar": "arb_Arab"},
    },
}


def write_corpora(folder: Path, text: Path, sentences: int) -> list[Path]:
    """Write the first sentences of each language with English; return the files."""
    files = []
    for language in LANGUAGES:
        for side in ("en", language):
            lines = (text / f"{side}.txt").read_text(encoding="utf-8").split("\n")[:sentences]
            files.append(folder / f"valid.en-{language}.{side}")
            write_text(files[-1], "".join(f"{line}\n" for line in lines))
    return files


def make_model(folder: Path, shape: Published, files: list[Path]) -> None:
    """Write a folder with a random model of a shape, and a tokenizer of its size."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    folder.mkdir()
    sizes = {
        name: value
        for stack in ("encoder", "decoder")
        for name, value in (
            (f"{stack}_layers", shape.layers),
            (f"{stack}_ffn_dim", shape.d_ff),
            (f"{stack}_attention_heads", shape.heads),
        )
    }
    config = M2M100Config(vocab_size=shape.vocabulary, d_model=shape.d_model, **sizes)
    M2M100ForConditionalGeneration(config).save_pretrained(folder)
    pieces = write_pieces(folder / "sentencepiece.bpe.model", files, shape.pieces)
    tokenizer = {"tokenizer_class": TOKENIZERS[shape.family]}
    if shape.family == "m2m100":
        ids = {piece: number for number, piece in enumerate([*SPECIAL, *pieces])}
        (folder / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
        codes = [f"__{code}__" for code in M2M100_CODES.split()]
    else:
        used = list(CODES["nllb"].values())
        codes = [*used, *(f"x{number:02d}_Latn" for number in range(202 - len(used))), "<mask>"]
    special = {"additional_special_tokens": codes}
    for name, content in (("tokenizer_config", tokenizer), ("special_tokens_map", special)):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def write_pieces(path: Path, files: list[Path], size: int) -> list[str]:
    """Learn pieces from the text, and add others up to a number; return them without special ones.

    The others have characters that no text has.
    """
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    lines = [line for each in files for line in each.read_text(encoding="utf-8").splitlines()]
    with path.open("wb") as writer:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=writer,
            vocab_size=LEARNED_PIECES,
            model_type="bpe",
            hard_vocab_limit=False,
            minloglevel=2,
        )
    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(path.read_bytes())
    for number in range(size + 3 - len(model.pieces)):
        piece = model.pieces.add()
        piece.piece, piece.score = f"\ue000{number}", -1e6
    path.write_bytes(model.SerializeToString())
    return [each.piece for each in model.pieces[3:]]


def architecture_of(folder: Path) -> Architecture:
    """Return the sizes of a model folder; settings of training do not matter."""
    zeros = {
        **dict.fromkeys(("dropout", "attention_dropout", "label_smoothing"), 0.0),
        **{"learning_rate": 1e-3, "temperature": 1.0, "precision": "fp32", "patience": -1},
        **dict.fromkeys(("max_tokens", "update_freq", "warmup_updates"), 1),
        **dict.fromkeys(("max_updates", "validate_every"), 1),
    }
    return Architecture(**(zeros | folder_settings(folder)))


def timed(step: Callable[[], object], threads: int) -> dict[str, float]:
    """Run a step; return its seconds, and the largest resident size of this process in bytes."""
    torch.set_num_threads(threads)
    begin = time.perf_counter()
    step()
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": time.perf_counter() - begin, "peak_bytes": peak}


def record(folder: Path, directions: list[str]) -> None:
    """Record the activations of all directions in one process."""
    counts = record_activations(
        checkpoint=folder / "checkpoint.pt",
        data=folder / "binarised",
        directions=directions,
        settings=RecordingSettings(split="valid", max_tokens=2000),
        device="cpu",
    )
    counts.save(folder / "counts.npz")


def decode(folder: Path, direction: str, tokens: int, max_tokens: int = 10_000) -> None:
    """Translate one direction in batches of a number of tokens."""
    settings = DecodingSettings(
        beam=5, length_penalty=1.0, max_len_a=0, max_len_b=tokens, max_tokens=max_tokens
    )
    translate_split(
        checkpoint=folder / "checkpoint.pt",
        files=DirectionFiles(),
        data=folder / "binarised",
        split="valid",
        vocabulary=folder / "vocabulary",
        settings=settings,
        outputs={direction: folder / "hypotheses.txt"},
        device="cpu",
    )


def export(folder: Path, directions: list[str], text: list[Path]) -> None:
    """Export all directions, with a smaller vocabulary if there is text to trim it to."""
    export_model(
        folder / "checkpoint.pt",
        folder / ("trimmed" if text else "exported"),
        directions=directions,
        data=folder / "binarised",
        vocabulary=folder / "vocabulary",
        masks=None,
        formats=["huggingface", "ctranslate2"],
        tokenizer=folder / "model",
        trim_text=text,
    )


def steps(
    folder: Path, shape: Published, options: argparse.Namespace
) -> dict[str, partial[object]]:
    """Return the steps by name."""
    codes = CODES[shape.family]
    files = sorted(folder.glob("valid.*"))
    directions = [f"en-{code}" for code in LANGUAGES] + [f"{code}-en" for code in LANGUAGES]
    model, vocabulary, binarised = (folder / n for n in ("model", "vocabulary", "binarised"))
    importing = partial(
        import_checkpoint,
        model,
        architecture_of(model),
        data=binarised,
        directions=directions,
        published=folder / "checkpoint.pt",
        codes=codes,
    )
    return {
        "vocabulary": partial(use_folder_vocabulary, model, codes, vocabulary),
        "binarise": partial(binarise_corpora, files, vocabulary, binarised),
        "import": importing,
        "record": partial(record, folder, directions),
        "decode": partial(decode, folder, directions[0], options.tokens),
        "decode in small batches": partial(decode, folder, directions[0], options.tokens, 1000),
        "export": partial(export, folder, directions, []),
        "export trimmed": partial(
            export, folder, directions, [options.text / f"{c}.txt" for c in ("en", *LANGUAGES)]
        ),
    }


def main() -> None:
    """Entry point."""
    parser = make_parser(__doc__, rounds=2)
    parser.add_argument("--text", type=Path, required=True, help="folder of {language}.txt")
    parser.add_argument("--shape", choices=SHAPES, default="nllb-600M", help="(%(default)s)")
    parser.add_argument("--sentences", type=int, default=200, help="(%(default)s)")
    parser.add_argument("--tokens", type=int, default=30, help="of a hypothesis (%(default)s)")
    options = start(parser)
    shape = SHAPES[options.shape]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = write_corpora(folder, options.text, options.sentences)
        in_process(make_model, folder / "model", shape, files)
        (folder / "binarised").mkdir()
        results = {}
        for step, run in steps(folder, shape, options).items():
            results[step] = row = in_process(timed, run, options.threads)
            print(f"  {step:24} {row['seconds']:8.1f} s, {row['peak_bytes'] / 2**30:6.2f} GiB")
        exported = [f"{e}/{f}" for e in ("exported", "trimmed") for f in FORMATS]
        written = ("model", "checkpoint.pt", "counts.npz", *exported)
        disk = {each: size_of(folder / each) for each in written}
        print({each: f"{size / 2**20:,.1f} MiB" for each, size in disk.items()})
    keep(f"pretrained.{options.shape}", options, {"steps": results, "disk_bytes": disk})


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(each.stat().st_size for each in files)


if __name__ == "__main__":
    main()
