"""Translation of raw text by the command line: in order, streamed, or not at all."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from neuron_specialization.export import translation
from neuron_specialization.export.ctranslate2_engine import kept_by_fairseq
from neuron_specialization.export.exporting import export_model
from neuron_specialization.export.manifest import ExportManifest
from neuron_specialization.export.translation import load_engine, make_batches, translate_text
from neuron_specialization.settings.decoding import DecodingSettings
from tests.cli.test_main import run

FAST = ("--beam", 2, "--max-len-b", 12, "--threads", 1)


@pytest.fixture(scope="module")
def exported(
    learned: Path, binarised: Path, vocabulary: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("exported") / "a1-en"
    export_model(learned, out, directions=["a1-en"], data=binarised, vocabulary=vocabulary)
    return out


TRANSLATE = [sys.executable, "-m", "neuron_specialization.cli.main", "translate"]


@pytest.fixture(scope="module")
def lines(corpora: Path) -> list[str]:
    return (corpora / "valid.en-a1.a1").read_text(encoding="utf-8").splitlines()


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def from_pipe(
    capsysbinary: pytest.CaptureFixture[bytes], exported: Path, *options: object
) -> list[str]:
    run("translate", exported, *FAST, *options)
    return capsysbinary.readouterr().out.decode().split("\n")


@pytest.mark.parametrize("engine", ["fairseq", "ctranslate2", "ctranslate2-int8"])
def test_lines_come_back_in_order_from_a_pipe(
    exported: Path,
    lines: list[str],
    engine: str,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    text = ["", *lines[:2], "", "  ", *lines[2:4], ""]
    pipe(monkeypatch, "\r\n".join(text).encode())  # the last line has no end
    found = from_pipe(capsysbinary, exported, "--engine", engine)
    assert found[-1] == ""  # after the last line feed
    alone = []
    for line in lines[:4]:
        pipe(monkeypatch, f"{line}\n".encode())
        translated, end = from_pipe(capsysbinary, exported, "--engine", engine)
        assert (bool(translated), end) == (True, "")
        alone.append(translated)
    assert len(set(alone)) > 2
    if engine != "ctranslate2-int8":  # its rounding depends on the batch
        assert found == ["", *alone[:2], "", "", *alone[2:], ""]
    assert [bool(line) for line in found[:7]] == [bool(line.strip()) for line in text[:7]]


def test_int8_is_close_on_any_processor(
    exported: Path,
    lines: list[str],
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    """Run in a separate process, because CTranslate2 chooses its library once."""
    environment = os.environ | {"PYTHONPATH": str(project / "src")}
    environment.pop("CT2_USE_MKL", None)
    text = "\n".join(lines)
    pipe(monkeypatch, text.encode())
    expected = from_pipe(capsysbinary, exported, "--engine", "ctranslate2")
    done = subprocess.run(
        [*TRANSLATE, str(exported), *map(str, FAST), "--engine", "ctranslate2-int8"],
        input=text,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found = done.stdout.split("\n")
    same = sum(one == other for one, other in zip(expected, found, strict=True))
    assert same > len(lines) // 2


def test_small_batches_and_chunks_change_nothing(
    exported: Path, lines: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    files = "--input", tmp_path / "text", "--output"
    run("translate", exported, *FAST, *files, tmp_path / "all")
    monkeypatch.setattr(translation, "CHUNK", 4)
    run("translate", exported, *FAST, *files, tmp_path / "few", "--max-tokens", 30)
    assert (tmp_path / "few").read_bytes() == (tmp_path / "all").read_bytes()
    assert (tmp_path / "all").read_bytes().count(b"\n") == len(lines)


def test_output_appears_before_the_input_ends(
    exported: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(translation, "CHUNK", 3)
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield lines[read % len(lines)].encode()

    manifest = ExportManifest.read(exported)
    engine = load_engine(exported, manifest, "ctranslate2", "cpu", 1)
    settings = DecodingSettings(beam=1, length_penalty=1, max_len_a=0, max_len_b=5, max_tokens=100)
    chunks = translate_text(endless(), "endless", exported, manifest, engine, settings)
    assert [len(next(chunks)), read] == [3, 3]
    assert [len(next(chunks)), read] == [3, 6]


def test_scores_precede_hypotheses(
    exported: Path,
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    pipe(monkeypatch, f"{lines[0]}\n\n".encode())
    scored, empty, _ = from_pipe(capsysbinary, exported, "--scores")
    pipe(monkeypatch, f"{lines[0]}\n\n".encode())
    plain, _, _ = from_pipe(capsysbinary, exported)
    score, hypothesis = scored.split("\t")
    assert (hypothesis, empty) == (plain, "")
    assert float(score) < 0


def test_bad_input_is_named_and_writes_no_file(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(message: str, *options: object) -> None:
        with pytest.raises(SystemExit, match=message):
            run("translate", exported, *FAST, *options)

    text, output = tmp_path / "text", tmp_path / "output"
    text.write_bytes(b"fine\n\xff\n")
    files = "--input", text, "--output", output
    refuse(r"^error: .*text, line 2: byte 0xff is not valid UTF-8", *files)
    text.write_text("ok\n" + "bra " * 2000)
    refuse(r"text, line 2: \d+ tokens, but the model reads 1022 at most; split the line", *files)
    text.write_text("ok\n" + "漢" * 3_000_000)  # hours in SentencePiece
    refuse(r"text, line 2: 3,000,000 characters, more than 20,000; split the line", *files)
    refuse(r"nowhere: no such file", "--input", tmp_path / "nowhere")
    refuse(r"folder: no such folder", "--input", text, "--output", tmp_path / "folder/file")
    assert list(tmp_path.iterdir()) == [text]
    pipe(monkeypatch, b"\xff\n")
    refuse(r"standard input, line 1: byte 0xff")
    monkeypatch.setattr(translation, "load_engine", lambda *_: pytest.fail("too late"))
    refuse(r": is a folder; give the name of a file", "--input", text, "--output", tmp_path)


def test_an_engine_that_was_not_exported(
    learned: Path, binarised: Path, vocabulary: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export_model(
        learned, out, directions=["a1-en"], data=binarised, vocabulary=vocabulary,
        formats=["ctranslate2-int8"],
    )  # fmt: skip
    with pytest.raises(SystemExit, match="not exported as fairseq, but as ctranslate2-int8"):
        run("translate", out, "--engine", "fairseq")
    (out / "ctranslate2/int8/model.bin").write_bytes(b"cut")
    with pytest.raises(SystemExit, match=r"int8/model\.bin: missing or changed since it was exp"):
        run("translate", out)
    manifest = json.loads((out / "export.json").read_text())
    (out / "export.json").write_text(json.dumps(manifest | {"files": {}, "digest": ""}))
    with pytest.raises(SystemExit, match="int8: not a CTranslate2 model"):
        run("translate", out)


def test_ctranslate2_needs_no_torch(exported: Path, project: Path) -> None:
    program = (
        "import sys; from neuron_specialization.cli.main import main;"
        f"main(['translate', {str(exported)!r}, '--engine', 'ctranslate2']);"
        "sys.exit(bool({'torch', 'fairseq'} & sys.modules.keys()))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        input=b"fe\n",
        capture_output=True,
        env={"PYTHONPATH": str(project / "src")},
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.count(b"\n") == 1
    assert found.stderr == b""  # no progress bar without a terminal


@pytest.mark.parametrize(
    ("lengths", "cut", "kept"),
    [
        ([3, 3], set(), [0, 1]),
        ([3, 2], set(), [1, 0]),  # the beam of 2 is full after the second step
        ([4, 3, 2], set(), [2, 1]),
        ([3, 3, 3], set(), [0, 1]),  # the best of a step
        ([5, 2, 3], {0}, [1, 2]),  # nothing is cut off where a beam has ended
        ([5, 2, 5, 5], {0, 2, 3}, [1, 0, 2]),
        ([5, 5, 5], {0, 1, 2}, [0, 1]),
    ],
)
def test_a_beam_ends_as_in_fairseq(lengths: list[int], cut: set[int], kept: list[int]) -> None:
    scores = [-1.0 - number for number in range(len(lengths))]
    found = SimpleNamespace(hypotheses=[["x"] * n for n in lengths], scores=scores)
    assert kept_by_fairseq(found, cut, beam=2) == kept


def test_batches_are_filled_up_to_the_limit() -> None:
    lengths = [3, 0, 9, 2, 3, 0, 30]
    batches = list(make_batches(lengths, max_tokens=9))
    assert batches == [[3, 0, 4], [2], [6]]
