"""Binarised corpora in one folder, or in shards: folders of which training reads one per epoch.

Training is shared out among the shards; the other splits are in the first alone.
"""

import re
from pathlib import Path

from neuron_specialization.errors import InputError

SHARD = re.compile(r"shard(0|[1-9]\d*)")


def shard_name(number: int) -> str:
    """The name of a shard's folder."""
    return f"shard{number}"


def shard_folders(folder: Path) -> list[Path]:
    """The shards in a folder of binarised corpora, in order; the folder itself if it has none.

    Raises:
        InputError: a shard between the first and the last is missing.
    """
    names = {path.name for path in folder.glob("shard*") if SHARD.fullmatch(path.name)}
    expected = [shard_name(number) for number in range(len(names))]
    missing = [name for name in expected if name not in names]
    if missing:
        raise InputError(
            f"{folder}: no {missing[0]} beside {', '.join(sorted(names))}; shards are numbered "
            "from 0 without gaps, bring the missing one"
        )
    return [folder / name for name in expected] or [folder]


def fairseq_data(folder: Path) -> str:
    """What fairseq takes for the data of a training: the shards, joined by ':'."""
    return ":".join(str(shard) for shard in shard_folders(folder))
