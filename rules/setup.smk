"""Tables of the set-up: what systems cost (4), languages (5), settings of models (6)."""

MEASURED_COLUMNS = [
    *("system", "label", "method", "parent"),
    *("sharing", "adapters_per_layer"),
    *("k", "stacks", "shuffled", "trained"),
]


rule measure_efficiency:
    """Parameters, time, memory and speed of every system, from the records of its jobs (Table 4)."""
    input:
        **efficiency_inputs(),
        parameters=rules.count_parameters.output.csv,
        code=package_source("tables.efficiency"),
    output:
        csv="<dataset>/tables/table4.csv",
        markdown="<dataset>/tables/table4.md",
        latex="<dataset>/tables/table4.tex",
        html=report(
            "<dataset>/tables/table4.html",
            caption="../report/table4.rst",
            category="Set-up",
            labels={"item": "Table 4: efficiency"},
        ),
    log:
        "<logs>/measure_efficiency.log",
    conda:
        "../envs/evaluation.yaml"
    params:
        systems=[
            {name: getattr(SYSTEMS[system], name) for name in MEASURED_COLUMNS}
            for system in MEASURED
        ],
        jobs={system: efficiency_jobs(SYSTEMS[system]) for system in MEASURED},
    message:
        f"Measure what the systems of {config['dataset']} cost"
    script:
        "../scripts/make_setup_table.py"


rule describe_languages:
    """The languages of the dataset (Table 5)."""
    input:
        report=rules.prepare_corpora.output.report if TRAINED and TEXT_SPLITS else [],
        code=package_source("tables.setup_tables"),
    output:
        csv="<dataset>/tables/table5.csv",
        markdown="<dataset>/tables/table5.md",
        latex="<dataset>/tables/table5.tex",
        html=report(
            "<dataset>/tables/table5.html",
            caption="../report/table5.rst",
            category="Set-up",
            labels={"item": "Table 5: languages"},
        ),
    log:
        "<logs>/describe_languages.log",
    conda:
        "../envs/evaluation.yaml"
    params:
        languages=[vars(LANGUAGES[code]) for code in OTHERS],
        pivot=PIVOT,
        dataset=config["dataset"],
    message:
        f"Describe the languages of {config['dataset']}"
    script:
        "../scripts/make_setup_table.py"


rule describe_models:
    """The settings of the models, with the parameters that were counted (Table 6)."""
    input:
        parameters=rules.count_parameters.output.csv,
        code=package_source("tables.setup_tables"),
    output:
        csv="<dataset>/tables/table6.csv",
        markdown="<dataset>/tables/table6.md",
        latex="<dataset>/tables/table6.tex",
        html=report(
            "<dataset>/tables/table6.html",
            caption="../report/table6.rst",
            category="Set-up",
            labels={"item": "Table 6: models"},
        ),
    log:
        "<logs>/describe_models.log",
    conda:
        "../envs/evaluation.yaml"
    params:
        systems=[
            {
                "system": name,
                "label": SYSTEMS[name].label,
                "architecture": system_architecture(
                    SYSTEMS[name], SYSTEMS, config["architectures"]
                ),
            }
            for name in MEASURED
        ],
        dataset=config["dataset"],
    message:
        f"Describe the models of {config['dataset']}"
    script:
        "../scripts/make_setup_table.py"


rule describe_trainings:
    """The validations of every training: what was kept, which batches were seen."""
    input:
        curves=collect(
            "<dataset>/models/{system}/seed{seed}/checkpoint.curve.csv",
            zip,
            **trainings(systems=CURVED),
        ),
        code=package_source("tables.curves"),
    output:
        csv="<dataset>/tables/trainings.csv",
        markdown="<dataset>/tables/trainings.md",
        latex="<dataset>/tables/trainings.tex",
        html=report(
            "<dataset>/tables/trainings.html",
            caption="../report/trainings.rst",
            category="Set-up",
            labels={"item": "Trainings"},
        ),
    log:
        "<logs>/describe_trainings.log",
    conda:
        "../envs/evaluation.yaml"
    params:
        dataset=config["dataset"],
        trainings=trainings(systems=CURVED),
        labels={name: row.label for name, row in SYSTEMS.items()},
        parents={name: SYSTEMS[name].parent for name in CURVED},
    message:
        f"Describe the trainings of {config['dataset']}"
    script:
        "../scripts/make_setup_table.py"


rule draw_trainings:
    """The validations of every training as curves."""
    input:
        curves=rules.describe_trainings.input.curves,
        code=package_source("figures.curves"),
    output:
        pdf="<dataset>/figures/trainings.pdf",
        png=report(
            "<dataset>/figures/trainings.png",
            caption="../report/trainings.rst",
            category="Set-up",
            labels={"item": "Trainings: curves"},
        ),
    log:
        "<logs>/draw_trainings.log",
    conda:
        "../envs/figures.yaml"
    params:
        trainings=rules.describe_trainings.params.trainings,
        labels=rules.describe_trainings.params.labels,
        parents=rules.describe_trainings.params.parents,
    message:
        f"Draw the trainings of {config['dataset']}"
    script:
        "../scripts/draw_trainings.py"


rule describe_settings:
    """The whole configuration and the versions of packages."""
    input:
        code=package_source("tables.render"),
    output:
        html=report(
            "<dataset>/tables/settings.html",
            caption="../report/settings.rst",
            category="Set-up",
            labels={"item": "Configuration and versions"},
        ),
        digests="<dataset>/settings.json",
    log:
        "<logs>/describe_settings.log",
    conda:
        "../envs/data.yaml"
    params:
        config=config,
        digests=settings_digests(config, LANGUAGES, SYSTEMS),
    message:
        f"Describe the settings of {config['dataset']}"
    script:
        "../scripts/describe_settings.py"
