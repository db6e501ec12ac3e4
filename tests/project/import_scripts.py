"""Run the imports of scripts without the packages that their conda environment lacks.

    python import_scripts.py PACKAGES.txt SCRIPT.py ...

PACKAGES.txt has a distribution per line; the output names the missing package of each script.
"""

import ast
import re
import sys
from importlib.abc import MetaPathFinder
from importlib.metadata import packages_distributions
from pathlib import Path

OWN = "neuron-specialization"


class Absent(MetaPathFinder):
    """Hide the packages of all except the given distributions."""

    def __init__(self, distributions: set[str]) -> None:
        """Store the available distributions."""
        self.packages = {
            package
            for package, names in packages_distributions().items()
            if not distributions & {re.sub(r"[-_.]+", "-", name).lower() for name in names}
        }

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raise the error of a package that is not installed."""
        if name.partition(".")[0] in self.packages:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def lacking(script: Path) -> str:
    """Return the package that the top-level imports of a script lack, or an empty string."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    try:
        exec(compile(tree, str(script), "exec"), {})
    except ModuleNotFoundError as error:
        return f"{script.name} lacks {error.name}"
    return ""


def main(packages: str, *scripts: str) -> None:
    """Entry point."""
    distributions = set(Path(packages).read_text(encoding="utf-8").split())
    sys.meta_path.insert(0, Absent(distributions | {OWN}))
    print("\n".join(filter(None, (lacking(Path(script)) for script in scripts))))


if __name__ == "__main__":
    main(*sys.argv[1:])
