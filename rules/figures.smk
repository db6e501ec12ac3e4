"""The paper's figures, each as PDF and PNG with the data behind it as CSV."""

NEURON_FIGURES = [
    *["figure1", "figure2", "figure5", "figure6", "figure7", "figure8"],
    "dendrograms",
]


rule figures:
    """Target: all figures."""
    input:
        collect(
            collect(
                "<dataset>/neurons/{system}/seed{seed}/{counting}.k{k}/{figure}.pdf",
                zip,
                allow_missing=True,
                **analysed_trainings(),
            ),
            figure=NEURON_FIGURES,
        ),
        collect(
            "<dataset>/neurons/{system}/seed{seed}/explorer.html",
            zip,
            **trainings(systems=ANALYSED),
        ),
        collect(
            "<dataset>/figures/{split}/{figure}.{metric}.pdf",
            split=config["test_splits"],
            figure=[
                *TABLE_FIGURES,
                *(["figure4"] if SWEEP else []),
                *(["gains"] if GAINS else []),
            ],
            metric=config["metrics"],
        ),


rule measure_neurons:
    """Overlap and sparsity of the neurons, for any k and counting; no forward pass."""
    input:
        counts="<dataset>/activations/{system}/seed{seed}.npz",
        untrained="<dataset>/activations/{system}/seed{seed}.untrained.npz",
        distances=local_distances(),
        code=package_source(
            "neurons.family_statistics", "neurons.distances", "tables.writers"
        ),
    output:
        overlap="<dataset>/neurons/{system}/seed{seed}/{counting}.k{k}/overlap.csv",
        sparsity="<dataset>/neurons/{system}/seed{seed}/{counting}.k{k}/sparsity.csv",
        families="<dataset>/neurons/{system}/seed{seed}/{counting}.k{k}/families.csv",
        relations="<dataset>/neurons/{system}/seed{seed}/{counting}.k{k}/relations.csv",
        markdown="<dataset>/neurons/{system}/seed{seed}/{counting}.k{k}/relations.md",
        latex="<dataset>/neurons/{system}/seed{seed}/{counting}.k{k}/relations.tex",
        html=report(
            "<dataset>/neurons/{system}/seed{seed}/{counting}.k{k}/relations.html",
            caption="../report/relations.rst",
            category="Neurons",
            labels=neuron_labels("Families"),
        ),
    log:
        "<logs>/measure_neurons/{system}.seed{seed}.{counting}.k{k}.log",
    conda:
        "../envs/figures.yaml"
    params:
        languages=[vars(LANGUAGES[code]) for code in OTHERS],
        pivot=PIVOT,
        label=lambda wildcards: system_of(wildcards).label,
        distances=config["analysis"]["distances"],
        seed=config["seed"],
    message:
        "Measure the neurons of {wildcards.system}, seed {wildcards.seed}, k = {wildcards.k} %"
    script:
        "../scripts/measure_neurons.py"


rule draw_neurons:
    """Overlap and sparsity as pictures (Figures 1, 2, 5, 6, 7, 8), and dendrograms."""
    input:
        overlap=rules.measure_neurons.output.overlap,
        sparsity=rules.measure_neurons.output.sparsity,
        code=package_source("figures.neurons"),
    output:
        figure1=neuron_figure("figure1", "Figure 1: first decoder layer", "heat_map"),
        figure2=neuron_figure("figure2", "Figure 2: overlap by layer", "figure2"),
        figure5=neuron_figure("figure5", "Figure 5: sparsity by layer", "figure5"),
        figure6=neuron_figure("figure6", "Figure 6: first encoder layer", "heat_map"),
        figure7=neuron_figure("figure7", "Figure 7: last encoder layer", "heat_map"),
        figure8=neuron_figure("figure8", "Figure 8: last decoder layer", "heat_map"),
        dendrograms=neuron_figure("dendrograms", "Dendrograms", "dendrograms"),
    log:
        "<logs>/draw_neurons/{system}.seed{seed}.{counting}.k{k}.log",
    conda:
        "../envs/figures.yaml"
    params:
        families={code: LANGUAGES[code].family for code in OTHERS},
        pivot=PIVOT,
        heat_maps=config["analysis"]["heat_maps"],
    message:
        "Draw the neurons of {wildcards.system}, seed {wildcards.seed}, k = {wildcards.k} %"
    script:
        "../scripts/draw_neurons.py"


