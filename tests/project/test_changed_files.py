"""Files changed at random end in a clean error or the same values: 2,000 cases.

Text that people write has no checksum: changed tables end in a clean error, or keep every row.
"""

import io
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from neuron_specialization.corpora.sources import read_sources
from neuron_specialization.errors import InputError
from neuron_specialization.evaluation.scoring import SCORE_COLUMNS, read_scores
from neuron_specialization.export.manifest import FORMATS, VOCABULARY, ExportManifest
from neuron_specialization.fairseq_plugin.checkpoints import read_checkpoint
from neuron_specialization.methods.weight_masks import WeightMasks
from neuron_specialization.neurons.storage import Counts, Masks
from neuron_specialization.settings.languages import Language, read_languages
from neuron_specialization.settings.systems import read_systems
from neuron_specialization.workflow.packed_results import merge, pack

LABELS: dict[str, Any] = {"directions": ("en-a", "en-b"), "layers": ("x", "y")}
COUNT_LNF = np.arange(12).reshape(2, 2, 3)
ARRAYS = [
    Counts(sentence_LNF=COUNT_LNF, token_LNF=COUNT_LNF, provenance={"k": 1}, **LABELS),
    Masks(mask_LNF=COUNT_LNF % 2 == 0, provenance={"k": 1}, **LABELS),
    WeightMasks.join(
        [
            WeightMasks.pack(direction, {"fc1": torch.eye(5) > 0}, {"pruning": 0.7})
            for direction in LABELS["directions"]
        ]
    ),
]
MANIFEST = ExportManifest(
    direction="en-a1",
    source_tag="__a1__",
    target_tag=None,
    formats=["ctranslate2"],
    ffn_widths={"encoder.layers.0": 12},
    max_source_tokens=256,
    max_target_positions=256,
    provenance={"checkpoint": "0123456789abcdef"},
)


def changes(content: bytes, number: int) -> Iterator[bytes]:
    """Yield a number of changed copies: other bytes, cut off, longer, or with parts moved."""
    draw = random.Random(number)
    for _ in range(number):
        data = bytearray(content)
        start, size = draw.randrange(len(data)), draw.choice((1, 2, 50))
        block = data[start : start + size]
        match draw.randrange(6):
            case 0:
                del data[start:]
            case 1:
                del data[start : start + size]
            case 2:
                data[start:start] = draw.randbytes(size)
            case 3:
                data[start:start] = data[draw.randrange(len(content)) :][:size]
            case 4:
                data[start : start + size] = bytes(len(block))
            case _:
                for _ in range(draw.choice((1, 3, 20))):
                    data[draw.randrange(len(data))] = draw.randrange(256)
        yield bytes(data)


def check_all(
    path: Path, number: int, read: Callable[[], Any], same: Callable[[Any], bool]
) -> None:
    """Change a file many times; reading it raises InputError or returns the same."""
    content = path.read_bytes()
    assert same(read())
    refused = 0
    for changed in changes(content, number):
        path.write_bytes(changed)
        try:
            found = read()
        except InputError as error:
            assert str(path.parent) in str(error)  # noqa: PT017
            refused += 1
        else:
            assert same(found), changed
    assert refused > number / 4
    path.write_bytes(content)


def values(found: Any) -> str:
    """Return all values of nested dicts and objects as one text, the tensors in full."""
    with io.StringIO() as text:
        np.set_printoptions(threshold=2**31)

        def write(name: str, value: Any) -> None:
            if isinstance(value, dict):
                for key, each in value.items():
                    write(f"{name}.{key}", each)
            elif isinstance(value, torch.Tensor):
                text.write(f"{name}={value.dtype}{value.numpy().tobytes()!r}\n")
            else:
                text.write(f"{name}={value!r}\n")

        write("", found if isinstance(found, dict) else vars(found))
        return text.getvalue()


