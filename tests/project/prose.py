"""The prose of the project: docstrings, comments and documents, line by line."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CODE = ("src", "scripts", "benchmarks", "tests", "config", "envs")
DOCUMENTS = ("*.md", "docs/**/*.md", "config/*.md")
RULES = ("Snakefile", "rules/*.smk")


@dataclass(frozen=True)
class Line:
    """A line of prose; `opens` if it begins a docstring or a comment."""

    path: Path
    number: int
    text: str
    opens: bool = False


def read_prose(project: Path) -> Iterator[Line]:
    """Yield all prose of the project."""
    for folder in CODE:
        for path in sorted((project / folder).rglob("*.py")):
            yield from python_prose(path)
    for pattern in DOCUMENTS:
        for path in sorted(project.glob(pattern)):
            yield from document_prose(path)
    for pattern in RULES:
        for path in sorted(project.glob(pattern)):
            yield from rule_prose(path)


def python_prose(path: Path) -> Iterator[Line]:
    """Yield the docstrings, those below a field among them, and the comments of a module."""
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        value = node.value if isinstance(node, ast.Expr) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            for number, line in enumerate(value.value.splitlines()):
                yield Line(path, node.lineno + number, line.strip(), opens=number == 0)
    opens = True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield Line(path, token.start[0], token.string.lstrip("# "), opens=opens)
        opens = token.type != tokenize.COMMENT and (opens or token.type == tokenize.NEWLINE)


def document_prose(path: Path) -> Iterator[Line]:
    """Yield the lines of a Markdown document, without its code."""
    fenced = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith("    "):
            yield Line(path, number, re.sub(r"`[^`]*`|\]\([^)]*\)", "", line).strip("#|-* "))


def rule_prose(path: Path) -> Iterator[Line]:
    """Yield the docstrings, messages and comments of a file of rules."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        found = re.match(r'\s*(?:f?"{1,3}|#)(.+)', line)
        if found and " " in found[1]:
            yield Line(path, number, found[1].strip('" '), opens='"""' in line)
