"""Training of every system."""


rule train:
    """Target: the checkpoints of all systems."""
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
    conda:
        "../envs/training.yaml"
    resources:
        gpu=int(config["device"] == "cuda"),
    params:
        architecture=lambda wildcards: architecture_of(wildcards.system),
        directions=lambda wildcards: directions_of(wildcards.system),
        seed=lambda wildcards: SYSTEMS[wildcards.system].seed,
        device=config["device"],
    message:
        "Train {wildcards.system}"
    script:
        "../scripts/train_system.py"
