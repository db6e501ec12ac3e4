"""What the run took."""


rule describe_run:
    """The time of every job, and the critical path, from Snakemake's records of all that is there."""
    input:
        rules.tables.input,
        rules.figures.input,
        code=package_source("analysis.run_times"),
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
