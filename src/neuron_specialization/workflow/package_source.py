"""Which files of this package a module depends on, so that a rule reruns when one changes."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def module_files(*modules: str) -> list[Path]:
    """The files of some modules of this package and of all that they import from it.

    Args:
        modules: names within the package, e.g. `corpora.preparation`.
    """
    found: set[Path] = set()
    waiting = [module_path(f"{PACKAGE.name}.{name}") for name in modules]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += imported_files(path)
    return sorted(found)


@cache
def imported_files(path: Path) -> list[Path]:
    """The files of this package that one file imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [module_path(name) for name in imported_names(tree)]


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Names of this package's modules in `from ... import ...` statements."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE.name):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            submodules = [name for name in names if is_module(name)]
            yield from submodules or [str(node.module)]


def is_module(name: str) -> bool:
    """Whether a dotted name is a module of this package."""
    base = PACKAGE.parent.joinpath(*name.split("."))
    return base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()


def module_path(name: str) -> Path:
    """The file of a module or package by its dotted name."""
    base = PACKAGE.parent.joinpath(*name.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
