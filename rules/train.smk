"""Training of every system."""


# the limit is per machine: a cluster schedules its own GPU jobs
resource_scopes:
    gpu_jobs="local",


onstart:
    check_gpu(workflow)


rule train:
    """Target: the models of all systems."""
    input:
        plan.models.all,
    localrule: True


rule train_system:
    """Train one system by fairseq, from scratch or from its parent's best checkpoint."""
    input:
        unpack(plan.models.direction_files),
        data=plan.corpora.binarised,
        parent=plan.models.parent,
        code=plan.code("fairseq_plugin.training"),
    output:
        checkpoint="<dataset>/models/{system}/seed{seed}/checkpoint.pt",
        curve="<dataset>/models/{system}/seed{seed}/checkpoint.curve.csv",
    log:
        "<logs>/train_system/{system}.seed{seed}.log",
    benchmark:
        "<benchmarks>/train_system/{system}.seed{seed}.jsonl"
    wildcard_constraints:
        system=pattern(plan.trained),
    priority: 1
    conda:
        "../envs/training.yaml"
    resources:
        **plan.gpu_job(config["gpus"]),
    params:
        **plan.models.training,
        architecture=plan.models.architecture,
        adapters=plan.models.adapters,
    message:
        "Train {wildcards.system}, seed {wildcards.seed}"
    script:
        "../scripts/train_system.py"


rule import_checkpoint:
    """Import a checkpoint that was trained elsewhere, densely or with its neurons alone."""
    input:
        unpack(plan.models.direction_files),
        local=plan.models.local_checkpoint,
        fetched_checkpoint=ancient(plan.models.fetched_checkpoint),
        data=plan.corpora.binarised,
        vocabulary=plan.vocabularies.given_files,
        fetched=ancient(plan.vocabularies.fetched),
        code=plan.code("fairseq_plugin.importing"),
    output:
        checkpoint="<dataset>/models/{system}/seed{seed}/checkpoint.pt",
    log:
        "<logs>/import_checkpoint/{system}.seed{seed}.log",
    wildcard_constraints:
        system=pattern(plan.from_checkpoint),
    conda:
        "../envs/training.yaml"
    params:
        architecture=plan.models.architecture,
        checkpoint=plan.models.checkpoint,
        directions=plan.directions,
        dictionary=plan.vocabularies.given.get("dictionary"),
        codes=plan.vocabularies.codes,
        trusted=config["trust_checkpoints"],
    message:
        "Import the checkpoint of {wildcards.system}"
    script:
        "../scripts/import_checkpoint.py"


rule train_bilingual:
    """Train one shard of a system's bilingual models, one after the other."""
    input:
        data=plan.corpora.binarised,
        code=plan.code("fairseq_plugin.training"),
    output:
        folder=directory("<dataset>/models/{system}/seed{seed}/{scatteritem}"),
    log:
        "<logs>/train_bilingual/{system}.seed{seed}.{scatteritem}.log",
    benchmark:
        "<benchmarks>/train_bilingual/{system}.seed{seed}.{scatteritem}.jsonl"
    conda:
        "../envs/training.yaml"
    resources:
        **plan.gpu_job(),
    params:
        **plan.models.training,
        architecture=plan.models.architecture,
    message:
        "Train {wildcards.system}, seed {wildcards.seed}, part {wildcards.scatteritem}"
    script:
        "../scripts/train_bilingual.py"


rule fine_tune_directions:
    """Fine-tune one shard of a LaSS system's directions, and prune each model to its mask."""
    input:
        data=plan.corpora.binarised,
        parent=plan.models.parent,
        code=plan.code("fairseq_plugin.training"),
    output:
        masks="<dataset>/weight_masks/{system}/seed{seed}/{scatteritem}.npz",
    log:
        "<logs>/fine_tune_directions/{system}.seed{seed}.{scatteritem}.log",
    benchmark:
        "<benchmarks>/fine_tune_directions/{system}.seed{seed}.{scatteritem}.jsonl"
    priority: 2
    conda:
        "../envs/training.yaml"
    resources:
        **plan.gpu_job(),
    params:
        **plan.models.training,
        architecture=plan.models.fine_tuning,
        pruning=lambda wildcards: plan.row(wildcards).pruning,
        output_projection=lambda wildcards: plan.row(wildcards).output_projection,
    message:
        "Fine-tune for {wildcards.system}, seed {wildcards.seed}, part {wildcards.scatteritem}"
    script:
        "../scripts/fine_tune_directions.py"
