"""Entry point of the Snakefile: make the plan and the environment of its jobs."""

import os
from collections.abc import MutableMapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from neuron_specialization.errors import InputError
from neuron_specialization.settings.configuration import check_path
from neuron_specialization.workflow.dataset import pattern
from neuron_specialization.workflow.make_plan import make_plan
from neuron_specialization.workflow.paths import shown
from neuron_specialization.workflow.plan import Plan

__all__ = ["check_gpu", "pattern", "shown", "start"]
SHARED_KINDS = ("fine_tunes", "bilingual_models")
MIRROR = "NEURON_SPECIALIZATION_MIRROR"
"""Environment variable of `scripts/fetch_corpus.py`; it overrides the config if set."""


def start(
    config: MutableMapping[str, Any],
    root: str,
    files: Sequence[str],
    gather: Any,
    is_main_process: bool = True,
) -> Plan:
    """Make the plan, and set the environment so that jobs find the package and the mirror.

    Args:
        config: Snakemake's configuration; defaults are filled in place.
        root: folder of the project.
        files: the files of the configuration.
        gather: Snakemake's `gather`, which determines the number of jobs that share small runs.
        is_main_process: whether this is the user's process, not a job's.

    Raises:
        WorkflowError: the configuration is invalid.
    """
    try:
        check_path(root)
        shards = {kind: getattr(gather, kind)("{scatteritem}") for kind in SHARED_KINDS}
        plan = make_plan(config, Path(root).resolve(), shards=shards, files=list(map(Path, files)))
    except InputError as error:
        raise WorkflowError(str(error)) from None
    if is_main_process:
        results = Path("results") / plan.config["dataset"]
        for warning in (*plan.corpora.warnings(results), *plan.evaluation.warnings()):
            logger.warning(warning)
    # so that jobs need no installed package, here or on a cluster
    os.environ["PYTHONPATH"] = str(plan.root / "src")
    os.environ.setdefault(MIRROR, plan.downloads.mirror)
    return plan


def check_gpu(workflow: Any) -> None:
    """Raise WorkflowError before the first job if a job needs a GPU that torch cannot use.

    Jobs that are submitted or have conda environments check for themselves.
    """
    jobs = workflow.dag.needrun_jobs()
    is_own = workflow.local_exec and not workflow.deployment_settings.deployment_method
    if is_own and any(job.resources.get("gpu") for job in jobs) and find_spec("torch"):
        from neuron_specialization.fairseq_plugin.models import check_device

        try:
            check_device("cuda")
        except InputError as error:
            raise WorkflowError(str(error)) from None
