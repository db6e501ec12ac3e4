"""Checks of the diagnosis on models: training, neurons and masks (docs/diagnosis.md).

Each check gets what a run left, once per seed, and judges the mean; where something is missing,
its verdict is unknown.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np
import pandas as pd

from neuron_specialization.neurons.activity import (
    STACKS,
    layer_sparsity,
    mask_shares,
    never_firing,
)
from neuron_specialization.neurons.sides import layer_label
from neuron_specialization.neurons.storage import Counts, Masks
from neuron_specialization.settings.diagnosis import DiagnosisLimits
from neuron_specialization.tables.curves import NAMES, Curve
from neuron_specialization.tables.verdicts import (
    Question,
    Verdict,
    at_least,
    at_most,
    mean_of,
    show,
)

LAST_PART = 0.2
"""Share of the updates over which a baseline must no longer improve."""
Schedule = Mapping[str, float]
"""`learning_rate` (the peak) and `warmup_updates` of an inverse square root schedule."""


def check_converged(curves: Sequence[Curve], label: str, limits: DiagnosisLimits) -> Verdict:
    """Check that the baseline no longer improved over the last fifth of its updates."""
    question = Question(
        line="converged",
        part="",
        unit="%",
        limit=at_most(limits.max_change),
        if_red="it was still learning, so that any further training gains",
    )
    if not curves:
        return question.unknown(f"{label} has no file of validations", "train it here")
    changes = [late_change(curve) for curve in curves]
    known = [change for change in changes if change is not None]
    if len(known) < len(changes):
        return question.unknown(
            f"{label} has no validation above 0 in the first four fifths of its updates",
            "lower validate_every of its architecture",
        )
    value, updates = fmean(known), fmean(last_update(curve) for curve in curves)
    return question.answer(
        value,
        f"The {NAMES[curves[0].metric]} of {label} improved by {show(value)} % over the last "
        f"fifth of its {updates:,.0f} updates{mean_of(curves)}",
    )


def late_change(curve: Curve) -> float | None:
    """Return the improvement over the last fifth of the updates, in percent.

    The metric at four fifths of the updates is interpolated between two validations. None if
    there is no validation before them, or the metric is 0 there.
    """
    updates, values = (curve.points[name].to_numpy(float) for name in ("updates", "value"))
    start = (1 - LAST_PART) * updates[-1]
    if updates[0] > start:
        return None
    before, after = float(np.interp(start, updates, values)), float(values[-1])
    gain = before - after if curve.metric == "loss" else after - before
    return 100 * gain / before if before else None


def last_update(curve: Curve) -> int:
    """Return the number of updates of a run."""
    return int(curve.points["updates"].max())


def check_neurons(
    counts: Sequence[Counts], masks: Sequence[Masks], label: str, limits: DiagnosisLimits
) -> list[Verdict]:
    """Check in each stack that neurons fire, and that the masks of directions differ.

    Args:
        counts: counts of the baseline, of each seed.
        masks: masks of the specialized system, of each seed.
        label: label of the baseline.
        limits: limits of the diagnosis.
    """
    verdicts = []
    for stack in STACKS:
        fired = [never_firing(each, stack) for each in counts]
        shares = [share for each in masks if (share := mask_shares(each, stack))]
        silent = Question(
            line="neurons",
            part=f"{stack} never fire",
            unit="%",
            limit=at_most(limits.max_never_firing),
            if_red="there are few neurons to choose from",
        )
        masked = Question(line="neurons", part=f"{stack} always masked", unit="%")
        differ = Question(
            line="neurons",
            part=f"{stack} differ",
            unit="%",
            limit=at_least(limits.min_differing),
            if_red="the masks of all directions are nearly the same",
        )
        for question, values, what in (
            (silent, [x for x in fired if x is not None], f"of {label} fire in no direction"),
            (masked, [x.masked for x in shares], "are masked in every direction"),
            (differ, [x.differing for x in shares], "belong to some directions only"),
        ):
            verdicts.append(_share(question, values, f"of the {stack}'s FFN neurons {what}"))
    return verdicts


def _share(question: Question, values: Sequence[float], what: str) -> Verdict:
    if not values:
        return question.unknown(
            f"It is not known how many {what}", "add a row that specializes both stacks"
        )
    value = 100 * fmean(values)
    return question.answer(value, f"{show(value)} % {what}{mean_of(values)}")


def check_sparsity(masks: Sequence[Masks], limits: DiagnosisLimits) -> list[Verdict]:
    """Check that every layer has about the paper's sparsity, by its lowest and highest layer.

    Args:
        masks: masks of the specialized system, of each seed.
        limits: limits of the diagnosis.
    """
    lowest = Question(
        line="sparsity",
        part="lowest layer",
        unit="%",
        limit=at_least(limits.min_sparsity),
        if_red="its masks switch off next to nothing",
    )
    highest = Question(
        line="sparsity",
        part="highest layer",
        unit="%",
        limit=at_most(limits.max_sparsity),
        if_red="its masks take away far more of the model than the paper's",
    )
    if not masks:
        lacking = "No system specializes the neurons of both stacks"
        return [each.unknown(lacking, "add a row with k") for each in (lowest, highest)]
    by_layer = pd.DataFrame([layer_sparsity(each) for each in masks]).mean()
    return [
        question.answer(
            100 * by_layer[layer],
            f"{layer_label(layer)} masks {show(100 * by_layer[layer])} % of its neurons, averaged "
            f"over directions{mean_of(masks)}",
        )
        for question, layer in (
            (lowest, str(by_layer.idxmin())),
            (highest, str(by_layer.idxmax())),
        )
    ]


def check_restart(
    curves: Sequence[Curve],
    own_curves: Sequence[Curve],
    schedule: Schedule,
    own_schedule: Schedule,
    limits: DiagnosisLimits,
) -> list[Verdict]:
    """Check the learning rate and the updates of the continuation against the baseline's end.

    Args:
        curves: validations of the baseline, of each seed.
        own_curves: validations of its specialized continuation, of each seed.
        schedule: schedule of the baseline.
        own_schedule: schedule of the continuation.
        limits: limits of the diagnosis.
    """
    rate = Question(
        line="restart",
        part="peak learning rate",
        unit="times",
        limit=at_most(limits.max_restart_rate),
        if_red="the restart undoes more of the baseline than the paper's can",
    )
    length = Question(
        line="restart",
        part="updates",
        unit="%",
        limit=at_least(limits.min_restart_updates),
        if_red="the model has hardly time to adapt to its masks",
    )
    if not (curves and own_curves):
        lacking = "The baseline or its continuation has no file of validations"
        return [each.unknown(lacking, "train both here") for each in (rate, length)]
    updates, own = (round(fmean(map(last_update, each))) for each in (curves, own_curves))
    end = rate_at(schedule, updates)
    peak = rate_at(own_schedule, min(own, int(own_schedule["warmup_updates"])))
    return [
        rate.answer(
            peak / end,
            f"The continuation's learning rate rises to {peak:.2g}, {show(peak / end)} times the "
            f"{end:.2g} at which the baseline ended after {updates:,} updates",
        ),
        length.answer(
            100 * own / updates,
            f"The continuation makes {own:,} updates, {show(100 * own / updates)} % of the "
            f"baseline's {updates:,}",
        ),
    ]


def rate_at(schedule: Schedule, updates: int) -> float:
    """Return the learning rate after some updates, of which at least one is made.

    It rises linearly, then falls with the inverse square root of the updates (fairseq's
    `inverse_sqrt`; paper, section 5.3).
    """
    peak, warmup = schedule["learning_rate"], schedule["warmup_updates"]
    return peak * (updates / warmup if updates < warmup else math.sqrt(warmup / updates))
