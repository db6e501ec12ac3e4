"""The critical path of made-up runs, and Snakemake's records of real files."""

import json
from base64 import urlsafe_b64encode
from pathlib import Path

import pandas as pd
import pytest

from neuron_specialization.tables.run_times import (
    Job,
    busy_seconds,
    critical_path,
    read_jobs,
    write_run,
)


def job(name: str, start: float, end: float, inputs: str = "", outputs: str = "") -> Job:
    """A job; its files are letters."""
    return Job(
        rule=name.partition(":")[0],
        name=name,
        start=start,
        end=end,
        inputs=frozenset(inputs),
        outputs=frozenset(outputs or name[-1]),
    )


def names(jobs: list[Job]) -> str:
    return "".join(each.name for each in jobs)


def test_the_critical_path_is_the_longest_chain_not_the_longest_wait() -> None:
    jobs = [
        job("a", 0, 1),
        job("b", 1, 9, inputs="a"),  # 8 seconds
        job("c", 1, 4, inputs="a"),  # 3, and 6 of d, which waited for a core
        job("d", 9, 15, inputs="c"),
        job("e", 20, 21, inputs="bd"),
    ]
    assert names(critical_path(jobs)) == "acde"
    assert names(critical_path(jobs[::-1])) == "acde"
    assert sum(each.seconds for each in critical_path(jobs)) == 11


def test_jobs_without_a_connection_and_no_jobs() -> None:
    assert names(critical_path([job("a", 0, 2), job("b", 0, 5), job("c", 6, 7)])) == "b"
    assert critical_path([]) == []


def test_busy_seconds_count_overlaps_once_and_pauses_never() -> None:
    jobs = [job("a", 0, 10), job("b", 2, 4), job("c", 8, 12), job("d", 100, 101)]
    assert busy_seconds(jobs) == 13
    assert busy_seconds([]) == 0


def record(folder: Path, output: str, **changes: object) -> None:
    """A record as Snakemake writes it."""
    values = {
        "rule": "train",
        "input": ["data"],
        "log": ["logs/train/x.seed1.log"],
        "job_hash": 1,
        "starttime": 10.0,
        "endtime": 12.0,
        "incomplete": False,
    }
    code = urlsafe_b64encode(output.encode()).decode()
    parts = [code[i : i + 60] for i in range(0, len(code), 60)]
    path = folder.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values | changes), encoding="utf-8")


def test_reads_the_records_of_files_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    long = "results/x/" + "long/" * 20 + "file"
    for name in ("results/x/model", long, "results/x/half", "results/other/model"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("")
    folder = tmp_path / "records"
    record(folder, "results/x/model")
    record(folder, long, starttime=9.5, endtime=13.0)  # the same job wrote it
    record(folder, "results/x/half", job_hash=2, incomplete=True)
    record(folder, "results/x/removed", job_hash=3)
    record(folder, "results/other/model", job_hash=4)
    (found,) = read_jobs(folder, "results/x")
    assert found.name == "train: x.seed1"
    assert (found.start, found.end) == (9.5, 13.0)
    assert found.outputs == {"results/x/model", long}


def test_writes_every_job_and_marks_the_critical_ones(tmp_path: Path) -> None:
    jobs = [job("a", 0, 1), job("b: <x>", 1, 9, inputs="a"), job("c", 1, 4, inputs="a")]
    csv, html = tmp_path / "run.csv", tmp_path / "run.html"
    write_run(jobs, csv, html)
    table = pd.read_csv(csv)
    assert table["critical"].tolist() == [True, True, False]
    assert table["seconds"].tolist() == [1, 8, 3]
    page = html.read_text(encoding="utf-8")
    assert "3 jobs took 12 s together; at least one of them ran for 9 s" in page
    assert "it would have been 9 s" in page
    assert "b: &lt;x&gt;" in page


def test_a_dataset_of_which_nothing_ran_has_a_page_too(tmp_path: Path) -> None:
    write_run([], tmp_path / "run.csv", tmp_path / "run.html")
    assert "0 jobs took 0 s" in (tmp_path / "run.html").read_text(encoding="utf-8")
