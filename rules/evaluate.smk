"""Translations of the test splits, and their scores."""


rule translate:
    """Target: the translations of all systems."""
    input:
        collect(
            collect(
                "<dataset>/translations/{split}/{system}/seed{seed}",
                zip,
                allow_missing=True,
                **trainings(systems=TRAINED),
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
        **gpu_job(config["gpus"]),
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


rule postprocess_outputs:
    """Bring the texts of a system, translated here or elsewhere, into one form (section 5.4)."""
    input:
        translations=lambda wildcards: (
            []
            if wildcards.system in IMPORTED
            else rules.translate_split.output.folder.format(**wildcards)
        ),
        corpora=lambda wildcards: (
            [] if wildcards.system in IMPORTED else aligned_files([wildcards.split])
        ),
        imported=lambda wildcards: (
            imported_files(wildcards) if wildcards.system in IMPORTED else []
        ),
        untouched=lambda wildcards: list(untouched_files(wildcards).values()),
        code=package_source("evaluation.outputs", "parallel"),
    output:
        folder=directory("<dataset>/outputs/{split}/{system}/seed{seed}"),
    log:
        "<logs>/postprocess_outputs/{split}.{system}.seed{seed}.log",
    conda:
        "../envs/evaluation.yaml"
    threads: 4
    params:
        directions=directions_of,
        folder=lambda wildcards: (
            str(PROJECT / config["imported_outputs"] / system_of(wildcards).folder)
            if wildcards.system in IMPORTED
            else ""
        ),
        untouched=lambda wildcards: list(untouched_files(wildcards)),
        moses=config["corpora"]["moses"],
        pivot=PIVOT,
    message:
        "Postprocess the outputs of {wildcards.system}, seed {wildcards.seed}, on {wildcards.split}"
    script:
        "../scripts/postprocess_outputs.py"


rule score_comet:
    """COMET of every direction of a system, the model loaded once."""
    input:
        outputs=rules.postprocess_outputs.output.folder,
        model=local_comet(),
        fetched=[path for path in fetched_comet() if Path(path).exists()],
        code=package_source("evaluation.comet_system"),
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
        **gpu_job(),
    params:
        directions=directions_of,
        comet=config["comet"],
        device=config["device"],
    message:
        "COMET of {wildcards.system}, seed {wildcards.seed}, on {wildcards.split}"
    script:
        "../scripts/score_comet.py"


rule score_system:
    """Score every direction of a system; the statistics of its sentences are kept."""
    input:
        outputs=rules.postprocess_outputs.output.folder,
        comet=lambda wildcards: collect(
            list(rules.score_comet.output) if "comet" in config["metrics"] else [],
            **wildcards,
        ),
        code=package_source("evaluation.scoring"),
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
        directions=directions_of,
        metrics=lambda wildcards: [
            *config["metrics"],
            *untouched_metrics(wildcards.split),
        ],
        tokenised_bleu=config["tokenised_bleu"],
    message:
        "Score {wildcards.system}, seed {wildcards.seed}, on {wildcards.split}"
    script:
        "../scripts/score_system.py"


rule compare_systems:
    """Test a system against its parent and the continued baseline, by direction and metric."""
    input:
        sentences=rules.score_system.output.sentences,
        others=lambda wildcards: [
            rules.score_system.output.sentences.format(
                split=wildcards.split, system=system, seed=seed
            )
            for _, system, seed in comparisons_of(wildcards.system, wildcards.seed)
        ],
        code=package_source("evaluation.significance"),
    output:
        tests="<dataset>/significance/{split}/{system}/seed{seed}.csv",
    log:
        "<logs>/compare_systems/{split}.{system}.seed{seed}.log",
    conda:
        "../envs/evaluation.yaml"
    threads: 4
    params:
        comparisons=lambda wildcards: comparisons_of(wildcards.system, wildcards.seed),
        significance=config["significance"],
        tokenised_bleu=config["tokenised_bleu"],
        seed=config["seed"],
    message:
        "Test {wildcards.system}, seed {wildcards.seed}, against what it continues from"
    script:
        "../scripts/compare_systems.py"
