"""Read the configuration and its tables, check that they fit together, and make the plan."""

from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from neuron_specialization.corpora.corpus_files import PACKAGES, read_split
from neuron_specialization.corpora.sources import read_sources
from neuron_specialization.errors import InputError
from neuron_specialization.settings.configuration import check_configuration, locate
from neuron_specialization.settings.languages import read_languages
from neuron_specialization.settings.related_systems import check_one_parent, sweep_systems
from neuron_specialization.settings.systems import System, read_systems
from neuron_specialization.workflow.model_folders import (
    check_model_folders,
    fill_sizes,
    find_model_folders,
)
from neuron_specialization.workflow.plan import Plan
from neuron_specialization.workflow.problems import find_problems

SCHEMAS = Path("config/schemas")
NOTHING_TO_TRAIN: Mapping[str, Any] = {
    "corpora": {"folder": ".", "splits": [], "cleaning": {}, "moses": False, "shards": 1},
    "vocabulary": {},
    "architectures": {},
}
"""Sections to use if all systems are imported, when no rule reads them."""


def make_plan(
    config: MutableMapping[str, Any],
    root: Path,
    *,
    shards: Mapping[str, Sequence[str]],
    files: Sequence[Path] = (),
) -> Plan:
    """Make the plan of a dataset.

    Args:
        config: the merged configuration; defaults are filled in place.
        root: folder of the project, absolute.
        shards: by kind, the jobs that share small runs (`Plan.shards`).
        files: the files of the configuration, for messages.

    Raises:
        InputError: the configuration or one of its tables is invalid; the message names file, line
            and key as far as they are known.
    """
    check_configuration(config, root / SCHEMAS / "config.schema.yaml", files)
    config.update({name: _in_order(config[name]) for name in config if name != "tables"})
    # jobs use relative paths, so that a checkout with results can be moved
    project = Path() if Path.cwd() == root.resolve() else root
    plan = _read_tables(config, project, root, shards)
    for key, message in find_problems(plan):
        raise InputError(f"{locate(key, files)}: {message}")
    return plan


def _in_order(setting: Any) -> Any:
    """Return a setting with its keys sorted, as their order in a file must not rerun a job."""
    if isinstance(setting, Mapping):
        return {key: _in_order(setting[key]) for key in sorted(setting, key=str)}
    return [_in_order(item) for item in setting] if isinstance(setting, list) else setting


def _read_tables(
    config: MutableMapping[str, Any], project: Path, root: Path, shards: Mapping[str, Sequence[str]]
) -> Plan:
    """Read the tables that a configuration names."""
    sources = read_sources(
        project / config["downloads"]["sources"], root / SCHEMAS / "sources.schema.yaml"
    )
    languages = read_languages(
        project / config["languages"], root / SCHEMAS / "languages.schema.yaml", config["pivot"]
    )
    systems = read_systems(
        project / config["systems"],
        root / SCHEMAS / "systems.schema.yaml",
        languages=languages,
        pivot=config["pivot"],
        architectures=config.get("architectures", {}),
        tables=config["tables"],
    )
    _read_model_folders(config, systems, project)
    _check_sections(config, systems)
    sweep = _read_sweep(config["analysis"]["sweep"], systems)
    downloads = project / config["downloads"]["folder"]
    folders = {"": project / config["corpora"]["folder"], PACKAGES: Path(PACKAGES)}
    folders |= {name: downloads / name for name in sources}
    return Plan(
        config=config,
        project=project,
        root=root,
        languages=languages,
        systems={
            **systems,
            **{row.system: row for of_k in sweep.values() for row in of_k.values()},
        },
        sweep=sweep,
        sources=sources,
        splits={s["name"]: read_split(s, folders) for s in config["corpora"]["splits"]},
        shards=shards,
    )


def _read_model_folders(
    config: MutableMapping[str, Any], systems: Mapping[str, System], project: Path
) -> None:
    """Fill in the sizes and the vocabulary of systems whose checkpoint is a folder."""
    folders = find_model_folders(systems.values(), project)
    check_model_folders(systems, folders)
    fill_sizes(config.get("architectures", {}), systems, folders)
    if folders:
        config.setdefault("vocabulary", {})


def _check_sections(config: MutableMapping[str, Any], systems: Mapping[str, System]) -> None:
    """Raise InputError if a section is missing; fill in the sections if nothing is trained."""
    local = [name for name, row in systems.items() if row.method != "imported"]
    if not local:
        config.update(NOTHING_TO_TRAIN)
    for section in NOTHING_TO_TRAIN:
        if section not in config:
            raise InputError(
                f"the config has no {section}, but {local[0]} is not imported; "
                "see config/README.md for its contents"
            )


def _read_sweep(
    settings: Mapping[str, Any], systems: Mapping[str, System]
) -> dict[str, dict[float, System]]:
    """Return the systems of the sweep of k: by the name of a swept system, its systems by k."""
    given = settings["system"]
    names = [name for name in ([given] if isinstance(given, str) else given) if name]
    try:
        sweep = {name: sweep_systems(systems, name, settings["k"]) for name in names}
        check_one_parent([systems[name] for name in names])
        return sweep
    except InputError as error:
        raise InputError(f"the sweep of the config (analysis.sweep) {error}") from None
