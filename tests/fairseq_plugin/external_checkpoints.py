"""Checkpoints of plain fairseq, and other forms in which such checkpoints exist."""

import json
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.fairseq_plugin.importing import import_checkpoint
from tests.fairseq_plugin import plain_fairseq
from tests.trained_models import DIRECTIONS, LANGUAGES, architecture

Edit = Callable[[dict[str, Any]], None]
MEASURED = ["en-a1", "a1-en", "b2-en"]
THEIR_LANGUAGES = ["b2", "b1", "a1", "en"]  # the order of the tags in the other checkpoint
EMBEDDINGS = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"]
OUTPUT = "decoder.output_projection.weight"
SIZES = {"layers": 2, "embed-dim": 16, "ffn-embed-dim": 32, "attention-heads": 2}
COMMON_FLAGS = [
    *(
        f"--{stack}-{name}={size}"
        for stack in ("encoder", "decoder")
        for name, size in SIZES.items()
    ),
    *("--encoder-normalize-before", "--decoder-normalize-before"),
    *("--share-decoder-input-output-embed", "--dropout=0", "--attention-dropout=0"),
    *("--criterion=label_smoothed_cross_entropy", "--optimizer=adam", "--lr=0.01"),
    *("--max-tokens=800", "--cpu", "--no-epoch-checkpoints", "--num-workers=0"),
]
MULTILINGUAL_FLAGS = [
    *("--task=translation_multi_simple_epoch", "--arch=transformer_vaswani_wmt_en_de_big"),
    *(f"--lang-pairs={','.join(DIRECTIONS)}", f"--langs={','.join(THEIR_LANGUAGES)}"),
    *("--encoder-langtok=src", "--decoder-langtok", "--ddp-backend=legacy_ddp"),
    *("--sampling-method=temperature", "--sampling-temperature=5", "--max-update=100"),
]
BILINGUAL_FLAGS = [
    *("--task=translation", "--arch=transformer_iwslt_de_en", "-s=en", "-t=b1", "--max-update=5"),
    *("--eval-bleu", "--eval-bleu-detok=space", "--eval-bleu-remove-bpe=sentencepiece"),
    *("--eval-bleu-args", '{"beam": 1, "max_len_b": 8}', "--best-checkpoint-metric=bleu"),
    "--maximize-best-checkpoint-metric",
]


@dataclass(frozen=True, kw_only=True)
class Plain:
    """A model of plain fairseq, and the importer's inputs for it."""

    checkpoint: Path
    outputs: dict[str, list[dict[str, Any]]]
    data: Path
    vocabulary: Path | None = None
    dictionary: Path | None = None


def run_plain(folder: Path, data: Path, directions: list[str], flags: list[str]) -> dict:
    """Train with plain fairseq in `folder`; return the best checkpoint's outputs for sentences."""
    arguments = [",".join(directions), folder / "save", data, *COMMON_FLAGS, *flags]
    return run_process(folder / "outputs.json", *map(str, arguments))


