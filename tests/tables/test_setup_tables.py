"""Tables 5 and 6 come from the configuration."""

from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from neuron_specialization.tables.settings_page import write_settings

from neuron_specialization.tables.score_tables import read_parameters
from neuron_specialization.tables.setup_tables import (
    language_table,
    language_text,
    model_table,
    model_text,
)


def language(code: str, level: str, family: str) -> dict:
    return {"code": code, "name": code.upper(), "family": family, "script": "Latin", "level": level}


def test_languages_stand_by_level_and_then_family() -> None:
    languages = [
        language("b3", "low", "B"),
        language("a1", "high", "A"),
        language("a3", "low", "A"),
        language("b1", "high", "B"),
        language("x", "", "C"),
    ]
    table = language_table(languages, {"a1": 20000, "b3": 1})
    assert table["code"].tolist() == ["b1", "a1", "b3", "a3", "x"]
    rows = language_text(table).rows
    assert rows[1] == ("High", "A", "a1", "A1", "Latin", "20,000")
    assert rows[3][-1] == "–"
    assert rows[4][0] == "–"


def test_models_have_their_settings_and_counted_parameters() -> None:
    parameters = pd.DataFrame(
        {"system": ["big", "pairs"], "models": [1, 4], "total": [439, 400], "trainable": [39, 400]}
    ).set_index("system")
    architecture = {
        "layers": 6,
        "heads": 16,
        "d_model": 1024,
        "d_ff": 4096,
        "max_tokens": 7680,
        "update_freq": 84,
        "dropout": 0.1,
        "patience": 20,
    }
    systems = [
        {"system": name, "label": name, "architecture": architecture} for name in ("big", "pairs")
    ]
    table = model_table(systems, parameters)
    assert table["parameters_of_one"].tolist() == [439, 100]
    assert model_text(table).rows[0] == (
        *("big", "1", "439", "6", "16", "1,024", "4,096", "7,680", "84", "0.1"),
    )


def test_parameters_are_those_of_any_name(tmp_path: Path) -> None:
    path = tmp_path / "parameters.csv"
    path.write_text("system,label,models,total,trainable,added\nnull,N,1,9,8,0\nnan,M,1,,,\n")
    parameters = read_parameters(path)
    assert parameters.loc["null", "total"] == 9
    assert np.isnan(parameters.loc["nan", "total"])


def test_the_page_of_settings_has_all_of_them(tmp_path: Path) -> None:
    config = {"dataset": "a < b", "analysis": {"k": 95, "sweep": {"k": [50]}}, "metrics": ["bleu"]}
    write_settings(config, tmp_path / "settings.html")
    text = (tmp_path / "settings.html").read_text(encoding="utf-8")
    assert "a &lt; b" in text
    assert "snakemake 9" in text
    listed = text.split("<h3>Configuration</h3><pre>")[1].split("</pre>")[0]
    assert yaml.safe_load(listed.replace("&lt;", "<").replace("&#x27;", "'")) == config
