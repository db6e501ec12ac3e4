"""A row with a model folder: its sizes and its vocabulary are read when the plan is made."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.fairseq_plugin.parameters import count_parameters
from neuron_specialization.settings.training import Architecture
from neuron_specialization.workflow.make_plan import make_plan
from neuron_specialization.workflow.plan import Plan
from tests.conftest import PROJECT
from tests.fairseq_plugin.huggingface import CODES, Folder, make_model_folder
from tests.workflow.conftest import TINY
from tests.workflow.test_make_plan import SHARDS, read_config

TRAINING = {"max_tokens": 400, "update_freq": 1, "max_updates": 5, "validate_every": 5}
HEADER = "system\tlabel\tmethod\tarchitecture\tparent\tdirections\toptions\n"
BASELINE = "base\tNLLB\tmultilingual\tnllb\t\tall\tcheckpoint={folder} codes=nllb\n"
OURS = "ours\tOurs\tneuron_specialization\t\tbase\tall\tk=95\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return make_model_folder("small100", tmp_path_factory.mktemp("folder") / "model")


def plan_of(folder: Path, work: Path, rows: str = BASELINE + OURS, **changes: Any) -> Plan:
    """Return the plan of the tiny dataset with a model folder."""
    columns = "code\tname\tfamily\tscript\tlevel\tnllb\n"
    lines = [
        f"{code}\t{code}\tF{code}\tLatin\thigh\t{theirs}\n"
        for code, theirs in CODES["small100"].items()
    ]
    (work / "languages.tsv").write_text(columns + "".join(lines))
    (work / "systems.tsv").write_text(HEADER + rows.format(folder=folder))
    config = read_config(PROJECT / TINY)
    del config["vocabulary"]
    config |= {
        "languages": str(work / "languages.tsv"),
        "systems": str(work / "systems.tsv"),
        "architectures": {"nllb": dict(TRAINING)},
        "analysis": {"counting": "token"},
        "tables": {"levels": {"layout": "levels"}},
    }
    config |= changes
    return make_plan(config, PROJECT, shards=SHARDS)


def test_sizes_and_vocabulary_are_the_folder_s(folder: Folder, tmp_path: Path) -> None:
    plan = plan_of(folder.path, tmp_path)
    base, ours = (SimpleNamespace(system=name, seed="1") for name in ("base", "ours"))
    sizes = {"layers": 3, "decoder_layers": 1, "d_ff": 24, "decoder_d_ff": 40, "d_model": 16}
    assert sizes.items() <= plan.models.architecture(base).items()
    assert sizes.items() <= plan.models.architecture(ours).items()
    assert plan.vocabularies.given == {"folder": str(folder.path)}
    assert plan.vocabularies.codes == CODES["small100"]
    files = {path.name for path in map(Path, plan.models.local_checkpoint(base))}
    assert {"config.json", "model.safetensors", "sentencepiece.bpe.model"} <= files
    used = {path.name for path in map(Path, plan.vocabularies.given_files)}
    assert {"vocab.json", "sentencepiece.bpe.model"} <= used
    assert "model.safetensors" not in used
    (dictionaries,) = {tuple(row["dictionaries"]) for row in plan.tables.counted}
    size = count_parameters(Architecture(**plan.models.architecture(base)), dictionaries)
    assert size.total == sum(tensor.numel() for tensor in folder.model().parameters())


def test_stated_sizes_win(folder: Folder, tmp_path: Path) -> None:
    stated = {"architectures": {"nllb": {**TRAINING, "layers": 7}}}
    plan = plan_of(folder.path, tmp_path, **stated)
    found = plan.models.architecture(SimpleNamespace(system="base", seed="1"))
    assert (found["layers"], found["d_model"]) == (7, 16)


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        (
            BASELINE.replace("{folder}", "nowhere"),
            {},
            "system base has codes=nllb, but its checkpoint is not a folder",
        ),
        (
            BASELINE.replace("checkpoint={folder} codes=nllb", "checkpoint=nowhere"),
            {},
            r"architectures\.nllb has no layers, heads, d_model, d_ff, .*: there is no folder nowh",
        ),
        (
            BASELINE.replace("checkpoint={folder} codes=nllb", ""),
            {"vocabulary": {"size": 100}},
            r"architectures\.nllb has no layers, heads, .*a local folder with a config\.json",
        ),
        (BASELINE, {"vocabulary": {"size": 100}}, "is a model's folder, whose vocabulary is used"),
        (
            BASELINE
            + BASELINE.replace("base\tNLLB", "more\tOther").replace("{folder}", "{folder}2"),
            {},
            "systems base and more have different model folders or codes",
        ),
        (
            BASELINE.replace("codes=nllb", "codes=nothing"),
            {},
            "column nllb is not a setting of languages",
        ),
    ],
)
def test_settings_that_conflict_are_refused(
    folder: Folder, tmp_path: Path, rows: str, changes: dict[str, Any], message: str
) -> None:
    model = shutil.copytree(folder.path, tmp_path / "model")
    shutil.copytree(folder.path, tmp_path / "model2")
    with pytest.raises(InputError, match=message):
        plan_of(Path(model), tmp_path, rows, **changes)
