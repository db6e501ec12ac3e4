"""Benchmarks of speed, by name; each measures both sides in one run.

python -m benchmarks              list them
python -m benchmarks NAME [...]   run one; --help lists its options
"""

import importlib
import sys
from pathlib import Path

from benchmarks.paired import be_quiet


def names() -> dict[str, str]:
    """Return the first line of the docstring of each benchmark (a module with `main`) by name."""
    paths = sorted(set(Path(__file__).parent.glob("*.py")) - {Path(__file__)})
    texts = {path.stem: path.read_text(encoding="utf-8") for path in paths}
    return {
        name: text.partition("\n")[0].strip('"')
        for name, text in texts.items()
        if "\ndef main(" in text
    }


def main() -> None:
    """Entry point."""
    found = names()
    if not sys.argv[1:] or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        print("\n".join(f"{name:18} {text}" for name, text in found.items()))
        return
    name = sys.argv.pop(1)
    if name not in found:
        sys.exit(f"error: no benchmark {name}; choose from {', '.join(found)}")
    be_quiet()
    importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
