"""Directions without the pivot: which text is joined, and which jobs read it."""

from pathlib import Path
from typing import Any

import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.workflow.plan import Plan
from tests.conftest import PROJECT
from tests.corpora.preparing import learn
from tests.workflow.test_make_plan import plan_of, splits, write_systems
from tests.workflow.test_plan import job

BASELINE = {"system": "baseline", "method": "multilingual", "architecture": "tiny"}
OURS = {"system": "ours", "method": "neuron_specialization", "parent": "baseline", "k": "95"}
SHOT = {"zero_shot": "a1-b1"}
PRETRAINED = {"checkpoint": "model.pt", "directions": "all-all"}
TEXT = [f"<dataset>/corpora/test.a1-b1.{language}" for language in ("a1", "b1")]
JOINED, TRAIN = (f"<dataset>/binarised/{part}/joint" for part in ("joined.test", "train"))


def plan_with(folder: Path, *rows: dict[str, str], **settings: Any) -> Plan:
    return plan_of({"systems": write_systems(folder, *rows), **settings})


@pytest.fixture
def vocabulary(tmp_path: Path) -> dict[str, Any]:
    """Return settings of a given vocabulary, which a checkpoint needs."""
    learn(["a b c d e"] * 9, [], tmp_path, size=9)
    given = {"dictionary": str(tmp_path / "dict.txt"), "model": str(tmp_path / "spm.model")}
    return {"vocabulary": given}


def test_only_systems_with_such_directions_read_the_joined_text(tmp_path: Path) -> None:
    plan = plan_with(tmp_path, BASELINE, OURS | SHOT)
    assert (plan.joined.tests, plan.joined.recorded) == ({"test": ["a1-b1"]}, {})
    raw = [name.replace("test.", "raw.test.") for name in TEXT]
    outputs = plan.joined.outputs(plan.joined.tests)
    assert [name.format(split="test") for name in outputs] == TEXT + raw
    ours, baseline = (job(name, split="test") for name in ("ours", "baseline"))
    assert plan.corpora.binarised(ours) == [JOINED]
    assert plan.corpora.binarised(baseline) == ["<dataset>/binarised/test/joint"]
    assert set(TEXT) <= set(plan.evaluation.outputs(ours)["corpora"])
    assert not set(TEXT) & set(plan.evaluation.outputs(baseline)["corpora"])
    of_part = plan.corpora.text_of_part(job(part="joined.test", vocabulary="joint"))
    assert of_part == [*plan.corpora.text(["test"]), *TEXT]
    assert "<dataset>/corpora/report.joined.test.tsv" in plan.corpora.reports
    assert JOINED in plan.corpora.all_binarised


def test_zero_shot_directions_are_evaluated_and_neither_trained_nor_recorded(
    tmp_path: Path,
) -> None:
    plan = plan_with(tmp_path, BASELINE | SHOT, OURS | SHOT)
    trained = ["en-a1", "en-b1", "a1-en", "b1-en"]
    for name in ("baseline", "ours"):
        assert plan.directions(job(name)) == trained
        assert plan.evaluation.directions(job(name, split="test")) == [*trained, "a1-b1"]
        assert plan.scored_directions(job(name)) == [*trained, "a1-b1"]
        assert plan.evaluation.first_test_directions(job(name)) == trained
        assert plan.corpora.binarised(job(name)) == plan.corpora.recorded(job(name)) == [TRAIN]
    assert plan.models.zero_shot(job("ours")) == ["a1-b1"]


def test_nothing_of_a_joined_test_is_an_input_of_training(tmp_path: Path) -> None:
    """Even if the test itself is drawn from the training corpus."""
    changes = splits()
    changes["corpora"]["splits"][2] = {"name": "test", "format": "every_nth", "every": 9}
    changes["corpora"]["splits"][0]["path"] = str(tmp_path / "{pair}.{lang}")
    plan = plan_with(tmp_path, BASELINE | SHOT, OURS, **changes)
    assert plan.corpora.part_of("test") == "train"
    assert plan.corpora.binarised(job("baseline")) == [TRAIN]
    assert plan.corpora.binarised(job("baseline", split="test")) == [JOINED]
    assert not set(TEXT) & set(plan.corpora.training_text)


