"""From a trained model to the neurons of each direction."""


rule masks:
    """Target: the neuron masks of all systems that have some."""
    input:
        collect(
            "<dataset>/masks/{system}.npz",
            system=[
                name
                for name, row in SYSTEMS.items()
                if row.method == "neuron_specialization"
            ],
        ),


rule record_activations:
    """Count the activations of every neuron, all directions in one process (section 3.2)."""
    input:
        checkpoint=rules.train_system.output.checkpoint,
        data=rules.binarise_corpora.output.folder,
        code=package_source("fairseq_plugin.recording"),
    output:
        counts="<dataset>/activations/{system}.npz",
    log:
        "<logs>/record_activations/{system}.log",
    benchmark:
        "<benchmarks>/record_activations/{system}.jsonl"
    conda:
        "../envs/training.yaml"
    resources:
        gpu=int(config["device"] == "cuda"),
    params:
        directions=lambda wildcards: directions_of(wildcards.system),
        recording=config["recording"],
        device=config["device"],
    message:
        "Record the activations of {wildcards.system}"
    script:
        "../scripts/record_activations.py"


rule select_neurons:
    """Select each direction's neurons, by Eq. 1 or at random; no forward pass."""
    input:
        counts=lambda wildcards: collect(
            rules.record_activations.output.counts,
            system=SYSTEMS[wildcards.system].parent,
        ),
        code=package_source("neurons.selection", "neurons.storage"),
    output:
        masks="<dataset>/masks/{system}.npz",
    log:
        "<logs>/select_neurons/{system}.log",
    conda:
        "../envs/data.yaml"
    params:
        directions=lambda wildcards: directions_of(wildcards.system),
        k=lambda wildcards: SYSTEMS[wildcards.system].k,
        counting=lambda wildcards: SYSTEMS[wildcards.system].counting,
        kept=lambda wildcards: SYSTEMS[wildcards.system].kept,
        stacks=lambda wildcards: SYSTEMS[wildcards.system].stacks,
        seed=lambda wildcards: SYSTEMS[wildcards.system].seed,
    message:
        "Select the neurons of {wildcards.system}"
    script:
        "../scripts/select_neurons.py"
