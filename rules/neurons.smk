"""Activations, and the neurons selected from them."""


rule masks:
    """Target: all neuron masks."""
    input:
        plan.models.masks,
    localrule: True


rule record_activations:
    """Count the activations of every neuron for all directions in one process (section 3.1)."""
    input:
        checkpoint="<dataset>/models/{system}/seed{seed}/checkpoint.pt",
        data=plan.corpora.recorded,
        code=plan.code("fairseq_plugin.recording"),
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
        **plan.gpu_job(config["gpus"]),
    params:
        **plan.models.recording,
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
        **plan.models.recording,
        untrained=plan.models.seed,
    message:
        "Record the untrained model of {wildcards.system}, seed {wildcards.seed}"


rule select_neurons:
    """Select each direction's neurons, by Eq. 1 or at random; no forward pass."""
    input:
        counts=plan.models.parent_counts,
        code=plan.code("neurons.selection", "neurons.storage"),
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
        directions=plan.directions,
        selection=plan.models.selection,
        zero_shot=plan.models.zero_shot,
        pivot=plan.pivot,
        seed=plan.models.seed,
    message:
        "Select the neurons of {wildcards.system}, seed {wildcards.seed}"
    script:
        "../scripts/select_neurons.py"


rule cross_masks:
    """Score the references of each direction through the masks of the others of its side."""
    input:
        models=plan.models.of_job,
        masks="<dataset>/masks/{system}/seed{seed}.npz",
        data=plan.evaluation.first_test_data,
        code=plan.code("fairseq_plugin.cross_masks", "neurons.cross_masks"),
    output:
        csv="<dataset>/neurons/{system}/seed{seed}/cross_masks.csv",
    log:
        "<logs>/cross_masks/{system}.seed{seed}.log",
    benchmark:
        "<benchmarks>/cross_masks/{system}.seed{seed}.jsonl"
    wildcard_constraints:
        system=pattern(plan.models.masked),
    conda:
        "../envs/training.yaml"
    resources:
        **plan.gpu_job(config["gpus"]),
    params:
        **plan.evaluation.cross_masks,
    message:
        "Pass directions through each other's masks: {wildcards.system}, seed {wildcards.seed}"
    script:
        "../scripts/cross_masks.py"
