"""The contents of the folder of an exported model."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from neuron_specialization.corpora.vocabulary import END, language_tag
from neuron_specialization.errors import InputError
from neuron_specialization.files import sha256_of, write_text
from neuron_specialization.settings.languages import DIRECTION

FORMATS = {
    "fairseq": "fairseq",
    "ctranslate2": "ctranslate2/float32",
    "ctranslate2-int8": "ctranslate2/int8",
    "huggingface": "huggingface",
}
"""The folder of each format."""
HUGGINGFACE = "huggingface"
"""The format that transformers decodes, not `translate`."""
ENGINES = [name for name in FORMATS if name != HUGGINGFACE]
CHECKPOINT = "checkpoint.pt"
VOCABULARY = "vocabulary"
DESCRIPTION = "export.json"


@dataclass(frozen=True, kw_only=True)
class ExportManifest:
    """Content and origin of an export: `export.json`."""

    direction: str
    """The direction, or the first of `directions`."""
    source_tag: str | None
    """The token that every source of `direction` has; None in a model without tags."""
    target_tag: str | None
    """The token that every hypothesis of `direction` is forced to begin with."""
    formats: list[str]
    ffn_widths: dict[str, int]
    """The number of active neurons of each layer; all neurons if it has no mask."""
    max_source_tokens: int
    """Maximum length of a source, including tag and </s>; the model has no further positions."""
    max_target_positions: int
    provenance: dict[str, Any]
    """Source files with their hashes, and the version of this package."""
    directions: list[str] = field(default_factory=list)
    """All directions; empty in exports of earlier versions, which have one."""
    source_tag_last: bool = False
    """The source's tag is behind `</s>` instead of in front of the source."""
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each exported file by its path; empty in exports of earlier versions."""
    digest: str = ""
    """SHA-256 of all other fields; empty in exports of earlier versions."""

    def write(self, folder: Path) -> None:
        """Write the manifest, with the hashes of all files, into the folder of the export."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        hashes = {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}
        whole = dataclasses.replace(self, files=hashes)
        whole = dataclasses.replace(whole, digest=whole.digest_of_fields())
        text = json.dumps(dataclasses.asdict(whole), indent=2, ensure_ascii=False)
        write_text(folder / DESCRIPTION, f"{text}\n")

    @classmethod
    def read(cls, folder: Path) -> "ExportManifest":
        """Read the manifest; raise InputError if the folder is not an export."""
        path = folder / DESCRIPTION
        try:
            found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            manifest = cls(**found)
            manifest.check_types()
            if manifest.digest not in ("", manifest.digest_of_fields()):
                raise ValueError("it was changed; copy the folder or export the model again")
            return manifest
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(
                f"{path}: no such file; give a folder that `neuron-specialization export` wrote"
            ) from None
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"{path}: not the manifest of an export ({error})") from error

    def digest_of_fields(self) -> str:
        """Return the SHA-256 of all fields but the digest."""
        text = json.dumps(dataclasses.asdict(self) | {"digest": ""}, sort_keys=True)
        return sha256(text.encode()).hexdigest()

    def check_types(self) -> None:
        """Raise ValueError if a field has another type or form than an export writes."""
        counts = (self.max_source_tokens, self.max_target_positions)
        widths = (self.ffn_widths, int), (self.files, str)
        valid = {
            "direction": isinstance(self.direction, str) and DIRECTION.fullmatch(self.direction),
            "source_tag": isinstance(self.source_tag, str | None),
            "target_tag": isinstance(self.target_tag, str | None),
            "source_tag_last": isinstance(self.source_tag_last, bool),
            "directions": isinstance(self.directions, list)
            and all(
                isinstance(name, str) and DIRECTION.fullmatch(name) for name in self.directions
            ),
            "formats": isinstance(self.formats, list)
            and self.formats
            and all(name in FORMATS for name in self.formats),
            "max_source_tokens, max_target_positions": all(
                type(n) is int and n > 1 for n in counts
            ),
            "ffn_widths, files": all(
                isinstance(found, dict) and all(type(value) is kind for value in found.values())
                for found, kind in widths
            ),
        }
        for name, is_valid in valid.items():
            if not is_valid:
                raise ValueError(f"bad {name}")

    def check_files(self, folder: Path, *parts: str) -> None:
        """Raise InputError if a file in a part of the export is missing or has changed."""
        for name, expected in self.files.items():
            path = folder / name
            if name.startswith(tuple(f"{part}/" for part in parts)) and (
                not path.is_file() or sha256_of(path) != expected
            ):
                raise InputError(
                    f"{path}: missing or changed since it was exported; copy the folder again, or "
                    "export the model again"
                )

    def for_direction(self, folder: Path, direction: str | None) -> "ExportManifest":
        """Return the manifest of one of several directions; None is the only one.

        Raises InputError if it was not exported, or none is named and there are several.
        """
        exported = self.directions or [self.direction]
        name = direction or self.direction
        if name not in exported or (direction is None and len(exported) > 1):
            raise InputError(
                f"{folder}: its directions are {', '.join(exported)}; choose one (--direction)"
            )
        if name == self.direction:
            return self
        source, target = map(language_tag, name.split("-"))
        return dataclasses.replace(self, direction=name, source_tag=source, target_tag=target)

    def source_words(self, pieces: Sequence[str]) -> list[str]:
        """Return the tokens of a source: its pieces, the tag and </s>."""
        tag = [self.source_tag] if self.source_tag else []
        return [*pieces, END, *tag] if self.source_tag_last else [*tag, *pieces, END]

    def engine_folder(self, folder: Path, engine: str) -> Path:
        """Return the folder of a format; raise InputError if it was not exported."""
        if engine == HUGGINGFACE:
            raise InputError(
                f"{folder}: only a model folder for transformers; its README.md says how to "
                "translate with it, or export other formats, too"
            )
        if engine not in self.formats:
            raise InputError(
                f"{folder}: not exported as {engine}, but as {', '.join(self.formats)}; "
                "choose one of these or export the model again"
            )
        return folder / FORMATS[engine]
