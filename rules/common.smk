"""The validated configuration: languages, systems, splits, tables."""

import os
import sys

from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

ROOT = Path(workflow.basedir)
# what jobs are known by: a checkout with results in it may be moved, and so may results elsewhere
PROJECT = Path() if Path.cwd() == ROOT.resolve() else ROOT
sys.path.insert(0, str(ROOT / "src"))
# jobs find the package there, installed or not, on this machine or on a cluster
os.environ.update(PYTHONPATH=str(ROOT / "src"))

from neuron_specialization.settings.languages import all_directions, read_languages
from neuron_specialization.settings.digests import settings_hash
from neuron_specialization.corpora.corpus_files import columns_in, read_split
from neuron_specialization.corpora.split_checks import find_unknown_languages
from neuron_specialization.corpora.fetching.table import read_sources
from neuron_specialization.errors import InputError
from neuron_specialization.settings.gone import refuse_gone
from neuron_specialization.settings.training import share_update
from neuron_specialization.settings.related_systems import sweep_systems
from neuron_specialization.settings.architectures import system_architecture
from neuron_specialization.settings.systems import read_systems

try:
    refuse_gone(config)
except InputError as error:
    raise WorkflowError(str(error)) from None
validate(config, str(ROOT / "config/schemas/config.schema.yaml"))

PIVOT = config["pivot"]


def gpu_job(gpus=1):
    """Resources of a job that runs on GPUs; a machine runs one at a time (profiles/default)."""
    return {"gpu": gpus, "gpu_jobs": 1} if config["device"] == "cuda" else {}


def sweep_of(settings):
    """The systems of the sweep of k, by k."""
    if not settings["system"]:
        return {}
    try:
        return sweep_systems(SYSTEMS, settings["system"], settings["k"])
    except InputError as error:
        raise InputError(f"the sweep of the config (analysis.sweep) {error}") from None


DOWNLOADS = PROJECT / config["downloads"]["folder"]
# not a parameter of a rule: another mirror is no reason to fetch again what is there
MIRROR = config["downloads"]["mirror"]
if MIRROR and "://" not in MIRROR:
    MIRROR = str(ROOT / MIRROR)
os.environ.setdefault("NEURON_SPECIALIZATION_MIRROR", MIRROR)
try:
    SOURCES = read_sources(
        PROJECT / config["downloads"]["sources"],
        PROJECT / "config/schemas/sources.schema.yaml",
    )
    LANGUAGES = read_languages(
        PROJECT / config["languages"],
        PROJECT / "config/schemas/languages.schema.yaml",
        PIVOT,
    )
    SYSTEMS = read_systems(
        PROJECT / config["systems"],
        PROJECT / "config/schemas/systems.schema.yaml",
        languages=LANGUAGES,
        pivot=PIVOT,
        architectures=config.get("architectures", {}),
        tables=config["tables"],
    )
    SWEEP = sweep_of(config["analysis"]["sweep"])
except InputError as error:
    raise WorkflowError(str(error)) from None

SWEPT = [row for row in SWEEP.values() if row.system not in SYSTEMS]
SYSTEMS |= {row.system: row for row in SWEPT}
IMPORTED = [name for name, row in SYSTEMS.items() if row.method == "imported"]
TRAINED = [name for name in SYSTEMS if name not in IMPORTED]
# those with a row of their own, trained here; a sweep's others are none
MEASURED = [name for name in TRAINED if SYSTEMS[name] not in SWEPT]
for section in ("corpora", "vocabulary", "architectures"):
    if TRAINED and section not in config:
        raise WorkflowError(
            f"the config has no {section}, but {TRAINED[0]} is not imported; "
            "see config/README.md for what it must have"
        )
if not TRAINED:
    # nothing but outputs of systems that were trained elsewhere: no rule needs what is said here
    config.update(
        corpora={
            "folder": ".",
            "splits": [],
            "cleaning": {},
            "moses": False,
            "shards": 1,
        },
        vocabulary={},
        architectures={},
    )

SPLITS = {split["name"]: split for split in config["corpora"]["splits"]}
CORPORA = PROJECT / config["corpora"]["folder"]
OTHERS = [code for code in LANGUAGES if code != PIVOT]
PAIRS = [f"{PIVOT}-{code}" for code in OTHERS]
TABLES = {
    table: [name for name, row in SYSTEMS.items() if table in row.tables]
    for table in config["tables"]
}
# a layout alone stands for one without a counterpart in the paper
LAYOUTS = {
    table: {"paper": {}, **({"layout": layout} if isinstance(layout, str) else layout)}
    for table, layout in config["tables"].items()
}
# tables by language that have a figure, by its name
TABLE_FIGURES = {}
OTHER_FIGURES = ["figure4", "gains", "trainings"]
for table, layout in LAYOUTS.items():
    figure = layout.get("figure")
    if figure and layout["layout"] != "languages":
        raise WorkflowError(
            f"tables.{table} of the config has the figure {figure}, but its layout is "
            f"{layout['layout']}: leave the figure out, or set layout: languages"
        )
    if figure in OTHER_FIGURES or (TABLES[table] and figure in TABLE_FIGURES):
        owner = TABLE_FIGURES.get(figure)
        owner = f"that of tables.{owner}" if owner else "another one"
        raise WorkflowError(
            f"tables.{table} of the config has the figure {figure}, the name of {owner}: give it "
            f"another name than {', '.join([*TABLE_FIGURES, *OTHER_FIGURES])}"
        )
    if figure and TABLES[table]:
        TABLE_FIGURES[figure] = table
