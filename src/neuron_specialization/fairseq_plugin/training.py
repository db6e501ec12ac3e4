"""Training by fairseq's own trainer, as `fairseq-train` would run it."""

import hashlib
import logging
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from fairseq_cli.train import cli_main

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.checkpoints import (
    file_hash,
    publish_checkpoint,
    read_checkpoint,
)

logger = logging.getLogger(__name__)


def train(flags: Sequence[str], *, parent: Path | None, work_folder: Path, published: Path) -> None:
    """Train a system and publish its best checkpoint.

    Args:
        flags: the arguments of `fairseq-train`.
        parent: the checkpoint to continue from, named in the flags too.
        work_folder: fairseq's checkpoints; training resumes from the last one found there. The
            folder is removed when the best checkpoint has been published.
        published: the finished model, without optimiser state.
    """
    if parent:
        read_checkpoint(parent)  # fairseq's own error would not name the file
    logger.info("fairseq-train %s", shlex.join(flags))
    sys.argv = ["fairseq-train", *flags]
    cli_main()
    best = work_folder / "checkpoint_best.pt"
    if not best.is_file():
        raise InputError(f"{work_folder}: training ended without a validation; is max_updates 0?")
    publish_checkpoint(best, published)
    shutil.rmtree(work_folder)


def training_digest(settings: object, data: Path, parent: Path | None, masks: Path | None) -> str:
    """Twelve digits that change with the settings of a training and with what it reads.

    Of the binarised corpora in `data` the dictionary is read, and the sizes of the other files.
    """
    sizes = [(path.name, path.stat().st_size) for path in sorted(data.iterdir())]
    hashes = [file_hash(path) for path in (data / "dict.txt", parent, masks) if path]
    return hashlib.sha256(repr((settings, sizes, hashes)).encode()).hexdigest()[:12]
