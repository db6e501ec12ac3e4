"""Settings that conflict with each other, or that no job could use."""

from collections.abc import Iterator

from neuron_specialization.corpora.corpus_files import columns_in
from neuron_specialization.corpora.split_checks import find_unknown_languages
from neuron_specialization.errors import InputError
from neuron_specialization.settings.configuration import Key
from neuron_specialization.settings.pivot import has_pivot
from neuron_specialization.settings.training import share_update
from neuron_specialization.workflow.plan import Plan
from neuron_specialization.workflow.split_problems import find_missing_splits, find_package_sources

OTHER_FIGURES = ("figure4", "gains", "summary", "trainings")
"""Names of other figures of scores, which tables may not use."""
Problem = tuple[Key, str]
"""A setting that conflicts with others, and why."""


def find_problems(plan: Plan) -> Iterator[Problem]:
    """Yield conflicting settings."""
    yield from _find_table_problems(plan)
    yield from _find_analysis_problems(plan)
    yield from _find_split_problems(plan)
    yield from _find_vocabulary_problems(plan)
    yield from _find_joined_problems(plan)
    yield from _find_source_problems(plan)
    yield from _find_architecture_problems(plan)
    yield from _find_percentage_problems(plan)
    yield from _find_system_problems(plan)
    yield from plan.evaluation.tokeniser_problems()
    yield from plan.off_target.problems()


def _find_table_problems(plan: Plan) -> Iterator[Problem]:
    yield from _find_paper_problems(plan)
    owners: dict[str, str] = {}
    for table, layout in plan.tables.layouts.items():
        figure, key = layout.get("figure"), ("tables", table)
        if not figure:
            continue
        if layout["layout"] == "levels":
            yield (
                key,
                f"tables.{table} has the figure {figure}, but its layout is "
                f"{layout['layout']}: leave the figure out, or set layout: languages",
            )
        if figure in OTHER_FIGURES or (plan.tables.systems[table] and figure in owners):
            owner = f"the figure of tables.{owners[figure]}" if figure in owners else "another one"
            yield (
                key,
                f"tables.{table} has the figure {figure}, the name of {owner}: choose a name "
                f"other than {', '.join([*owners, *OTHER_FIGURES])}",
            )
        if plan.tables.systems[table]:
            owners.setdefault(figure, table)


def _find_paper_problems(plan: Plan) -> Iterator[Problem]:
    """Yield tables of the paper that do not exist."""
    named = [
        (table, metric, paper)
        for table, layout in plan.tables.layouts.items()
        for metric, paper in layout["paper"].items()
    ]
    if not named:
        return
    # only here: pandas takes a while to import
    from neuron_specialization.tables.paper_values import read_paper_values

    values = read_paper_values(plan.root / "config/paper_results.tsv")
    known = {f"{value.metric}: {value.table}": None for value in values}
    for table, metric, paper in named:
        if f"{metric}: {paper}" not in known:
            yield (
                ("tables", table, "paper"),
                f"tables.{table}.paper has {metric}: {paper}, but the paper has only "
                f"{', '.join(known)}",
            )


def _find_analysis_problems(plan: Plan) -> Iterator[Problem]:
    for name in plan.analysed:
        if name not in plan.systems or plan.systems[name].method != "multilingual":
            yield (
                ("analysis", "system"),
                f"the config names {name} as the system whose neurons are analysed "
                "(analysis.system): it must be a multilingual system",
            )
        elif not any(has_pivot(pair, plan.pivot) for pair in plan.systems[name].directions):
            yield (
                ("analysis", "system"),
                f"figures of neurons are by direction from and into {plan.pivot}, but {name} has "
                "none: add some to its directions",
            )


def _find_split_problems(plan: Plan) -> Iterator[Problem]:
    sections = plan.config["corpora"]["splits"]
    keys: dict[str, Key] = {
        section["name"]: ("corpora", "splits", n) for n, section in enumerate(sections)
    }
    for problem in find_unknown_languages(plan.splits.values(), plan.pivot, plan.others):
        yield ("corpora", "splits"), problem
    if not plan.local:
        return
    for problem in (*find_package_sources(plan), *find_missing_splits(plan)):
        yield ("corpora", "splits"), problem
    tests = plan.config["test_splits"]
    for name in tests if plan.corpora.prebinarised else plan.corpora.needed_splits:
        if name not in plan.splits:
            yield (
                ("test_splits",) if name in tests else ("corpora", "splits"),
                f"the config names the split {name}, but corpora.splits has only "
                f"{', '.join(plan.splits)}",
            )
    for split in plan.splits.values():
        if split.tokenise and not plan.config["corpora"]["moses"]:
            yield (
                keys[split.name],
                f"split {split.name} is tokenised: set corpora.moses, so that translations are "
                "detokenised before they are scored",
            )
    paths = [path for split in plan.splits.values() for path in split.all_paths]
    known = {*columns_in(paths), *plan.sources, *(row.codes for row in plan.systems.values())}
    for column in sorted({name for row in plan.languages.values() for name in row.codes}):
        if column not in known:
            yield (
                ("languages",),
                f"{plan.config['languages']}: column {column} is not a setting of languages, a "
                f"corpus of {plan.config['downloads']['sources']}, a placeholder "
                f"{{{column}}} in the path of a split, or the codes of a system",
            )


