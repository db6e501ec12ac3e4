"""The off-target rate in the plan: text of its identifier, jobs, tables, refusals."""

import pytest

from neuron_specialization.errors import InputError
from tests.workflow.test_make_plan import plan_of
from tests.workflow.test_plan import Wildcards, job

METRICS = {"metrics": ["bleu", "off_target"]}


def test_the_identifier_learns_training_text_and_is_measured_on_the_test() -> None:
    plan = plan_of(METRICS)
    assert plan.off_target.source("test") == "train"
    assert plan.off_target.source("train") == "valid"
    split = Wildcards(split="test")
    for path, name in ((plan.off_target.text, "train"), (plan.off_target.held_out, "test")):
        assert path(split) == [
            f"<dataset>/corpora/{name}.en-{code}.{side}"
            for code in ("a1", "b1")
            for side in ("en", code)
        ]


def test_only_datasets_that_ask_for_it_have_its_jobs_and_tables() -> None:
    accuracy = "<dataset>/tables/test/language_identifier.md"
    with_it, without = plan_of(METRICS), plan_of()
    assert with_it.evaluation.appended(job(split="test")) == [
        "<dataset>/off_target/test/baseline/seed1.parquet",
        "<dataset>/off_target/test/baseline/seed1.csv",
    ]
    assert {accuracy, "<dataset>/tables/test/levels.off_target.md"} <= {*with_it.tables.all}
    assert accuracy not in with_it.tables.all_merged  # made from text
    assert not [path for path in without.tables.all if "off_target" in path or path == accuracy]
    assert not [p for p in without.evaluation.appended(job(split="test")) if "off_target" in p]
    assert with_it.claims.settings(job())["claims"]["metrics"] == ["bleu"]


def test_footers_quote_the_identifier_in_tables_of_off_target_rates_only() -> None:
    plan = plan_of(METRICS)
    for metric, number in (("off_target", 1), ("bleu", 0)):
        found = plan.tables.inputs(Wildcards(table="bilingual", split="test", metric=metric))
        assert len(found["accuracy"]) == number
        assert len(found["identified"]) == number * len(found["scores"])


def test_a_dataset_without_text_to_learn_from_is_refused() -> None:
    """The published outputs come without any corpus."""
    with pytest.raises(InputError, match=r"metrics has off_target, but there is no text .*test"):
        plan_of(METRICS, "config/published.yaml")
