"""What the dataset has of the internet: functions of settings, no rules."""


def fetched(*sources):
    """What says that corpora of the table of sources are there, whatever its age.

    What was made of them stays where they are fetched, checked or unpacked again.
    """
    for name in filter(None, sources):
        if name not in SOURCES:
            raise WorkflowError(
                f"no corpus {name} in {config['downloads']['sources']}; "
                f"it has {', '.join(SOURCES)}"
            )
    return ancient(
        collect("<downloads>/{corpus}/fetched.tsv", corpus=filter(None, sources))
    )


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


def asks_for_comet():
    """Whether scores need a COMET model, and the model hub may be asked for it."""
    comet = config["comet"]
    return "comet" in config["metrics"] and comet["model"] and not comet["offline"]


def fetched_comet():
    """What says that the COMET model is in the cache of the model hub, if it comes from there."""
    model = Path(config["comet"]["model"]).expanduser()
    if not asks_for_comet() or model.is_absolute() or (PROJECT / model).exists():
        return []
    return [str(DOWNLOADS / "comet" / f"{'--'.join(model.parts)}.txt")]


def comet_to_fetch(wildcards):
    """The same for `download`, which cannot fetch a local model; scores go on without it."""
    model = Path(config["comet"]["model"]).expanduser()
    if asks_for_comet() and model.is_absolute() and not model.exists():
        raise WorkflowError(
            f"the config has {model} as comet.model, and there is no such file or folder: put the "
            "model there, or give a name on the model hub, such as Unbabel/wmt22-comet-da"
        )
    return fetched_comet()
