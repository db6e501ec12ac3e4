"""What rules read: functions of wildcards and settings, shared by several rule files."""

from neuron_specialization.corpora.corpus_files import FORMATS, find_corpus
from neuron_specialization.corpora.existing_vocabulary import given_size
from neuron_specialization.corpora.vocabulary import dictionary_size
from neuron_specialization.evaluation.layout import input_files
from neuron_specialization.settings.related_systems import find_comparisons
from neuron_specialization.workflow.package_source import module_files
from neuron_specialization.settings.digests import settings_digests
from neuron_specialization.settings.architectures import (
    adapter_settings,
    shard,
    system_architecture,
)
from neuron_specialization.settings.systems import parent_seed

CODES = {code: language.codes for code, language in LANGUAGES.items()}


def package_source(*modules):
    """The package's files behind some modules: inputs, so that editing one reruns a rule."""
    return [str(PROJECT / path.relative_to(ROOT)) for path in module_files(*modules)]


def local_corpora():
    """The local files of all splits that exist; what is missing is told by prepare_corpora."""
    files = set()
    for split in SPLIT_SOURCES.values():
        for code in OTHERS:
            if split.of(code).format in FORMATS and split.of(code).folder == CORPORA:
                try:
                    corpus = find_corpus(split, PIVOT, code, CODES)
                except InputError as error:
                    raise WorkflowError(str(error)) from None
                files.update(path for paths in corpus.files.values() for path in paths)
    return sorted(str(path) for path in files if path.is_file())


def aligned_files(splits, vocabulary="joint"):
    """Both sides of every pair, or of the pair with a vocabulary of its own, of some splits."""
    return [
        f"<dataset>/corpora/{split}.{pair}.{lang}"
        for split in splits
        for pair in (PAIRS if vocabulary == "joint" else [vocabulary])
        for lang in pair.split("-")
    ]


def trainings(*methods, systems=SYSTEMS):
    """Systems and seeds, for collect(..., zip): of some methods and systems, or of all."""
    found = [
        (name, seed)
        for name in systems
        for seed in SYSTEMS[name].seeds
        if not methods or SYSTEMS[name].method in methods
    ]
    return {"system": [name for name, _ in found], "seed": [seed for _, seed in found]}


def system_of(wildcards):
    """The row of a system."""
    return SYSTEMS[wildcards.system]


def directions_of(wildcards):
    """The directions of a system, or of one of its shards."""
    directions = system_of(wildcards).directions
    item = wildcards.get("scatteritem")
    return shard(directions, item) if item else list(directions)


def architecture_of(wildcards):
    """The model sizes and training settings of a system."""
    return system_architecture(system_of(wildcards), SYSTEMS, config["architectures"])


def adapters_of(wildcards):
    """The sets and sizes of a system's adapters, if it has any."""
    return adapter_settings(system_of(wildcards), LANGUAGES, PIVOT)


def vocabularies_of(row):
    """The vocabularies of a system's models: the joint one, or one per pair."""
    if row.method == "imported":
        return []
    if row.vocabulary == "joint":
        return ["joint"]
    languages = {lang for pair in row.directions for lang in pair.split("-")}
    return [f"{PIVOT}-{code}" for code in OTHERS if code in languages]


def untouched_corpora():
    """The text of tests as it was before it was tokenised here."""
    return aligned_files([f"untouched.{split}" for split in UNTOUCHED_SPLITS])


def untouched_metrics(split):
    """The metrics of a test split against untouched references, if it has any of these."""
    pattern = config["untouched_references"].get(split)
    given = pattern and any(
        (PROJECT / pattern.replace("{lang}", code)).is_file() for code in LANGUAGES
    )
    return UNTOUCHED_METRICS if given or split in UNTOUCHED_SPLITS else []


def untouched_files(wildcards):
    """The untouched references of a system's directions, those that are there, by direction."""
    split, files = wildcards.split, {}
    pattern = config["untouched_references"].get(split, "")
    for direction in directions_of(wildcards):
        source, target = direction.split("-")
        pair = direction if source == PIVOT else f"{target}-{source}"
        given = PROJECT / pattern.replace("{lang}", target)
        if split in UNTOUCHED_SPLITS:
            files[direction] = f"<dataset>/corpora/untouched.{split}.{pair}.{target}"
        elif given.is_file():
            files[direction] = str(given)
    return files


