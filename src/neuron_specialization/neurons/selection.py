"""Select a direction's neurons from its activation counts (paper, section 3.1, Eq. 1).

Axes: L directions, N FFN layers, F FFN neurons.
"""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from neuron_specialization.errors import InputError
from neuron_specialization.neurons.storage import Counts, Masks
from neuron_specialization.neurons.widths import existing_neurons, layer_widths
from neuron_specialization.settings.pivot import halves


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
    order_LNF = rank_neurons(count_LNF)
    cumulative_LNF = np.take_along_axis(count_LNF, order_LNF, axis=-1).cumsum(axis=-1)
    threshold_LN = thresholds(count_LNF.sum(axis=-1), share)
    # select a neuron while the neurons before it do not reach the threshold
    before_LNF = cumulative_LNF - np.take_along_axis(count_LNF, order_LNF, axis=-1)
    mask_LNF = np.zeros(count_LNF.shape, dtype=bool)
    np.put_along_axis(mask_LNF, order_LNF, before_LNF < threshold_LN[..., None], axis=-1)
    return mask_LNF


def rank_neurons(count_LNF: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return order_LNF, the indices of neurons by decreasing count; ties go by index."""
    return np.argsort(-count_LNF, axis=-1, kind="stable")


def select_most_active(
    count_LNF: NDArray[np.int64], number_LN: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Select a given number of neurons with the largest counts in each direction and layer.

    Args:
        count_LNF: activations of each neuron; ties go by index, as in `select_neurons`.
        number_LN: number of neurons to select.

    Returns:
        mask_LNF, True for the selected neurons.
    """
    mask_LNF = np.zeros(count_LNF.shape, dtype=bool)
    first_LNF = np.arange(count_LNF.shape[-1]) < number_LN[..., None]
    np.put_along_axis(mask_LNF, rank_neurons(count_LNF), first_LNF, axis=-1)
    return mask_LNF


def thresholds(total_LN: NDArray[np.int64], share: Fraction) -> NDArray[np.int64]:
    """Return the smallest integer count that is at least `share` % of each total."""
    flat = [math.ceil(int(total) * share / 100) for total in total_LN.flat]
    return np.array(flat, dtype=np.int64).reshape(total_LN.shape)


def draw_neurons(
    shape: tuple[int, ...],
    random_percent: float,
    seed: int,
    widths_N: NDArray[np.int64] | None = None,
) -> NDArray[np.bool_]:
    """Draw the same share of neurons at random for each direction and layer (section 5.2).

    Args:
        shape: L, N, F.
        random_percent: percentage of a layer's neurons to keep, rounded down to whole neurons.
        seed: seed of the draw.
        widths_N: neurons of each layer; None if all have F.

    Returns:
        mask_LNF, True for the kept neurons.
    """
    share = check_percentage("random_percent", random_percent) / 100
    width_N = layer_widths(widths_N, shape)
    kept_N = np.array([math.floor(int(width) * share) for width in width_N])
    draw_LNF = np.random.default_rng(seed).random(shape)
    draw_LNF[:, ~existing_neurons(widths_N, shape)] = np.inf
    return draw_LNF.argsort(axis=-1).argsort(axis=-1) < kept_N[:, None]


def shuffle_neurons(
    mask_LNF: NDArray[np.bool_], seed: int, widths_N: NDArray[np.int64] | None = None
) -> NDArray[np.bool_]:
    """Draw other neurons at random, the same number in each direction and layer.

    Args:
        mask_LNF: selected neurons.
        seed: seed of the draw.
        widths_N: neurons of each layer; None if all have F.
    """
    generator = np.random.default_rng(seed)
    if widths_N is None:
        return generator.permuted(mask_LNF, axis=-1)
    shuffled_LNF = mask_LNF.copy()
    for n, width in enumerate(widths_N):
        shuffled_LNF[:, n, :width] = generator.permuted(mask_LNF[:, n, :width], axis=-1)
    return shuffled_LNF


def select_counted(counts: Counts, k: float, counting: str, sparsity_of: str) -> NDArray[np.bool_]:
    """Return mask_LNF of all directions; `select_masks` describes the settings."""
    if not sparsity_of:
        return select_neurons(counts.per(counting), k)
    number_LN = select_neurons(counts.per(sparsity_of), k).sum(axis=-1)
    return select_most_active(counts.per(counting), number_LN)


def select_masks(
    counts: Counts,
    *,
    directions: list[str],
    k: float | None,
    counting: str,
    sparsity_of: str = "",
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
        counting: `token` or `sentence`.
        sparsity_of: the other way of counting, to select the number of neurons that k selects by
            it in each direction and layer; "" for the number that k selects by `counting`.
        random_percent: percentage of the neurons to keep if they are drawn at random.
        shuffled: draw the number of neurons that k selects in each direction and layer at random.
        stacks: `both`, `encoder` or `decoder`; the layers of the other have no mask.
        seed: seed of the random draw.

    Raises:
        InputError: a direction was not recorded, k and random_percent are both missing, or
            sparsity_of is given without k.
    """
    check_there(directions, counts.directions, "activations were recorded")
    rows = [counts.directions.index(direction) for direction in directions]
    if random_percent is not None and sparsity_of:
        raise InputError(
            "random_percent and sparsity_of both set the number of neurons; remove one"
        )
    choice: dict[str, str | float]
    if random_percent is not None:
        shape = counts.token_LNF[rows].shape
        mask_LNF, choice = (
            draw_neurons(shape, random_percent, seed, counts.widths_N),
            {"random_percent": random_percent, "seed": seed},
        )
    elif k is not None:
        # k = 100 selects even what a narrower layer does not have
        mask_LNF = select_counted(counts, k, counting, sparsity_of)[rows] & counts.exists_NF
        choice = {"k": k, "counting": counting}
        choice |= {"sparsity_of": sparsity_of} if sparsity_of else {}
    else:
        raise InputError("neither k nor random_percent is given; set one to select neurons")
    if shuffled:
        mask_LNF = shuffle_neurons(mask_LNF, seed, counts.widths_N)
        choice |= {"shuffled": 1, "seed": seed}
    masked = [n for n, name in enumerate(counts.layers) if stacks in ("both", name.split(".")[0])]
    return Masks(
        directions=tuple(directions),
        layers=tuple(counts.layers[n] for n in masked),
        mask_LNF=mask_LNF[:, masked],
        widths_N=None if counts.widths_N is None else counts.widths_N[masked],
        provenance={**counts.provenance, **choice},
    )


def compose_masks(masks: Masks, zero_shot: Sequence[str], pivot: str) -> Masks:
    """Add the masks of directions without the pivot, composed of those with it.

    A direction has the encoder neurons of the direction from its source into the pivot, and the
    decoder neurons of the direction from the pivot to its target: an encoder does not know the
    target, and a decoder does not see the source but through the encoder.

    Args:
        masks: masks of directions with the pivot.
        zero_shot: the directions to add.
        pivot: the language common to the directions of the masks.

    Raises:
        InputError: the masks lack a direction that is needed.
    """
    if not zero_shot:
        return masks
    sides = [halves(direction, pivot) for direction in zero_shot]
    needed = [name for pair in sides for name in pair]
    check_there(needed, masks.directions, "neurons were selected")
    is_encoder_N = np.array([layer.startswith("encoder") for layer in masks.layers])
    encoder_LNF, decoder_LNF = (
        masks.mask_LNF[[masks.directions.index(name) for name in names]]
        for names in zip(*sides, strict=True)
    )
    composed_LNF = np.where(is_encoder_N[:, None], encoder_LNF, decoder_LNF)
    text = " ".join(f"{d}={into}+{out}" for d, (into, out) in zip(zero_shot, sides, strict=True))
    return Masks(
        directions=(*masks.directions, *zero_shot),
        layers=masks.layers,
        mask_LNF=np.concatenate([masks.mask_LNF, composed_LNF]),
        widths_N=masks.widths_N,
        provenance={**masks.provenance, "composed": text},
    )


def check_there(names: Iterable[str], found: Iterable[str], what: str) -> None:
    """Raise InputError, saying what was not done, if some directions are missing."""
    missing = sorted(set(names) - set(found))
    if missing:
        raise InputError(f"no {what} for {', '.join(missing)}")


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
