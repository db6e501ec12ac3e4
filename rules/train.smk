"""Training of every system."""


rule train:
    """Target: the checkpoints of all systems."""
    localrule: True
    input:
        collect("<dataset>/models/{system}/checkpoint.pt", system=SYSTEMS),


rule train_system:
    """Train one system by fairseq, from scratch or from its parent's best checkpoint."""
    input:
        data=rules.binarise_corpora.output.folder,
        parent=parent_checkpoint,
        masks=system_masks,
        code=package_source("fairseq_plugin.training", "flags"),
    output:
        checkpoint="<dataset>/models/{system}/checkpoint.pt",
    log:
        "<logs>/train_system/{system}.log",
    benchmark:
        "<benchmarks>/train_system/{system}.jsonl"
    # nothing runs beside a baseline, while continuations run side by side
    threads: lambda wildcards: 1 if SYSTEMS[wildcards.system].parent else 2
    resources:
        gpu=int(config["device"] == "cuda"),
    conda:
        "../envs/training.yaml"
    params:
        architecture=lambda wildcards: architecture_of(wildcards.system),
        directions=lambda wildcards: directions_of(wildcards.system),
        seed=lambda wildcards: SYSTEMS[wildcards.system].seed,
        device=config["device"],
    message:
        "Train {wildcards.system}"
    script:
        "../scripts/train_system.py"