def run_process(outputs: Path, *arguments: str) -> dict:
    """Run plain fairseq in a separate process (`plain_fairseq.py`); return its outputs."""
    done = subprocess.run(
        [sys.executable, plain_fairseq.__file__, str(outputs), *arguments],
        capture_output=True,
        text=True,
        # plain fairseq does not know torch's allow-list
        env={"PATH": os.environ["PATH"], "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict = json.loads(outputs.read_text(encoding="utf-8"))
    return found


def read_external_state(path: Path) -> dict[str, Any]:
    """Read all of a checkpoint that a test has made."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=False)
    return state


def edited(plain: Plain, folder: Path, edit: Edit) -> Path:
    """Return a copy of a checkpoint with something changed in it."""
    state = read_external_state(plain.checkpoint)
    edit(state)
    torch.save(state, folder / "edited.pt")
    return folder / "edited.pt"


def as_official(state: dict[str, Any], kept: str = EMBEDDINGS[1], linear_layers: int = 24) -> None:
    """Rename every linear layer's weight, and keep only one of the shared tensors."""
    dropped = {OUTPUT, EMBEDDINGS[1], "encoder.version", "decoder.version"} - {kept}
    state["model"] = {
        (
            name.removesuffix("weight") + "global_weight"
            if tensor.dim() == 2 and name not in EMBEDDINGS
            else name
        ): tensor
        for name, tensor in state["model"].items()
        if name not in dropped
    }
    assert len([name for name in state["model"] if name.endswith("global_weight")]) >= linear_layers


def in_half(state: dict[str, Any]) -> None:
    """Convert to float16, with the buffers of fairseq 0.12.2."""
    state["model"] = {name: tensor.half() for name, tensor in state["model"].items()}
    for stack in ("encoder", "decoder"):
        state["model"][f"{stack}.embed_positions._float_tensor"] = torch.zeros(1).half()


def with_old_arguments(state: dict[str, Any]) -> None:
    """Replace the configuration by one namespace, with the languages as typed."""
    cfg = state.pop("cfg")
    state["args"] = Namespace(**{**vars(cfg["task"]), **vars(cfg["model"])})
    state["args"].langs = ",".join(THEIR_LANGUAGES)


def with_sorted_languages(state: dict[str, Any]) -> None:
    """Remove the list of languages; fairseq then orders them alphabetically."""
    state["cfg"]["task"].langs = None
    order = [-4 + THEIR_LANGUAGES.index(language) for language in sorted(LANGUAGES)]
    for name in (*EMBEDDINGS, OUTPUT):
        tensor = state["model"][name].clone()
        tensor[-4:] = state["model"][name][order]
        state["model"][name] = tensor


def with_numpy(state: dict[str, Any]) -> None:
    """Convert scores to numpy values; tests with BLEU leave arrays among the meters."""
    state["extra_state"] |= {"best": np.float64(1.5), "val_loss": np.int64(1), "counts": np.ones(4)}


def set_model(**settings: Any) -> Edit:
    return lambda state: vars(state["cfg"]["model"]).update(settings)


def set_task(**settings: Any) -> Edit:
    return lambda state: vars(state["cfg"]["task"]).update(settings)


def drop(*names: str) -> Edit:
    def edit(state: dict[str, Any]) -> None:
        state["cfg"]["model"] = None  # it contains nothing that could help
        for name in names:
            del state["model"][name]

    return edit


def post_norm(state: dict[str, Any]) -> None:
    drop(*(f"{s}.layer_norm.{n}" for s in ("encoder", "decoder") for n in ("weight", "bias")))(
        state
    )


def untie(state: dict[str, Any]) -> None:
    state["model"][OUTPUT] = state["model"][OUTPUT] + 1


def learn_positions(state: dict[str, Any]) -> None:
    state["model"]["encoder.embed_positions.weight"] = torch.zeros(10, 16)


def run_import(plain: Plain, folder: Path, source: Path | None = None, **changes: Any) -> Path:
    """Import a checkpoint, with changes to the architecture or the arguments."""
    arguments = {"data": plain.data, "directions": DIRECTIONS, "dictionary": plain.dictionary}
    own = {
        name: changes.pop(name)
        for name in (*arguments, "language_tags", "masks", "trusted")
        if name in changes
    }
    folder.mkdir(exist_ok=True)
    published = folder / "imported.pt"
    import_checkpoint(
        source or plain.checkpoint,
        architecture(**changes),
        published=published,
        **(arguments | own),
    )
    return published


def assert_same_tensors(path: Path, expected: dict[str, Tensor]) -> None:
    found = read_checkpoint(path)["model"]
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == torch.float32
        assert torch.equal(found[name], tensor), name


def assert_refused(
    plain: Plain, folder: Path, message: str, source: Path | None = None, **changes: Any
) -> None:
    target = folder / "target"
    with pytest.raises(InputError, match=message):
        run_import(plain, target, source, **changes)
    assert not list(target.iterdir())
