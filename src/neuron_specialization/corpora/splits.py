"""Held-out splits of corpora with ids: chosen once for all languages.

The same verse or sentence exists in every language of such a corpus. Split language by language,
a sentence tested in one pair would be trained on in another.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from random import Random

from neuron_specialization.corpora.readers import LocalCorpus, read_id_file, text_problem
from neuron_specialization.errors import InputError


def find_common_ids(corpus: LocalCorpus, languages: Sequence[str]) -> list[str]:
    """Return the ids that the pivot and all `languages` have, in the order of the pivot's file.

    An id counts for a language only where its text could be evaluated on: not empty, valid UTF-8.
    Raises InputError as `read_id_file` does.
    """
    common = _usable_ids(corpus, corpus.pivot)
    for lang in languages:
        usable = set(_usable_ids(corpus, lang))
        common = [key for key in common if key in usable]
    return common


def choose_held_out(
    ids: Sequence[str], sizes: Mapping[str, int], seed: int
) -> dict[str, frozenset[str]]:
    """Choose as many ids for each split as `sizes` says; no id is in two splits.

    Raises InputError if there are fewer ids than asked for.
    """
    total = sum(sizes.values())
    if total > len(ids):
        asked = " + ".join(f"{size} ({split})" for split, size in sizes.items())
        raise InputError(
            f"held-out splits: {asked} = {total} sentences asked for, but only {len(ids)} ids "
            "have text in all languages; ask for fewer or leave out the language that lacks them"
        )
    chosen = iter(Random(seed).sample(ids, total))
    return {split: frozenset(islice(chosen, size)) for split, size in sizes.items()}


def _usable_ids(corpus: LocalCorpus, lang: str) -> list[str]:
    texts = read_id_file(corpus.file(lang, lang))
    return [key for key, text in texts.items() if text_problem(text) is None]
