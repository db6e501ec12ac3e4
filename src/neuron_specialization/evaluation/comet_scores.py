"""COMET scores by unbabel-comet: one model load for all directions, quiet, offline if told so."""

import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from neuron_specialization.errors import InputError

_CHECKPOINT, _HPARAMS = "checkpoints/model.ckpt", "hparams.yaml"
# Of an encoder's repository the small files are enough: its weights are in COMET's checkpoint.
_FILES = [_CHECKPOINT, _HPARAMS, "*.json", "*.model", "vocab.txt"]
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+(?<!\.ckpt)")
_HUB_TIMEOUT = 10  # seconds
_TRUST = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1"
_HUB_ERRORS = {
    "HFValidationError": "neither a folder that is here nor a name that the hub may know",
    "LocalEntryNotFoundError": "not in the hub's cache",
    "GatedRepoError": "gated: accept its terms on the hub and log in",
    "RepositoryNotFoundError": "the hub has none of this name, or wants a login",
}
_OUT_OF_MEMORY = re.compile("out of memory|can't allocate memory", re.IGNORECASE)


class ModelMissing(InputError):
    """A COMET model, or the encoder it names, that is neither here nor can be fetched."""


@dataclass(frozen=True, kw_only=True)
class CometSettings:
    """Which model scores (``model``: hub name, folder or ``.ckpt``), and how.

    ``batch_size`` counts sentences; ``offline`` takes what is on disk or in the hub's cache and
    never asks the hub; ``device`` is ``cpu`` or ``cuda``.
    """

    model: str
    batch_size: int
    offline: bool
    device: str


@dataclass(frozen=True, kw_only=True)
class Segments:
    """One direction's detokenised sentences: three lists of one length, in one order."""

    sources: Sequence[str]
    hypotheses: Sequence[str]
    references: Sequence[str]


def score_with_comet(
    texts: Mapping[str, Segments], settings: CometSettings
) -> dict[str, list[float]]:
    """Score every direction: one score per sentence, in order, COMET's own times 100.

    In single precision (the command ``comet-score`` uses half). Raises ``InputError`` for lists
    that are empty or differ in length, an absent package or GPU, an unusable checkpoint, too large
    a batch, and ``ModelMissing`` for a model that is not here.
    """
    if not texts:
        raise InputError("no directions to score by COMET: give at least one")
    samples = [sample for pair, text in texts.items() for sample in _make_samples(pair, text)]
    with quiet():
        scores = iter(_predict(load_comet(settings), samples, settings))
    return {
        pair: [100 * score for score in islice(scores, len(text.sources))]
        for pair, text in texts.items()
    }


def comet_signature(settings: CometSettings) -> str:
    """Say what makes scores comparable, such as ``model:wmt22-comet-da|version:2.2.7|scale:100``.

    Of a path it gives the name of the model's folder. Raises ``InputError`` without the package.
    """
    try:
        version = metadata.version("unbabel-comet")
    except metadata.PackageNotFoundError as error:
        raise _no_package() from error
    folder = Path(settings.model).absolute()
    if folder.suffix == ".ckpt":
        folder = folder.parent.parent
    if folder.parent.name == "snapshots":  # in the hub's cache the folder is named by a hash
        folder = folder.parent.parent
    return f"model:{folder.name.rpartition('--')[2]}|version:{version}|scale:100"


def _make_samples(pair: str, text: Segments) -> list[dict[str, str]]:
    columns = text.sources, text.hypotheses, text.references
    lengths = [len(column) for column in columns]
    if min(lengths) != max(lengths) or not lengths[0]:
        raise InputError(
            f"{pair}: {lengths[0]} sources, {lengths[1]} hypotheses and {lengths[2]} references: "
            "COMET needs one of each per sentence, and at least one sentence"
        )
    return [dict(zip(("src", "mt", "ref"), row, strict=True)) for row in zip(*columns, strict=True)]


@contextmanager
def quiet() -> Iterator[None]:
    """Let only errors through, and undo that importing comet sets up the root logger."""
    root = logging.getLogger()
    handlers, level, disabled = root.handlers[:], root.level, root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
        root.setLevel(level)


def _predict(model: Any, samples: list[dict[str, str]], settings: CometSettings) -> list[float]:
    gpus = int(settings.device == "cuda")
    try:
        # No worker processes: tokenising takes little time beside the encoder.
        return model.predict(
            samples, settings.batch_size, gpus=gpus, num_workers=0, progress_bar=False
        )["scores"]
    except RuntimeError as error:  # torch.OutOfMemoryError is one, and says so
        if not _OUT_OF_MEMORY.search(str(error)):
            raise
        raise InputError(
            f"COMET ran out of memory with {settings.batch_size} sentences per batch: "
            "lower comet.batch_size"
        ) from error