def test_pretrained_models_are_recorded_in_any_direction(
    tmp_path: Path, vocabulary: dict[str, Any]
) -> None:
    alone = OURS | {"fine_tune": "no", "directions": "all-all"}
    trained = {"system": "trained", "method": "multilingual", "parent": "baseline"}
    plan = plan_with(tmp_path, BASELINE | PRETRAINED, alone, trained, **vocabulary)
    assert plan.joined.recorded == {"valid": ["a1-b1"]}
    assert plan.joined.tests == {"test": ["a1-b1"]}
    assert plan.corpora.recorded(job()) == ["<dataset>/binarised/joined.valid/joint"]
    assert plan.directions(job())[4:] == plan.directions(job("ours"))[4:] == ["a1-b1", "b1-a1"]
    assert plan.models.zero_shot(job("ours")) == []
    assert plan.corpora.binarised(job("trained")) == [TRAIN]
    # matrices through masks of others, and figures of neurons, are by side of the pivot
    assert len(plan.evaluation.first_test_directions(job("ours"))) == 4


def test_a_test_that_is_recorded_on_is_joined_once(
    tmp_path: Path, vocabulary: dict[str, Any]
) -> None:
    settings = {**vocabulary, "recording": {"split": "test"}}
    plan = plan_with(tmp_path, BASELINE | PRETRAINED, OURS, **settings)
    assert (plan.joined.tests, plan.joined.recorded) == ({}, {"test": ["a1-b1"]})


def test_a_language_without_a_test_is_in_no_joined_pair(tmp_path: Path) -> None:
    changes = splits()
    changes["corpora"]["splits"][0]["path"] = str(tmp_path / "{pair}.{lang}")
    changes["corpora"]["splits"][2]["exceptions"] = {"a1": {"format": "none"}}
    plan = plan_with(tmp_path, BASELINE | SHOT, **changes)
    assert plan.joined.pairs == {}
    changes["corpora"]["splits"].append(
        {"name": "other", "format": "text", "path": str(tmp_path / "other.{pair}.{lang}")}
    )
    plan = plan_with(tmp_path, BASELINE | SHOT, **changes, test_splits=["test", "other"])
    assert plan.joined.pairs == {"other": ["a1-b1"]}
    assert "a1-b1" not in plan.evaluation.directions(job(split="test"))


def test_what_directions_without_the_pivot_cannot_have(
    tmp_path: Path, vocabulary: dict[str, Any]
) -> None:
    binarised = {"corpora": {"binarised": {"source": "ec30", "path": "bin"}}}
    with pytest.raises(
        InputError, match=r"directions of a1-b1 are scored .*only with the pivot, en"
    ):
        plan_with(tmp_path, BASELINE | SHOT, **vocabulary, **binarised)
    row = BASELINE | PRETRAINED | {"directions": "a1-b1"}
    with pytest.raises(
        InputError, match=r"figures of neurons are by direction .*baseline has none"
    ):
        plan_with(tmp_path, row, **vocabulary, analysis={"system": "baseline"})


def test_other_tables_keep_pivot_directions_and_a_matrix_has_all(tmp_path: Path) -> None:
    tables = {"matrix": "matrix"}
    shown = {"tables": "levels languages matrix"}
    plan = plan_with(tmp_path, BASELINE | SHOT | shown, OURS | SHOT | shown, tables=tables)
    plain = plan_with(tmp_path, BASELINE | shown, OURS | shown, tables=tables)
    for table in ("levels", "languages"):
        assert plan.tables.blocks(table, "test") == plain.tables.blocks(table, "test")
        assert "a1-b1" not in plan.tables.directions(table)
    assert plan.tables.directions("matrix")[4:] == ["a1-b1"]
    matrix = job(table="matrix", split="test", metric="bleu")
    assert plan.tables.settings(matrix)["zero_shot"] == {"BASELINE": "", "OURS": "composed"}
    assert {*plan.tables.blocks("matrix", "test")["without en"]} == {("b1", ""), ("avg", "")}
    assert plan.figures.of_tables["matrix"] == "matrix"
    assert plan.figures.score_settings(job(figure="matrix"))["kind"] == "matrix"
    assert "<dataset>/figures/test/matrix.nll.pdf" in plan.figures.of_scores


def test_zero_shot_directions_of_the_shipped_configuration() -> None:
    plan = plan_of(None, "config/config.yaml", "config/zero_shot.yaml")
    assert len(plan.joined.tests["test"]) == 9 * 8 / 2
    assert all(len(row.zero_shot) == 9 * 8 for row in plan.systems.values())
    roles = [role for role, _, _ in plan.evaluation.comparisons(job("neuron_specialization"))]
    assert roles == ["parent", "control", "shuffled", "rival"]
    assert (PROJECT / "config/zero_shot.tsv").is_file()
