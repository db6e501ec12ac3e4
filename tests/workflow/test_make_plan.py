"""Plans are made from consistent settings; errors for others name the file, line and key."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from neuron_specialization.errors import InputError
from neuron_specialization.workflow.make_plan import make_plan
from neuron_specialization.workflow.plan import Plan
from neuron_specialization.workflow.start import start
from tests.conftest import PROJECT
from tests.workflow.conftest import TINY

SHARDS = {"fine_tunes": ["1-of-2", "2-of-2"], "bilingual_models": ["1-of-1"]}


def plan_of(settings: dict[str, Any] | None = None, *files: str) -> Plan:
    """Return the plan of shipped files, or of the tiny dataset, with overriding settings."""
    config = read_config(*(PROJECT / name for name in files or (TINY,)))
    update_config(config, settings or {})
    return make_plan(config, PROJECT, shards=SHARDS)


def read_config(*paths: Path) -> dict[str, Any]:
    """Return the configurations merged, later ones overriding earlier ones."""
    config: dict[str, Any] = {}
    for path in paths:
        update_config(config, yaml.safe_load(path.read_text(encoding="utf-8")))
    return config


def splits(**settings: object) -> dict[str, dict]:
    """Return splits: training text in two files per pair, built-in validation and test."""
    train = {"name": "train", "format": "text", "path": "{pair}.{lang}", **settings}
    others = [{"name": name, "format": "builtin", "sentences": 9} for name in ("valid", "test")]
    return {"corpora": {"splits": [train, *others]}}


def figures(**tables: dict[str, str]) -> dict[str, dict]:
    """Return settings of tables."""
    return {"tables": tables}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocabulary": {"sise": 100}}, r"vocabulary\.sise: unknown setting; did you mean size\?$"),
        ({"dataset": "tiny\n"}, "dataset: .*is not allowed, only lower-case letters"),
        ({"metrcs": ["bleu"]}, r"metrcs: unknown setting; did you mean metrics\?$"),
        (
            {"recording": {"x": 1}},
            r"recording\.x: unknown setting; known are split, count_padding, .*$",
        ),
        (
            {"architectures": {"tiny": {"optimizer": "fused_adamw"}}},
            r"architectures\.tiny\.optimizer is no longer a setting.*kernels",
        ),
        ({"vocabulary": {"dictionary": "dict.txt"}}, r"dictionary alone.*vocabulary\.model"),
        (
            {"vocabulary": {"source": "nowhere", "size": 99, "model": "m"}},
            r"no corpus nowhere in config/sources\.tsv",
        ),
        (
            {"downloads": {"extra_corpora": ["nowhere"]}},
            r"no corpus nowhere in config/sources\.tsv",
        ),
        (splits(source="nowhere"), "no source 'nowhere'"),
        (splits(path="a.{pair}"), r"needs {lang}"),
        (splits(path="{lnag}"), r"has {lnag}"),
        (splits(tokenise="moses"), r"set corpora\.moses"),
        ({"corpora": {"binarised": {"path": "bin"}}}, "already binarised .*remove one"),
        ({"vocabulary": {"model": "nowhere.model"}}, r"nowhere\.model: no such SentencePiece"),
        ({"architectures": {"tiny": {"continuation": {"heads": 2}}}}, "heads"),
        (
            {"device": "cuda", "gpus": 2, "architectures": {"tiny": {"update_freq": 3}}},
            "system baseline: update_freq is 3, which 2 GPUs cannot share.*one of 1, 3",
        ),
        (
            {"architectures": {"tiny": {"heads": 3}}},
            "architectures.tiny.heads: 3 heads cannot share d_model, 16",
        ),
        (
            {"architectures": {"tiny": {"precision": "fp16"}}},
            "architectures.tiny.precision: fp16 needs a GPU",
        ),
        (
            {"analysis": {"k": 0.95}},
            r"analysis\.k: analysis\.k is 0\.95 %, as it is a percentage: did you mean 95\?",
        ),
        (
            {"analysis": {"sweep": {"system": "neuron_specialization", "k": [0.7]}}},
            "the sweep's k is 0.7 %.*did you mean 70",
        ),
        ({"test_splits": ["flores"]}, "split flores"),
        (
            figures(levels={"layout": "levels", "paper": {"bleu": "Tabel 2"}}),
            r"tables\.levels\.paper has bleu: Tabel 2, but the paper has only .*bleu: Table 2",
        ),
        ({"bleu": {"exceptions": {"xx": "char"}}}, r"bleu\.exceptions has 'xx', allowed are en, "),
        ({"recording": {"split": "ntrex"}}, "split ntrex"),
        ({"pivot": "fr"}, "the pivot fr has no row"),
        ({"systems": "config/nowhere.tsv"}, r"nowhere\.tsv: no such file"),
        (
            splits(exceptions={False: {"path": "{pair}.{lang}"}}),
            "has False.*put the code in quotes",
        ),
        (splits(exceptions={"ba": {"path": "{pair}.{lang}"}}), "exceptions has 'ba', allowed are"),
        (splits(romanise=["a1", "ba"]), "romanise has 'ba', allowed are"),
        (splits(romanise=[False]), "(?s)False is not of type.*in quotes"),
        (figures(mine={"layout": "levels", "figure": "mine"}), "its layout is levels"),
        (figures(mine={"layout": "languages", "figure": "gains"}), "the name of another one"),
        (
            figures(
                levels={"layout": "languages", "figure": "mine"},
                bilingual={"layout": "languages", "figure": "mine"},
            ),
            r"has the figure mine, the name of the figure of tables\.\w+: choose a name",
        ),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_of(settings)


@pytest.mark.parametrize(
    "key",
    [
        *("languages", "systems", "imported_outputs", "downloads.sources", "downloads.folder"),
        *("analysis.distances", "corpora.folder", "corpora.binarised.path"),
        *("vocabulary.model", "vocabulary.dictionary"),
    ],
)
def test_paths_with_braces_name_their_setting(key: str) -> None:
    settings: dict[str, Any] = {}
    *sections, name = key.split(".")
    section = settings
    for each in sections:
        section = section.setdefault(each, {})
    section[name] = "a{b}/c"
    message = rf"{re.escape(key)}: 'a{{b}}/c' has braces, which mark wildcards"
    with pytest.raises(InputError, match=message):
        plan_of(settings)


@pytest.mark.parametrize(
    ("split", "systems", "message"),
    [
        ("valid", "bilingual_high", "bilingual_high trains each direction alone, but en-a1 has no"),
        (
            "valid",
            "baseline neuron_specialization",
            "recorded on valid, which en-a1 lacks: take it",
        ),
        ("test", "bilingual_high", "no direction of system bilingual_high has a test in test:"),
        ("test", "baseline neuron_specialization", ""),
        ("valid", "baseline continued", ""),
    ],
)
def test_what_a_language_without_a_split_cannot_have(
    split: str, systems: str, message: str, tmp_path: Path
) -> None:
    rows = (PROJECT / "tests/workflow/tiny/systems.tsv").read_text(encoding="utf-8").splitlines()
    chosen = [row for row in rows if row.split("\t")[0] in ("system", *systems.split())]
    (tmp_path / "systems.tsv").write_text("\n".join(chosen), encoding="utf-8")
    settings: dict[str, Any] = {"systems": str(tmp_path / "systems.tsv"), **splits()}
    for each in settings["corpora"]["splits"]:
        each["exceptions"] = {"a1": {"format": "none"}} if each["name"] == split else {}
    if message:
        with pytest.raises(InputError, match=message):
            plan_of(settings)
    else:
        assert not plan_of(settings).has_split(split, "en-a1")


def test_missing_files_of_a_split_name_their_origin(tmp_path: Path) -> None:
    """Until text is prepared, and only for splits that say where it comes from."""
    plan = plan_of(splits(origin="the attic", path="nowhere/{pair}.{lang}"))
    (warning,) = plan.corpora.warnings(tmp_path)
    assert warning == "nowhere/en-a1.a1: no such file; split train comes from: the attic"
    (tmp_path / "corpora").mkdir()
    (tmp_path / "corpora/report.tsv").touch()
    assert not list(plan.corpora.warnings(tmp_path))


def test_a_share_in_the_table_of_systems_is_refused(tmp_path: Path) -> None:
    table = (PROJECT / "tests/workflow/tiny/systems.tsv").read_text(encoding="utf-8")
    (tmp_path / "systems.tsv").write_text(table.replace("k=95", "k=0.95"), encoding="utf-8")
    with pytest.raises(InputError, match=r"systems: k of encoder_only is 0\.95 %.* 95\?"):
        plan_of({"systems": str(tmp_path / "systems.tsv")})


def test_paths_may_begin_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("DATA", "/data")
    settings: dict[str, Any] = splits(path=["~/{pair}.{lang}", "${DATA}/{pair}.{lang}"])
    settings["corpora"]["folder"] = "$DATA/text"
    settings |= {"comet": {"model": "~/comet"}, "raw_references": {"test": "~/{lang}.txt"}}
    systems = (PROJECT / "tests/workflow/tiny/systems.tsv").read_text(encoding="utf-8")
    lines = systems.splitlines()
    lines[0] += "\tfolder"
    lines.append("theirs\tTheirs\timported\t\t\tall\t\tlevels\t1\t~/outputs")
    (tmp_path / "systems.tsv").write_text("\n".join(lines), encoding="utf-8")
    settings |= {"systems": "$HERE/systems.tsv"}
    monkeypatch.setenv("HERE", str(tmp_path))
    plan = plan_of(settings)
    assert plan.splits["train"].paths == ("/home/me/{pair}.{lang}", "/data/{pair}.{lang}")
    assert plan.splits["train"].folder == Path("/data/text")
    assert plan.config["comet"]["model"] == "/home/me/comet"
    assert plan.config["raw_references"] == {"test": "/home/me/{lang}.txt"}
    assert plan.systems["theirs"].folder == "/home/me/outputs"


def test_numbers_with_an_exponent_are_numbers() -> None:
    """YAML takes a number without a point, such as 5e-4, for text."""
    settings = yaml.safe_load(
        "architectures: {tiny: {learning_rate: 5e-4, continuation: {max_updates: 1e1}}}\n"
        "analysis: {sweep: {system: neuron_specialization, k: [9e1]}}"
    )
    plan = plan_of(settings)
    architecture = plan.config["architectures"]["tiny"]
    assert (architecture["learning_rate"], architecture["continuation"]["max_updates"]) == (
        5e-4,
        10,
    )
    assert 90 in plan.sweep["neuron_specialization"]
    with pytest.raises(InputError, match=r"learning_rate: '5e-4x' is not of type 'number'"):
        plan_of({"architectures": {"tiny": {"learning_rate": "5e-4x"}}})


def test_the_order_of_keys_is_no_setting() -> None:
    config = read_config(PROJECT / TINY)
    turned = {name: dict(reversed(tiny.items())) for name, tiny in config["architectures"].items()}
    plans = [plan_of({"architectures": architectures}) for architectures in ({}, turned)]
    baseline = plans[0].systems["baseline"]
    first, second = (str(plan.architecture(baseline)) for plan in plans)
    assert first == second


def test_a_project_in_a_folder_with_braces_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match=r"p\{1\}' has braces"):
        start({}, str(tmp_path / "p{1}"), [], None)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("method=imported folder=a{b}", r"line 17, column folder: 'a\{b\}' has braces"),
        ("method=lass parent=baseline pruning=1.5", "line 17, column pruning: 1.5"),
        ("method=lass parent=baseline options=pruning=1.5", "line 17, option pruning: 1.5"),
        ("method=adapter parent=baseline options=sharing=pair", "x needs a value for bottleneck"),
        ("method=multilingual architecture=tiny tables=best", "table 'best'"),
        (
            "method=multilingual architecture=tiny checkpoint=c",
            "give the vocabulary that it was trained with",
        ),
        (
            "method=neuron_specialization parent=baseline k=95 checkpoint=c",
            "give the vocabulary that it was trained with",
        ),
    ],
)
def test_bad_rows_of_systems_are_refused(tmp_path: Path, row: str, message: str) -> None:
    shipped = (PROJECT / "tests/workflow/tiny/systems.tsv").read_text(encoding="utf-8")
    cells = {"system": "x", "label": "X", "directions": "all"}
    cells |= dict(cell.split("=", 1) for cell in row.split())
    header, *rows = shipped.splitlines()
    columns = list(dict.fromkeys([*header.split("\t"), *cells]))
    line = "\t".join(cells.get(column, "") for column in columns)
    systems = tmp_path / "systems.tsv"
    systems.write_text("\n".join(["\t".join(columns), *rows, line, ""]), encoding="utf-8")
    with pytest.raises(InputError, match=rf"systems\.tsv.*{message}"):
        plan_of({"systems": str(systems)})


def test_former_names_of_settings_work_with_a_warning() -> None:
    former = {
        "architectures": {"tiny": {"best_by": "chrf"}},
        "downloads": {"also": []},
        "untouched_references": {"test": "x"},
    }
    with pytest.warns(FutureWarning, match=r"best_by is now checkpoint_metric; the old name"):
        config = plan_of(former).config
    assert config["architectures"]["tiny"]["checkpoint_metric"] == "chrf"
    assert config["raw_references"] == {"test": "x"}
    with pytest.warns(FutureWarning, match="latin is now romanise"):
        assert plan_of(splits(latin=["a1"])).splits["train"].romanise == ("a1",)


def write_systems(folder: Path, *rows: dict[str, str]) -> str:
    """Write a table of systems with all directions; return its path."""
    filled = [{"label": row["system"].upper(), "directions": "all", **row} for row in rows]
    columns = list(dict.fromkeys(name for row in filled for name in row))
    lines = [columns, *([row.get(name, "") for name in columns] for row in filled)]
    path = folder / "systems.tsv"
    path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
    return str(path)


def test_a_trained_system_needs_the_sections_for_training(tmp_path: Path) -> None:
    row = {"system": "x", "method": "multilingual", "architecture": "tiny"}
    systems = write_systems(tmp_path, row)
    tiny = yaml.safe_load((PROJECT / TINY).read_text(encoding="utf-8"))
    settings = {"systems": systems, "architectures": tiny["architectures"]}
    with pytest.raises(InputError, match="the config has no corpora, but x is not imported"):
        plan_of(settings, "config/published.yaml")


def test_a_pair_vocabulary_must_be_described(tmp_path: Path) -> None:
    row = {"system": "x", "method": "bilingual", "architecture": "small", "vocabulary": "pair"}
    settings = {"systems": write_systems(tmp_path, row)}
    with pytest.raises(InputError, match=r"configure how to learn them \(pair_vocabulary"):
        plan_of(settings, "config/experiment.yaml")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("dataset: x\nvocabulary:\n  sise: 5\n", "line 3, vocabulary.sise: "),
        (
            "dataset: x\ncorpora:\n  splits:\n    - {name: a, format: tvs}\n",
            "line 4, corpora.splits.0",
        ),
        ("dataset: x\ndecoding: {beam: five}\n", "line 2, decoding.beam: 'five' is not"),
        ("dataset: x\ntest_splits: [news]\n", "line 2, test_splits: "),
    ],
)
def test_errors_name_the_line_in_the_last_file_with_the_setting(
    tmp_path: Path, text: str, where: str
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(text, encoding="utf-8")
    files = [PROJECT / TINY, mine]
    config = read_config(*files)
    with pytest.raises(InputError, match=re.escape(f"{mine}, {where}")):
        make_plan(config, PROJECT, shards=SHARDS, files=files)


def test_defaults_are_filled_in_and_not_shared() -> None:
    one, other = plan_of(), plan_of()
    assert one.config["decoding"]["beam"] == 5
    assert one.config["corpora"]["cleaning"]["drop_duplicates"] is True
    assert one.config["downloads"] == other.config["downloads"]
    assert one.config["downloads"] is not other.config["downloads"]
