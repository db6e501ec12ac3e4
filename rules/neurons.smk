"""From a trained model to the neurons of each direction."""


rule masks:
    """Target: the neuron masks of all systems that have some."""
    input:
        collect(
            "<dataset>/masks/{system}/seed{seed}.npz",
            zip,
            **trainings("neuron_specialization"),
        ),


rule record_activations:
    """Count the activations of every neuron, all directions in one process (section 3.2)."""
    input:
        checkpoint="<dataset>/models/{system}/seed{seed}/checkpoint.pt",
        data=data_of,
        code=package_source("fairseq_plugin.recording"),
    output:
        counts="<dataset>/activations/{system}/seed{seed}.npz",
    log:
        "<logs>/record_activations/{system}.seed{seed}.log",
    benchmark:
        "<benchmarks>/record_activations/{system}.seed{seed}.jsonl"
    priority: 2
    conda:
        "../envs/training.yaml"
    resources:
        **gpu_job(config["gpus"]),
    params:
        directions=directions_of,
        recording=config["recording"],
        device=config["device"],
        untrained=None,
    message:
        "Record the activations of {wildcards.system}, seed {wildcards.seed}"
    script:
        "../scripts/record_activations.py"


use rule record_activations as record_untrained with:
    output:
        counts="<dataset>/activations/{system}/seed{seed}.untrained.npz",
    log:
        "<logs>/record_untrained/{system}.seed{seed}.log",
    benchmark:
        "<benchmarks>/record_untrained/{system}.seed{seed}.jsonl"
    priority: 0
    params:
        directions=directions_of,
        recording=config["recording"],
        device=config["device"],
        untrained=lambda wildcards: int(wildcards.seed),
    message:
        "Record {wildcards.system} as it was before its training with seed {wildcards.seed}"


rule select_neurons:
    """Select each direction's neurons, by Eq. 1 or at random; no forward pass."""
    input:
        counts=parent_file("<dataset>/activations/{system}/seed{seed}.npz"),
        code=package_source("neurons.selection", "neurons.storage"),
    output:
        masks="<dataset>/masks/{system}/seed{seed}.npz",
    log:
        "<logs>/select_neurons/{system}.seed{seed}.log",
    benchmark:
        "<benchmarks>/select_neurons/{system}.seed{seed}.jsonl"
    priority: 2
    conda:
        "../envs/data.yaml"
    params:
        directions=directions_of,
        k=lambda wildcards: system_of(wildcards).k,
        counting=lambda wildcards: system_of(wildcards).counting,
        kept=lambda wildcards: system_of(wildcards).kept,
        shuffled=lambda wildcards: system_of(wildcards).shuffled,
        stacks=lambda wildcards: system_of(wildcards).stacks,
        seed=lambda wildcards: int(wildcards.seed),
    message:
        "Select the neurons of {wildcards.system}, seed {wildcards.seed}"
    script:
        "../scripts/select_neurons.py"