rule make_explorer:
    """A page to explore the neurons with: any layer, k and counting."""
    input:
        counts="<dataset>/activations/{system}/seed{seed}.npz",
        template=str(PROJECT / "src/neuron_specialization/figures/explorer.html"),
        code=package_source("figures.explorer"),
    output:
        html=report(
            "<dataset>/neurons/{system}/seed{seed}/explorer.html",
            caption="../report/explorer.rst",
            category="Neurons",
            labels=neuron_labels("Explorer", k="any", counting="both"),
        ),
    log:
        "<logs>/make_explorer/{system}.seed{seed}.log",
    conda:
        "../envs/figures.yaml"
    params:
        languages=[vars(LANGUAGES[code]) for code in OTHERS],
        pivot=PIVOT,
        title=lambda wildcards: f"{config['dataset']}, {system_of(wildcards).label}",
        k=config["analysis"]["k"],
        counting=config["analysis"]["counting"],
    message:
        "Make the explorer of {wildcards.system}, seed {wildcards.seed}"
    script:
        "../scripts/make_explorer.py"


rule draw_languages:
    """The differences of a table by language as bars (Figure 3)."""
    input:
        table=lambda wildcards: collect(
            rules.make_table.output.csv,
            table=TABLE_FIGURES[wildcards.figure],
            **wildcards,
        ),
        code=package_source("figures.scores"),
    output:
        pdf="<dataset>/figures/{split}/{figure}.{metric}.pdf",
        png=report(
            "<dataset>/figures/{split}/{figure}.{metric}.png",
            caption="../report/figure3.rst",
            category="Scores",
            labels={"item": "{figure}", "metric": "{metric}", "split": "{split}"},
        ),
        csv="<dataset>/figures/{split}/{figure}.{metric}.csv",
    log:
        "<logs>/draw_languages/{split}.{figure}.{metric}.log",
    wildcard_constraints:
        figure="|".join(TABLE_FIGURES) or NOTHING[0],
    conda:
        "../envs/figures.yaml"
    params:
        languages=OTHERS,
        pivot=PIVOT,
    message:
        "Draw {wildcards.figure} of {wildcards.split} in {wildcards.metric}"
    script:
        "../scripts/draw_languages.py"


rule draw_sweep:
    """The improvement over the parent against k, beside the continued baseline (Figure 4)."""
    input:
        scores=lambda wildcards: collect(
            "<dataset>/scores/{split}/{system}/seed{seed}.csv",
            zip,
            allow_missing=True,
            **sweep_trainings(),
        ),
        parents=lambda wildcards: collect(
            "<dataset>/scores/{split}/{parent}/seed{parent_seed}.csv",
            zip,
            allow_missing=True,
            **sweep_trainings(),
        ),
        code=package_source("figures.scores"),
    output:
        pdf="<dataset>/figures/{split}/figure4.{metric}.pdf",
        png=report(
            "<dataset>/figures/{split}/figure4.{metric}.png",
            caption="../report/figure4.rst",
            category="Scores",
            labels={"item": "figure4", "metric": "{metric}", "split": "{split}"},
        ),
        csv="<dataset>/figures/{split}/figure4.{metric}.csv",
    log:
        "<logs>/draw_sweep/{split}.{metric}.log",
    conda:
        "../envs/figures.yaml"
    params:
        trainings=sweep_trainings(),
        labels=sweep_labels(),
        pivot=PIVOT,
    message:
        "Draw the sweep of k on {wildcards.split} in {wildcards.metric}"
    script:
        "../scripts/draw_sweep.py"


rule draw_gains:
    """The differences to the continued baselines, with intervals over seeds."""
    input:
        gains=lambda wildcards: collect(
            rules.make_table.output.gains, table=GAINS, **wildcards
        ),
        code=package_source("figures.scores", "tables.comparisons"),
    output:
        pdf="<dataset>/figures/{split}/gains.{metric}.pdf",
        png=report(
            "<dataset>/figures/{split}/gains.{metric}.png",
            caption="../report/gains.rst",
            category="Scores",
            labels={"item": "gains", "metric": "{metric}", "split": "{split}"},
        ),
        csv="<dataset>/figures/{split}/gains.{metric}.csv",
    log:
        "<logs>/draw_gains/{split}.{metric}.log",
    conda:
        "../envs/figures.yaml"
    params:
        pivot=PIVOT,
    message:
        "Draw the gains on {wildcards.split} in {wildcards.metric}"
    script:
        "../scripts/draw_gains.py"
