"""Corpora, vocabularies and binarised data."""


rule corpora:
    """Target: the binarised corpora that training reads, and the report of them."""
    input:
        plan.corpora.all_binarised,
        plan.corpora.report,
    localrule: True


# one job, as text that is held out for one language is in no other's training text
rule read_packages:
    """Read parallel text from Debian packages, and split it."""
    input:
        fetched=ancient(plan.packages.fetched),
        contents=ancient(plan.packages.contents),
        code=plan.code("corpora.software_text"),
    output:
        text=plan.packages.text,
        report="<dataset>/packages/report.tsv",
    log:
        "<logs>/read_packages.log",
    benchmark:
        "<benchmarks>/read_packages.jsonl"
    conda:
        "../envs/data.yaml"
    threads: 16
    params:
        folder=plan.packages.folder,
        settings=plan.packages.settings,
    message:
        "Read the text of Debian packages"
    script:
        "../scripts/read_packages.py"


rule prepare_training:
    """Read, split, clean and tokenise training and validation text."""
    input:
        local=plan.corpora.local_files,
        fetched=ancient(plan.corpora.fetched),
        packages=plan.corpora.package_text,
        code=plan.code("corpora.preparation"),
    output:
        corpora=plan.corpora.training_text,
        raw=plan.corpora.raw_training_text,
        report="<dataset>/corpora/report.train.tsv",
    log:
        "<logs>/prepare_training.log",
    benchmark:
        "<benchmarks>/prepare_training.jsonl"
    conda:
        "../envs/data.yaml"
    threads: 16
    params:
        settings=plan.corpora.preparation,
    message:
        f"Prepare the training and validation text of {config['dataset']}"
    script:
        "../scripts/prepare_corpora.py"


# apart, so that a change of a test split leads to new scores, never to new models
use rule prepare_training as prepare_test with:
    output:
        corpora=plan.corpora.text(["{part}"]),
        raw=plan.corpora.text(["raw.{part}"]),
        report="<dataset>/corpora/report.{part}.tsv",
    log:
        "<logs>/prepare_test/{part}.log",
    benchmark:
        "<benchmarks>/prepare_test/{part}.jsonl"
    wildcard_constraints:
        part=pattern(plan.corpora.tests),
    message:
        "Prepare the text of {wildcards.part}"


rule join_tests:
    """Make a test of pairs without the pivot, of the sentences that two pairs with it share."""
    input:
        corpora=plan.joined.sources,
        code=plan.code("corpora.joining"),
    output:
        corpora=plan.joined.outputs(plan.joined.tests),
        report="<dataset>/corpora/report.joined.{split}.tsv",
    log:
        "<logs>/join_tests/{split}.log",
    wildcard_constraints:
        split=pattern(plan.joined.tests),
    conda:
        "../envs/data.yaml"
    params:
        pairs=plan.joined.pairs_of,
        has_raw=plan.joined.has_raw,
        pivot=plan.pivot,
    message:
        f"Join the pairs without {plan.pivot} of {{wildcards.split}}"
    script:
        "../scripts/join_pairs.py"


# apart, as masks are made from it: other directions are recorded than are scored
use rule join_tests as join_recorded with:
    output:
        corpora=plan.joined.outputs(plan.joined.recorded),
        report="<dataset>/corpora/report.joined.{split}.tsv",
    log:
        "<logs>/join_recorded/{split}.log",
    wildcard_constraints:
        split=pattern(plan.joined.recorded),


rule check_texts:
    """Look for tests within training text, and for sides that are shifted, swapped or copied."""
    input:
        corpora=plan.corpora.checked_text,
        code=plan.code("corpora.text_checks"),
    output:
        checks="<dataset>/corpora/checks.tsv",
    log:
        "<logs>/check_texts.log",
    benchmark:
        "<benchmarks>/check_texts.jsonl"
    conda:
        "../envs/data.yaml"
    threads: 16
    params:
        splits=list(plan.splits),
        pairs=plan.pairs,
    message:
        f"Check the text of {config['dataset']}"
    script:
        "../scripts/check_texts.py"


