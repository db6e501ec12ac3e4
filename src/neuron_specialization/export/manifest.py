"""The contents of the folder of a model exported for one direction."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuron_specialization.errors import InputError
from neuron_specialization.files import write_text

FORMATS = {
    "fairseq": "fairseq",
    "ctranslate2": "ctranslate2/float32",
    "ctranslate2-int8": "ctranslate2/int8",
}
"""The folder of each format."""
CHECKPOINT = "checkpoint.pt"
VOCABULARY = "vocabulary"
DESCRIPTION = "export.json"


@dataclass(frozen=True, kw_only=True)
class ExportManifest:
    """Content and origin of an export: `export.json`."""

    direction: str
    source_tag: str | None
    """The token that every source begins with; None in a model without tags."""
    target_tag: str | None
    """The token that every hypothesis is forced to begin with."""
    formats: list[str]
    ffn_widths: dict[str, int]
    """The number of active neurons of each layer; all neurons if it has no mask."""
    max_source_tokens: int
    """Maximum length of a source, including tag and </s>; the model has no further positions."""
    max_target_positions: int
    provenance: dict[str, Any]
    """Source files with their hashes, and the version of this package."""

    def write(self, folder: Path) -> None:
        """Write the manifest into the folder of the export."""
        text = json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False)
        write_text(folder / DESCRIPTION, f"{text}\n")

    @classmethod
    def read(cls, folder: Path) -> "ExportManifest":
        """Read the manifest; raise InputError if the folder is not an export."""
        path = folder / DESCRIPTION
        try:
            found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return cls(**found)
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(
                f"{path}: no such file; give a folder that `neuron-specialization export` wrote"
            ) from None
        except (TypeError, ValueError) as error:
            raise InputError(f"{path}: not the manifest of an export ({error})") from error

    def engine_folder(self, folder: Path, engine: str) -> Path:
        """Return the folder of a format; raise InputError if it was not exported."""
        if engine not in self.formats:
            raise InputError(
                f"{folder}: not exported as {engine}, but as {', '.join(self.formats)}; "
                "choose one of these or export the model again"
            )
        return folder / FORMATS[engine]
