"""The cost of methods: calculations that match the paper's numbers, records of jobs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.tables.efficiency import (
    GIB,
    adapter_bytes,
    byte_text,
    cost_text,
    efficiency_row,
    neuron_mask_bytes,
    paper_row,
    projected_bytes,
    read_job,
    speed_text,
    training_speed,
    weight_mask_bytes,
)


def test_masks_and_adapters_of_mt_big_take_the_papers_bytes() -> None:
    assert neuron_mask_bytes(6, 4096, 60) == 368_640
    assert 8 * neuron_mask_bytes(6, 4096, 60) == 2_949_120  # a byte each: the paper's 3e-3 GB
    assert weight_mask_bytes(6, 1024, 4096, 1) == 22_020_096
    assert 8 * weight_mask_bytes(6, 1024, 4096, 60) / GIB == pytest.approx(9.84, abs=0.005)
    assert adapter_bytes(6, 1024, 128, 60) == 1_528_381_440
    assert adapter_bytes(6, 1024, 128, 60) / GIB == pytest.approx(1.42, abs=0.005)
    assert adapter_bytes(6, 1024, 512, 10) == 252_518_400 * 4


def test_every_method_is_projected() -> None:
    assert projected_bytes(system(method="adapter", sharing="pair")) == 1_528_381_440
    one = system(method="adapter", sharing="pair", adapters_per_layer=1)
    assert projected_bytes(one) == 764_190_720
    assert projected_bytes(system(method="lass")) == 60 * 22_020_096
    assert projected_bytes(system()) == 368_640
    assert projected_bytes(system(stacks="encoder")) == 184_320
    assert np.isnan(projected_bytes(system(method="multilingual")))


def system(**changes: Any) -> dict[str, Any]:
    known = {"system": "ours", "label": "Ours", "method": "neuron_specialization", "sharing": ""}
    known |= {"adapters_per_layer": 2, "k": 95.0, "stacks": "both"}
    return known | {"shuffled": False, "fine_tune": True} | changes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "neuron_specialization"),
        ({"k": None}, ""),
        ({"stacks": "encoder"}, ""),
        ({"shuffled": True}, ""),
        ({"fine_tune": False}, ""),
        ({"method": "lass", "k": None}, "lass"),
        ({"method": "adapter", "sharing": "family", "k": None}, "adapter_family"),
        ({"method": "multilingual", "k": None}, "multilingual"),
    ],
)
def test_rows_that_the_paper_has(changes: dict[str, Any], expected: str) -> None:
    assert paper_row(system(**changes)) == expected


def write_job(path: Path, **record: Any) -> Path:
    first = json.dumps({"s": 99, "max_rss": 9})
    path.write_text(first + "\n" + json.dumps({"s": 2.5, "max_rss": 10} | record) + "\n")
    return path


def test_the_last_run_of_a_job_counts(tmp_path: Path) -> None:
    assert read_job(write_job(tmp_path / "job.jsonl")) == (2.5, 10 * 2**20)
    for unknown in (None, "NA"):
        assert read_job(write_job(tmp_path / "job.jsonl", max_rss=unknown)) == (2.5, 0)


@pytest.mark.parametrize("text", ["", "{}\n", "s\th:m:s\n1\t2\n", '{"s": "-"}\n'])
def test_other_files_than_records_of_jobs_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "job.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=r"job\.jsonl: not a benchmark of a job"):
        read_job(path)


LOG = """\
INFO:valid:epoch 001 | valid on 'valid' subset | loss 7 | wps 99999.9 | wpb 227
INFO:train:epoch 001 | loss 8.285 | nll_loss 8.2 | wps 100.5 | ups 18.87 | wpb 1307.7
INFO:train:epoch 002 | loss 8.285 | nll_loss 8.2 | wps 300 | ups 18.87 | wpb 1307.7
INFO:train:epoch 003 | loss 8.285 | nll_loss 8.2 | wps 110 | ups 18.87 | wpb 1307.7
"""


def make_files(folder: Path) -> dict[str, list[Path]]:
    folder.mkdir(exist_ok=True)
    (folder / "log").write_text(LOG)
    (folder / "masks").write_bytes(bytes(3000))
    for name in ("en-a", "a-en"):
        (folder / name).write_text("one\ntwo\n")
    job = write_job(folder / "job.jsonl")
    return {
        "finding": [job, job],
        "stored": [folder / "masks"],
        "training": [job],
        "logs": [folder / "log"],
        "decoding": [job],
        "translated": [folder / "en-a", folder / "a-en"],
    }


def test_a_log_without_epochs_has_no_speed(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("nothing")
    assert np.isnan(training_speed([tmp_path / "log"]))


def test_a_row_adds_up_its_jobs(tmp_path: Path) -> None:
    row = efficiency_row(system(), make_files(tmp_path), added=0.0)
    assert row["identification_seconds"] == 5
    assert row["stored_bytes"] == 3000
    assert row["training_tokens_per_second"] == 110  # the median of the epochs
    assert row["decoding_sentences_per_second"] == 4 / 2.5


def test_table_4_has_the_continuations_and_the_papers_cells(tmp_path: Path) -> None:
    files = make_files(tmp_path)
    none = {kind: [] for kind in ("finding", "stored")}
    base = system(system="base", label="Base", method="multilingual", k=None)
    pair = system(system="lp", label="Pairs", method="adapter", sharing="pair", k=None)
    table = pd.DataFrame(
        [
            efficiency_row(base, files | none, added=np.nan),
            efficiency_row(pair, files | {"finding": []}, added=44.6),
            efficiency_row(system(), files, added=0.0),
            efficiency_row(system(label="Ours-Enc", stacks="encoder"), files, added=0.0),
            efficiency_row(system(label="Shallow"), files, added=0.0),
        ]
    )
    assert cost_text(table).rows == (
        ("Pairs", "+45 %", "–", "2.93 KiB", "1.42 GiB", "+87 %", "n/a", "1.42"),
        ("Ours", "0 %", "5 s", "2.93 KiB", "360 KiB", "0 %", "5 min", "0.003"),
        ("Ours-Enc", "0 %", "5 s", "2.93 KiB", "180 KiB", "–", "–", "–"),
        ("Shallow", "0 %", "5 s", "2.93 KiB", "360 KiB", "–", "–", "–"),
    )
    assert speed_text(table).rows[0] == ("Base", "110", "2", "10.00 MiB", "1.6", "10.00 MiB")


def test_an_imported_model_has_no_time_of_training(tmp_path: Path) -> None:
    files = make_files(tmp_path) | {"training": [], "logs": []}
    table = pd.DataFrame([efficiency_row(system(), files, added=0.0)])
    assert speed_text(table).rows == (("Ours", "–", "–", "–", "1.6", "10.00 MiB"),)


def test_removed_records_of_a_job_are_missing(tmp_path: Path) -> None:
    files = make_files(tmp_path)
    for name in ("job.jsonl", "log"):
        (tmp_path / name).unlink()
    table = pd.DataFrame([efficiency_row(system(), files, added=0.0)])
    assert cost_text(table).rows[0][:4] == ("Ours", "0 %", "–", "2.93 KiB")
    assert speed_text(table).rows == (("Ours", "–", "–", "–", "–", "–"),)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "–"),
        (np.nan, "–"),
        (12, "12 B"),
        (2048, "2.00 KiB"),
        (368_640, "360 KiB"),
        (GIB, "1.00 GiB"),
    ],
)
def test_readable_bytes(size: float, text: str) -> None:
    assert byte_text(size) == text
