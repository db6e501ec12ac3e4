"""The paper's tables."""


rule tables:
    """Target: the tables of all test splits and metrics."""
    input:
        collect(
            "<dataset>/tables/{split}/{metric}.md",
            split=config["test_splits"],
            metric=config["metrics"],
        ),


rule make_table:
    """Table 2 (BLEU) and Table 7 (chrF++) of the paper, for the systems of this dataset."""
    input:
        scores=collect(
            rules.score_system.output.scores, system=SYSTEMS, allow_missing=True
        ),
        dictionary=rules.learn_vocabulary.output.dictionary,
        code=package_source(
            "analysis.tables", "analysis.writers", "analysis.parameters"
        ),
    output:
        csv="<dataset>/tables/{split}/{metric}.csv",
        markdown="<dataset>/tables/{split}/{metric}.md",
        latex="<dataset>/tables/{split}/{metric}.tex",
    log:
        "<logs>/make_table/{split}.{metric}.log",
    conda:
        "../envs/evaluation.yaml"
    params:
        dataset=config["dataset"],
        systems=[
            {"label": row.label, "seed": row.seed, **architecture_of(name)}
            for name, row in SYSTEMS.items()
        ],
        levels={code: LANGUAGES[code].level for code in OTHERS},
        pivot=PIVOT,
        directions=all_directions(LANGUAGES, PIVOT),
        settings=settings_hash(config, LANGUAGES, SYSTEMS),
    message:
        "Make the {wildcards.metric} table of {wildcards.split}"
    script:
        "../scripts/make_table.py"
