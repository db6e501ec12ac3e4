"""The validated configuration: languages, systems, splits, tables."""

import os
import sys

from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

PROJECT = Path(workflow.basedir)
sys.path.insert(0, str(PROJECT / "src"))
# jobs find the package there, installed or not, on this machine or on a cluster
os.environ.update(PYTHONPATH=str(PROJECT / "src"))

from neuron_specialization.config import all_directions, read_languages, settings_hash
from neuron_specialization.errors import InputError
from neuron_specialization.systems import read_systems

validate(config, str(PROJECT / "config/schemas/config.schema.yaml"))

PIVOT = config["pivot"]
try:
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
except InputError as error:
    raise WorkflowError(str(error)) from None

IMPORTED = [name for name, row in SYSTEMS.items() if row.method == "imported"]
TRAINED = [name for name in SYSTEMS if name not in IMPORTED]
for section in ("corpora", "vocabulary", "architectures"):
    if TRAINED and section not in config:
        raise WorkflowError(
            f"the config has no {section}, but {TRAINED[0]} is not imported; "
            "see config/README.md for what it must have"
        )
if not TRAINED:
    # nothing but outputs of systems that were trained elsewhere: no rule needs what is said here
    config.update(
        corpora={"folder": ".", "splits": [], "cleaning": {}, "moses": False},
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
# what is scored against untouched references, if there are any
UNTOUCHED_METRICS = [
    f"{metric}_untouched"
    for metric in config["metrics"]
    if metric in ("bleu", "chrf") and config["untouched_references"]
]

# systems whose checkpoint is given, and those that are trained; a pattern that matches nothing
GIVEN = [name for name in TRAINED if SYSTEMS[name].checkpoint] or ["(?!)"]
LEARNED = [name for name in TRAINED if not SYSTEMS[name].checkpoint] or ["(?!)"]

for split in ("train", "valid", config["recording"]["split"], *config["test_splits"]):
    if TRAINED and split not in SPLITS:
        raise WorkflowError(
            f"the config names the split {split}, but corpora.splits has only "
            f"{', '.join(SPLITS)}"
        )
for row in SYSTEMS.values():
    if row.checkpoint and "model" not in config["vocabulary"]:
        raise WorkflowError(
            f"{config['systems']}: system {row.system} has a checkpoint: give the vocabulary "
            "that it was trained with (vocabulary.model, vocabulary.dictionary)"
        )
    if row.vocabulary == "pair" and "pair_vocabulary" not in config:
        raise WorkflowError(
            f"system {row.system} has vocabularies of its own pairs: "
            "say in the config how to learn them (pair_vocabulary)"
        )
