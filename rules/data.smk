"""Corpora, vocabularies and binarised data."""


rule corpora:
    """Target: the binarised corpora that training reads."""
    input:
        plan.corpora.all_binarised,
    localrule: True


rule prepare_corpora:
    """Read, split, clean and tokenise every corpus of the dataset."""
    input:
        local=plan.corpora.local_files,
        fetched=ancient(plan.downloads.fetched(*plan.downloads.of_splits)),
        code=plan.code("corpora.preparation"),
    output:
        corpora=plan.corpora.text(plan.splits),
        raw=plan.corpora.raw_text,
        report="<dataset>/corpora/report.tsv",
    log:
        "<logs>/prepare_corpora.log",
    benchmark:
        "<benchmarks>/prepare_corpora.jsonl"
    conda:
        "../envs/data.yaml"
    threads: 16
    params:
        **plan.corpora.preparation,
    message:
        f"Prepare the corpora of {config['dataset']}"
    script:
        "../scripts/prepare_corpora.py"


rule learn_vocabulary:
    """Learn a SentencePiece model and dictionary for all languages, or two for one pair."""
    input:
        corpora=lambda wildcards: plan.corpora.text(["train"], wildcards.vocabulary),
        code=plan.code("corpora.vocabulary"),
    output:
        folder=directory("<dataset>/vocabularies/{vocabulary}"),
    log:
        "<logs>/learn_vocabulary/{vocabulary}.log",
    benchmark:
        "<benchmarks>/learn_vocabulary/{vocabulary}.jsonl"
    wildcard_constraints:
        vocabulary=pattern(plan.corpora.learned_vocabularies),
    conda:
        "../envs/data.yaml"
    threads: 16
    params:
        languages=list(plan.languages),
        settings=plan.corpora.vocabulary_settings,
        seed=config["seed"],
    message:
        "Learn the vocabulary {wildcards.vocabulary}"
    script:
        "../scripts/learn_vocabulary.py"


rule use_vocabulary:
    """Use an existing SentencePiece model and dictionary."""
    input:
        local=plan.corpora.given_files,
        fetched=ancient(plan.corpora.fetched_vocabulary),
        code=plan.code("corpora.existing_vocabulary"),
    output:
        folder=directory("<dataset>/vocabularies/{vocabulary}"),
    log:
        "<logs>/use_vocabulary/{vocabulary}.log",
    wildcard_constraints:
        vocabulary=pattern(["joint"] if plan.corpora.given_vocabulary else []),
    conda:
        "../envs/data.yaml"
    params:
        languages=list(plan.languages),
        given=plan.corpora.given_vocabulary,
    message:
        "Use the given vocabulary"
    script:
        "../scripts/use_vocabulary.py"


rule binarise_corpora:
    """Convert text to token indices; both directions of a pair read the same files."""
    input:
        corpora=lambda wildcards: plan.corpora.text(plan.splits, wildcards.vocabulary),
        vocabulary="<dataset>/vocabularies/{vocabulary}",
        code=plan.code("fairseq_plugin.binarise"),
    output:
        folder=directory("<dataset>/binarised/{vocabulary}"),
    log:
        "<logs>/binarise_corpora/{vocabulary}.log",
    benchmark:
        "<benchmarks>/binarise_corpora/{vocabulary}.jsonl"
    wildcard_constraints:
        vocabulary=pattern(
            [] if plan.corpora.prebinarised else plan.corpora.vocabularies
        ),
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
    """Link corpora that are already binarised."""
    input:
        found=ancient(
            plan.downloads.fetched(plan.corpora.prebinarised.get("source", ""))
        ),
        vocabulary="<dataset>/vocabularies/{vocabulary}",
        code=plan.code("fairseq_plugin.prebinarised"),
    output:
        folder=directory("<dataset>/binarised/{vocabulary}"),
    log:
        "<logs>/use_binarised/{vocabulary}.log",
    wildcard_constraints:
        vocabulary=pattern(["joint"] if plan.corpora.prebinarised else []),
    conda:
        "../envs/training.yaml"
    params:
        found=plan.corpora.prebinarised_folder,
        pairs=plan.pairs,
        splits=plan.corpora.needed_splits,
    message:
        "Use corpora that are already binarised"
    script:
        "../scripts/use_binarised.py"
