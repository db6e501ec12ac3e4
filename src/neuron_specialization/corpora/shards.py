"""Binarised corpora in one folder, or in shards: fairseq reads one shard folder per epoch.

The train split is distributed over the shards; other splits are only in the first shard.
"""

import os
import re
from pathlib import Path

from neuron_specialization.errors import InputError

SHARD = re.compile(r"shard(0|[1-9]\d*)")


def shard_name(number: int) -> str:
    """Return the folder name of a shard."""
    return f"shard{number}"


def shard_folders(folder: Path) -> list[Path]:
    """Return the shards in a folder of binarised corpora in order, or the folder if unsharded.

    Raises:
        InputError: a shard between the first and the last is missing.
    """
    names = {path.name for path in folder.glob("shard*") if SHARD.fullmatch(path.name)}
    expected = [shard_name(number) for number in range(len(names))]
    missing = [name for name in expected if name not in names]
    if missing:
        raise InputError(
            f"{folder}: no {missing[0]} next to {', '.join(sorted(names))}; shards are numbered "
            "from 0 without gaps; add the missing one"
        )
    return [folder / name for name in expected] or [folder]


def fairseq_data(folder: Path) -> str:
    """Return the data argument of fairseq: the shards, joined by ':'.

    Raise InputError if a path has a colon, at which fairseq would split it.
    """
    found = map(str, shard_folders(folder))
    shards = [os.path.relpath(shard) if ":" in shard else shard for shard in found]
    if any(":" in shard for shard in shards):
        raise InputError(
            f"{folder}: has a colon, at which fairseq splits paths; rename the folder, or make it "
            "the working directory"
        )
    return ":".join(shards)
