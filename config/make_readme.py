"""Make the tables of config/README.md from the schemas: `python config/make_readme.py`.

A table below `<!-- NAME.schema.yaml#/path/to/an/object -->` has a row for each setting of that
object; `systems.schema.yaml#options` has the settings of single methods.
"""

import re
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import yaml

CONFIG = Path(__file__).parent
README = CONFIG / "README.md"
TABLE = re.compile(r"(<!-- ([\w.]+)#(\S*) -->\n)(?:\|.*\n)*")

Schema = dict[str, Any]


def make_readme() -> str:
    """Return config/README.md with its tables regenerated from the schemas."""
    text = README.read_text(encoding="utf-8")
    return TABLE.sub(lambda found: found[1] + make_table(found[2], found[3]), text)


def make_table(file: str, part: str) -> str:
    """Return a Markdown table of a part of a schema, a row per setting."""
    schema = yaml.safe_load((CONFIG / "schemas" / file).read_text(encoding="utf-8"))
    rows = list(make_rows(schema, follow(schema, part.removeprefix("options"))))
    if file.startswith("systems"):
        rows = [row for row in rows if bool(row[1]) == (part == "options")]
    columns = [["setting", "method", "default", "meaning"], ["---"] * 4, *rows]
    shown = [n for n in range(4) if any(row[n] for row in rows)]
    return "".join(f"| {' | '.join(row[n] for n in shown)} |\n" for row in columns)


def make_rows(schema: Schema, part: Schema, prefix: str = "") -> Iterator[list[str]]:
    """Yield name, method, default and meaning of each setting; subsections are flattened."""
    for name, own in part["properties"].items():
        setting = follow(schema, own["$ref"]) | own if "$ref" in own else own
        within = setting.get("properties", {}).values()
        if part is not schema and any("$ref" not in each for each in within):
            yield from make_rows(schema, setting, f"{prefix}{name}.")
        else:
            methods = ", ".join(f"`{method}`" for method in setting.get("method", "").split())
            default = f"`{show(setting)}`" if show(setting) else ""
            yield [f"`{prefix}{name}`", methods, default, describe(setting)]


def follow(schema: Schema, path: str) -> Schema:
    """Return the part of a schema that a path or reference points to."""
    return reduce(dict.__getitem__, path.strip("#/").split("/") if path else [], schema)


def show(setting: Schema) -> str:
    """Return a default as in YAML, or as in a table of systems; empty if there is none."""
    default = setting.get("default", "")
    if "method" in setting and isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, str) or (not default and not isinstance(default, (bool, int))):
        return default or ""
    return yaml.safe_dump(default, default_flow_style=True).split("\n")[0]


def describe(setting: Schema) -> str:
    """Return the description of a setting, with its allowed values unless it names them all."""
    meaning, values = setting["description"], [f"`{each}`" for each in setting.get("enum", [])]
    if all(value in meaning for value in values if value != "``"):
        return meaning
    return f"{', '.join(values)}: {meaning}"


if __name__ == "__main__":
    README.write_text(make_readme(), encoding="utf-8")
