"""Downloads. These rules run in the Snakemake process, such as on a login node."""


rule download:
    """Target: all downloads, so that jobs need no network."""
    input:
        ancient(plan.downloads.all),
        plan.downloads.comet_to_fetch,
    localrule: True


# Neither the table nor the mirror is a parameter. If this rule runs again, fetched.tsv tells what is
# present, so nothing is fetched or unpacked twice.
rule fetch_corpus:
    """Fetch, check and unpack the files of a corpus; write its licence next to them."""
    output:
        fetched=update("<downloads>/{corpus}/fetched.tsv"),
    log:
        "<logs>/fetch_corpus/{corpus}.log",
    localrule: True
    conda:
        "../envs/download.yaml"
    params:
        sources=plan.path(config["downloads"]["sources"]),
        schema=plan.path("config/schemas/sources.schema.yaml"),
    message:
        "Fetch {wildcards.corpus}"
    script:
        "../scripts/fetch_corpus.py"


rule fetch_comet:
    """Fetch the COMET model into the cache of the model hub."""
    output:
        fetched="<downloads>/comet/{model}.txt",
    log:
        "<logs>/fetch_comet/{model}.log",
    localrule: True
    conda:
        "../envs/comet.yaml"
    params:
        comet=config["comet"],
    message:
        "Fetch the COMET model {wildcards.model}"
    script:
        "../scripts/fetch_comet.py"
