"""Make the tables of config/README.md from the schemas: `python config/make_readme.py`.

A table stands below `<!-- NAME.schema.yaml#/path/to/an/object -->`, with a row for each setting of
that object; `systems.schema.yaml#options` has what belongs to one method.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CONFIG = Path(__file__).parent
README = CONFIG / "README.md"
TABLE = re.compile(r"(<!-- ([\w.]+)#(\S*) -->\n)(?:\|.*\n)*")

Schema = dict[str, Any]


def make_readme() -> str:
    """Return config/README.md with its tables as the schemas have them."""
    text = README.read_text(encoding="utf-8")
    return TABLE.sub(lambda found: found[1] + make_table(found[2], found[3]), text)


def make_table(file: str, part: str) -> str:
    """Return the table of a part of a schema in Markdown, a row per setting."""
    schema = yaml.safe_load((CONFIG / "schemas" / file).read_text(encoding="utf-8"))
    rows = list(make_rows(schema, follow(schema, part) if part[:1] == "/" else schema, part))
    key = "key" if file.startswith("config") else "option" if part else "column"
    columns = [[key, "method", "default", "meaning"], ["---"] * 4, *rows]
    shown = [n for n in range(4) if n in (0, 3) or any(row[n] for row in rows)]
    return "".join(f"| {' | '.join(row[n] for n in shown)} |\n" for row in columns)


def make_rows(schema: Schema, part: Schema, name: str, prefix: str = "") -> Iterator[list[str]]:
    """Yield key, method, default and meaning of each setting of an object.

    Objects within it are spread out, but for those that have tables of their own, at the top, and
    those that repeat settings of the table.
    """
    for key, each in part["properties"].items():
        setting = resolve(schema, each)
        if name in ("", "options") and ("method" in setting) != (name == "options"):
            continue
        meaning = " ".join(setting["description"].split())
        within = setting.get("properties", {})
        if within and all("$ref" in one and len(one) == 1 for one in within.values()):
            meaning += f". Of {', '.join(f'`{one}`' for one in within)}"
        elif within and name:
            yield from make_rows(schema, setting, name, f"{prefix}{key}.")
            continue
        elif within:
            meaning += "; see below"
        method = f"`{setting['method']}`" if "method" in setting else ""
        default = show(setting.get("default", ""), yes="yes" if method else "true")
        yield [f"`{prefix}{key}`", method, default, name_values(setting) + meaning]
    others = part.get("additionalProperties")
    if isinstance(others, dict) and not name and "description" in others:
        yield ["any other", "", "", others["description"]]


def resolve(schema: Schema, setting: Schema) -> Schema:
    """Return a setting with what it refers to; what it says itself comes first."""
    while "$ref" in setting:
        named = follow(schema, setting["$ref"].removeprefix("#"))
        setting = {**named, **{key: each for key, each in setting.items() if key != "$ref"}}
    return setting


def follow(schema: Schema, path: str) -> Schema:
    """Return the part of a schema that a path leads to."""
    for key in path.strip("/").split("/"):
        schema = schema[key]
    return schema


def show(default: object, yes: str) -> str:
    """Return a default as a cell, True as the files have it; empty where there is none."""
    if isinstance(default, bool):
        return f"`{yes}`" if default else {"yes": "`no`", "true": "`false`"}[yes]
    if default in ("", [], {}):
        return ""
    if isinstance(default, list):
        return f"`[{', '.join(map(str, default))}]`"
    return str(default) if isinstance(default, (int, float)) else f"`{default}`"


def name_values(setting: Schema) -> str:
    """Return the values that a setting may have, unless its description names them all."""
    values = [f"`{value}`" for value in setting.get("enum", [])]
    if not values or all(value in setting["description"] for value in values if value != "``"):
        return ""
    return f"{', '.join(values[:-1])} or {values[-1]}: "


if __name__ == "__main__":
    README.write_text(make_readme(), encoding="utf-8")