rule report_corpora:
    """Put the counts of all splits and pairs into one report."""
    input:
        reports=plan.corpora.reports,
        checks=plan.corpora.checks,
        binarised=plan.corpora.binarised_training,
        code=plan.code("corpora.report"),
    output:
        report="<dataset>/corpora/report.tsv",
    log:
        "<logs>/report_corpora.log",
    localrule: True
    conda:
        "../envs/data.yaml"
    message:
        f"Report on the corpora of {config['dataset']}"
    script:
        "../scripts/report_corpora.py"


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
        vocabulary=pattern(plan.vocabularies.learned),
    conda:
        "../envs/data.yaml"
    threads: 16
    params:
        languages=plan.vocabularies.languages,
        settings=plan.vocabularies.settings,
        seed=config["seed"],
    message:
        "Learn the vocabulary {wildcards.vocabulary}"
    script:
        "../scripts/learn_vocabulary.py"


rule use_vocabulary:
    """Use an existing SentencePiece model and dictionary."""
    input:
        local=plan.vocabularies.given_files,
        fetched=ancient(plan.vocabularies.fetched),
        code=plan.code("corpora.existing_vocabulary", "corpora.huggingface_vocabulary"),
    output:
        folder=directory("<dataset>/vocabularies/{vocabulary}"),
    log:
        "<logs>/use_vocabulary/{vocabulary}.log",
    wildcard_constraints:
        vocabulary=pattern(["joint"] if plan.vocabularies.given else []),
    conda:
        "../envs/data.yaml"
    params:
        languages=plan.vocabularies.languages,
        given=plan.vocabularies.given,
        codes=plan.vocabularies.codes,
    message:
        "Use the given vocabulary"
    script:
        "../scripts/use_vocabulary.py"


rule binarise_corpora:
    """Convert text to token indices; both directions of a pair read the same files."""
    input:
        corpora=plan.corpora.text_of_part,
        vocabulary="<dataset>/vocabularies/{vocabulary}",
        code=plan.code("fairseq_plugin.binarise", "fairseq_plugin.lengths"),
    output:
        folder=directory("<dataset>/binarised/{part}/{vocabulary}"),
    log:
        "<logs>/binarise_corpora/{part}.{vocabulary}.log",
    benchmark:
        "<benchmarks>/binarise_corpora/{part}.{vocabulary}.jsonl"
    wildcard_constraints:
        vocabulary=pattern(
            [] if plan.corpora.prebinarised else plan.vocabularies.possible
        ),
    conda:
        "../envs/training.yaml"
    threads: 16
    params:
        shards=plan.corpora.shards,
    message:
        "Binarise {wildcards.part} with the vocabulary {wildcards.vocabulary}"
    script:
        "../scripts/binarise_corpora.py"


rule use_binarised:
    """Link corpora that are already binarised."""
    input:
        found=ancient(
            plan.downloads.fetched(plan.corpora.prebinarised.get("source", ""))
        ),
        vocabulary="<dataset>/vocabularies/{vocabulary}",
        code=plan.code("fairseq_plugin.prebinarised", "fairseq_plugin.lengths"),
    output:
        folder=directory("<dataset>/binarised/{part}/{vocabulary}"),
    log:
        "<logs>/use_binarised/{part}.{vocabulary}.log",
    wildcard_constraints:
        vocabulary=pattern(["joint"] if plan.corpora.prebinarised else []),
    conda:
        "../envs/training.yaml"
    params:
        found=plan.corpora.prebinarised_folder,
        pairs=plan.pairs,
        splits=plan.corpora.binarised_splits,
    message:
        "Use {wildcards.part} as it is already binarised"
    script:
        "../scripts/use_binarised.py"
