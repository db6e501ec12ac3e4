"""Corpora, vocabulary and binarised data of the dataset."""


rule corpora:
    """Target: everything that training reads."""
    input:
        "<dataset>/binarised",


rule prepare_corpora:
    """Read, split and clean every corpus of the dataset."""
    input:
        local=local_corpora(),
        code=package_source("corpora.preparation"),
    output:
        corpora=[aligned_files(split) for split in SPLITS],
        report="<dataset>/corpora/report.tsv",
    log:
        "<logs>/prepare_corpora.log",
    benchmark:
        "<benchmarks>/prepare_corpora.jsonl"
    conda:
        "../envs/data.yaml"
    params:
        sources=list(SPLITS.values()),
        folder=lambda wildcards: str(CORPORA),
        pivot=PIVOT,
        max_pairs={code: LANGUAGES[code].max_pairs for code in OTHERS},
        cleaning=config["corpora"]["cleaning"],
        seed=config["seed"],
    message:
        f"Prepare the corpora of {config['dataset']}"
    script:
        "../scripts/prepare_corpora.py"


rule learn_vocabulary:
    """One SentencePiece model and one dictionary for all languages."""
    input:
        corpora=aligned_files("train"),
        code=package_source("corpora.vocabulary"),
    output:
        model="<dataset>/vocabulary/spm.model",
        dictionary="<dataset>/vocabulary/dict.txt",
    log:
        "<logs>/learn_vocabulary.log",
    benchmark:
        "<benchmarks>/learn_vocabulary.jsonl"
    conda:
        "../envs/data.yaml"
    params:
        languages=list(LANGUAGES),
        settings=config["vocabulary"],
        seed=config["seed"],
    message:
        f"Learn the vocabulary of {config['dataset']}"
    script:
        "../scripts/learn_vocabulary.py"


rule binarise_corpora:
    """Text to token indices; both directions of a pair are read from the same files."""
    input:
        corpora=rules.prepare_corpora.output.corpora,
        model=rules.learn_vocabulary.output.model,
        dictionary=rules.learn_vocabulary.output.dictionary,
        code=package_source("fairseq_plugin.binarise"),
    output:
        folder=directory("<dataset>/binarised"),
    log:
        "<logs>/binarise_corpora.log",
    benchmark:
        "<benchmarks>/binarise_corpora.jsonl"
    conda:
        "../envs/training.yaml"
    message:
        f"Binarise the corpora of {config['dataset']}"
    script:
        "../scripts/binarise_corpora.py"
