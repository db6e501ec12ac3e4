"""Select a direction's neurons from its activation counts (paper, section 3.2, Eq. 1).

Axes: L directions, N FFN layers, F FFN neurons.
"""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from neuron_specialization.errors import InputError
from neuron_specialization.neurons.storage import Counts, Masks


def check_percentage(name: str, value: float) -> Fraction:
    """Return a percentage as an exact fraction; raise InputError outside 0..100."""
    if not 0 <= value <= 100:
        raise InputError(f"{name} is {value}: it is a percentage, 0 to 100")
    return Fraction(str(value))


def select_neurons(count_LNF: NDArray[np.int64], k: float) -> NDArray[np.bool_]:
    """Select, for each direction and layer, the fewest neurons that hold k % of its activations.

    Neurons are taken by decreasing count, ties by index, until their counts add up to at least
    k % of the layer's total, including the neuron that crosses the threshold. k = 0 selects none
    and k = 100 all. The arithmetic is exact (integers), so a larger k never loses a neuron.

    Args:
        count_LNF: activations of each neuron, [..., F].
        k: percentage of the activations to keep.

    Returns:
        mask_LNF, True for the selected neurons, same shape.
    """
    share = check_percentage("k", k)
    if share == 100:
        return np.ones(count_LNF.shape, dtype=bool)
    order_LNF = np.argsort(-count_LNF, axis=-1, kind="stable")
    cumulative_LNF = np.take_along_axis(count_LNF, order_LNF, axis=-1).cumsum(axis=-1)
    threshold_LN = thresholds(count_LNF.sum(axis=-1), share)
    # select a neuron while the neurons before it do not reach the threshold
    before_LNF = cumulative_LNF - np.take_along_axis(count_LNF, order_LNF, axis=-1)
    mask_LNF = np.zeros(count_LNF.shape, dtype=bool)
    np.put_along_axis(mask_LNF, order_LNF, before_LNF < threshold_LN[..., None], axis=-1)
    return mask_LNF


def thresholds(total_LN: NDArray[np.int64], share: Fraction) -> NDArray[np.int64]:
    """Return the smallest integer count that is at least `share` % of each total."""
    flat = [math.ceil(int(total) * share / 100) for total in total_LN.flat]
    return np.array(flat, dtype=np.int64).reshape(total_LN.shape)


def draw_neurons(shape: tuple[int, ...], random_percent: float, seed: int) -> NDArray[np.bool_]:
    """Draw the same number of neurons at random for each direction and layer (section 5.2).

    Args:
        shape: L, N, F.
        random_percent: percentage of the F neurons to keep, rounded down to whole neurons.
        seed: seed of the draw.

    Returns:
        mask_LNF, True for the kept neurons.
    """
    num_kept = math.floor(shape[-1] * check_percentage("random_percent", random_percent) / 100)
    rank_LNF = np.random.default_rng(seed).random(shape).argsort(axis=-1).argsort(axis=-1)
    return rank_LNF < num_kept


def shuffle_neurons(mask_LNF: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """Draw other neurons at random, the same number in each direction and layer.

    Args:
        mask_LNF: selected neurons.
        seed: seed of the draw.
    """
    return np.random.default_rng(seed).permuted(mask_LNF, axis=-1)


def select_masks(
    counts: Counts,
    *,
    directions: list[str],
    k: float | None,
    counting: str,
    random_percent: float | None,
    shuffled: bool = False,
    stacks: str,
    seed: int,
) -> Masks:
    """Make the masks of some directions from recorded counts.

    Args:
        counts: activations recorded for at least these directions.
        directions: the directions of the masks.
        k: percentage of the activations to keep; None to draw neurons at random.
        counting: `sentence` or `token`.
        random_percent: percentage of the neurons to keep if they are drawn at random.
        shuffled: draw the number of neurons that k selects in each direction and layer at random.
        stacks: `both`, `encoder` or `decoder`; the layers of the other have no mask.
        seed: seed of the random draw.
    """
    missing = sorted(set(directions) - set(counts.directions))
    if missing:
        raise InputError(f"no activations were recorded for {', '.join(missing)}")
    rows = [counts.directions.index(direction) for direction in directions]
    count_LNF = {"sentence": counts.sentence_LNF, "token": counts.token_LNF}[counting][rows]
    choice: dict[str, str | float]
    if random_percent is not None:
        mask_LNF, choice = (
            draw_neurons(count_LNF.shape, random_percent, seed),
            {"random_percent": random_percent, "seed": seed},
        )
    elif k is not None:
        mask_LNF, choice = select_neurons(count_LNF, k), {"k": k, "counting": counting}
    else:
        raise InputError("neither k nor random_percent is given; set one to select neurons")
    if shuffled:
        mask_LNF, choice = shuffle_neurons(mask_LNF, seed), choice | {"shuffled": 1, "seed": seed}
    masked = [n for n, name in enumerate(counts.layers) if stacks in ("both", name.split(".")[0])]
    return Masks(
        directions=tuple(directions),
        layers=tuple(counts.layers[n] for n in masked),
        mask_LNF=mask_LNF[:, masked],
        provenance={**counts.provenance, **choice},
    )


def select_all(counts: Counts, *, k: float, counting: str) -> Masks:
    """Select the neurons of all recorded directions by Eq. 1."""
    directions = list(counts.directions)
    return select_masks(
        counts,
        directions=directions,
        k=k,
        counting=counting,
        random_percent=None,
        stacks="both",
        seed=0,
    )
