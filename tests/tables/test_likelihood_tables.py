"""Tables in nll: lower is better, three decimals, vocabularies that cannot be compared."""

from pathlib import Path

import pandas as pd
import pytest

from neuron_specialization.tables.cells import level_cells
from neuron_specialization.tables.comparisons import gather_comparisons
from neuron_specialization.tables.outcomes import judge
from neuron_specialization.tables.rows import ScoredRun
from tests.tables.samples import LEVELS, PAIRS, paired_tests, scored_run, scores_of, write

MEANING = "nll: negative log-likelihood of the references, in nats per target token"


def nll_run(label: str, value: float, seed: int = 1, vocabulary: str = "joint") -> ScoredRun:
    signature = f"nll|tokens:{vocabulary}"
    scores = scores_of(dict.fromkeys(PAIRS, value), "nll", signature=signature)
    return ScoredRun(system=label.lower(), label=label, seed=seed, scores=scores)


def nll_tests(difference: float, seed: int = 1) -> pd.DataFrame:
    tests = paired_tests("continued", "control", difference, seed=seed)
    return tests.assign(metric="nll")


@pytest.mark.parametrize(("metric", "sign"), [("bleu", 1), ("nll", -1)])
def test_a_lower_nll_wins_and_a_lower_bleu_loses(metric: str, sign: int) -> None:
    for difference, won in ((0.3, sign), (-0.3, -sign), (0, 0)):
        tests = nll_tests(difference).assign(metric=metric)
        (comparison,) = gather_comparisons([("Ours", tests)], {"continued": "C"})
        outcomes = judge([comparison], {"": level_cells(PAIRS, LEVELS, "en")}, 0.05)
        assert set(outcomes["outcome"]) == {won}


def test_scores_and_differences_have_three_decimals(tmp_path: Path) -> None:
    runs = [nll_run("Base", 2.0), nll_run("Base", 2.1, 2), nll_run("Ours", 1.9)]
    tests = [("Ours", nll_tests(-0.1, seed)) for seed in (1, 2)]
    text = write(tmp_path, *runs, tests=tests, metric="nll")
    base, ours = (
        next(row for row in text.splitlines() if f"| {n} " in row) for n in ("Base", "Ours")
    )
    assert "2.050 ± 0.071" in base
    assert "−0.150‡" in ours  # better than the continued baseline, in all directions and seeds
    assert "−0.100 ± 0.000" in text
    assert f"- {MEANING}" in text
    assert "vocabularies" not in text
    wins = pd.read_csv(tmp_path / "table.wins.csv")
    assert wins.query("group == 'All' and direction == 'Avg'")["wins"].to_list() == [12]
    assert (pd.read_csv(tmp_path / "table.gains.csv")["gain"] < 0).all()


def test_rows_of_other_vocabularies_are_named_as_not_comparable(tmp_path: Path) -> None:
    text = write(tmp_path, nll_run("Base", 2), nll_run("Two", 1, vocabulary="pair"), metric="nll")
    assert "Tokens are of several vocabularies (joint, pair)" in text


def test_rows_without_a_model_have_no_nll(tmp_path: Path) -> None:
    """The outputs of imported systems are scored by their text only."""
    text = write(tmp_path, nll_run("Base", 2), scored_run("Released", 0), metric="nll")
    row = next(line for line in text.splitlines() if "| Released" in line)
    assert "2" not in row
    assert "Released has no scores in nll: all directions" in text
