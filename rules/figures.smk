"""The paper's figures, each as PDF and PNG with the data behind it as CSV."""


rule figures:
    """Target: all figures."""
    input:
        plan.figures.all,
    localrule: True


rule neurons:
    """Target: figures, statistics and explorer of neurons, which need no translations."""
    input:
        plan.figures.of_neurons,
    localrule: True


rule measure_neurons:
    """Measure overlap and sparsity of the neurons for any k and counting, without a forward pass."""
    input:
        counts="<dataset>/activations/{system}/seed{seed}.npz",
        untrained="<dataset>/activations/{system}/seed{seed}.untrained.npz",
        distances=plan.figures.distances,
        code=plan.code(
            "neurons.selection", "tables.neuron_statistics", "neurons.distances"
        ),
    output:
        overlap="<neurons>/overlap.csv",
        sparsity="<neurons>/sparsity.csv",
        families="<neurons>/families.csv",
        activity="<neurons>/activity.csv",
        relations="<neurons>/relations.csv",
        markdown="<neurons>/relations.md",
        latex="<neurons>/relations.tex",
        html=plan.figures.shown("<neurons>/relations.html", "relations", "Families"),
    log:
        "<logs>/measure_neurons/{system}.seed{seed}.{counting}.k{k}.log",
    conda:
        "../envs/figures.yaml"
    params:
        **plan.figures.measured,
    message:
        "Measure the neurons of {wildcards.system}, seed {wildcards.seed}, k = {wildcards.k} %"
    script:
        "../scripts/measure_neurons.py"


rule draw_neurons:
    """Draw overlap and sparsity (Figures 1, 2, 5, 6, 7, 8), and dendrograms."""
    input:
        counts="<dataset>/activations/{system}/seed{seed}.npz",
        code=plan.code("neurons.selection", "figures.neurons"),
    output:
        pictures=plan.figures.neuron_pictures,
        others=plan.figures.neuron_files,
    log:
        "<logs>/draw_neurons/{system}.seed{seed}.{counting}.k{k}.log",
    conda:
        "../envs/figures.yaml"
    params:
        **plan.figures.drawn,
    message:
        "Draw the neurons of {wildcards.system}, seed {wildcards.seed}, k = {wildcards.k} %"
    script:
        "../scripts/draw_neurons.py"


rule draw_cross_masks:
    """Draw and test what it costs a direction to pass through the mask of another."""
    input:
        matrix="<dataset>/neurons/{system}/seed{seed}/cross_masks.csv",
        code=plan.code("figures.cross_masks", "tables.cross_masks"),
    output:
        **plan.figures.cross_masks,
        tests="<dataset>/neurons/{system}/seed{seed}/cross_masks.tests.csv",
        markdown="<dataset>/neurons/{system}/seed{seed}/cross_masks.md",
        latex="<dataset>/neurons/{system}/seed{seed}/cross_masks.tex",
    log:
        "<logs>/draw_cross_masks/{system}.seed{seed}.log",
    conda:
        "../envs/figures.yaml"
    params:
        **plan.figures.crossed,
    message:
        "Draw the cross-mask matrices of {wildcards.system}, seed {wildcards.seed}"
    script:
        "../scripts/draw_cross_masks.py"


rule make_explorer:
    """Make the page that shows the neurons of any layer, k and counting."""
    input:
        counts="<dataset>/activations/{system}/seed{seed}.npz",
        code=plan.code("figures.explorer"),
    output:
        html=plan.figures.explorer,
    log:
        "<logs>/make_explorer/{system}.seed{seed}.log",
    conda:
        "../envs/figures.yaml"
    params:
        **plan.figures.explored,
    message:
        "Make the explorer of {wildcards.system}, seed {wildcards.seed}"
    script:
        "../scripts/make_explorer.py"


rule draw_scores:
    """Draw scores by language (Figure 3), the sweep of k (4), gains, matrices, or the summary."""
    input:
        unpack(plan.figures.score_inputs),
        code=plan.code(
            "figures.matrices",
            "figures.scores",
            "figures.summary",
            "figures.neurons",
            "tables.comparisons",
        ),
    output:
        pdf="<dataset>/figures/{split}/{figure}.{metric}.pdf",
        png=shown(
            "<dataset>/figures/{split}/{figure}.{metric}.png",
            "score_figure",
            "{figure}",
        ),
        svg="<dataset>/figures/{split}/{figure}.{metric}.svg",
        csv="<dataset>/figures/{split}/{figure}.{metric}.csv",
    log:
        "<logs>/draw_scores/{split}.{figure}.{metric}.log",
    wildcard_constraints:
        figure=pattern(plan.figures.names),
    conda:
        "../envs/figures.yaml"
    params:
        settings=plan.figures.score_settings,
    message:
        "Draw {wildcards.figure} of {wildcards.split} in {wildcards.metric}"
    script:
        "../scripts/draw_scores.py"


rule draw_trainings:
    """Draw the validation curves of all runs."""
    input:
        curves=plan.models.curves,
        code=plan.code("figures.curves"),
    output:
        pdf="<dataset>/figures/trainings.pdf",
        png=shown("<dataset>/figures/trainings.png", "trainings", "Trainings: curves"),
    log:
        "<logs>/draw_trainings.log",
    conda:
        "../envs/figures.yaml"
    params:
        settings=plan.figures.curve_settings,
    message:
        f"Draw the validation curves of {config['dataset']}"
    script:
        "../scripts/draw_trainings.py"
