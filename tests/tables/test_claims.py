"""Verdicts on the paper's claims, and the effects that they are judged by."""

from dataclasses import replace
from math import isnan, nan

import numpy as np
import pandas as pd
import pytest

from neuron_specialization.evaluation.significance import cell_name
from neuron_specialization.neurons.storage import Counts
from neuron_specialization.settings.claims import Claim
from neuron_specialization.tables.claims import (
    CANNOT_SHOW,
    CONFIRMED,
    CONTRADICTED,
    NOT_SHOWN,
    describe_claims,
    judge,
)
from neuron_specialization.tables.claims_of_scores import find_effects
from neuron_specialization.tables.findings import ClaimSettings, Evidence, Finding
from neuron_specialization.tables.reproducibility import coefficient_of_variation

PAIRS = ("en-de", "en-nl", "de-en", "nl-en")
ALL = (PAIRS[:2], PAIRS[2:])
GAIN = Claim(
    claim="better",
    source="Table 2",
    kind="difference",
    row="specialized",
    against="baseline",
    cell="All Avg",
    confirmed_needs=("converged",),
    refuted_needs=("power",),
)
DIAGNOSIS = pd.DataFrame(
    [
        ("converged", "", "green"),
        ("power", "bleu", "red"),
        ("power", "chrf", "green"),
        ("further training", "continued bleu", "red"),
        ("further training", "random bleu", "shown"),
        ("further training", "continued chrf", "green"),
        ("neurons", "encoder", "green"),
        ("neurons", "decoder", "unknown"),
    ],
    columns=["line", "part", "status"],
).assign(limit="at most 1")


# ---- verdicts ----


def found(effect: float = 1.0, *, metric: str = "chrf", claim: Claim = GAIN, **more) -> Finding:
    return Finding(claim=claim, metric=metric, effect=effect, p_value=0.01, **more)


@pytest.mark.parametrize(
    ("finding", "adjusted", "verdict", "reason"),
    [
        (found(), 0.04, CONFIRMED, ""),
        (found(), 0.06, NOT_SHOWN, ""),
        (found(-1.0), 0.04, CONTRADICTED, ""),
        (found(-1.0, metric="nll"), 0.04, CONFIRMED, ""),  # lower is better
        # a bleu test had too little power, so that neither silence nor a loss says anything
        (found(metric="bleu"), 0.04, CONFIRMED, ""),
        (found(metric="bleu"), 0.06, CANNOT_SHOW, "power red"),
        (found(-1.0, metric="bleu"), 0.01, CANNOT_SHOW, "power red"),
        # the interval over seeds has the last word
        (found(seeds=3, low=-0.1, high=2), 0.01, NOT_SHOWN, ""),
        (found(seeds=3, low=0.1, high=2), 0.01, CONFIRMED, ""),
        (found(lacking="no lass"), nan, CANNOT_SHOW, "no lass"),
    ],
)
def test_verdicts(finding: Finding, adjusted: float, verdict: str, reason: str) -> None:
    assert judge(finding, adjusted, DIAGNOSIS, 0.05) == (verdict, reason)


def test_a_gain_is_not_confirmed_where_it_may_have_another_cause() -> None:
    red = DIAGNOSIS.assign(status="red")
    assert judge(found(), 0.01, red, 0.05) == (CANNOT_SHOW, "converged red")
    mere = replace(GAIN, confirmed_needs=("further training",))
    verdict = judge(found(metric="bleu", claim=mere), 0.01, DIAGNOSIS, 0.05)
    assert verdict == (CANNOT_SHOW, "further training red")
    assert judge(found(claim=mere), 0.01, DIAGNOSIS, 0.05)[0] == CONFIRMED
    unlimited = DIAGNOSIS.assign(status="unknown", limit="")
    assert judge(found(), 0.01, unlimited, 0.05)[0] == CONFIRMED
    both = replace(GAIN, refuted_needs=("neurons",))
    verdict = judge(found(claim=both), 0.9, DIAGNOSIS, 0.05)
    assert verdict == (CANNOT_SHOW, "neurons unknown")


