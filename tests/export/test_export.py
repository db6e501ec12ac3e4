"""Exported sub-networks: other decoders give the pipeline's hypotheses and scores.

The model is trained until it gives 21 different hypotheses for 21 sentences: an untrained one
would repeat a token, with ties between hypotheses.
"""

import dataclasses
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ctranslate2 import Translator
from ctranslate2.converters import FairseqConverter

from neuron_specialization.fairseq_plugin.checkpoints import file_hash, read_checkpoint
from neuron_specialization.settings.decoding import DecodingSettings
from neuron_specialization.settings.training import DirectionFiles
from tests.export.exports import (
    D_FF,
    DIRECTION,
    SIZES,
    TRAINED,
    Model,
    draw_biases,
    draw_own_masks,
    exported_outputs,
    pipeline_outputs,
)
from tests.trained_models import LAYERS, run_training

SHARES = (0.9, 0.6, 0.3, 0.75)
FORMATS = ("fairseq", "ctranslate2")
UPDATES = {"max_updates": 300, "validate_every": 300, "warmup_updates": 50}
SETTINGS = {"beam": 5, "length_penalty": 1.0, "max_len_a": 0, "max_len_b": 40}


def describe(exported: Path) -> dict[str, Any]:
    return json.loads((exported / "export.json").read_text())


def settings(**changes: float) -> DecodingSettings:
    return DecodingSettings(**(SETTINGS | {"max_tokens": 10_000} | changes))


@pytest.fixture(scope="module")
def dense(binarised: Path, vocabulary: Path, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Return a model that translates, with random biases."""
    folder = tmp_path_factory.mktemp("dense")
    trained = run_training(binarised, folder, directions=TRAINED, **SIZES, **UPDATES)
    checkpoint = draw_biases(trained, folder / "biased.pt")
    return Model(checkpoint=checkpoint, data=binarised, vocabulary=vocabulary)


@pytest.fixture(scope="module")
def specialized(dense: Model, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Return a model specialized with a different sparsity in each layer."""
    folder = tmp_path_factory.mktemp("specialized")
    masks = draw_own_masks(folder / "masks.npz", SHARES)
    checkpoint = run_training(
        dense.data,
        folder,
        directions=TRAINED,
        parent=dense.checkpoint,
        files=DirectionFiles(masks=masks),
        max_updates=100,
        validate_every=100,
        **SIZES,
    )
    return Model(checkpoint=checkpoint, data=dense.data, vocabulary=dense.vocabulary, masks=masks)


@pytest.fixture(scope="module")
def exported(specialized: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return specialized.export(tmp_path_factory.mktemp("exported") / DIRECTION)


@pytest.fixture(scope="module")
def text(corpora: Path) -> Path:
    return corpora / f"valid.{DIRECTION}.en"


def assert_same(model: Model, exported: Path, text: Path, search: DecodingSettings) -> None:
    """Check that the pipeline and the exports give the same hypotheses and scores."""
    expected = pipeline_outputs(model, search)
    assert len({hypothesis for hypothesis, _ in expected}) > 15
    for engine in FORMATS:
        found = exported_outputs(exported, text, engine, search)
        assert [hypothesis for hypothesis, _ in found] == [words for words, _ in expected]
        differences = [abs(a - b) for (_, a), (_, b) in zip(found, expected, strict=True)]
        assert max(differences) < 1e-3
        print(f"{engine}: scores differ by {max(differences):.1e} at most")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"beam": 1},
        {"length_penalty": 0.6},
        {"length_penalty": 2.0, "beam": 3},
        {"max_len_b": 6},  # most hypotheses are cut off
        {"max_len_a": 0.5, "max_len_b": 3},
        {"length_penalty": 0.0, "max_len_b": 12},
    ],
    ids=str,
)
def test_every_decoder_gives_the_same_hypotheses_and_scores(
    specialized: Model, exported: Path, text: Path, changes: dict
) -> None:
    assert_same(specialized, exported, text, settings(**changes))


def test_the_constants_of_masked_neurons_matter(specialized: Model, dense: Model) -> None:
    tensors = read_checkpoint(specialized.checkpoint)["model"]
    biases = [tensor for name, tensor in tensors.items() if name.endswith("fc1.bias")]
    assert all((bias.relu() > 0.1).sum() > D_FF / 4 for bias in biases)
    without = dataclasses.replace(specialized, masks=None)
    search = settings()
    assert pipeline_outputs(without, search) != pipeline_outputs(specialized, search)


