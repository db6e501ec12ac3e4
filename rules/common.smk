"""The validated configuration, and the few helpers that rules share."""

import os
import sys

from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

PROJECT = Path(workflow.basedir)
sys.path.insert(0, str(PROJECT / "src"))
# jobs find the package there, installed or not, on this machine or on a cluster
os.environ.update(PYTHONPATH=str(PROJECT / "src"))

from neuron_specialization.config import (
    all_directions,
    read_languages,
    read_systems,
    settings_hash,
    system_architecture,
    system_directions,
)
from neuron_specialization.errors import InputError
from neuron_specialization.sources import module_files

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
        architectures=config["architectures"],
    )
except InputError as error:
    raise WorkflowError(str(error)) from None

SPLITS = {split["name"]: split for split in config["corpora"]["splits"]}
CORPORA = PROJECT / config["corpora"]["folder"]
OTHERS = [code for code in LANGUAGES if code != PIVOT]
PAIRS = [f"{PIVOT}-{code}" for code in OTHERS]

for split in ("train", "valid", config["recording"]["split"], *config["test_splits"]):
    if split not in SPLITS:
        raise WorkflowError(
            f"the config names the split {split}, but corpora.splits has only "
            f"{', '.join(SPLITS)}"
        )


def package_source(*modules):
    """The package's files behind some modules: inputs, so that editing one reruns a rule."""
    return [str(path) for path in module_files(*modules)]


def local_corpora():
    """The local files of all splits that exist; what is missing is told by prepare_corpora."""
    files = {
        CORPORA / split["path"].replace("{pair}", pair).replace("{lang}", lang)
        for split in SPLITS.values()
        for pair in PAIRS
        for lang in pair.split("-")
    }
    return sorted(str(path) for path in files if path.is_file())


def aligned_files(split):
    """Both sides of every pair of a split."""
    return [
        f"<dataset>/corpora/{split}.{pair}.{lang}"
        for pair in PAIRS
        for lang in pair.split("-")
    ]


def directions_of(system):
    """The directions of a system."""
    return system_directions(SYSTEMS[system], LANGUAGES, PIVOT)


def architecture_of(system):
    """The model sizes and training settings of a system."""
    return system_architecture(SYSTEMS[system], SYSTEMS, config["architectures"])


def parent_checkpoint(wildcards):
    """The checkpoint that a system continues from, if any."""
    parent = SYSTEMS[wildcards.system].parent
    return collect("<dataset>/models/{parent}/checkpoint.pt", parent=parent or [])


def system_masks(wildcards):
    """The neuron masks of a system, if it has any."""
    masked = SYSTEMS[wildcards.system].method == "neuron_specialization"
    return collect(
        "<dataset>/masks/{system}.npz", system=wildcards.system if masked else []
    )