def imported_files(wildcards):
    """The files of an imported system; what is missing is told by postprocess_outputs."""
    folder = PROJECT / config["imported_outputs"] / system_of(wildcards).folder
    return [
        str(path)
        for pair in directions_of(wildcards)
        for path in input_files(folder / pair, wildcards.split)
    ]


def local_comet():
    """The COMET model where it is a file or folder that is there: COMET runs again when it comes."""
    model = Path(config["comet"]["model"]).expanduser()
    return (
        [str(PROJECT / model)]
        if config["comet"]["model"] and (PROJECT / model).exists()
        else []
    )


def comparisons_of(name, seed):
    """What a training is compared with: role, system and seed."""
    if config["significance"]["test"] == "none":
        return []
    return find_comparisons(SYSTEMS[name], SYSTEMS, int(seed))


def compared_trainings(systems):
    """Those trainings of some systems that are compared with others."""
    pairs = zip(*trainings(systems=systems).values())
    found = [(name, seed) for name, seed in pairs if comparisons_of(name, seed)]
    return {"system": [name for name, _ in found], "seed": [seed for _, seed in found]}


def given_vocabulary():
    """The files of the joint vocabulary where it is given: model, dictionary or both."""
    vocabulary = config["vocabulary"]
    source = vocabulary.get("source")
    folder = DOWNLOADS / source if source else PROJECT
    return {
        name: str(folder / vocabulary[name])
        for name in ("model", "dictionary")
        if name in vocabulary
    }


def vocabulary_inputs():
    """What a given vocabulary is made of: its files, or what says that they are fetched."""
    source = config["vocabulary"].get("source")
    return fetched(source) if source else list(given_vocabulary().values())


def dictionary_sizes(row):
    """Entries of a system's source and target dictionary, known before they are learned."""
    if row.vocabulary == "pair":
        return 2 * [dictionary_size(config["pair_vocabulary"]["size"], tags=0)]
    tags = [] if row.method == "bilingual" else list(LANGUAGES)
    if given_vocabulary() and "source" not in config["vocabulary"]:
        try:
            return 2 * [given_size(**given_vocabulary(), tags=tags)]
        except InputError as error:
            raise WorkflowError(str(error)) from None
    return 2 * [dictionary_size(config["vocabulary"]["size"], len(tags))]


def data_of(wildcards):
    """The binarised corpora of a system."""
    return collect(
        "<dataset>/binarised/{vocabulary}",
        vocabulary=vocabularies_of(system_of(wildcards)),
    )


def parent_file(pattern, *methods):
    """Input function: a file of the parent's training, for systems of some methods."""

    def parent(wildcards):
        row = system_of(wildcards)
        if not row.parent or (methods and row.method not in methods):
            return []
        seed = parent_seed(SYSTEMS[row.parent], int(wildcards.seed))
        return collect(pattern, system=row.parent, seed=seed)

    return parent


def masks_of(wildcards):
    """The neuron masks of a system, if it has any."""
    masked = system_of(wildcards).method == "neuron_specialization"
    return collect(
        "<dataset>/masks/{system}/seed{seed}.npz" if masked else [],
        system=wildcards.system,
        seed=wildcards.seed,
    )


def weight_masks_of(wildcards):
    """The weight masks of a system, if it has any, from all shards."""
    masked = system_of(wildcards).method == "lass"
    pattern = "<dataset>/weight_masks/{system}/seed{seed}/{scatteritem}.npz"
    return gather.fine_tunes(
        pattern if masked else [], system=wildcards.system, seed=wildcards.seed
    )


def models_of(wildcards):
    """The checkpoint of a system, or the folders of its bilingual models from all shards."""
    return trained_models(wildcards.system, wildcards.seed)


def trained_models(system, seed):
    """The files of one training of a system, or of its parent if it is not trained on."""
    row = SYSTEMS[system]
    if not row.trained:
        return trained_models(row.parent, parent_seed(SYSTEMS[row.parent], int(seed)))
    if row.method == "bilingual":
        pattern = "<dataset>/models/{system}/seed{seed}/{scatteritem}"
        return gather.bilingual_models(pattern, system=system, seed=seed)
    pattern = "<dataset>/models/{system}/seed{seed}/checkpoint.pt"
    return collect(pattern, system=system, seed=seed)
