"""Training of every system."""


# jobs that train several small models, one after the other; --set-scatter changes their number
scattergather:
    fine_tunes=2,
    bilingual_models=2,


rule train:
    """Target: the models of all systems."""
    input:
        [trained_models(*training) for training in zip(*trainings().values())],


rule train_system:
    """Train one system by fairseq, from scratch or from its parent's best checkpoint."""
    input:
        data=data_of,
        parent=parent_file(
            "<dataset>/models/{system}/seed{seed}/checkpoint.pt",
            "multilingual",
            "lass",
            "neuron_specialization",
        ),
        base=parent_file(
            "<dataset>/models/{system}/seed{seed}/checkpoint.pt", "adapter"
        ),
        masks=masks_of,
        weight_masks=weight_masks_of,
        code=package_source("fairseq_plugin.training"),
    output:
        checkpoint="<dataset>/models/{system}/seed{seed}/checkpoint.pt",
        curve="<dataset>/models/{system}/seed{seed}/checkpoint.curve.csv",
    log:
        "<logs>/train_system/{system}.seed{seed}.log",
    benchmark:
        "<benchmarks>/train_system/{system}.seed{seed}.jsonl"
    wildcard_constraints:
        system="|".join(LEARNED),
    priority: 1
    conda:
        "../envs/training.yaml"
    resources:
        **gpu_job(config["gpus"]),
    params:
        architecture=architecture_of,
        directions=directions_of,
        adapters=adapters_of,
        seed=lambda wildcards: int(wildcards.seed),
        device=config["device"],
    message:
        "Train {wildcards.system}, seed {wildcards.seed}"
    script:
        "../scripts/train_system.py"


rule import_checkpoint:
    """Take a checkpoint that was trained elsewhere as if it had been trained here."""
    input:
        checkpoint=lambda wildcards: str(PROJECT / system_of(wildcards).checkpoint),
        data=data_of,
        vocabulary=lambda wildcards: vocabulary_inputs(),
        code=package_source("fairseq_plugin.importing"),
    output:
        checkpoint="<dataset>/models/{system}/seed{seed}/checkpoint.pt",
    log:
        "<logs>/import_checkpoint/{system}.seed{seed}.log",
    wildcard_constraints:
        system="|".join(GIVEN),
    conda:
        "../envs/training.yaml"
    params:
        architecture=architecture_of,
        directions=directions_of,
        dictionary=lambda wildcards: given_vocabulary().get("dictionary"),
        trusted=config["trust_checkpoints"],
    message:
        "Import the checkpoint of {wildcards.system}"
    script:
        "../scripts/import_checkpoint.py"


rule train_bilingual:
    """Train a shard of the bilingual models of a system, one after the other."""
    input:
        data=data_of,
        code=package_source("fairseq_plugin.training"),
    output:
        folder=directory("<dataset>/models/{system}/seed{seed}/{scatteritem}"),
    log:
        "<logs>/train_bilingual/{system}.seed{seed}.{scatteritem}.log",
    benchmark:
        "<benchmarks>/train_bilingual/{system}.seed{seed}.{scatteritem}.jsonl"
    conda:
        "../envs/training.yaml"
    resources:
        **gpu_job(),
    params:
        architecture=architecture_of,
        directions=directions_of,
        seed=lambda wildcards: int(wildcards.seed),
        device=config["device"],
    message:
        "Train {wildcards.system}, seed {wildcards.seed}, part {wildcards.scatteritem}"
    script:
        "../scripts/train_bilingual.py"


rule fine_tune_directions:
    """Fine-tune a shard of the directions of a LaSS system and prune each to its weights."""
    input:
        data=data_of,
        parent=parent_file("<dataset>/models/{system}/seed{seed}/checkpoint.pt"),
        code=package_source("fairseq_plugin.training"),
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
        **gpu_job(),
    params:
        architecture=lambda wildcards: system_architecture(
            system_of(wildcards), SYSTEMS, config["architectures"], fine_tuning=True
        ),
        directions=directions_of,
        pruning=lambda wildcards: system_of(wildcards).pruning,
        output_projection=lambda wildcards: system_of(wildcards).output_projection,
        seed=lambda wildcards: int(wildcards.seed),
        device=config["device"],
    message:
        "Fine-tune for {wildcards.system}, seed {wildcards.seed}, part {wildcards.scatteritem}"
    script:
        "../scripts/fine_tune_directions.py"
