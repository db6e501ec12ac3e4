"""The settings of a checkpoint can neither run code, nor resolve, nor open anything."""

from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from neuron_specialization.errors import InputError
from neuron_specialization.export.exporting import export_model
from neuron_specialization.fairseq_plugin.checkpoint_settings import (
    MODEL,
    TASK,
    read_model,
    read_task,
)
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from tests.trained_models import load_task, run_training

Open = Callable[[Path], Any]
# models of fairseq that evaluate a setting, or open a file that one names
EVALUATING = {
    "fconv": "encoder_layers",
    "fconv_lm": "decoder_layers",
    "fconv_self_att": "encoder_layers",
    "lightconv": "encoder_kernel_size_list",
    "lightconv_lm": "decoder_kernel_size_list",
    "transformer_lm": "adaptive_softmax_cutoff",
    "wav2vec": "conv_feature_layers",
    "wav2vec2": "conv_feature_layers",
    "hubert": "conv_feature_layers",
    "s2t_transformer": "load_pretrained_encoder_from",
    "transformer": "encoder_xformers_att_config",
}


@pytest.fixture(params=["decode", "export"])
def open_file(
    request: pytest.FixtureRequest, binarised: Path, vocabulary: Path, tmp_path: Path
) -> Open:
    """Open a checkpoint as decoding or exporting does."""
    if request.param == "decode":
        return lambda path: load_task(path, binarised)
    files = {"data": binarised, "vocabulary": vocabulary, "formats": ["fairseq"]}
    return lambda path: export_model(path, tmp_path / "out", directions=["en-a1"], **files)


def changed(checkpoint: Path, path: Path, section: str, **settings: Any) -> Path:
    """Write a copy of a checkpoint with other settings of its model or task."""
    state = read_checkpoint(checkpoint)
    found = state["cfg"][section]
    (vars(found) if isinstance(found, Namespace) else found).update(settings)
    torch.save(state, path)
    return path


@pytest.mark.parametrize(("name", "setting"), EVALUATING.items())
def test_no_model_of_fairseq_evaluates_a_setting(
    learned: Path, open_file: Open, tmp_path: Path, name: str, setting: str
) -> None:
    code = f"__import__('pathlib').Path('{tmp_path}/harm').touch() or [(8, 3, 1)]"
    settings = {"_name": name, "arch": name, setting: code}
    path = changed(learned, tmp_path / "evil.pt", "model", **settings)
    with pytest.raises(InputError, match=r"evil\.pt: "):
        open_file(path)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("name", [*MODEL, "encoder_embed_path", "adaptive_softmax_cutoff"])
def test_settings_of_the_model_are_not_resolved(
    learned: Path, open_file: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("SECRET", "password")
    path = changed(learned, tmp_path / "a.pt", "model", **{name: "${oc.env:SECRET}"})
    with pytest.raises(InputError) as error:
        open_file(path)
    assert "password" not in str(error.value)


@pytest.mark.parametrize("name", [*TASK, "data", "base"])
def test_settings_of_the_task_are_not_resolved(
    learned: Path, open_file: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("SECRET", "password")
    path = changed(learned, tmp_path / "a.pt", "task", **{name: "${oc.env:SECRET}"})
    if name in TASK:
        with pytest.raises(InputError) as error:
            open_file(path)
        assert "password" not in str(error.value)
    else:
        open_file(path)


def test_files_that_the_settings_name_are_not_opened(
    learned: Path, binarised: Path, tmp_path: Path
) -> None:
    missing = str(tmp_path / "missing")
    path = changed(learned, tmp_path / "a.pt", "task", masks=missing, base=missing, data=missing)
    model, _ = load_task(path, binarised)
    expected, _ = load_task(learned, binarised)
    assert torch.equal(model.encoder.embed_tokens.weight, expected.encoder.embed_tokens.weight)


def test_training_from_a_checkpoint_reads_its_weights_only(
    learned: Path, binarised: Path, tmp_path: Path
) -> None:
    state = read_checkpoint(learned)
    state["cfg"] = {"model": {"_name": "fconv", "encoder_layers": "1 / 0"}, "task": "${oc.env:X}"}
    torch.save(state, tmp_path / "parent.pt")
    published = [
        run_training(binarised, tmp_path / name, parent=parent, max_updates=2, validate_every=2)
        for name, parent in (("a", learned), ("b", tmp_path / "parent.pt"))
    ]
    ours, theirs = (read_checkpoint(path)["model"] for path in published)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    7,
    2**40,
    0.5,
    "",
    "x",
    "${oc.env:HOME}",
    "--user-dir=/",
    [1],
    {},
]


def test_other_values_are_refused_or_change_nothing_else(learned: Path) -> None:
    """Try every odd value in every setting: a clean error, or no other setting changes."""
    state = read_checkpoint(learned)
    flags = ["--directions", "x-y"]
    read: dict[str, Callable[[], dict[str, Any]]] = {
        "model": lambda: vars(read_model(learned, state, "translation_directions", flags)),
        "task": lambda: read_task(learned, state),
    }
    tried = 0
    for section, read_section in read.items():
        expected, found = read_section(), state["cfg"][section]
        settings = vars(found) if isinstance(found, Namespace) else found
        for name, kept in [*settings.items(), ("unknown", None)]:
            for value in ODD:
                settings[name] = value
                tried += 1
                with suppress(InputError):
                    found = read_section()
                    different = {key for key in expected if found[key] != expected[key]}
                    assert different <= {name, f"{name[:7]}_output_dim", f"{name[:7]}_input_dim"}
            settings[name] = kept
    assert tried > 1000
