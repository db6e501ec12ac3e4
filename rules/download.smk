"""What comes from the internet. These rules run where Snakemake does: on a login node."""


rule download:
    """Target: everything that comes from the internet, for jobs on machines without."""
    input:
        ancient(plan.downloads.all),
        plan.downloads.comet_to_fetch,
    localrule: True


# Neither the table nor the mirror is a parameter. Where this runs again it finds by fetched.tsv what
# is there already, so that nothing is fetched or unpacked a second time.
rule fetch_corpus:
    """Fetch the files of a corpus, check and unpack them; its licence is written beside them."""
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
