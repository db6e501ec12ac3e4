"""Measurements of speed, by name: both sides of each from one run.

python -m benchmarks              list them
python -m benchmarks NAME [...]   run one; --help tells its options
"""

import ast
import logging
import runpy
import sys
import warnings
from pathlib import Path

FOLDER = Path(__file__).parent


def names() -> dict[str, str]:
    """What each benchmark measures, by name; a benchmark is a module with a `main`."""
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        functions = [each.name for each in module.body if isinstance(each, ast.FunctionDef)]
        if path.stem != "__main__" and "main" in functions:
            found[path.stem] = (ast.get_docstring(module) or "").partition("\n")[0]
    return found


def main() -> None:
    """Entry point."""
    found = names()
    if not sys.argv[1:] or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        print("\n".join(f"{name:18} {text}" for name, text in found.items()))
        return
    name = sys.argv[1]
    if name not in found:
        sys.exit(f"error: no benchmark {name}; there are {', '.join(found)}")
    del sys.argv[1]
    warnings.simplefilter("ignore")  # of fairseq, hydra and torch about each other
    logging.disable(logging.INFO)
    runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
