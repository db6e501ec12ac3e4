"""The paper's claims judged by a run: confirmed, contradicted, not shown, or not to be shown here.

A claim is judged by its effect's sign and by p, adjusted by Holm's method over all claims in one
metric, or over all about neurons; with several seeds by the 95 % interval over seeds, too. What a
run can show is the diagnosis's to say.
"""

from collections.abc import Sequence
from math import isnan, nan

import numpy as np
import pandas as pd

from neuron_specialization.evaluation.metrics import metric_name
from neuron_specialization.evaluation.resampling import holm
from neuron_specialization.tables.findings import Finding
from neuron_specialization.tables.render import TextTable, format_number, format_signed
from neuron_specialization.tables.reproducibility import coefficient_of_variation
from neuron_specialization.tables.setup_tables import SetupTable

CONFIRMED, CONTRADICTED = "confirmed", "contradicted"
NOT_SHOWN, CANNOT_SHOW = "not shown", "cannot be shown here"
CLAIM_COLUMNS = (
    *("claim", "source", "metric", "verdict", "reason"),
    *("effect", "low", "high", "unit", "p_value", "adjusted_p", "seeds", "paper", "cv"),
)
SIGNED = {"point", "IoU point", "percentage point", "nat"}
"""Units of differences, which are printed with their sign."""
BLOCKING = ("red", "unknown")
"""States of a line of the diagnosis that keep a run from showing something."""
NOTES = (
    "Confirmed, contradicted: the effect has the claimed, or the opposite, sign with p < {level:g} "
    "after Holm's adjustment over all claims in its metric, or about neurons, and, with several "
    "seeds, by its 95 % interval over seeds; a claim without p is confirmed if its value is as "
    "claimed. Not shown: neither.",
    "Cannot be shown here: lines of the diagnosis (docs/diagnosis.md) are red or unknown without "
    "which a gain could have another cause, or an effect could not appear; or the run lacks a row.",
    "Effect: in the unit of the metric; 95 % interval over sentences, languages or, if there are "
    "several, seeds. The paper's value is of EC30, another corpus and other models unless this is "
    "EC30; CV* is the coefficient of variation of the two (Belz et al., 2022), in per cent.",
)


def describe_claims(
    findings: Sequence[Finding], diagnosis: pd.DataFrame, *, dataset: str, level: float
) -> SetupTable:
    """Return the table of claims.

    Args:
        findings: a finding per claim and metric.
        diagnosis: the diagnosis of the run: `line`, `part`, `status`.
        dataset: name of the dataset.
        level: adjusted p-value below which an effect counts.
    """
    adjusted: dict[int, float] = {}
    for metric in dict.fromkeys(finding.metric for finding in findings):
        family = [each for each in findings if each.metric == metric and not isnan(each.p_value)]
        p_values = holm([each.p_value for each in family])
        adjusted |= dict(zip(map(id, family), p_values, strict=True))
    rows = [_row(finding, adjusted.get(id(finding), nan), diagnosis, level) for finding in findings]
    numbers = pd.DataFrame(rows, columns=list(CLAIM_COLUMNS))
    return SetupTable(
        numbers=numbers,
        texts=[_text(numbers)],
        title=f"The paper's claims on {dataset}",
        footer=[note.format(level=level) for note in NOTES],
    )


def _row(
    finding: Finding, adjusted: float, diagnosis: pd.DataFrame, level: float
) -> dict[str, object]:
    verdict, reason = judge(finding, adjusted, diagnosis, level)
    of_claim = {name: getattr(finding.claim, name) for name in ("claim", "source")}
    names = ("metric", "effect", "low", "high", "unit", "p_value", "seeds", "paper")
    return {
        **of_claim,
        **{name: getattr(finding, name) for name in names},
        "adjusted_p": adjusted,
        "verdict": verdict,
        "reason": reason,
        "cv": coefficient_of_variation([finding.effect, finding.paper]),
    }


def judge(
    finding: Finding, adjusted: float, diagnosis: pd.DataFrame, level: float
) -> tuple[str, str]:
    """Return the verdict on a claim, and the reason why it cannot be shown, if so."""
    if finding.lacking:
        return CANNOT_SHOW, finding.lacking
    sign = _sign(finding, adjusted, level)
    needs = finding.claim.confirmed_needs if sign > 0 else finding.claim.refuted_needs
    blocked = blocking_lines(needs, diagnosis, finding.metric)
    if blocked:
        return CANNOT_SHOW, ", ".join(blocked)
    return {1: CONFIRMED, 0: NOT_SHOWN, -1: CONTRADICTED}[sign], ""


def _sign(finding: Finding, adjusted: float, level: float) -> int:
    """Return 1 if the effect is as claimed, -1 if it is the opposite, 0 if it is neither."""
    claim = finding.claim
    if claim.within:
        return 1 if abs(finding.effect - finding.paper) <= claim.within else -1
    if claim.kind == "parameters":
        return 1 if finding.effect == 0 else -1
    if claim.kind == "time":
        return 1 if finding.effect < 1 else -1
    sure = adjusted < level and not (finding.seeds > 1 and finding.low <= 0 <= finding.high)
    return int(np.sign(finding.gain)) if sure else 0


def blocking_lines(needs: Sequence[str], diagnosis: pd.DataFrame, metric: str) -> list[str]:
    """Return the needed lines of the diagnosis that are red or unknown, once for all their parts.

    Where a line has parts for the metric, such as `bleu` or `continued bleu`, only these count.
    Parts without a limit are only shown.
    """
    found: dict[str, None] = {}
    for line in needs:
        parts = diagnosis[diagnosis["line"] == line]
        own = parts[[bool(metric) and part.split()[-1:] == [metric] for part in parts["part"]]]
        chosen = own if len(own) else parts
        for status in chosen.loc[chosen["limit"] != "", "status"]:
            if status in BLOCKING:
                found[f"{line} {status}"] = None
    return list(found)


def _text(numbers: pd.DataFrame) -> TextTable:
    rows = []
    for row in numbers.itertuples():
        interval = [
            format_number(each, _decimals(row), signed=True) for each in (row.low, row.high)
        ]
        rows.append(
            (
                *(row.claim, row.source, metric_name(row.metric) if row.metric else ""),
                row.verdict,
                _number(row.effect, row),
                "" if isnan(row.low) else f"{interval[0]} to {interval[1]}",
                format_number(row.adjusted_p, 4),
                _number(row.paper, row),
                format_number(row.cv, 0),
                row.reason,
            )
        )
    names = ("verdict", "effect", "95 % interval", "p", "paper", "CV*", "because")
    return TextTable(
        labels=("Claim", "Source", "Metric"),
        columns=tuple((name, "") for name in names),
        rows=tuple(rows),
    )


def _decimals(row: object) -> int:
    return {"nat": 3, "ratio": 4}.get(row.unit, 1)  # type: ignore[attr-defined]


def _number(value: float, row: object) -> str:
    if isnan(value):
        return format_number(value, 0)
    signed = row.unit in SIGNED  # type: ignore[attr-defined]
    return (format_signed if signed else format_number)(value, _decimals(row))
