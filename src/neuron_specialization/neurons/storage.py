"""Activation counts and neuron masks on disk: plain arrays, no pickle, written atomically.

Axes: L directions, N FFN layers (encoder first), F FFN neurons.
"""

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuron_specialization.errors import InputError
from neuron_specialization.files import atomic_write
from neuron_specialization.neurons.widths import are_valid, existing_neurons, layer_widths

Provenance = Mapping[str, str | int | float | bool]
KINDS = {"sentence": "activation counts", "num_neurons": "neuron masks", "shapes": "weight masks"}
"""Kind of a file, by an array that no other kind has."""
LABELS = {"directions", "layers", "tensors"}
DAMAGE = (
    *(KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error),
    # from a damaged header, an encrypted or oddly compressed member, or deep JSON
    *(AttributeError, IndexError, MemoryError, OverflowError, RuntimeError, SyntaxError),
)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Activation counts of each neuron on each direction's sentences (paper, section 3.1: a^t).

    Directions are in the order of axis L, layers in the order of axis N.
    """

    directions: tuple[str, ...]
    layers: tuple[str, ...]
    """Names such as `encoder.layers.0`."""
    sentence_LNF: NDArray[np.int64]
    """Sentences in which the neuron fired for at least one token (the paper's text)."""
    token_LNF: NDArray[np.int64]
    """Tokens for which the neuron fired (the official code)."""
    num_sentences_L: NDArray[np.int64] | None = None
    """Sentences of each direction; None in a file that is older than this number."""
    widths_N: NDArray[np.int64] | None = None
    """Neurons of each layer; None if all have F (`neurons/widths.py`)."""
    provenance: Provenance
    """Checkpoint hash, split, and whether padding was counted."""

    def per(self, counting: str) -> NDArray[np.int64]:
        """Return count_LNF per `token` or per `sentence`."""
        return {"sentence": self.sentence_LNF, "token": self.token_LNF}[counting]

    @property
    def exists_NF(self) -> NDArray[np.bool_]:
        """True for the neurons that a layer has."""
        return existing_neurons(self.widths_N, self.token_LNF.shape)

    def save(self, path: Path) -> None:
        """Write to `path` (.npz)."""
        arrays = {"sentence": self.sentence_LNF, "token": self.token_LNF}
        if self.num_sentences_L is not None:
            arrays["num_sentences"] = self.num_sentences_L
        arrays |= {} if self.widths_N is None else {"widths": self.widths_N}
        labels = {"directions": self.directions, "layers": self.layers}
        write_arrays(path, arrays, labels, self.provenance)

    @classmethod
    def load(cls, path: Path) -> "Counts":
        """Read from `path`; raise InputError if the file is missing, damaged or something else."""
        names = ("sentence", "token", "directions", "layers")
        arrays = read_arrays(path, names, optional=("num_sentences", "widths"))
        shape = (len(arrays["directions"]), len(arrays["layers"]))
        for name in ("sentence", "token"):
            count_LNF = arrays[name]
            valid = count_LNF.dtype.kind in "iu" and count_LNF.ndim == 3
            valid = valid and count_LNF.shape[:2] == shape
            check(valid and bool((count_LNF >= 0).all()), path, name)
        check(arrays["sentence"].shape == arrays["token"].shape, path, "token")
        check_num_sentences(path, arrays)
        widths_N = arrays.get("widths")
        check(are_valid(widths_N, arrays["sentence"], arrays["token"]), path, "widths")
        return cls(
            directions=tuple(arrays["directions"].tolist()),
            layers=tuple(arrays["layers"].tolist()),
            sentence_LNF=arrays["sentence"],
            token_LNF=arrays["token"],
            num_sentences_L=arrays.get("num_sentences"),
            widths_N=widths_N,
            provenance=json.loads(str(arrays["provenance"])),
        )

    @classmethod
    def join(cls, parts: Sequence["Counts"], directions: Sequence[str]) -> "Counts":
        """Join the counts of several recordings of one model, in the order of `directions`."""
        found = [direction for part in parts for direction in part.directions]
        order = [found.index(direction) for direction in directions]
        sentences = [p.num_sentences_L for p in parts if p.num_sentences_L is not None]
        return cls(
            directions=tuple(directions),
            layers=parts[0].layers,
            sentence_LNF=np.concatenate([part.sentence_LNF for part in parts])[order],
            token_LNF=np.concatenate([part.token_LNF for part in parts])[order],
            num_sentences_L=np.concatenate(sentences)[order]
            if len(sentences) == len(parts)
            else None,
            widths_N=parts[0].widths_N,
            provenance=parts[0].provenance,
        )


@dataclass(frozen=True, kw_only=True)
class Masks:
    """The neurons of each direction, axes as in Counts; one bit per neuron on disk."""

    directions: tuple[str, ...]
    layers: tuple[str, ...]
    mask_LNF: NDArray[np.bool_]
    """True if the neuron belongs to the direction."""
    widths_N: NDArray[np.int64] | None = None
    """As in Counts."""
    provenance: Provenance
    """Settings of the selection, and provenance of the counts."""

    @property
    def width_N(self) -> NDArray[np.int64]:
        """Neurons of each layer."""
        return layer_widths(self.widths_N, self.mask_LNF.shape)

    @property
    def exists_NF(self) -> NDArray[np.bool_]:
        """True for the neurons that a layer has."""
        return existing_neurons(self.widths_N, self.mask_LNF.shape)

    def save(self, path: Path) -> None:
        """Write to `path` (.npz), bit-packed along F."""
        arrays = {
            "bits": np.packbits(self.mask_LNF, axis=-1),
            "num_neurons": np.array(self.mask_LNF.shape[-1]),
        }
        arrays |= {} if self.widths_N is None else {"widths": self.widths_N}
        labels = {"directions": self.directions, "layers": self.layers}
        write_arrays(path, arrays, labels, self.provenance)

    @classmethod
    def load(cls, path: Path) -> "Masks":
        """Read from `path`; raise InputError if the file is missing, damaged or something else."""
        names = ("bits", "num_neurons", "directions", "layers")
        arrays = read_arrays(path, names, optional=("widths",))
        bits, neurons = arrays["bits"], arrays["num_neurons"]
        check(neurons.dtype.kind in "iu" and neurons.ndim == 0, path, "num_neurons")
        shape = (len(arrays["directions"]), len(arrays["layers"]), -(-int(neurons) // 8))
        check(bits.dtype == np.uint8 and bits.shape == shape, path, "bits")
        mask_LNF = np.unpackbits(bits, axis=-1, count=int(neurons))
        check(are_valid(arrays.get("widths"), mask_LNF), path, "widths")
        return cls(
            directions=tuple(arrays["directions"].tolist()),
            layers=tuple(arrays["layers"].tolist()),
            mask_LNF=mask_LNF.astype(bool),
            widths_N=arrays.get("widths"),
            provenance=json.loads(str(arrays["provenance"])),
        )


def write_arrays(
    path: Path,
    arrays: Mapping[str, NDArray[Any]],
    labels: Mapping[str, Sequence[str]],
    provenance: Provenance,
) -> None:
    """Write arrays with their labels to one .npz file that appears only when it is complete."""
    texts = {name: np.array(label, dtype=np.str_) for name, label in labels.items()}
    texts["provenance"] = np.array(json.dumps(dict(provenance), sort_keys=True))
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays, **texts)


def array_names(path: Path) -> list[str]:
    """Return the names of the arrays in a file of counts or masks; raise InputError for others."""
    with opened(path, "counts or masks") as file:
        return list(file)


def read_arrays(
    path: Path, names: Sequence[str], optional: Sequence[str] = ()
) -> dict[str, NDArray[Any]]:
    """Read the named arrays, labels and provenance; raise InputError for a file of another kind.

    `optional` names arrays that older files lack; they are then left out.
    """
    found, wanted = kind_of(array_names(path)), kind_of(names)
    if found and found != wanted:
        raise InputError(f"{path}: these are {found}; give a file of {wanted}")
    with opened(path, f"{'/'.join(names)} arrays") as file:
        there = [name for name in optional if name in file]
        arrays = {name: file[name] for name in (*names, *there, "provenance")}
        provenance = json.loads(str(arrays["provenance"]))
    check(isinstance(provenance, dict), path, "provenance")
    for name in LABELS & arrays.keys():
        label = arrays[name]
        valid = label.dtype.kind == "U" and label.ndim == 1
        check(valid and len(set(label.tolist())) == len(label), path, name)
    return arrays


def check_num_sentences(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise InputError if a neuron fired in more sentences than a direction has."""
    if "num_sentences" not in arrays:
        return
    num_sentences_L, sentence_LNF = arrays["num_sentences"], arrays["sentence"]
    valid = num_sentences_L.dtype.kind in "iu" and num_sentences_L.shape == sentence_LNF.shape[:1]
    valid = valid and bool((sentence_LNF <= num_sentences_L[:, None, None]).all())
    check(valid, path, "num_sentences")


def check(valid: bool, path: Path, name: str) -> None:
    """Raise InputError if an array of a file is not valid."""
    if not valid:
        raise InputError(
            f"{path}: its array {name} does not have the type, the shape or the distinct labels "
            "that the other arrays need; if it is one of the workflow's results, delete it to make "
            "it again"
        )


def kind_of(names: Sequence[str]) -> str | None:
    """Return the kind of a file with these arrays; None if it is not a file of this project."""
    return next((KINDS[name] for name in names if name in KINDS), None)


@contextmanager
def opened(path: Path, kind: str) -> Iterator[Any]:
    """Yield the arrays of a file by name; raise InputError if they cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            yield file
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except DAMAGE as error:
        raise InputError(
            f"{path}: not a valid file of {kind} ({error}); if it is one of the workflow's "
            "results, delete it to make it again"
        ) from error