def load_comet(settings: CometSettings) -> Any:
    """Load a model as ``comet.load_from_checkpoint`` does, but with its encoder from a folder.

    Of the checkpoint only tensors and plain values are unpickled, as is torch's default.
    """
    try:
        import torch
        from comet.models import str2model
    except ImportError as error:
        raise _no_package() from error
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise InputError("comet.device is cuda, but torch finds no GPU: set it to cpu")
    checkpoint = _find_checkpoint(settings)
    model, hparams = _read_hparams(checkpoint.parent.parent / _HPARAMS, str2model)
    encoder = _find_encoder(hparams, settings)
    # comet leaves what a checkpoint lacks at its random start; quiet ends this with the rest.
    warnings.filterwarnings("error", "Found keys that are in the model state dict but not in")
    try:
        return model.load_from_checkpoint(
            checkpoint,
            map_location="cpu",
            strict=False,  # older checkpoints have keys that transformers no longer knows
            load_pretrained_weights=False,
            local_files_only=settings.offline,
            pretrained_model=str(encoder),
        )
    except OSError as error:
        raise _missing(f"{settings.model}, encoder {encoder}", _describe(error)) from error
    except Exception as error:
        raise InputError(
            f"{checkpoint}: not a usable COMET checkpoint ({_describe(error)}); "
            "copy or download it again"
        ) from error


def _find_checkpoint(settings: CometSettings) -> Path:
    path = Path(settings.model).absolute()
    if path.is_dir():
        path /= _CHECKPOINT
    elif not path.exists() and _HUB_NAME.fullmatch(settings.model):
        path = _fetch(settings.model, (_CHECKPOINT, _HPARAMS), settings) / _CHECKPOINT
    for file in (path, path.parent.parent / _HPARAMS):
        if not file.is_file():
            raise _missing(settings.model, f"there is no {file}")
    return path


def _read_hparams(path: Path, models: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    try:
        hparams = yaml.safe_load(path.read_bytes())
        return models[hparams["class_identifier"]], hparams
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: not the settings of a COMET model ({_describe(error)}); "
            "copy or download the model again"
        ) from error


def _find_encoder(hparams: Mapping[str, Any], settings: CometSettings) -> Path:
    from huggingface_hub.constants import HF_HUB_OFFLINE

    # By name transformers 4.57 asks the hub even when told not to, so it always gets a folder,
    # except for the tokeniser of this one, whose name is written in comet.
    if hparams.get("encoder_model") == "MiniLM" and settings.offline and not HF_HUB_OFFLINE:
        raise _missing(settings.model, "MiniLM is offline only with HF_HUB_OFFLINE=1 set")
    folder = Path(hparams.get("pretrained_model", "xlm-roberta-large"))
    if not folder.is_dir():
        folder = _fetch(str(folder), ("config.json", "tokenizer.json"), settings)
    if not (folder / "config.json").is_file():  # transformers would take one of its own
        raise _missing(f"{settings.model}, encoder {folder}", "there is no config.json")
    return folder


def _fetch(name: str, needed: Sequence[str], settings: CometSettings) -> Path:
    """Give a hub model's folder in the hub's cache, downloaded where files are still needed."""
    from huggingface_hub import model_info, snapshot_download, try_to_load_from_cache
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    try:
        cached = all(isinstance(try_to_load_from_cache(name, file), str) for file in needed)
        local = settings.offline or cached
        if not local:
            model_info(name, timeout=_HUB_TIMEOUT)  # else no answer would take minutes to notice
        return Path(snapshot_download(name, allow_patterns=_FILES, local_files_only=local))
    except (OSError, ValueError) as error:
        raise _missing(name, _describe(error)) from error


def _missing(name: str, problem: str) -> ModelMissing:
    return ModelMissing(
        f"COMET model {name}: {problem}; give a path as comet.model, download the model once on "
        "a machine with network, or leave comet out of the metrics"
    )


def _no_package() -> InputError:
    return InputError(
        "COMET scores need the package unbabel-comet: install it (pip install unbabel-comet) "
        "or leave comet out of the metrics"
    )


def _describe(error: Exception) -> str:
    """Put in one line what libraries say in many."""
    kind, text = type(error).__name__, str(error).rpartition("WeightsUnpickler error:")[2]
    if refused := re.search(r"GLOBAL (\S+) w", text):
        return f"{refused[1]} in it could run any code: set {_TRUST} if you trust the file"
    return _HUB_ERRORS.get(kind) or f"{kind}: {' '.join(text.split())[:200]}"
