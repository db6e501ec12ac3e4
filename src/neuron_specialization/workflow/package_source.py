"""Find the package files that a module depends on, so that a rule reruns when one changes."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def module_files(*modules: str) -> list[Path]:
    """Return the files of some package modules and all package files that they import or read.

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
    """Return the package files that a file imports, and the files next to it that it reads."""
    if path.suffix != ".py":
        return []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [*map(module_path, imported_names(tree)), *data_files(path, tree)]


def data_files(module: Path, tree: ast.AST) -> Iterator[Path]:
    """Yield the file, or the files of a folder, that `Path(__file__).with_name("...")` names."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="with_name"), args=[ast.Constant(str(name))]):
                beside = module.with_name(name)
                yield from filter(Path.is_file, [beside, *beside.glob("*")])


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Yield the names of this package's modules in `from ... import ...` statements."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE.name):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            submodules = [name for name in names if is_module(name)]
            yield from submodules or [str(node.module)]


def is_module(name: str) -> bool:
    """Return whether a dotted name is a module of this package."""
    base = PACKAGE.parent.joinpath(*name.split("."))
    return base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()


def module_path(name: str) -> Path:
    """Return the file of a module or package by its dotted name."""
    base = PACKAGE.parent.joinpath(*name.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
