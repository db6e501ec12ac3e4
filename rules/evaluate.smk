"""Translations of the test splits, and their scores."""


rule translate:
    """Target: the translations of all systems."""
    input:
        collect(
            "<dataset>/translations/{split}/{system}",
            split=config["test_splits"],
            system=SYSTEMS,
        ),


rule translate_split:
    """Translate a test split in all directions of a system, in one process."""
    input:
        checkpoint=rules.train_system.output.checkpoint,
        masks=system_masks,
        data=rules.binarise_corpora.output.folder,
        vocabulary=rules.learn_vocabulary.output.model,
        code=package_source("fairseq_plugin.decoding"),
    output:
        folder=directory("<dataset>/translations/{split}/{system}"),
    log:
        "<logs>/translate_split/{split}.{system}.log",
    benchmark:
        "<benchmarks>/translate_split/{split}.{system}.jsonl"
    conda:
        "../envs/training.yaml"
    resources:
        gpu=int(config["device"] == "cuda"),
    params:
        directions=lambda wildcards: directions_of(wildcards.system),
        decoding=config["decoding"],
        device=config["device"],
    message:
        "Translate {wildcards.split} with {wildcards.system}"
    script:
        "../scripts/translate_split.py"


rule scores:
    """Target: the scores of all systems."""
    input:
        collect(
            "<dataset>/scores/{split}/{system}.csv",
            split=config["test_splits"],
            system=SYSTEMS,
        ),


rule score_system:
    """Score every direction of a system against the references."""
    input:
        translations=rules.translate_split.output.folder,
        references=lambda wildcards: aligned_files(wildcards.split),
        code=package_source("evaluation.scoring"),
    output:
        scores="<dataset>/scores/{split}/{system}.csv",
    log:
        "<logs>/score_system/{split}.{system}.log",
    conda:
        "../envs/evaluation.yaml"
    params:
        directions=lambda wildcards: directions_of(wildcards.system),
        metrics=config["metrics"],
        pivot=PIVOT,
    message:
        "Score the translations of {wildcards.split} by {wildcards.system}"
    script:
        "../scripts/score_system.py"