def test_stock_fairseq_generates_from_it(
    specialized: Model, exported: Path, text: Path, tmp_path: Path
) -> None:
    """Follow docs/export.md: run fairseq-generate on pieces, in a separate process."""
    _, task = specialized.load()
    task.load_dataset("valid")
    pairs = [task.dataset("valid")[i] for i in range(21)]
    for path in (exported / "fairseq").glob("dict.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    lines = [
        " ".join(task.source_dictionary[int(i)] for i in pair["source"][:-1]) for pair in pairs
    ]
    assert all(line.startswith("__en__ ") for line in lines)
    (tmp_path / f"test.{DIRECTION}.en").write_text("".join(f"{line}\n" for line in lines))
    (tmp_path / f"test.{DIRECTION}.a1").write_text("__a1__\n" * len(lines))
    script = Path(__file__).with_name("plain_generate.py")
    flags = f"--path {exported}/fairseq/checkpoint.pt --dataset-impl raw --prefix-size 1 --cpu"
    flags += " --beam 5 --max-len-b 40 --remove-bpe sentencepiece --required-batch-size-multiple 1"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    found = subprocess.run(
        [sys.executable, str(script), str(tmp_path), *flags.split()],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert found.returncode == 0, found.stderr
    rows = re.findall(r"^H-(\d+)\t(\S+)\t(.*)$", found.stdout, re.M)
    expected = exported_outputs(exported, text, "ctranslate2", settings())
    assert len(rows) == len(expected)
    for number, score, hypothesis in rows:
        words, wanted = expected[int(number)]
        assert hypothesis.removeprefix("__a1__").strip() == words
        assert float(score) * math.log(2) == pytest.approx(wanted, abs=1e-3)  # printed in base 2


def test_ctranslate2s_own_converter_reads_it(
    specialized: Model, exported: Path, tmp_path: Path
) -> None:
    """Without being told to trust the file."""
    checkpoint = exported / "fairseq/checkpoint.pt"
    FairseqConverter(str(checkpoint), str(exported / "fairseq")).convert(str(tmp_path / "model"))
    _, task = specialized.load()
    task.load_dataset("valid")
    sources = [task.dataset("valid")[i]["source"][:-1] for i in range(21)]
    pieces = [[task.source_dictionary[int(index)] for index in source] for source in sources]
    prefix = [["__a1__"]] * len(pieces)
    converted, ours = (
        # the checkpoint has 64 positions, and a model this small may not end a hypothesis
        Translator(str(folder)).translate_batch(rows, prefix, beam_size=5, max_decoding_length=60)
        for folder, rows in (
            (tmp_path / "model", pieces),  # adds the end of the source itself
            (exported / "ctranslate2/float32", [[*row, "</s>"] for row in pieces]),
        )
    )
    found, expected = ([each.hypotheses for each in results] for results in (converted, ours))
    assert found == expected


def test_written_files(specialized: Model, exported: Path) -> None:
    manifest = describe(exported)
    widths = manifest["ffn_widths"]
    assert list(widths) == LAYERS
    assert len(set(widths.values())) == 4
    assert (manifest["source_tag"], manifest["target_tag"]) == ("__en__", "__a1__")
    made_of = manifest["provenance"]
    assert made_of["checkpoint"]["sha256"] == file_hash(specialized.checkpoint)
    assert made_of["masks"]["sha256"] == file_hash(specialized.masks)
    assert made_of["masks"]["selection"] == {"k": 95.0}
    state = read_checkpoint(exported / "fairseq/checkpoint.pt")
    for stack in ("encoder", "decoder"):
        widest = max(width for name, width in widths.items() if name.startswith(stack))
        assert state["cfg"]["model"][f"{stack}_ffn_embed_dim"] == widest
        assert state["model"][f"{stack}.layers.1.fc1.weight"].shape == (widest, 32)
    folders = [exported / "ctranslate2" / name for name in ("int8", "float32")]
    sizes = [sum(path.stat().st_size for path in folder.iterdir()) for folder in folders]
    assert sizes[0] < 0.8 * sizes[1]
    dictionary = (specialized.vocabulary / "dict.txt").read_bytes()
    for language in ("en", "a1"):
        assert (exported / f"fairseq/dict.{language}.txt").read_bytes() == dictionary


@pytest.mark.parametrize(
    ("shares", "place", "expected"),
    [
        ((0.8, 0.0, 0.0, 0.0), slice(1, 4), [0, 0, 0]),  # layers without neurons
        ((0.5, 0.7), slice(2, 4), [D_FF, D_FF]),  # masks of one stack leave the other dense
    ],
)
def test_other_masks(
    specialized: Model, text: Path, tmp_path: Path, shares: tuple, place: slice, expected: list
) -> None:
    masks = draw_own_masks(tmp_path / "masks.npz", shares, LAYERS[: len(shares)])
    model = dataclasses.replace(specialized, masks=masks)
    exported = model.export(tmp_path / "out", "--formats", *FORMATS)
    assert list(describe(exported)["ffn_widths"].values())[place] == expected
    assert_same(model, exported, text, settings())


def test_a_dense_model(dense: Model, text: Path, tmp_path: Path) -> None:
    exported = dense.export(tmp_path / "out", "--formats", *FORMATS)
    assert not (exported / "ctranslate2/int8").exists()
    assert "masks" not in describe(exported)["provenance"]
    assert_same(dense, exported, text, settings())


@pytest.mark.parametrize("joint", [False, True])
def test_a_bilingual_model_without_tags(
    request: pytest.FixtureRequest, corpora: Path, tmp_path: Path, joint: bool
) -> None:
    names = ("binarised", "vocabulary") if joint else ("pair_binarised", "pair_vocabulary")
    data, vocabulary = map(request.getfixturevalue, names)
    updates = UPDATES | {"max_updates": 150, "validate_every": 150}
    checkpoint = run_training(
        data, tmp_path, directions=["b1-en"], language_tags=False, **SIZES, **updates
    )
    model = Model(checkpoint=checkpoint, data=data, vocabulary=vocabulary, direction="b1-en")
    exported = model.export(tmp_path / "out", "--formats", *FORMATS)
    manifest = describe(exported)
    assert (manifest["source_tag"], manifest["target_tag"]) == (None, None)
    assert_same(model, exported, corpora / "valid.en-b1.b1", settings())
