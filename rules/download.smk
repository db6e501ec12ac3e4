"""What comes from the internet. These rules run where Snakemake does: on a login node."""


def fetched(*sources):
    """What says that corpora of the table of sources are there."""
    for name in filter(None, sources):
        if name not in SOURCES:
            raise WorkflowError(
                f"no corpus {name} in {config['downloads']['sources']}; "
                f"it has {', '.join(SOURCES)}"
            )
    return collect("<downloads>/{corpus}/fetched.tsv", corpus=filter(None, sources))


def sources_of_splits():
    """The corpora of the table of sources that splits are read from."""
    parts = [
        part
        for split in SPLITS.values()
        for part in (split, *split["exceptions"].values())
    ]
    return sorted({part.get("source", "") for part in parts})


def sources_of_dataset():
    """All that the dataset has of the table of sources."""
    vocabulary = config["vocabulary"].get("source", "")
    ready = READY["source"] if READY else ""
    return sorted(
        {*sources_of_splits(), vocabulary, ready, *config["downloads"]["also"]}
    )


def fetched_comet():
    """What says that the COMET model is in the cache of the model hub, if it comes from there."""
    model, comet = Path(config["comet"]["model"]).expanduser(), config["comet"]
    needed = "comet" in config["metrics"] and comet["model"] and not comet["offline"]
    if not needed or (PROJECT / model).exists():
        return []
    return [str(DOWNLOADS / "comet" / f"{'--'.join(model.parts)}.txt")]


rule download:
    """Target: everything that comes from the internet, for jobs on machines without."""
    input:
        fetched(*sources_of_dataset()),
        fetched_comet(),


# Neither the table nor the mirror is a parameter, nor is there code: what was fetched stays, and
# with it all that was made of it. To fetch again, remove fetched.tsv.
rule fetch_corpus:
    """Fetch the files of a corpus, check and unpack them; its licence is written beside them."""
    output:
        fetched="<downloads>/{corpus}/fetched.tsv",
    log:
        "<logs>/fetch_corpus/{corpus}.log",
    conda:
        "../envs/download.yaml"
    params:
        sources=str(PROJECT / config["downloads"]["sources"]),
        schema=str(PROJECT / "config/schemas/sources.schema.yaml"),
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
    conda:
        "../envs/comet.yaml"
    params:
        comet=config["comet"],
    message:
        "Fetch the COMET model {wildcards.model}"
    script:
        "../scripts/fetch_comet.py"
