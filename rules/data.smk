"""Corpora, vocabulary and binarised data of the dataset."""


rule corpora:
    """Target: everything that training reads."""
    input:
        collect(
            "<dataset>/binarised/{vocabulary}",
            vocabulary={
                name for row in SYSTEMS.values() for name in vocabularies_of(row)
            },
        ),


rule prepare_corpora:
    """Read, split, clean and tokenise every corpus of the dataset."""
    input:
        local=local_corpora(),
        fetched=fetched(*sources_of_splits()),
        code=package_source("corpora.preparation"),
    output:
        corpora=aligned_files(SPLITS),
        untouched=untouched_corpora(),
        report="<dataset>/corpora/report.tsv",
    log:
        "<logs>/prepare_corpora.log",
    benchmark:
        "<benchmarks>/prepare_corpora.jsonl"
    conda:
        "../envs/data.yaml"
    threads: 16
    params:
        # but for what is told to a user who lacks them
        sources=[
            {key: value for key, value in split.items() if key != "origin"}
            for split in SPLITS.values()
        ],
        folders={name: str(FOLDERS[name]) for name in sources_of_splits()},
        codes=CODES,
        pivot=PIVOT,
        max_pairs={code: LANGUAGES[code].max_pairs for code in OTHERS},
        cleaning=config["corpora"]["cleaning"],
        seed=config["seed"],
        untouched=UNTOUCHED_SPLITS,
    message:
        f"Prepare the corpora of {config['dataset']}"
    script:
        "../scripts/prepare_corpora.py"


rule learn_vocabulary:
    """One SentencePiece model and dictionary, learned or given, or two of a pair's own."""
    input:
        corpora=lambda wildcards: (
            []
            if wildcards.vocabulary == "joint" and given_vocabulary()
            else aligned_files(["train"], wildcards.vocabulary)
        ),
        given=lambda wildcards: (
            vocabulary_inputs() if wildcards.vocabulary == "joint" else []
        ),
        code=package_source("corpora.vocabulary", "corpora.existing_vocabulary"),
    output:
        folder=directory("<dataset>/vocabularies/{vocabulary}"),
    log:
        "<logs>/learn_vocabulary/{vocabulary}.log",
    benchmark:
        "<benchmarks>/learn_vocabulary/{vocabulary}.jsonl"
    conda:
        "../envs/data.yaml"
    threads: 16
    params:
        languages=list(LANGUAGES),
        given=lambda wildcards: (
            given_vocabulary() if wildcards.vocabulary == "joint" else {}
        ),
        settings=lambda wildcards: (
            config["vocabulary"]
            if wildcards.vocabulary == "joint"
            else config["pair_vocabulary"]
        ),
        seed=config["seed"],
    message:
        "Learn the vocabulary {wildcards.vocabulary}"
    script:
        "../scripts/learn_vocabulary.py"


rule binarise_corpora:
    """Text to token indices; both directions of a pair are read from the same files."""
    input:
        corpora=lambda wildcards: aligned_files(SPLITS, wildcards.vocabulary),
        vocabulary=rules.learn_vocabulary.output.folder,
        code=package_source("fairseq_plugin.binarise"),
    output:
        folder=directory("<dataset>/binarised/{vocabulary}"),
    log:
        "<logs>/binarise_corpora/{vocabulary}.log",
    benchmark:
        "<benchmarks>/binarise_corpora/{vocabulary}.jsonl"
    wildcard_constraints:
        vocabulary="|".join(NOTHING if READY else ["joint", *PAIRS]),
    conda:
        "../envs/training.yaml"
    threads: 16
    params:
        shards=config["corpora"]["shards"],
    message:
        "Binarise the corpora with the vocabulary {wildcards.vocabulary}"
    script:
        "../scripts/binarise_corpora.py"


rule use_binarised:
    """Take corpora that are binarised already; they stay where they are."""
    input:
        found=fetched(READY["source"]) if READY else [],
        vocabulary=rules.learn_vocabulary.output.folder,
        code=package_source("fairseq_plugin.prebinarised"),
    output:
        folder=directory("<dataset>/binarised/{vocabulary}"),
    log:
        "<logs>/use_binarised/{vocabulary}.log",
    wildcard_constraints:
        vocabulary="|".join(["joint"] if READY else NOTHING),
    conda:
        "../envs/training.yaml"
    params:
        found=str(FOLDERS[READY["source"]] / READY["path"]) if READY else "",
        pairs=PAIRS,
        splits=sorted(
            {"train", "valid", config["recording"]["split"], *config["test_splits"]}
        ),
    message:
        "Use corpora that are binarised already"
    script:
        "../scripts/use_binarised.py"
