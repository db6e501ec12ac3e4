"""Translations of the test splits, and their scores."""


rule translate:
    """Target: the translations of all systems."""
    input:
        plan.evaluation.translations,
    localrule: True


rule translate_split:
    """Translate a test split in all directions of a system, in one process."""
    input:
        unpack(plan.models.direction_files),
        models=plan.models.of_job,
        data=plan.corpora.binarised,
        vocabularies=plan.vocabularies.folders,
        code=plan.code("fairseq_plugin.decoding"),
    output:
        folder=directory("<dataset>/translations/{split}/{system}/seed{seed}"),
    log:
        "<logs>/translate_split/{split}.{system}.seed{seed}.log",
    benchmark:
        "<benchmarks>/translate_split/{split}.{system}.seed{seed}.jsonl"
    conda:
        "../envs/training.yaml"
    resources:
        **plan.gpu_job(config["gpus"]),
    params:
        directions=plan.evaluation.directions,
        decoding=config["decoding"],
        device=config["device"],
    message:
        "Translate {wildcards.split} with {wildcards.system}, seed {wildcards.seed}"
    script:
        "../scripts/translate_split.py"


rule scores:
    """Target: the scores of all systems."""
    input:
        plan.evaluation.scores,
    localrule: True


rule postprocess_outputs:
    """Convert a system's translations, made here or elsewhere, to one format (section 5.4)."""
    input:
        unpack(plan.evaluation.outputs),
        code=plan.code("evaluation.outputs", "parallel"),
    output:
        folder=directory("<dataset>/outputs/{split}/{system}/seed{seed}"),
    log:
        "<logs>/postprocess_outputs/{split}.{system}.seed{seed}.log",
    conda:
        "../envs/evaluation.yaml"
    threads: 4
    params:
        **plan.evaluation.postprocessing,
    message:
        "Postprocess the outputs of {wildcards.system}, seed {wildcards.seed}, on {wildcards.split}"
    script:
        "../scripts/postprocess_outputs.py"


rule score_comet:
    """Score every direction of a system with COMET, loading the model once."""
    input:
        outputs="<dataset>/outputs/{split}/{system}/seed{seed}",
        model=plan.downloads.local_comet,
        fetched=plan.downloads.fetched_comet,
        code=plan.code("evaluation.comet_system"),
    output:
        sentences="<dataset>/comet/{split}/{system}/seed{seed}.parquet",
        scores="<dataset>/comet/{split}/{system}/seed{seed}.csv",
    log:
        "<logs>/score_comet/{split}.{system}.seed{seed}.log",
    benchmark:
        "<benchmarks>/score_comet/{split}.{system}.seed{seed}.jsonl"
    conda:
        "../envs/comet.yaml"
    resources:
        **plan.gpu_job(),
    params:
        directions=plan.scored_directions,
        comet=config["comet"],
        device=config["device"],
    message:
        "Score {wildcards.system}, seed {wildcards.seed}, on {wildcards.split} with COMET"
    script:
        "../scripts/score_comet.py"


rule score_references:
    """Compute the negative log-likelihood of the references, by forced decoding."""
    input:
        unpack(plan.models.direction_files),
        models=plan.models.of_job,
        data=plan.corpora.binarised,
        code=plan.code("fairseq_plugin.forced_decoding", "evaluation.likelihood_scores"),
    output:
        sentences="<dataset>/nll/{split}/{system}/seed{seed}.parquet",
        scores="<dataset>/nll/{split}/{system}/seed{seed}.csv",
    log:
        "<logs>/score_references/{split}.{system}.seed{seed}.log",
    benchmark:
        "<benchmarks>/score_references/{split}.{system}.seed{seed}.jsonl"
    conda:
        "../envs/training.yaml"
    resources:
        **plan.gpu_job(config["gpus"]),
    params:
        directions=plan.evaluation.directions,
        vocabulary=plan.evaluation.vocabulary,
        device=config["device"],
    message:
        "Score the references of {wildcards.split} with {wildcards.system}, seed {wildcards.seed}"
    script:
        "../scripts/score_references.py"


