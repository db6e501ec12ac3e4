"""Neuron Specialization, from corpora to the paper's tables."""

from snakemake.utils import min_version

min_version("9.19")


configfile: f"{workflow.basedir}/config/config.yaml"


include: "rules/common.smk"


pathvars:
    dataset=f"<results>/{config['dataset']}",
    logs=f"<results>/{config['dataset']}/logs",
    benchmarks=f"<results>/{config['dataset']}/benchmarks",


wildcard_constraints:
    split="|".join(SPLITS),
    system="|".join(SYSTEMS),
    metric="|".join(config["metrics"]),


include: "rules/data.smk"
include: "rules/train.smk"
include: "rules/neurons.smk"
include: "rules/evaluate.smk"
include: "rules/analysis.smk"


localrules:
    all,
    corpora,
    train,
    masks,
    translate,
    scores,
    tables,


rule all:
    default_target: True
    input:
        rules.tables.input,
