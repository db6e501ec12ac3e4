"""Neuron Specialization, from corpora to the paper's tables."""

from snakemake.utils import min_version

min_version("9.19")


# another dataset's file says all of it: nothing of the built-in corpus shines through
if "dataset" not in config:

    configfile: f"{workflow.basedir}/config/config.yaml"


report: "report/workflow.rst"


include: "rules/scheduling.smk"
include: "rules/common.smk"


# of one machine: a cluster runs as many GPU jobs at a time as it has room for
resource_scopes:
    gpu_jobs="local",


pathvars:
    dataset=f"<results>/{config['dataset']}",
    downloads=str(DOWNLOADS),
    logs=f"<results>/{config['dataset']}/logs",
    benchmarks=f"<results>/{config['dataset']}/benchmarks",


wildcard_constraints:
    split="|".join({**SPLITS, **dict.fromkeys(config["test_splits"])}),
    system="|".join(SYSTEMS),
    seed=r"\d+",
    vocabulary="|".join(["joint", *PAIRS]),
    table="|".join(TABLES),
    metric="|".join([*config["metrics"], *UNTOUCHED_METRICS]),
    corpus="|".join(SOURCES),
    counting="sentence|token",
    k=r"\d+(\.\d+)?",


include: "rules/inputs.smk"
include: "rules/analysed.smk"
include: "rules/sources.smk"
include: "rules/download.smk"
include: "rules/data.smk"
include: "rules/train.smk"
include: "rules/neurons.smk"
include: "rules/evaluate.smk"
include: "rules/analysis.smk"
include: "rules/setup.smk"
include: "rules/figures.smk"
include: "rules/run.smk"


localrules:
    all,
    download,
    fetch_corpus,
    fetch_comet,
    corpora,
    train,
    masks,
    translate,
    scores,
    tables,
    parameters,
    figures,
    merged,


rule all:
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,
