"""What the Snakefile calls: the plan, and the environment of its jobs."""

import os
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any

from snakemake.exceptions import WorkflowError

from neuron_specialization.errors import InputError
from neuron_specialization.workflow.dataset import pattern
from neuron_specialization.workflow.make_plan import make_plan
from neuron_specialization.workflow.paths import shown
from neuron_specialization.workflow.plan import Plan

__all__ = ["pattern", "shown", "start"]
SHARED_KINDS = ("fine_tunes", "bilingual_models")
MIRROR = "NEURON_SPECIALIZATION_MIRROR"
"""Environment variable of `scripts/fetch_corpus.py`; one that is set comes before the config."""


def start(config: MutableMapping[str, Any], root: str, files: Sequence[str], gather: Any) -> Plan:
    """Make the plan, and let jobs find the package and the mirror.

    Args:
        config: Snakemake's configuration; defaults are filled in.
        root: folder of the project.
        files: the files of the configuration.
        gather: Snakemake's, which knows how many jobs small runs are divided among.

    Raises:
        WorkflowError: the configuration has something wrong.
    """
    shards = {kind: getattr(gather, kind)("{scatteritem}") for kind in SHARED_KINDS}
    try:
        plan = make_plan(config, Path(root).resolve(), shards=shards, files=list(map(Path, files)))
    except InputError as error:
        raise WorkflowError(str(error)) from None
    # installed or not, on this machine or on a cluster
    os.environ["PYTHONPATH"] = str(plan.root / "src")
    os.environ.setdefault(MIRROR, plan.downloads.mirror)
    return plan