rule measure_language_identifier:
    """Choose the sentences that the language identifier learns from; measure it on a test split."""
    input:
        text=plan.off_target.text,
        held_out=plan.off_target.held_out,
        code=plan.code("evaluation.language_identifier", "tables.off_target"),
    output:
        training="<dataset>/identifier/{split}.tsv",
        csv="<dataset>/tables/{split}/language_identifier.csv",
        markdown="<dataset>/tables/{split}/language_identifier.md",
        latex="<dataset>/tables/{split}/language_identifier.tex",
        html=shown(
            "<dataset>/tables/{split}/language_identifier.html",
            "language_identifier",
            "Language identifier",
        ),
    log:
        "<logs>/measure_language_identifier/{split}.log",
    benchmark:
        "<benchmarks>/measure_language_identifier/{split}.jsonl"
    conda:
        "../envs/evaluation.yaml"
    params:
        dataset=config["dataset"],
        moses=config["corpora"]["moses"],
    message:
        "Measure the language identifier on {wildcards.split}"
    script:
        "../scripts/measure_language_identifier.py"


rule score_off_target:
    """Compute the off-target rate of a system, and the languages of its hypotheses."""
    input:
        outputs="<dataset>/outputs/{split}/{system}/seed{seed}",
        training="<dataset>/identifier/{split}.tsv",
        code=plan.code("evaluation.off_target"),
    output:
        sentences="<dataset>/off_target/{split}/{system}/seed{seed}.parquet",
        scores="<dataset>/off_target/{split}/{system}/seed{seed}.csv",
        languages="<dataset>/off_target/{split}/{system}/seed{seed}.languages.csv",
    log:
        "<logs>/score_off_target/{split}.{system}.seed{seed}.log",
    benchmark:
        "<benchmarks>/score_off_target/{split}.{system}.seed{seed}.jsonl"
    conda:
        "../envs/evaluation.yaml"
    params:
        directions=plan.directions,
    message:
        "Identify the languages of {wildcards.system}, seed {wildcards.seed}, on {wildcards.split}"
    script:
        "../scripts/score_off_target.py"


rule score_system:
    """Score every direction of a system, and keep the statistics of its sentences."""
    input:
        outputs="<dataset>/outputs/{split}/{system}/seed{seed}",
        appended=plan.evaluation.appended,
        code=plan.code("evaluation.scoring"),
    output:
        sentences="<dataset>/scores/{split}/{system}/seed{seed}.parquet",
        scores="<dataset>/scores/{split}/{system}/seed{seed}.csv",
    log:
        "<logs>/score_system/{split}.{system}.seed{seed}.log",
    benchmark:
        "<benchmarks>/score_system/{split}.{system}.seed{seed}.jsonl"
    conda:
        "../envs/evaluation.yaml"
    threads: 4
    params:
        directions=plan.scored_directions,
        metrics=plan.evaluation.job_metrics,
        bleu=config["bleu"],
    message:
        "Score {wildcards.system}, seed {wildcards.seed}, on {wildcards.split}"
    script:
        "../scripts/score_system.py"


rule compare_systems:
    """Compare a system with its parent and the continued baseline, by direction and metric."""
    input:
        sentences="<dataset>/scores/{split}/{system}/seed{seed}.parquet",
        others=plan.evaluation.compared_sentences,
        code=plan.code("evaluation.significance"),
    output:
        tests="<dataset>/significance/{split}/{system}/seed{seed}.csv",
    log:
        "<logs>/compare_systems/{split}.{system}.seed{seed}.log",
    conda:
        "../envs/evaluation.yaml"
    threads: 4
    params:
        comparisons=plan.evaluation.comparisons,
        cells=plan.tables.cells,
        significance=config["significance"],
        seed=config["seed"],
    message:
        "Compare {wildcards.system}, seed {wildcards.seed}, with its parent and controls"
    script:
        "../scripts/compare_systems.py"
