"""A page of the whole configuration and of the versions of packages."""

import platform
from collections.abc import Mapping
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from neuron_specialization.files import write_text

PACKAGES = (
    *("torch", "fairseq-fixed", "sentencepiece", "sacrebleu", "sacremoses", "unbabel-comet"),
    *("snakemake", "numpy", "scipy", "pandas", "matplotlib"),
)


def write_settings(config: Mapping[str, Any], path: Path) -> None:
    """Write the configuration as YAML and the versions below it."""
    settings = yaml.safe_dump(dict(config), allow_unicode=True, sort_keys=True)
    versions = [f"Python {platform.python_version()} on {platform.machine()}"]
    versions += [f"{name} {installed(name)}" for name in PACKAGES]
    title = f"Settings of {config['dataset']}"
    lines = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        "<style>body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem; color: #222; }"
        " pre { font-size: .85rem; }</style></head>",
        f"<body><h2>{escape(title)}</h2><h3>Versions</h3>",
        f"<pre>{escape(chr(10).join(versions))}</pre>",
        f"<h3>Configuration</h3><pre>{escape(settings)}</pre></body></html>",
    ]
    write_text(path, "\n".join([*lines, ""]))


def installed(package: str) -> str:
    """The version of a package here; conda environments have the packages of their rules only."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not in the environment of this job)"
