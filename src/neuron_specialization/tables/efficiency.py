"""The cost of each method (Table 4): parameters, time to find sub-networks, memory, speed.

Times are measured on the jobs that ran, memory on the files they wrote. The size of these files
for the paper's model is calculated.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from neuron_specialization.errors import InputError
from neuron_specialization.tables.render import MISSING, TextTable, format_number, format_signed
from neuron_specialization.tables.setup_tables import SetupTable

GIB = 2**30
FLOAT = 4  # bytes
# mT-big on EC30 (Table 6) and the adapters on it (appendix A.2)
LAYERS, D_MODEL, D_FF, DIRECTIONS = 6, 1024, 4096, 60
PAPER_ADAPTERS = {"pair": (128, DIRECTIONS), "family": (512, 10)}  # bottleneck, sets
CONTINUED = ("adapter", "lass", "neuron_specialization")
# Table 4: Δ trainable parameters in percent, time, memory in GiB (printed as GB)
PAPER = {
    "adapter_pair": ("+87 %", "n/a", "1.42"),
    "lass": ("0 %", "33 h", "9.84"),
    "neuron_specialization": ("0 %", "5 min", "0.003"),
}
COST_NOTES = (
    "Time: of the jobs that find the sub-networks, including start-up: recording and selection, or "
    "one fine-tuning per direction; for a job that was killed, since it resumed. Stored: the "
    "files that directions need in addition to the shared model.",
    "At the size of mT-big, for 60 directions: calculated. Neurons: 12 layers x 4,096 bits x 60 "
    "/ 8. LaSS: 6 x (12 x 1,024² + 4 x 1,024 x 4,096) bits x 60 / 8. Adapters: 24 x (2 x 1,024 b + "
    "b + 3 x 1,024) x 4 bytes for each set, b = 128 and 60 sets per pair, b = 512 and 10 sets per "
    "family.",
    "The paper stores a byte per weight or neuron, we store a bit: its 9.84 GiB are "
    "1.23 GiB of bits, its 0.003 GiB are 360 KiB.",
    "Speed: target tokens/s as fairseq logs them, median of epochs; sentences/s of the first test "
    "split, including start-up. Seconds of training: since it last resumed. Peak memory: CPU "
    "memory of the processes. Other jobs ran concurrently.",
)


def describe_efficiency(
    systems: Sequence[Mapping[str, Any]],
    jobs: Mapping[str, Mapping[str, Sequence[str]]],
    inputs: Mapping[str, Sequence[str]],
    parameters: pd.DataFrame,
    folder: Path,
) -> SetupTable:
    """Return Table 4, the cost of each system, and a second table of speed and memory.

    Args:
        systems: arguments of `efficiency_row`, each with its `parent`, "" for none.
        jobs: names of the records of each system's jobs, by system and kind.
        inputs: `stored_SYSTEM`: a system's files; `translated_SYSTEM`: folders of its outputs.
        parameters: result of `setup_tables.read_parameters`.
        folder: results folder of the dataset, with `benchmarks` and `logs`.
    """
    rows = []
    for system in systems:
        name, parent = system["system"], system["parent"]
        files = {
            kind: [folder / "benchmarks" / f"{job}.jsonl" for job in of_kind]
            for kind, of_kind in jobs[name].items()
        }
        files["logs"] = [folder / "logs" / f"{job}.log" for job in jobs[name]["training"]]
        files["stored"] = list(map(Path, inputs[f"stored_{name}"]))
        written = map(Path, inputs[f"translated_{name}"])
        files["translated"] = [path for each in written for path in sorted(each.iterdir())]
        added = np.nan
        if parent:
            added = 100 * parameters["added"][name] / parameters["total"][parent]
        rows.append(efficiency_row(system, files, added))
    table = pd.DataFrame(rows)
    texts = [cost_text(table), speed_text(table)]
    title = "Efficiency (Table 4)"
    return SetupTable(numbers=table, texts=texts, title=title, footer=COST_NOTES)


def neuron_mask_bytes(layers: int, d_ff: int, directions: int) -> int:
    """Return the bytes of neuron masks, one bit per neuron: two stacks of `layers` FFNs."""
    return 2 * layers * -(-d_ff // 8) * directions


def weight_mask_bytes(layers: int, d_model: int, d_ff: int, directions: int) -> int:
    """Return the bytes of LaSS's masks, one bit per weight of attention and FFN, without biases."""
    attention, ffn = 3 * 4 * d_model**2, 2 * 2 * d_model * d_ff
    return layers * (attention + ffn) // 8 * directions


def adapter_bytes(layers: int, d_model: int, bottleneck: int, sets: int) -> int:
    """Return the bytes of single-precision adapters, two per layer, each with its LayerNorm."""
    one = 2 * d_model * bottleneck + bottleneck + d_model + 2 * d_model
    return 2 * 2 * layers * one * sets * FLOAT


def projected_bytes(system: Mapping[str, Any]) -> float:
    """Return the bytes stored for the paper's model and all directions of EC30; nan if none."""
    if system["method"] == "adapter":
        bottleneck, sets = PAPER_ADAPTERS[system["sharing"]]
        both = adapter_bytes(LAYERS, D_MODEL, bottleneck, sets)
        return both * system["adapters_per_layer"] / 2
    if system["method"] == "lass":
        return weight_mask_bytes(LAYERS, D_MODEL, D_FF, DIRECTIONS)
    if system["method"] == "neuron_specialization":
        both = neuron_mask_bytes(LAYERS, D_FF, DIRECTIONS)
        return both if system["stacks"] == "both" else both / 2
    return np.nan


