"""Translations of the test splits, and their scores."""


rule translate:
    """Target: the translations of all systems."""
    input:
        collect(
            collect(
                "<dataset>/translations/{split}/{system}/seed{seed}",
                zip,
                allow_missing=True,
                **trainings(),
            ),
            split=config["test_splits"],
        ),


rule translate_split:
    """Translate a test split in all directions of a system, in one process."""
    input:
        models=models_of,
        base=parent_file(
            "<dataset>/models/{system}/seed{seed}/checkpoint.pt", "adapter"
        ),
        masks=masks_of,
        weight_masks=weight_masks_of,
        data=data_of,
        vocabularies=lambda wildcards: collect(
            rules.learn_vocabulary.output.folder,
            vocabulary=vocabularies_of(system_of(wildcards)),
        ),
        code=package_source("fairseq_plugin.decoding"),
    output:
        folder=directory("<dataset>/translations/{split}/{system}/seed{seed}"),
    log:
        "<logs>/translate_split/{split}.{system}.seed{seed}.log",
    benchmark:
        "<benchmarks>/translate_split/{split}.{system}.seed{seed}.jsonl"
    conda:
        "../envs/training.yaml"
    resources:
        gpu=int(config["device"] == "cuda"),
    params:
        directions=directions_of,
        decoding=config["decoding"],
        device=config["device"],
    message:
        "Translate {wildcards.split} with {wildcards.system}, seed {wildcards.seed}"
    script:
        "../scripts/translate_split.py"


rule scores:
    """Target: the scores of all systems."""
    input:
        collect(
            collect(
                "<dataset>/scores/{split}/{system}/seed{seed}.csv",
                zip,
                allow_missing=True,
                **trainings(),
            ),
            split=config["test_splits"],
        ),


rule score_system:
    """Score every direction of a system against the references."""
    input:
        translations=rules.translate_split.output.folder,
        references=lambda wildcards: aligned_files([wildcards.split]),
        code=package_source("evaluation.scoring"),
    output:
        scores="<dataset>/scores/{split}/{system}/seed{seed}.csv",
    log:
        "<logs>/score_system/{split}.{system}.seed{seed}.log",
    conda:
        "../envs/evaluation.yaml"
    params:
        directions=directions_of,
        metrics=config["metrics"],
        pivot=PIVOT,
    message:
        "Score the translations of {wildcards.split} by {wildcards.system}, seed {wildcards.seed}"
    script:
        "../scripts/score_system.py"
