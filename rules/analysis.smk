"""The paper's tables."""

SETUP_TABLES = ["table4", "table5", "table6"] if TRAINED else ["table5"]
SETUP_TABLES += ["trainings"] if CURVED else []


rule tables:
    """Target: all tables of all test splits and metrics."""
    input:
        [
            f"<dataset>/tables/{split}/{table}.{metric}.md"
            for split in config["test_splits"]
            for table, systems in TABLES.items()
            for metric in [*config["metrics"], *untouched_metrics(split)]
            if systems
        ],
        collect("<dataset>/tables/{table}.md", table=SETUP_TABLES),
        "<dataset>/tables/settings.html",


rule parameters:
    """Target: the parameters of every system, counted without training anything."""
    input:
        "<dataset>/tables/parameters.csv",


rule count_parameters:
    """Count the parameters of every system (Table 6, and the Δ params of Tables 1 and 2)."""
    input:
        code=package_source("tables.parameters"),
    output:
        csv="<dataset>/tables/parameters.csv",
        markdown="<dataset>/tables/parameters.md",
        latex="<dataset>/tables/parameters.tex",
        html="<dataset>/tables/parameters.html",
    log:
        "<logs>/count_parameters.log",
    conda:
        "../envs/training.yaml"
    params:
        systems=[
            {
                "system": name,
                "label": row.label,
                "parent": row.parent,
                "models": len(row.directions) if row.method == "bilingual" else 1,
                "dictionaries": dictionary_sizes(row),
                "architecture": system_architecture(
                    row, SYSTEMS, config["architectures"]
                ),
                "adapters": adapter_settings(row, LANGUAGES, PIVOT),
            }
            for name, row in SYSTEMS.items()
            if name in MEASURED
        ],
        imported=[
            {
                "system": name,
                "label": SYSTEMS[name].label,
                "parent": SYSTEMS[name].parent,
                "total": SYSTEMS[name].parameters,
            }
            for name in IMPORTED
        ],
    message:
        f"Count the parameters of the systems of {config['dataset']}"
    script:
        "../scripts/make_setup_table.py"


rule make_table:
    """A table of systems: averages by resource level (2, 7, 8), or a column per language (1, 3)."""
    input:
        scores=lambda wildcards: collect(
            "<dataset>/scores/{split}/{system}/seed{seed}.csv",
            zip,
            allow_missing=True,
            **trainings(systems=TABLES[wildcards.table]),
        ),
        tests=lambda wildcards: collect(
            "<dataset>/significance/{split}/{system}/seed{seed}.csv",
            zip,
            allow_missing=True,
            **compared_trainings(TABLES[wildcards.table]),
        ),
        parameters=rules.count_parameters.output.csv,
        report=rules.prepare_corpora.output.report if TRAINED else [],
        paper=str(PROJECT / "config/paper_results.tsv"),
        code=package_source("tables.table_files", "tables.setup_tables"),
    output:
        csv="<dataset>/tables/{split}/{table}.{metric}.csv",
        wins="<dataset>/tables/{split}/{table}.{metric}.wins.csv",
        gains="<dataset>/tables/{split}/{table}.{metric}.gains.csv",
        markdown="<dataset>/tables/{split}/{table}.{metric}.md",
        latex="<dataset>/tables/{split}/{table}.{metric}.tex",
        html=report(
            "<dataset>/tables/{split}/{table}.{metric}.html",
            caption="../report/scores.rst",
            category="Scores",
            labels={"item": "{table}", "metric": "{metric}", "split": "{split}"},
        ),
    log:
        "<logs>/make_table/{split}.{table}.{metric}.log",
    conda:
        "../envs/evaluation.yaml"
    params:
        dataset=config["dataset"],
        layout=lambda wildcards: LAYOUTS[wildcards.table]["layout"],
        paper=lambda wildcards: LAYOUTS[wildcards.table]["paper"].get(
            wildcards.metric, ""
        ),
        trainings=lambda wildcards: trainings(systems=TABLES[wildcards.table]),
        compared=lambda wildcards: compared_trainings(TABLES[wildcards.table]),
        labels={name: row.label for name, row in SYSTEMS.items()},
        seeded=TRAINED,
        levels={code: LANGUAGES[code].level for code in OTHERS},
        pivot=PIVOT,
        directions=all_directions(LANGUAGES, PIVOT),
        round_first=config["round_first"],
        level=config["significance"]["level"],
        settings=settings_hash(config, LANGUAGES, SYSTEMS),
    message:
        "Make the table {wildcards.table} of {wildcards.split} in {wildcards.metric}"
    script:
        "../scripts/make_table.py"