def read_job(path: Path) -> tuple[float, float]:
    """Read the wall seconds and the bytes of memory of a job's last run (Snakemake's benchmark).

    Seconds are nan if the record is gone, bytes are 0 if not measured. Raises InputError for any
    other file.
    """
    if not path.exists():
        return np.nan, 0
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        record: dict[str, Any] = json.loads(lines[-1])
        memory = record["max_rss"]
        # "NA" if a job ended before it was measured
        memory = memory * 2**20 if isinstance(memory, int | float) else 0
        return float(record["s"]), memory
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a benchmark of a job ({error!r})") from None


def training_speed(logs: Iterable[Path]) -> float:
    """Return target tokens per second of training, the median over the epochs in fairseq's logs."""
    found = [
        float(speed)
        for path in filter(Path.exists, logs)
        for speed in re.findall(r"train:.*\| wps ([\d.]+) \|", path.read_text(encoding="utf-8"))
    ]
    return median(found) if found else np.nan


def efficiency_row(
    system: Mapping[str, Any],
    files: Mapping[str, Sequence[Path]],
    added: float,
) -> dict[str, Any]:
    """Return the cost of one system.

    Args:
        system: the columns of systems.tsv that define the system (`rules/setup.smk`).
        files: `finding`: records of the jobs that found its sub-networks; `stored`: files kept
            for its directions; `training`: records of its training jobs; `logs`: their logs;
            `decoding`: the record of translating a test split; `translated`: its outputs.
        added: parameters beyond its parent's, in percent; nan if it has no parent.
    """
    finding, training, decoding = (
        [read_job(path) for path in files[name]] for name in ("finding", "training", "decoding")
    )
    sentences = sum(path.read_bytes().count(b"\n") for path in files["translated"])
    return {
        "system": system["system"],
        "label": system["label"],
        "method": system["method"],
        "paper_row": paper_row(system),
        "added_percent": added,
        "identification_seconds": sum(seconds for seconds, _ in finding) if finding else np.nan,
        "stored_bytes": sum(path.stat().st_size for path in files["stored"]) or np.nan,
        "projected_bytes": projected_bytes(system),
        "training_seconds": sum(seconds for seconds, _ in training) if training else np.nan,
        "training_tokens_per_second": training_speed(files["logs"]),
        "training_bytes": max((memory for _, memory in training), default=np.nan),
        "decoding_sentences_per_second": sentences / sum(seconds for seconds, _ in decoding),
        "decoding_bytes": max((memory for _, memory in decoding), default=np.nan),
    }


def paper_row(system: Mapping[str, Any]) -> str:
    """Return the paper's name for a system's row; empty for Random, Ours-Enc and Ours-Dec."""
    if system["method"] == "adapter":
        return f"adapter_{system['sharing']}"
    is_papers = system["stacks"] == "both" and system["fine_tune"] and not system["shuffled"]
    if system["method"] == "neuron_specialization" and not (is_papers and system["k"]):
        return ""
    return str(system["method"])


def cost_text(table: pd.DataFrame) -> TextTable:
    """Return Table 4: the cost of the sub-networks next to the paper's cells."""
    rows = []
    paper = dict(PAPER)
    for _, row in table[table["method"].isin(CONTINUED)].iterrows():
        rows.append(
            (
                str(row["label"]),
                f"{format_signed(row['added_percent'], 0)} %",
                _seconds(row["identification_seconds"]),
                byte_text(row["stored_bytes"]),
                byte_text(row["projected_bytes"]),
                *paper.pop(row["paper_row"], (MISSING,) * 3),  # only for the first such row
            )
        )
    return TextTable(
        labels=("System",),
        columns=(
            *(("here", name) for name in ("Δ params", "time", "stored")),
            ("at the size of mT-big", "stored"),
            *(("paper", name) for name in ("Δ params", "time", "memory (GiB)")),
        ),
        rows=tuple(rows),
    )


def speed_text(table: pd.DataFrame) -> TextTable:
    """Return speed and memory of training and decoding, a row per system."""
    rows = [
        (
            str(row["label"]),
            format_number(row["training_tokens_per_second"], 0),
            format_number(row["training_seconds"], 0),
            byte_text(row["training_bytes"]),
            format_number(row["decoding_sentences_per_second"], 1),
            byte_text(row["decoding_bytes"]),
        )
        for _, row in table.iterrows()
    ]
    return TextTable(
        labels=("System",),
        columns=(
            *(("training", name) for name in ("tokens/s", "s", "peak memory")),
            *(("decoding", name) for name in ("sentences/s", "peak memory")),
        ),
        rows=tuple(rows),
        caption="Speed and memory of the jobs",
    )


def byte_text(size: float) -> str:
    """Format bytes in the largest unit that they fill."""
    if np.isnan(size) or size == 0:
        return MISSING
    for name, unit in (("GiB", GIB), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= unit:
            return f"{size / unit:,.{2 if size < 100 * unit else 0}f} {name}"
    return f"{size:.0f} B"


def _seconds(seconds: float) -> str:
    return MISSING if np.isnan(seconds) else f"{seconds:,.0f} s"
