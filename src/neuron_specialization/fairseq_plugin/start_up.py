"""fairseq without what only its other tasks need: more than a third of the time to import it."""

import sys
from types import ModuleType

# of a task for audio and a criterion of classification, which `import fairseq` brings along
UNUSED = ("sklearn", "sklearn.metrics", "scipy.stats")


class Absent(ModuleType):
    """Stands in for a module while fairseq takes names from it that it will not use."""

    def __getattr__(self, name: str) -> None:
        return None


def import_fairseq() -> None:
    """Import fairseq; whoever imports the unused modules afterwards gets them as they are."""
    missing = [name for name in UNUSED if name not in sys.modules]
    sys.modules.update({name: Absent(name) for name in missing})
    try:
        import fairseq  # noqa: F401
    finally:
        for name in missing:
            del sys.modules[name]