def _find_joined_problems(plan: Plan) -> Iterator[Problem]:
    """Yield directions without the pivot, whose corpora were not binarised elsewhere."""
    for split, pairs in plan.joined.pairs.items() if plan.corpora.prebinarised else ():
        yield (
            ("corpora", "binarised"),
            f"the directions of {pairs[0]} are scored or recorded on {split}, but the corpora are "
            f"already binarised (corpora.binarised), and only with the pivot, {plan.pivot}: remove "
            "these directions, or corpora.binarised",
        )


def _find_vocabulary_problems(plan: Plan) -> Iterator[Problem]:
    vocabulary = plan.config["vocabulary"]
    given = vocabulary.keys() & {"model", "dictionary"}
    if given == {"dictionary"} and not plan.corpora.prebinarised:
        yield (
            ("vocabulary", "dictionary"),
            "vocabulary: a dictionary alone is enough only for corpora that are already binarised; "
            "also give vocabulary.model",
        )
    if plan.model_folders and vocabulary.keys() & {"model", "dictionary", "size"}:
        yield (
            ("vocabulary",),
            f"vocabulary: {plan.vocabularies.model_folder} is a model's folder, whose vocabulary "
            "is used; remove this section",
        )
    for row in plan.systems.values():
        if row.checkpoint and not given and not plan.model_folders:
            yield (
                ("systems",),
                f"{plan.config['systems']}: system {row.system} has a checkpoint: give the "
                "vocabulary that it was trained with (vocabulary.model, vocabulary.dictionary), or "
                "a folder as Hugging Face delivers it as the checkpoint",
            )
        if row.vocabulary == "pair" and plan.corpora.prebinarised:
            yield (
                ("corpora", "binarised"),
                f"system {row.system} has a vocabulary per pair, which is learned from text, but "
                "the corpora are already binarised (corpora.binarised): remove one of the two",
            )
        if row.vocabulary == "pair" and "pair_vocabulary" not in plan.config:
            yield (
                ("systems",),
                f"system {row.system} has a vocabulary per pair: configure how to learn them "
                "(pair_vocabulary)",
            )


def _find_source_problems(plan: Plan) -> Iterator[Problem]:
    """Yield corpora missing from the table of sources, and given files that cannot be read."""
    try:
        _ = plan.downloads.all, plan.corpora.local_files_of(plan.splits)
    except InputError as error:
        yield ("corpora",), str(error)
    try:
        _ = plan.tables.counted, plan.vocabularies.codes
    except InputError as error:
        yield ("vocabulary",), str(error)


def _find_architecture_problems(plan: Plan) -> Iterator[Problem]:
    """Yield sizes and number formats of used architectures that no job could use."""
    for name in sorted({plan.systems[system].architecture for system in plan.trained} - {""}):
        architecture = plan.config["architectures"][name]
        key = ("architectures", name)
        heads, width = architecture["heads"], architecture["d_model"]
        if width % heads:
            yield (
                (*key, "heads"),
                f"{heads} heads cannot share d_model, {width}: it must be a multiple of them",
            )
        if architecture["precision"] == "fp16" and plan.config["device"] == "cpu":
            yield (*key, "precision"), "fp16 needs a GPU: set fp32, or device: cuda"


def _find_percentage_problems(plan: Plan) -> Iterator[Problem]:
    """Yield percentages that look like shares."""
    analysis = plan.config["analysis"]
    given: list[tuple[Key, str, float | None]] = [
        (("analysis", "k"), "analysis.k", analysis["k"]),
        *((("analysis", "sweep", "k"), "the sweep's k", k) for k in analysis["sweep"]["k"]),
    ]
    for name, row in plan.systems.items():
        values = {"k": row.k, "random_percent": row.random_percent}
        given += [(("systems",), f"{column} of {name}", value) for column, value in values.items()]
    for key, what, value in given:
        if value is not None and 0 < value < 1:
            meant = f"{100 * value:g}"
            yield key, f"{what} is {value:g} %, as it is a percentage: did you mean {meant}?"


def _find_system_problems(plan: Plan) -> Iterator[Problem]:
    """Yield systems whose updates the GPUs cannot share; bilingual models use one GPU each."""
    if plan.config["device"] != "cuda":
        return
    for name in plan.trained:
        row = plan.systems[name]
        if row.method == "bilingual":
            continue
        try:
            share_update(plan.architecture(row)["update_freq"], plan.config["gpus"])
        except InputError as error:
            yield ("gpus",), f"system {name}: {error}"
