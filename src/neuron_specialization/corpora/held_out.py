"""Evaluation splits: held out of a corpus with ids, once for all languages, or read unchanged.

The same verse or sentence exists in every language of such a corpus. If each language were split
separately, a sentence tested in one pair would be trained on in another.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from random import Random

from neuron_specialization.corpora.bad_lines import BadLines
from neuron_specialization.corpora.corpus_files import PairCorpus, pair_name
from neuron_specialization.corpora.readers import (
    Line,
    locate,
    read_corpus,
    read_id_files,
    text_problem,
)
from neuron_specialization.errors import InputError


def find_common_ids(corpora: Sequence[PairCorpus]) -> list[str]:
    """Return the ids that the pivot and all languages share, in the order of the pivot's files.

    An id counts for a language only if its text is usable for evaluation: not empty, valid UTF-8.
    Raise InputError if pairs have different files of the pivot, or `read_id_files` raises it.
    """
    _check_pivot(corpora)
    common = _usable_ids(corpora[0], corpora[0].pivot)
    for corpus in corpora:
        usable = set(_usable_ids(corpus, corpus.lang))
        common = [key for key in common if key in usable]
    return common


def choose_held_out(
    ids: Sequence[str], sizes: Mapping[str, int], seed: int
) -> dict[str, frozenset[str]]:
    """Choose `sizes[split]` ids at random for each split; no id is in two splits.

    Raise InputError if there are fewer ids than requested.
    """
    total = sum(sizes.values())
    if total > len(ids):
        asked = " + ".join(f"{size} ({split})" for split, size in sizes.items())
        raise InputError(
            f"held-out splits: {asked} = {total} sentences requested, but only {len(ids)} ids "
            "have text in all languages; ask for fewer or leave out the language that lacks them"
        )
    chosen = iter(Random(seed).sample(ids, total))
    return {split: frozenset(islice(chosen, size)) for split, size in sizes.items()}


def find_repetitions(
    held_out: Iterable[frozenset[str]], texts: Mapping[str, str | None]
) -> frozenset[str]:
    """Return the ids whose text equals the text of a held-out id, including the held-out ids.

    Texts repeat under other ids ("The LORD spoke to Moses, saying,"), and would be trained on.
    `texts` maps ids to sentences of the pivot.
    """
    ids: frozenset[str] = frozenset().union(*held_out)
    repeated = {texts[key] for key in ids}
    return frozenset(key for key, text in texts.items() if text in repeated)


def leave_out(lines: Iterable[Line], ids: frozenset[str], counts: dict[str, int]) -> Iterator[Line]:
    """Yield the lines whose id is not in `ids`; count the others as "held_out" in `counts`."""
    for line in lines:
        if line.key in ids:
            counts["held_out"] += 1
        else:
            yield line


def read_evaluation(
    corpus: PairCorpus, held_out: frozenset[str] | None
) -> Iterator[tuple[str, str]]:
    """Yield the pairs of an evaluation split unchanged: pairs with an id in `held_out`, or all.

    Raise InputError after the last line, with file and line, for sentences that are empty, not
    valid UTF-8 or have a carriage return inside, and any error of `read_corpus`.
    """
    bad = BadLines()
    for key, *texts in read_corpus(corpus):
        if held_out is None or key in held_out:
            for side, text in zip((corpus.pivot, corpus.lang), texts, strict=True):
                if problem := text_problem(text):
                    bad.add(_describe(problem, corpus, side, key) if bad.is_shown else "")
            yield str(texts[0]), str(texts[1])
    bad.check(
        "evaluation splits keep every line, so correct them or remove these pairs from the corpus"
    )


def _check_pivot(corpora: Sequence[PairCorpus]) -> None:
    """Raise InputError if pivot files differ: an id would not name one sentence in all pairs."""
    first = corpora[0]
    for corpus in corpora:
        if corpus.files[corpus.pivot] != first.files[first.pivot]:
            raise InputError(
                f"split {corpus.split.name!r}: held-out splits need the same files of "
                f"{corpus.pivot!r} for all pairs, but {_pivot_files(first)}, and "
                f"{_pivot_files(corpus)}; remove placeholders of the pair from its paths, and "
                "exceptions with other paths"
            )


def _pivot_files(corpus: PairCorpus) -> str:
    files = " and ".join(map(str, corpus.files[corpus.pivot]))
    return f"pair {pair_name(corpus.pivot, corpus.lang)!r} has {files}"


def _describe(problem: str, corpus: PairCorpus, side: str, key: int | str) -> str:
    return f"{locate(corpus, side, key)}: the {side!r} sentence {problem}"


def _usable_ids(corpus: PairCorpus, side: str) -> list[str]:
    texts = read_id_files(corpus.files[side], BadLines(Counter()))  # counted when they are read
    return [key for key, text in texts.items() if text_problem(text) is None]
