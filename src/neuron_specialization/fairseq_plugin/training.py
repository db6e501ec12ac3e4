"""Train with fairseq's own trainer, as `fairseq-train` would."""

import hashlib
import logging
import shlex
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from neuron_specialization.corpora.shards import shard_folders
from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.checkpointing import (
    BEST,
    CHECKPOINTS_KEPT,
    deferring_signals,
    find_progress,
    last_checkpoints,
    remove_work_folder,
)
from neuron_specialization.fairseq_plugin.checkpoints import (
    file_hash,
    publish_checkpoint,
    read_checkpoint,
)
from neuron_specialization.fairseq_plugin.data import load_dictionary
from neuron_specialization.fairseq_plugin.flags import training_flags
from neuron_specialization.fairseq_plugin.methods import pruned_tensors
from neuron_specialization.fairseq_plugin.models import check_device
from neuron_specialization.fairseq_plugin.parameters import count_parameters
from neuron_specialization.fairseq_plugin.processes import DIVERGED, fairseq_train, train_together
from neuron_specialization.fairseq_plugin.task import DirectionsTask
from neuron_specialization.fairseq_plugin.validation_log import write_curve
from neuron_specialization.files import require_space
from neuron_specialization.methods.weight_masks import WeightMasks, keep_largest
from neuron_specialization.settings.training import Architecture, Training

FLOAT = 4  # bytes
ADAM_MOMENTS = 2  # numbers in Adam's state per parameter

logger = logging.getLogger(__name__)


def train(architecture: Architecture, training: Training, published: Path) -> None:
    """Train a model and publish its best checkpoint, or only its adapters.

    fairseq's checkpoints are in `training.save_dir`: training resumes from the last one found
    there, and removes the folder at the end. The published checkpoint has no optimiser state; its
    validations are written next to it (`.curve.csv`).
    """
    best = run_fairseq(architecture, training)
    ended = read_checkpoint(last_checkpoints(training.save_dir)[0])
    validations = ended["extra_state"][DirectionsTask.__name__]
    write_curve(validations, architecture.checkpoint_metric, published.with_suffix(".curve.csv"))
    publish_checkpoint(best, published, adapters_only=training.adapters is not None)
    remove_work_folder(training.save_dir)


def train_bilingual(
    architecture: Architecture, runs: Iterable[Training], work: Path, folder: Path
) -> None:
    """Train one model per direction, one after the other, published as `{direction}.pt`.

    Models that a killed job had finished stay in `work`, which is renamed to `folder` at the end.
    """
    work.mkdir(exist_ok=True)
    for training, published in unfinished(runs, work, ".pt"):
        train(architecture, training, published)
    work.rename(folder)


def find_all_weights(
    architecture: Architecture,
    runs: Iterable[Training],
    *,
    pruning: float,
    output_projection: bool,
    work: Path,
    masks: Path,
) -> None:
    """Fine-tune a model on each direction and keep that direction's largest weights (LaSS).

    `pruning` is the share of each tensor's weights to remove, 0 to 1. `runs` have one direction
    each; no fine-tuned model is kept. Masks that a killed job had finished stay in `work`, which
    is removed at the end.
    """
    work.mkdir(exist_ok=True)
    runs = list(runs)
    for training, path in unfinished(runs, work, ".npz"):
        state = read_checkpoint(run_fairseq(architecture, training))["model"]
        names = pruned_tensors(state, output_projection)
        kept = {name: keep_largest(state[name], pruning) for name in names}
        provenance: dict[str, str | float] = {"pruning": pruning}
        if training.parent:
            provenance["parent"] = file_hash(training.parent)
        WeightMasks.pack(training.directions[0], kept, provenance).save(path)
        remove_work_folder(training.save_dir)
    parts = [WeightMasks.load(work / f"{each.directions[0]}.npz") for each in runs]
    WeightMasks.join(parts).save(masks)
    shutil.rmtree(work)


def unfinished(
    runs: Iterable[Training], work: Path, suffix: str
) -> Iterator[tuple[Training, Path]]:
    """Yield the runs, one direction each, whose result is not in `work`, and its path."""
    for training in runs:
        result = work / f"{training.directions[0]}{suffix}"
        if result.is_file():
            shutil.rmtree(training.save_dir, ignore_errors=True)
        else:
            yield training, result


def run_fairseq(architecture: Architecture, training: Training) -> Path:
    """Run fairseq's training, resuming a killed run; return its best checkpoint."""
    check_device(training.device)
    check_diverged(training.save_dir)
    if training.parent:
        read_checkpoint(training.parent)  # fairseq's own error would not name the file
    progress = find_progress(training.save_dir, training.processes)
    if progress is None or not progress.is_finished(architecture):
        check_space(architecture, training)
        flags = training_flags(architecture, training)
        logger.info("fairseq-train %s", shlex.join(flags))
        patience = progress.patience if progress else {}
        if training.processes == 1:
            with deferring_signals():
                fairseq_train(flags, patience)
        else:
            train_together(flags, patience, training)
    best = training.save_dir / BEST
    if not best.is_file():
        raise InputError(
            f"{training.save_dir}: training ended without a validation; is max_updates 0?"
        )
    return best


def check_diverged(folder: Path) -> None:
    """Raise InputError if this run has diverged before: another attempt would do the same."""
    diverged = folder / DIVERGED
    if diverged.is_file():
        message = diverged.read_text(encoding="utf-8")
        raise InputError(f"{message}. To repeat it as it is, remove {folder}")


def check_space(architecture: Architecture, training: Training) -> None:
    """Raise InputError if the disk cannot hold the checkpoints of a run."""
    first = training.directions[0].split("-")
    folder = shard_folders(training.data)[0]
    sizes = [len(load_dictionary(folder, side, tags=training.language_tags)) for side in first]
    size = count_parameters(architecture, sizes, training.adapters)
    whole = FLOAT * (size.total + ADAM_MOMENTS * size.trainable)
    # the last ones, the best one and one that is being written; the published one
    needed = (CHECKPOINTS_KEPT + 2) * whole + FLOAT * size.total
    there = sum(path.stat().st_size for path in training.save_dir.glob("*.pt"))
    training.save_dir.mkdir(parents=True, exist_ok=True)
    require_space(training.save_dir, needed - there, "its checkpoints")


def training_digest(settings: object, data: Iterable[str], files: Iterable[str]) -> str:
    """Return twelve digits that change with the settings and the inputs of a run.

    For the folders of binarised corpora in `data` and their shards, this means the contents of
    the dictionaries and the sizes of all other files.
    """
    folders = [shard for folder in data for shard in shard_folders(Path(folder))]
    corpora = [path for folder in folders for path in sorted(folder.iterdir())]
    sizes = [(path.name, path.stat().st_size) for path in corpora]
    dictionaries = [path for path in corpora if path.name.startswith("dict")]
    hashes = [file_hash(path) for path in (*dictionaries, *map(Path, files))]
    return hashlib.sha256(repr((settings, sizes, hashes)).encode()).hexdigest()[:12]