def test_claims_without_a_test() -> None:
    near = replace(GAIN, kind="sparsity", within=5, confirmed_needs=())
    assert judge(found(25, claim=near, paper=22), nan, DIAGNOSIS, 0.05)[0] == CONFIRMED
    far = replace(near, refuted_needs=())
    assert judge(found(30, claim=far, paper=22), nan, DIAGNOSIS, 0.05)[0] == CONTRADICTED
    free = replace(GAIN, kind="parameters", confirmed_needs=(), refuted_needs=())
    assert judge(found(0.0, claim=free), nan, DIAGNOSIS, 0.05)[0] == CONFIRMED
    assert judge(found(7.0, claim=free), nan, DIAGNOSIS, 0.05)[0] == CONTRADICTED
    time = replace(free, kind="time")
    assert judge(found(0.1, claim=time), nan, DIAGNOSIS, 0.05)[0] == CONFIRMED
    falls = replace(free, kind="course", direction="falls")
    assert judge(found(-3.0, claim=falls), 0.01, DIAGNOSIS, 0.05)[0] == CONFIRMED
    assert judge(found(3.0, claim=falls), 0.01, DIAGNOSIS, 0.05)[0] == CONTRADICTED


def test_p_values_are_adjusted_over_the_claims_in_one_metric() -> None:
    findings = [replace(found(), p_value=p) for p in (0.02, 0.03, 0.5)]
    table = describe_claims(
        [*findings, replace(found(), p_value=nan, lacking="no lass"), found(-1.0, metric="nll")],
        DIAGNOSIS,
        dataset="toy",
        level=0.05,
    )
    adjusted = list(table.numbers["adjusted_p"])
    assert adjusted[:3] + adjusted[4:] == pytest.approx([0.06, 0.06, 0.5, 0.01])
    verdicts = [*[NOT_SHOWN] * 3, CANNOT_SHOW, CONFIRMED]
    assert list(table.numbers["verdict"]) == verdicts
    (text,) = table.texts
    assert (text.rows[3][3], text.rows[3][-1]) == (CANNOT_SHOW, "no lass")


def test_the_coefficient_of_variation_of_two_measurements() -> None:
    # |1 - 2| / sqrt(2) over c4(2) = sqrt(2 / pi), over the mean 1.5, times 1 + 1/8
    expected = 100 * (1 + 1 / 8) * (1 / 2**0.5) / (2 / np.pi) ** 0.5 / 1.5
    assert coefficient_of_variation([1, 2]) == pytest.approx(expected)
    assert coefficient_of_variation([2, 2]) == 0
    for undefined in ([1], [1, -1], [1, nan], [0, 0]):
        assert isnan(coefficient_of_variation(undefined))


# ---- effects ----

SETTINGS = ClaimSettings(
    dataset="toy",
    metrics=["chrf"],
    roles={
        "specialized": ["ours"],
        "baseline": ["base"],
        "sweep": ["k50", "k80"],
        "lass": [],
    },
    cells={"All Avg": ALL, "Low O2M": (("en-nl",),)},
    families={"de": "A", "nl": "A", "fr": "B", "es": "B", "ru": "C", "cs": "C"},
    pivot="en",
    counting="token",
    level=0.05,
    seed=1,
)


def paired_rows(other: str, gain: float, p_value: float, seed: int = 1) -> list[dict[str, object]]:
    shared = {"system": "ours", "other": other, "seed": seed, "metric": "chrf", "test": "ar:9"}
    shared |= {"other_score": 20.0, "p_value": p_value}
    rows = [
        {"pair": pair, "cell": "", "score": 20 + gain + shift, "low": -9.0, "high": 9.0}
        for pair, shift in zip(PAIRS, (1, -1, 0.5, -0.5), strict=True)
    ]
    mean = {"pair": "", "cell": cell_name(ALL), "score": 20 + gain}
    rows.append({**mean, "low": gain - 0.4, "high": gain + 0.4})
    return [{**shared, **row} for row in rows]


SCORE_COLUMNS = ["pair", "metric", "score"]


def evidence(
    *rows: list[dict[str, object]],
    counts: tuple[Counts, ...] = (),
    bilingual: pd.DataFrame | None = None,
) -> Evidence:
    return Evidence(
        tests=pd.DataFrame([row for each in rows for row in each]),
        bilingual=bilingual if bilingual is not None else pd.DataFrame(columns=SCORE_COLUMNS),
        counts=counts,
        parameters=pd.DataFrame({"added": {"ours": 0}, "total": {"base": 100}}),
        seconds={"specialized": 5.0, "lass": 50.0},
        paper=[],
    )


