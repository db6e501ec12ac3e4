"""The paper's tables."""


rule tables:
    """Target: all tables of all test splits and metrics."""
    input:
        plan.tables.all,
        plan.claims.table,
    localrule: True


rule merged:
    """Target: tables and figures of merged results, without the costs of one machine (Table 4)."""
    input:
        plan.tables.all_merged,
        plan.claims.table,
        plan.figures.all,
    localrule: True


rule parameters:
    """Target: the parameters of every system, counted without training."""
    input:
        "<dataset>/tables/parameters.csv",
    localrule: True


rule make_table:
    """Make a table of scores: by resource level (Tables 2, 7, 8), language (1, 3), or a matrix."""
    input:
        unpack(plan.tables.inputs),
        parameters="<dataset>/tables/parameters.csv",
        report=plan.corpora.report,
        paper=plan.path("config/paper_results.tsv"),
        code=plan.code("tables.table_files", "tables.setup_tables", "tables.verdicts"),
    output:
        csv="<dataset>/tables/{split}/{table}.{metric}.csv",
        wins="<dataset>/tables/{split}/{table}.{metric}.wins.csv",
        gains="<dataset>/tables/{split}/{table}.{metric}.gains.csv",
        tests="<dataset>/tables/{split}/{table}.{metric}.tests.csv",
        tests_page=shown(
            "<dataset>/tables/{split}/{table}.{metric}.tests.html",
            "tests",
            "{table}: tests",
        ),
        markdown="<dataset>/tables/{split}/{table}.{metric}.md",
        latex="<dataset>/tables/{split}/{table}.{metric}.tex",
        html=shown(
            "<dataset>/tables/{split}/{table}.{metric}.html", "scores", "{table}"
        ),
    log:
        "<logs>/make_table/{split}.{table}.{metric}.log",
    conda:
        "../envs/evaluation.yaml"
    params:
        settings=plan.tables.settings,
    message:
        "Make the table {wildcards.table} of {wildcards.split} in {wildcards.metric}"
    script:
        "../scripts/make_table.py"


rule make_setup_table:
    """Make a table of the set-up: costs (4), languages (5), models (6) or validations."""
    input:
        unpack(plan.tables.setup_inputs),
        code=plan.code("tables.setup_tables", "tables.efficiency", "tables.curves"),
    output:
        csv="<dataset>/tables/{table}.csv",
        markdown="<dataset>/tables/{table}.md",
        latex="<dataset>/tables/{table}.tex",
        html=shown(
            "<dataset>/tables/{table}.html", "setup_table", plan.tables.setup_labels
        ),
    log:
        "<logs>/make_setup_table/{table}.log",
    wildcard_constraints:
        table=pattern(plan.tables.of_setup),
    conda:
        "../envs/evaluation.yaml"
    params:
        settings=plan.tables.setup_settings,
    message:
        "Make the table {wildcards.table}"
    script:
        "../scripts/make_setup_table.py"


use rule make_setup_table as count_parameters with:
    input:
        code=plan.code("tables.parameters"),
    output:
        csv="<dataset>/tables/{table}.csv",
        markdown="<dataset>/tables/{table}.md",
        latex="<dataset>/tables/{table}.tex",
        html="<dataset>/tables/{table}.html",
    log:
        "<logs>/count_parameters/{table}.log",
    wildcard_constraints:
        table="parameters",
    conda:
        "../envs/training.yaml"
    params:
        settings={"systems": plan.tables.counted, "imported": plan.tables.imported},
    message:
        "Count the parameters of every system"


rule make_diagnosis:
    """Diagnose whether this run could have shown the effect (docs/diagnosis.md)."""
    input:
        unpack(plan.diagnosis.inputs),
        code=plan.code("tables.diagnosis"),
    output:
        csv="<dataset>/tables/diagnosis.csv",
        markdown="<dataset>/tables/diagnosis.md",
        latex="<dataset>/tables/diagnosis.tex",
        html=shown("<dataset>/tables/diagnosis.html", "diagnosis", "Diagnosis"),
    log:
        "<logs>/make_diagnosis.log",
    conda:
        "../envs/evaluation.yaml"
    params:
        settings=plan.diagnosis.settings,
    message:
        f"Diagnose whether {config['dataset']} could have shown the effect"
    script:
        "../scripts/make_diagnosis.py"


rule judge_claims:
    """Judge the paper's claims (config/claims.yaml) by this run and its diagnosis."""
    input:
        unpack(plan.claims.inputs),
        code=plan.code("tables.claims", "tables.claims_of_scores"),
    output:
        csv="<dataset>/tables/claims.csv",
        markdown="<dataset>/tables/claims.md",
        latex="<dataset>/tables/claims.tex",
        html=shown("<dataset>/tables/claims.html", "claims", "Claims"),
    log:
        "<logs>/judge_claims.log",
    conda:
        "../envs/evaluation.yaml"
    params:
        settings=plan.claims.settings,
        schema=plan.path("config/schemas/claims.schema.yaml"),
    message:
        f"Judge the paper's claims by {config['dataset']}"
    script:
        "../scripts/judge_claims.py"


rule describe_settings:
    """Write all settings and the versions of packages."""
    input:
        code=plan.code("tables.render"),
    output:
        html=shown("<dataset>/tables/settings.html", "settings", "Settings"),
        digests="<dataset>/settings.json",
    log:
        "<logs>/describe_settings.log",
    conda:
        "../envs/data.yaml"
    params:
        config=config,
        digests=plan.tables.digests,
    message:
        f"Describe the settings of {config['dataset']}"
    script:
        "../scripts/describe_settings.py"
