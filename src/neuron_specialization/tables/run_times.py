"""What the jobs of a dataset took, and which of them no machine could have made side by side.

Snakemake keeps a record of every file that a job wrote: rule, inputs, log, start and end.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd

from neuron_specialization.files import write_text

RECORDS = Path(".snakemake/metadata")
STYLE = (
    "body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem; color: #222; }"
    " table { border-collapse: collapse; } td, th { padding: .2rem .8rem; text-align: right; }"
    " td:first-child, th:first-child { text-align: left; }"
    " tr { border-bottom: 1px solid #ddd; }"
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job that has run."""

    rule: str
    """Its rule."""
    name: str
    """Its rule and wildcards, as in the path of its log."""
    start: float
    """Seconds of the clock."""
    end: float
    """Seconds of the clock."""
    inputs: frozenset[str]
    """Files that it read."""
    outputs: frozenset[str]
    """Files that it wrote."""

    @property
    def seconds(self) -> float:
        """What it took."""
        return self.end - self.start


def read_jobs(records: Path, dataset: str) -> list[Job]:
    """The last job that wrote each file below the folder `dataset`, by their start.

    Args:
        records: Snakemake's folder of records.
        dataset: folder of a dataset's results, as paths of the workflow begin.
    """
    found: dict[tuple[str, int], list[tuple[str, dict[str, object]]]] = {}
    for path in records.rglob("*"):
        output = written_file(records, path)
        if path.is_file() and output.startswith(f"{dataset}/") and Path(output).exists():
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["starttime"] and record["endtime"] and not record["incomplete"]:
                found.setdefault((record["rule"], record["job_hash"]), []).append((output, record))
    return sorted(map(make_job, found.values()), key=lambda job: job.start)


def written_file(records: Path, record: Path) -> str:
    """The file that a record is about: its name in base64, in folders where it is long."""
    code = str(record.relative_to(records)).replace("/", "").replace("@", "")
    return urlsafe_b64decode(code + "=" * (-len(code) % 4)).decode(errors="replace")


def make_job(files: Sequence[tuple[str, dict[str, object]]]) -> Job:
    """A job from the records of its files."""
    records = [record for _, record in files]
    rule, logs, inputs = (records[0][name] for name in ("rule", "log", "input"))
    assert isinstance(logs, list)
    assert isinstance(inputs, list)
    log = Path(logs[0]) if logs else Path(files[0][0])
    return Job(
        rule=str(rule),
        name=rule if log.stem == rule else f"{rule}: {log.stem}",
        start=min(float(str(record["starttime"])) for record in records),
        end=max(float(str(record["endtime"])) for record in records),
        inputs=frozenset(inputs),
        outputs=frozenset(output for output, _ in files),
    )


def critical_path(jobs: Iterable[Job]) -> list[Job]:
    """The chain of jobs, each of which needs the one before, that takes longest.

    However many cores there are, a run takes as long as it.
    """
    jobs = sorted(jobs, key=lambda job: job.start)  # what a job needs has started before it
    writer = {output: job for job in jobs for output in job.outputs}
    length: dict[str, float] = {}
    before: dict[str, Job | None] = {}
    for job in jobs:
        needed = {each.name: each for each in map(writer.get, job.inputs) if each is not None}
        known = [each for each in needed.values() if each.name in length]
        last = max(known, key=lambda each: length[each.name], default=None)
        before[job.name] = last
        length[job.name] = job.seconds + (length[last.name] if last else 0)
    step = max(jobs, key=lambda job: length[job.name], default=None)
    path = []
    while step:
        path.append(step)
        step = before[step.name]
    return path[::-1]


def busy_seconds(jobs: Iterable[Job]) -> float:
    """The time in which at least one of the jobs ran."""
    total, until = 0.0, float("-inf")
    for job in sorted(jobs, key=lambda job: job.start):
        total += max(0.0, job.end - max(job.start, until))
        until = max(until, job.end)
    return total


def write_run(jobs: Sequence[Job], csv: Path, html: Path) -> None:
    """Write all jobs as CSV, and as a page the critical path and the sums by rule."""
    path = critical_path(jobs)
    rows = [
        {"job": job.name, "rule": job.rule, "seconds": job.seconds, "critical": job in path}
        for job in jobs
    ]
    table = pd.DataFrame(rows, columns=["job", "rule", "seconds", "critical"])
    write_text(csv, table.to_csv(index=False, lineterminator="\n"))
    write_text(html, make_page(table, path, busy_seconds(jobs)))


def make_page(table: pd.DataFrame, path: Sequence[Job], busy: float) -> str:
    """The page of a run."""
    chain = pd.DataFrame({"job": [job.name for job in path], "s": [job.seconds for job in path]})
    chain["s, with those before"] = chain["s"].cumsum()
    rules = table.groupby("rule")["seconds"].agg(["size", "sum", "max"])
    rules = rules.sort_values("sum", ascending=False).reset_index()
    rules.columns = pd.Index(["rule", "jobs", "s, all together", "s, the longest"])
    summary = (
        f"{len(table)} jobs took {table['seconds'].sum():,.0f} s together; at least one of them "
        f"ran for {busy:,.0f} s. With any number of cores it would have been "
        f"{chain['s'].sum():,.0f} s: each job of the critical path needs the one before."
    )
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8"><title>The run</title>',
            f"<style>{STYLE}</style></head>",
            f"<body><h2>The run</h2><p>{escape(summary)}</p>",
            f"<h3>Critical path</h3>{show(chain)}",
            f"<h3>By rule</h3>{show(rules)}",
            "</body></html>\n",
        ]
    )


def show(table: pd.DataFrame) -> str:
    """A table of seconds as HTML."""
    return str(table.to_html(index=False, border=0, float_format="{:,.1f}".format))
