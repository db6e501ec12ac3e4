"""COMET scores by unbabel-comet: load the model once, silence its logs, work offline on request."""

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
# The small files of an encoder's repository suffice: its weights are in COMET's checkpoint.
_FILES = [_CHECKPOINT, _HPARAMS, "*.json", "*.model", "vocab.txt"]
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+(?<!\.ckpt)")
_HUB_TIMEOUT = 10  # seconds
_TRUST = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1"
_HUB_ERRORS = {
    "HFValidationError": "neither an existing folder nor a valid name on the hub",
    "LocalEntryNotFoundError": "not in the hub's cache",
    "GatedRepoError": "gated: accept its terms on the hub and log in",
    "RepositoryNotFoundError": "no such repository on the hub, or it needs a login",
}
_OUT_OF_MEMORY = re.compile("out of memory|can't allocate memory", re.IGNORECASE)


class ModelMissing(InputError):
    """Raised if a COMET model or its encoder is neither on disk nor downloadable."""


@dataclass(frozen=True, kw_only=True)
class CometSettings:
    """The COMET model (`model`: hub name, folder or `.ckpt`) and how to run it.

    `batch_size` is in sentences; `offline` uses only files on disk or in the hub's cache and
    never contacts the hub; `device` is `cpu` or `cuda`.
    """

    model: str
    batch_size: int
    offline: bool
    device: str


@dataclass(frozen=True, kw_only=True)
class Segments:
    """Detokenised sentences of one direction: three aligned lists."""

    sources: Sequence[str]
    hypotheses: Sequence[str]
    references: Sequence[str]


def score_with_comet(
    texts: Mapping[str, Segments], settings: CometSettings
) -> dict[str, list[float]]:
    """Return COMET's score times 100 of every sentence, in order, by direction.

    Runs in single precision (the command `comet-score` uses half). Raises InputError if lists
    are empty or differ in length, the package or GPU is absent, the checkpoint is unusable or the
    batch too large, and ModelMissing if the model is missing.
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
    """Return the signature of scores, such as `model:wmt22-comet-da|version:2.2.7|scale:100`.

    A path is reduced to the name of the model's folder. Raises InputError without the package.
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
    """Silence all but errors, and restore the root logger, which importing comet reconfigures."""
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
        # No worker processes: tokenising takes little time compared with the encoder.
        return model.predict(
            samples, settings.batch_size, gpus=gpus, num_workers=0, progress_bar=False
        )["scores"]
    except RuntimeError as error:  # includes torch.OutOfMemoryError
        if not _OUT_OF_MEMORY.search(str(error)):
            raise
        raise InputError(
            f"COMET ran out of memory with {settings.batch_size} sentences per batch: "
            "lower comet.batch_size"
        ) from error


def load_comet(settings: CometSettings) -> Any:
    """Load a model like `comet.load_from_checkpoint`, but take its encoder from a folder.

    Only tensors and plain values are unpickled from the checkpoint, which is torch's default.
    """
    try:
        import torch
        from comet.models import str2model
    except ImportError as error:
        raise _no_package() from error
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise InputError("device is cuda, but torch finds no GPU: set device: cpu")
    checkpoint = _find_checkpoint(settings)
    model, hparams = _read_hparams(checkpoint.parent.parent / _HPARAMS, str2model)
    encoder = _find_encoder(hparams, settings)
    # comet leaves weights that a checkpoint lacks random; `quiet` removes this filter again.
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
            raise _missing(settings.model, f"{file} does not exist")
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

    # Given a name, transformers 4.57 asks the hub even offline, so it always gets a folder, except
    # for MiniLM's tokeniser, whose name is hard-coded in comet.
    if hparams.get("encoder_model") == "MiniLM" and settings.offline and not HF_HUB_OFFLINE:
        raise _missing(settings.model, "MiniLM works offline only if HF_HUB_OFFLINE=1 is set")
    folder = Path(hparams.get("pretrained_model", "xlm-roberta-large"))
    if not folder.is_dir():
        folder = _fetch(str(folder), ("config.json", "tokenizer.json"), settings)
    if not (folder / "config.json").is_file():  # transformers would use its default
        raise _missing(f"{settings.model}, encoder {folder}", "config.json does not exist")
    return folder


def _fetch(name: str, needed: Sequence[str], settings: CometSettings) -> Path:
    """Return a hub model's folder in the cache; download it if needed files are missing."""
    from huggingface_hub import model_info, snapshot_download, try_to_load_from_cache
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    try:
        cached = all(isinstance(try_to_load_from_cache(name, file), str) for file in needed)
        local = settings.offline or cached
        if not local:
            model_info(name, timeout=_HUB_TIMEOUT)  # otherwise a silent hub blocks for minutes
        return Path(snapshot_download(name, allow_patterns=_FILES, local_files_only=local))
    except (OSError, ValueError) as error:
        raise _missing(name, _describe(error)) from error


def _missing(name: str, problem: str) -> ModelMissing:
    return ModelMissing(
        f"COMET model {name}: {problem}; give a path as comet.model, download the model once on "
        "a machine with network access, or leave comet out of the metrics"
    )


def _no_package() -> InputError:
    return InputError(
        "COMET scores need the package unbabel-comet: install it (pip install unbabel-comet) "
        "or leave comet out of the metrics"
    )


def _describe(error: Exception) -> str:
    """Condense a library's error message into one line."""
    kind, text = type(error).__name__, str(error).rpartition("WeightsUnpickler error:")[2]
    if refused := re.search(r"GLOBAL (\S+) w", text):
        return f"it contains {refused[1]}, which could run any code: set {_TRUST} if you trust it"
    return _HUB_ERRORS.get(kind) or f"{kind}: {' '.join(text.split())[:200]}"
