"""What the run took."""


rule merged:
    """Target: tables and figures of merged results, all but Table 4, whose costs are one machine's."""
    input:
        [table for table in rules.tables.input if Path(table).stem != "table4"],
        rules.figures.input,


rule describe_run:
    """The time of every job, and the critical path, from Snakemake's records of all that is there."""
    input:
        rules.tables.input,
        rules.figures.input,
        code=package_source("tables.run_times"),
    output:
        csv="<benchmarks>/run.csv",
        html=report(
            "<benchmarks>/run.html",
            caption="../report/run.rst",
            category="Set-up",
            labels={"item": "The run: times and critical path"},
        ),
    log:
        "<logs>/describe_run.log",
    conda:
        "../envs/evaluation.yaml"
    message:
        f"Describe the run of {config['dataset']}"
    script:
        "../scripts/describe_run.py"
