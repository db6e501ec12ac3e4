"""Neuron Specialization, from corpora to the paper's tables."""

import sys

from snakemake.utils import min_version

min_version("9.19")
ROOT = str(workflow.current_basedir)
sys.path.insert(0, f"{ROOT}/src")

from neuron_specialization.workflow.start import check_gpu, pattern, shown, start

# another dataset's file says all of it: nothing of the built-in corpus shines through
if "dataset" not in config:

    configfile: f"{ROOT}/config/config.yaml"


report: "report/workflow.rst"


# jobs that train several small models, one after the other; --set-scatter changes their number
scattergather:
    fine_tunes=2,
    bilingual_models=2,


plan = start(config, ROOT, workflow.configfiles, gather, workflow.is_main_process)


pathvars:
    **plan.path_variables,


wildcard_constraints:
    **plan.wildcards,


for stage in ("download", "data", "train", "neurons", "evaluate", "tables", "figures"):

    include: f"rules/{stage}.smk"


rule all:
    default_target: True
    input:
        plan.tables.all,
        plan.claims.table,
        plan.figures.all,
    localrule: True