SPECIALIZED = [row for row in SYSTEMS.values() if row.method == "neuron_specialization"]
# the system whose neurons are looked at, if there is one
ANALYSED = [
    name
    for name in [
        config["analysis"]["system"],
        *(row.parent for row in SPECIALIZED),
    ]
    if name
][:1]
if ANALYSED and SYSTEMS.get(ANALYSED[0]) not in [
    row for row in SYSTEMS.values() if row.method == "multilingual"
]:
    raise WorkflowError(
        f"the config names {ANALYSED[0]} as the system whose neurons are looked at "
        "(analysis.system): it must be a multilingual system"
    )
# corpora of the table of sources, and where the paths of splits start
FOLDERS = {"": CORPORA, **{name: DOWNLOADS / name for name in SOURCES}}
try:
    SPLIT_SOURCES = {name: read_split(split, FOLDERS) for name, split in SPLITS.items()}
except InputError as error:
    raise WorkflowError(str(error)) from None
for problem in find_unknown_languages(SPLIT_SOURCES.values(), PIVOT, OTHERS):
    raise WorkflowError(problem)
READY = config["corpora"].get("binarised")
# test splits that are tokenised here, and kept as they were for a second column of scores
UNTOUCHED_SPLITS = [
    name
    for name in config["test_splits"]
    if name in SPLITS and SPLITS[name].get("tokenise")
]
# metrics against untouched references, of splits that have some
UNTOUCHED_METRICS = [
    f"{metric}_untouched" for metric in config["metrics"] if metric in ("bleu", "chrf")
]

NOTHING = ["(?!)"]  # a pattern that matches nothing
# systems whose checkpoint is given, and those that are trained; the others are parents, masked
GIVEN = [name for name in TRAINED if SYSTEMS[name].checkpoint] or NOTHING
LEARNED = [
    name for name in TRAINED if not SYSTEMS[name].checkpoint and SYSTEMS[name].trained
] or NOTHING

# systems whose trainings leave a curve of validations each; bilingual models are too many for one
CURVED = [
    name for name in LEARNED if name in MEASURED and SYSTEMS[name].method != "bilingual"
]

TEXT_SPLITS = () if READY else ("train", "valid", config["recording"]["split"])
for split in (*TEXT_SPLITS, *config["test_splits"]):
    if TRAINED and split not in SPLITS:
        raise WorkflowError(
            f"the config names the split {split}, but corpora.splits has only "
            f"{', '.join(SPLITS)}"
        )
if (
    config["vocabulary"].keys() & {"model", "dictionary"} == {"dictionary"}
    and not READY
):
    raise WorkflowError(
        "vocabulary: a dictionary alone is enough for corpora that are binarised already; give "
        "vocabulary.model, too"
    )
for split in SPLIT_SOURCES.values():
    if split.tokenise and not config["corpora"]["moses"]:
        raise WorkflowError(
            f"split {split.name} is tokenised: set corpora.moses, so that translations are "
            "detokenised before they are scored"
        )
PATHS = [
    path
    for split in SPLIT_SOURCES.values()
    for part in (split, *split.exceptions.values())
    for path in part.paths
]
for column in sorted({name for row in LANGUAGES.values() for name in row.codes}):
    if TRAINED and column not in {*columns_in(PATHS), *SOURCES}:
        raise WorkflowError(
            f"{config['languages']}: no setting of languages is named {column}, nor is a corpus "
            f"of {config['downloads']['sources']}, and no path of a split has {{{column}}}"
        )
for row in SYSTEMS.values():
    if row.checkpoint and not config["vocabulary"].keys() & {"model", "dictionary"}:
        raise WorkflowError(
            f"{config['systems']}: system {row.system} has a checkpoint: give the vocabulary "
            "that it was trained with (vocabulary.model, vocabulary.dictionary)"
        )
    if row.vocabulary == "pair" and READY:
        raise WorkflowError(
            f"system {row.system} has vocabularies of its own pairs, which are learned from text, "
            "but the corpora are binarised already (corpora.binarised): leave it out"
        )
    if row.vocabulary == "pair" and "pair_vocabulary" not in config:
        raise WorkflowError(
            f"system {row.system} has vocabularies of its own pairs: "
            "say in the config how to learn them (pair_vocabulary)"
        )
    # bilingual models have a GPU each
    shared = row.system in LEARNED and row.method != "bilingual"
    if shared and config["device"] == "cuda":
        settings = system_architecture(row, SYSTEMS, config["architectures"])
        try:
            share_update(settings["update_freq"], config["gpus"])
        except InputError as error:
            raise WorkflowError(f"system {row.system}: {error}") from None
