"""Set-up tables from the configuration and the corpora's report."""

from pathlib import Path

import numpy as np
import pandas as pd

from neuron_specialization.tables.parameters import describe_parameters
from neuron_specialization.tables.setup_tables import (
    describe_languages,
    describe_models,
    find_overlaps,
    read_parameters,
    read_sizes,
    write_setup_table,
)
from tests.trained_models import architecture

ARCHITECTURE = {"layers": 6, "heads": 16, "d_model": 1024, "d_ff": 4096, "max_tokens": 7680}
ARCHITECTURE |= {"update_freq": 84, "dropout": 0.1, "patience": 20}


def language(code: str, level: str, family: str) -> dict[str, str]:
    return {"code": code, "name": code.upper(), "family": family, "script": "Latin", "level": level}


def test_languages_are_sorted_by_level_and_then_family() -> None:
    languages = [
        language("b3", "low", "B"),
        language("a1", "high", "A"),
        language("a3", "low", "A"),
        language("b1", "high", "B"),
        language("x", "", "C"),
    ]
    report = [
        {"split": "train", "pair": "en-a1", "kept": "20000", "too_many_tokens": "7"},
        {"split": "train", "pair": "en-b3", "kept": "1", "warnings": "ratio drops 9"},
        {"split": "valid", "pair": "en-a1", "kept": "9", "too_many_tokens": "8"},
    ]
    table = describe_languages(languages, report, "toy")
    assert table.title == "Languages of toy (Table 5)"
    assert table.numbers["code"].tolist() == ["b1", "a1", "b3", "a3", "x"]
    rows = table.texts[0].rows
    assert rows[1] == ("High", "A", "a1", "A1", "Latin", "20,000", "7")
    assert rows[2][-2:] == ("1", "–")  # a report of before the lengths were counted
    assert rows[3][-2] == "–"
    assert list(table.footer)[1:] == ["train en-b3: ratio drops 9"]
    assert rows[4][0] == "–"


def test_sizes_count_training_pairs(tmp_path: Path) -> None:
    path = tmp_path / "report.tsv"
    path.write_text(
        "split\tpair\tkept\twarnings\ntrain\ten-de\t20000\t\ntrain\ten-nl\t300\tratio drops 9\n"
        "valid\ten-de\t9\t\n"
    )
    assert read_sizes(path) == {"de": 20000, "nl": 300}


def test_overlaps_with_training_text_are_percentages_of_both_sides() -> None:
    names = ("split", "pair", "kept", "pivot_in_train", "other_in_train")
    rows = ["train en-a1 999", "test en-a1 200 50 1", "news en-b1 10 0 0", "news en-a1 0 0 0"]
    report = [dict(zip(names, [*row.split(), "", ""], strict=False)) for row in rows]
    assert find_overlaps(report) == {"test": {"a1": (25.0, 0.5)}, "news": {"b1": (0.0, 0.0)}}
    languages = [language("a1", "", "A"), language("b1", "", "B")]
    table = describe_languages(languages, report, "toy")
    assert [row[-2:] for row in table.texts[0].rows] == [("25.0 / 0.5", "–"), ("–", "0.0 / 0.0")]
    assert table.numbers["test_pivot_in_train"].tolist()[0] == 25.0
    old = [{"split": "test", "pair": "en-a1", "kept": "200"}]  # of an earlier version
    assert find_overlaps(old) == {}


def test_models_have_their_settings_and_counted_parameters() -> None:
    parameters = pd.DataFrame(
        {"system": ["big", "pairs"], "models": [1, 4], "total": [439, 400], "trainable": [39, 400]}
    ).set_index("system")
    systems = [
        {
            "system": name,
            "label": name,
            "architecture": ARCHITECTURE,
            "is_checkpoint": name == "big",
        }
        for name in ("big", "pairs")
    ]
    table = describe_models(systems, parameters, ["nfkc", "identity"], "toy")
    normalised, elsewhere = table.footer
    assert normalised == "SentencePiece normalises text by nfkc and identity."
    assert elsewhere.startswith("Imported checkpoints, not trained here")
    assert elsewhere.endswith(": big.")
    ours = [each | {"is_checkpoint": False} for each in systems]
    assert list(describe_models(ours, parameters, ["nfkc"], "toy").footer) == [
        "SentencePiece normalises text by nfkc."
    ]
    assert table.numbers["parameters_of_one"].tolist() == [439, 100]
    assert table.texts[0].rows[0] == (
        *("big", "1", "439", "6", "16", "1,024", "4,096", "7,680", "84", "0.1"),
    )


def test_sizes_that_differ_between_stacks_are_both_shown() -> None:
    parameters = pd.DataFrame(
        {"models": [1], "total": [439], "trainable": [439], "added": [0]}, index=["nllb"]
    )
    unlike = ARCHITECTURE | {"layers": 12, "decoder_layers": 3, "decoder_d_ff": 0}
    row = {"system": "nllb", "label": "NLLB", "architecture": unlike, "is_checkpoint": False}
    table = describe_models([row], parameters, ["nfkc"], "toy")
    assert table.texts[0].rows[0][3:7] == ("12 / 3", "16", "1,024", "4,096")
    assert table.numbers[["decoder_layers", "decoder_d_ff"]].to_numpy().tolist() == [[3, 4096]]


def test_parameters_count_all_models_and_the_excess_over_the_parent(tmp_path: Path) -> None:
    built = {"architecture": vars(architecture()), "dictionaries": [100, 100], "adapters": None}
    adapters = {"sets": {"en-a": "a", "en-b": "b"}, "bottleneck": 4, "per_layer": 2}
    systems = [
        {"system": "base", "label": "Base", "parent": "", "models": 1, **built},
        {"system": "pairs", "label": "Pairs", "parent": "", "models": 3, **built},
        {"system": "lp", "label": "LP", "parent": "base", "models": 1, **built}
        | {"adapters": adapters},
    ]
    imported = [
        {"system": "nan", "label": "Known", "parent": "", "total": 9},
        {"system": "x", "label": "Unknown", "parent": "", "total": None},
    ]
    table = describe_parameters(systems, imported)
    out = {form: tmp_path / form for form in ("csv", "markdown", "latex", "html")}
    write_setup_table(table, out)
    read = read_parameters(out["csv"])
    one, added = read["total"]["base"], read["added"]["lp"]
    assert read["total"].tolist()[:4] == [one, 3 * one, one + added, 9]
    assert added == read["trainable"]["lp"] > 0
    assert read.loc["nan", "total"] == 9  # a system may be called nan
    assert np.isnan(read.loc["x", "total"])
    rows = table.texts[0].rows
    assert rows[2] == ("lp", "1", f"{one + added:,.0f}", f"{added:,.0f}", f"{added:,.0f}")
    assert rows[4] == ("x", "1", "–", "–", "–")
    assert "| nan    |" in out["markdown"].read_text(encoding="utf-8")