def effect(claim: Claim, shown: Evidence, settings: ClaimSettings = SETTINGS) -> Finding:
    (finding,) = find_effects([claim], settings, shown)
    return finding


def test_a_mean_is_judged_by_its_own_test() -> None:
    finding = effect(GAIN, evidence(paired_rows("base", 2, 0.01)))
    assert finding.effect == pytest.approx(2)
    assert (finding.low, finding.high, finding.p_value) == (1.6, 2.4, 0.01)
    single = effect(replace(GAIN, cell="Low O2M"), evidence(paired_rows("base", 2, 0.01)))
    assert (single.effect, single.low) == (pytest.approx(1), -9)


def test_seeds_have_an_interval_and_the_largest_p() -> None:
    rows = [paired_rows("base", gain, p, seed) for seed, gain, p in ((1, 2, 0.01), (2, 3, 0.03))]
    finding = effect(GAIN, evidence(*rows))
    assert (finding.effect, finding.p_value, finding.seeds) == (pytest.approx(2.5), 0.03, 2)
    assert finding.high - finding.effect == pytest.approx(12.7062 * 0.5, rel=1e-4)


def test_seeds_of_former_versions_are_tested_without_tests_of_means() -> None:
    rows = [paired_rows("base", gain, 0.01, seed)[:-1] for seed, gain in ((1, 2), (2, 3), (3, 4))]
    finding = effect(GAIN, evidence(*rows))
    assert finding.effect == pytest.approx(3)
    assert finding.p_value == pytest.approx(0.0351, abs=1e-3)  # Student's t of 2, 3, 4 against 0
    assert effect(GAIN, evidence(rows[0])).lacking == "no test of a mean"


@pytest.mark.parametrize("metric", ["chrf", "nll"])
def test_gains_that_go_with_interference_are_found(metric: str) -> None:
    pairs = [f"en-{code}" for code in "abcdefg"]
    shared = {"system": "ours", "seed": 1, "metric": metric, "cell": ""}
    # both the gain over the continued baseline and the interference grow with the place
    rows = [
        {**shared, "pair": pair, "other": other, "score": 30.0 + place, "other_score": score}
        for place, pair in enumerate(pairs)
        for other, score in (("base", 20.0 - place % 2), ("more", 30.0))
    ]
    means = [{**row, "pair": "", "cell": "en-a"} for row in rows[:2]]
    scores = [(pair, metric, 20 - place % 2 + place**2) for place, pair in enumerate(pairs)]
    bilingual = pd.DataFrame(scores, columns=SCORE_COLUMNS)
    settings = replace(
        SETTINGS, metrics=[metric], roles=SETTINGS.roles | {"continued": ["more"], "none": []}
    )
    claim = replace(GAIN, kind="interference", against="continued")
    finding = effect(claim, evidence(rows, means, bilingual=bilingual), settings)
    assert (finding.effect, finding.p_value < 0.01) == (pytest.approx(1), True)
    reverse = bilingual.assign(score=bilingual["score"].to_numpy()[::-1])
    assert effect(claim, evidence(rows, bilingual=reverse), settings).effect < -0.5
    few = evidence(rows[:8], means, bilingual=bilingual)
    assert effect(claim, few, settings).lacking.startswith("fewer than 5 directions")
    assert effect(replace(claim, against="none"), few, settings).lacking == "no none"


def test_the_best_k_must_beat_every_other() -> None:
    sweep = replace(GAIN, against="sweep")
    better = evidence(paired_rows("k50", 2, 0.01), paired_rows("k80", 1, 0.2))
    assert (effect(sweep, better).effect, effect(sweep, better).p_value) == (pytest.approx(1), 0.2)
    worse = evidence(paired_rows("k50", 2, 0.3), paired_rows("k80", -1, 0.01))
    assert (effect(sweep, worse).effect, effect(sweep, worse).p_value) == (pytest.approx(-1), 0.01)


@pytest.mark.parametrize(
    ("changes", "lacking"),
    [
        ({"against": "lass"}, "no lass"),
        ({"cell": "Med Avg"}, "no cell Med Avg"),
        ({"against": "sweep"}, "no tests in chrf"),
    ],
)
def test_what_is_missing_is_named(changes: dict[str, str], lacking: str) -> None:
    assert (
        effect(replace(GAIN, **changes), evidence(paired_rows("base", 2, 0.01))).lacking == lacking
    )