@pytest.mark.parametrize("whole", ARRAYS, ids=lambda whole: type(whole).__name__)
def test_arrays(tmp_path: Path, whole: Counts | Masks | WeightMasks) -> None:
    path = tmp_path / "a.npz"
    whole.save(path)
    expected = values(type(whole).load(path))
    check_all(path, 300, lambda: type(whole).load(path), lambda found: values(found) == expected)


def test_checkpoints(learned: Path, tmp_path: Path) -> None:
    path = shutil.copy(learned, tmp_path / "a.pt")
    expected = values(read_checkpoint(path))
    check_all(path, 200, lambda: read_checkpoint(path), lambda found: values(found) == expected)


@pytest.mark.parametrize("name", ["export.json", "ctranslate2/float32/model.bin"])
def test_exports(tmp_path: Path, name: str) -> None:
    model = tmp_path / FORMATS["ctranslate2"] / "model.bin"
    model.parent.mkdir(parents=True)
    model.write_bytes(random.Random(0).randbytes(500))
    MANIFEST.write(tmp_path)
    whole, content = ExportManifest.read(tmp_path), model.read_bytes()

    def read() -> tuple[ExportManifest, bytes]:
        manifest = ExportManifest.read(tmp_path)
        manifest.check_files(tmp_path, FORMATS["ctranslate2"], VOCABULARY)
        return manifest, model.read_bytes()

    check_all(tmp_path / name, 150, read, lambda found: found == (whole, content))


def test_packed_results(tmp_path: Path) -> None:
    files = {f"scores/test/ours/seed{seed}.csv": f"score {seed}\n" * 20 for seed in (1, 2)}
    for folder, contents in (("theirs", files), ("ours", {})):
        settings = json.dumps({"shared": "aaaa", "systems": {"ours": "1111"}})
        for name, text in {"settings.json": settings, **contents}.items():
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / name).write_text(text)
    path = tmp_path / "a.zip"
    pack(tmp_path / "theirs", path)

    def read() -> dict[str, str]:
        shutil.rmtree(tmp_path / "ours/scores", ignore_errors=True)
        added = merge(path, tmp_path / "ours")
        return {name: (tmp_path / "ours" / name).read_text() for name in added}

    check_all(path, 250, read, lambda found: found == files)


@pytest.mark.parametrize("name", ["languages", "systems", "sources"])
def test_tables(project: Path, tmp_path: Path, name: str) -> None:
    path, schemas = tmp_path / f"{name}.tsv", project / "config/schemas"
    shutil.copy(project / f"config/{name}.tsv", path)
    schema = schemas / f"{name}.schema.yaml"
    languages: dict[str, Language] = read_languages(
        project / "config/languages.tsv", schemas / "languages.schema.yaml", "en"
    )
    shipped = yaml.safe_load((project / "config/config.yaml").read_text())
    architectures = list(shipped["architectures"])
    readers: dict[str, Callable[[], int]] = {
        "languages": lambda: len(read_languages(path, schema, "en")),
        "sources": lambda: sum(map(len, read_sources(path, schema).values())),
        "systems": lambda: len(
            read_systems(
                path,
                schema,
                languages=languages,
                pivot="en",
                architectures=architectures,
                tables=["levels", "bilingual", "languages", "shallow"],
            )
        ),
    }

    def has_every_row(found: int) -> bool:
        return found == sum(map(bool, path.read_bytes().split(b"\n"))) - 1

    check_all(path, 100, readers[name], has_every_row)


def test_tables_of_scores(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    rows = [["ours", "test", f"en-a{n}", "bleu", 20, 31.25, "tok:13a"] for n in range(9)]
    lines = [",".join(map(str, row)) for row in [SCORE_COLUMNS, *rows]]
    path.write_text("\n".join(lines) + "\n")

    def has_every_row(found: Any) -> bool:
        is_whole = len(found) == sum(map(bool, path.read_bytes().split(b"\n"))) - 1
        return is_whole and not found[[*SCORE_COLUMNS]].drop(columns="score").isna().any(axis=None)

    check_all(path, 100, lambda: read_scores(path), has_every_row)