def counts_of(own_LF: np.ndarray, layers: tuple[str, ...], languages: list[str]) -> Counts:
    """Return counts in which X→en and en→X of a language fire alike in all layers."""
    directions = [*(f"{code}-en" for code in languages), *(f"en-{code}" for code in languages)]
    count_LNF = np.repeat(np.concatenate([own_LF, own_LF])[:, None], len(layers), axis=1)
    return Counts(
        directions=tuple(directions),
        layers=layers,
        sentence_LNF=count_LNF,
        token_LNF=count_LNF,
        num_sentences_L=np.full(len(directions), 9),
        provenance={},
    )


LAYERS = ("encoder.layers.0", "encoder.layers.1", "decoder.layers.0", "decoder.layers.1")
CODES = list(SETTINGS.families)


def test_families_that_share_neurons_are_found() -> None:
    own_LF = np.zeros((6, 30), dtype=np.int64)
    for i in range(6):
        own_LF[i, 10 * (i // 2) : 10 * (i // 2) + 8] = 5  # of the family
        own_LF[i, 10 * (i // 2) + 8 + i % 2] = 5
    families = replace(GAIN, kind="families", stack="encoder", k=100.0)
    finding = effect(
        replace(families, k=99.0), evidence(counts=(counts_of(own_LF, LAYERS, CODES),))
    )
    assert finding.effect == pytest.approx(100 * 8 / 10)
    assert finding.p_value < 0.1  # 15 ways to pair six languages
    alone = replace(SETTINGS, families=dict.fromkeys(CODES, "A"))
    shown = evidence(counts=(counts_of(own_LF, LAYERS, CODES),))
    assert effect(families, shown, alone).lacking.startswith("no two languages of one family")


def test_pairs_that_share_neurons_are_found() -> None:
    """German and Russian have the same neurons, all others their own."""
    own_LF = np.eye(6, 12, dtype=np.int64)[[0, 1, 2, 3, 0, 5]] * 5
    claim = replace(GAIN, kind="pairs", stack="encoder", k=99.0, pairs=("ru-de",))
    shown = evidence(counts=(counts_of(own_LF, LAYERS, CODES),))
    finding = effect(claim, shown)
    assert finding.effect == pytest.approx(100)
    assert finding.p_value == pytest.approx(1 / 15, rel=0.1)  # one of 15 pairs
    assert effect(replace(claim, pairs=("de-mt", "ar-he")), shown).lacking == "no mt, ar, he"


def test_the_course_through_a_stack() -> None:
    """All languages have the same neurons in the last layer, and their own in the first."""
    own_LF = np.eye(6, 12, dtype=np.int64) * 5
    counts = counts_of(own_LF, LAYERS, CODES)
    counts.token_LNF[:, (1, 3)] = 5
    course = replace(GAIN, kind="course", of="overlap", stack="encoder", k=99.0, paper=33.0)
    finding = effect(course, evidence(counts=(counts,)))
    assert (finding.effect, finding.paper, finding.unit) == (100, 33, "IoU point")
    assert finding.p_value < 0.001
    sparsity = effect(replace(course, of="sparsity", stack="decoder"), evidence(counts=(counts,)))
    assert sparsity.effect == pytest.approx(-100 * 11 / 12)
    mean = replace(GAIN, kind="sparsity", k=99.0, paper=22.0, within=5.0)
    assert effect(mean, evidence(counts=(counts,))).effect == pytest.approx(100 * 11 / 24)
    single = counts_of(own_LF, LAYERS[::2], CODES)
    assert effect(course, evidence(counts=(single,))).lacking == "one layer per stack"


def test_costs() -> None:
    shown = evidence(paired_rows("base", 2, 0.01))
    assert effect(replace(GAIN, kind="parameters", paper=0.0), shown).effect == 0
    time = replace(GAIN, kind="time", paper=0.0025)
    assert effect(time, shown).lacking == "no lass"
    with_lass = replace(SETTINGS, roles={**SETTINGS.roles, "lass": ["lass"]})
    assert effect(time, shown, with_lass).effect == pytest.approx(0.1)
    gone = replace(shown, seconds={"specialized": nan, "lass": 5.0})
    assert effect(time, gone, with_lass).lacking == "no records of the jobs"
