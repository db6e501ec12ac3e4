"""Check that the settings of splits are compatible, before anything is read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from neuron_specialization.corpora.corpus_files import (
    EVERY_NTH,
    FORMATS,
    NONE,
    PACKAGES,
    TRAIN,
    SplitSource,
)

QUOTES = '; YAML reads no, off, on and yes as truth values: put the code in quotes ("no")'


def find_problems(
    sources: Sequence[SplitSource], pivot: str, max_pairs: Mapping[str, int | None]
) -> Iterator[str]:
    """Yield problems of splits, languages and limits, one message each."""
    names = [source.name for source in sources]
    if len(set(names)) < len(names):
        yield f"splits {', '.join(names)}: a name occurs twice"
    if not max_pairs or pivot in max_pairs:
        yield f"languages {list(max_pairs)}: give one or more, all different from pivot {pivot!r}"
    for lang, limit in max_pairs.items():
        if limit is not None and limit < 1:
            yield f"language {lang!r}: at most {limit} training pairs, must be at least 1"
    of_train = (source for source in sources if source.name == TRAIN)
    train_formats = {train.of(lang).format for train in of_train for lang in max_pairs}
    for source in sources:
        files = [code for code, each in source.exceptions.items() if each.format != NONE]
        if files and source.format not in FORMATS:
            yield (
                f"split {source.name!r}: exceptions {files} need a split with "
                f"separate files ({', '.join(FORMATS)}), not of format {source.format!r}"
            )
        if source.name == TRAIN:
            yield from _find_train_problems(source, max_pairs)
        else:
            yield from _find_evaluation_problems(source, train_formats)


def find_unknown_languages(
    sources: Iterable[SplitSource], pivot: str, others: Iterable[str]
) -> Iterator[str]:
    """Yield a message for each language in a split that is not in the table of languages."""
    known = list(others)
    for source in sources:
        for key, named, allowed in (
            ("exceptions", source.exceptions, known),
            ("romanise", source.romanise, [pivot, *known]),
        ):
            for code in named:
                if code not in allowed:
                    advice = QUOTES if isinstance(code, bool) else ""
                    yield (
                        f"split {source.name!r}: {key} has {code!r}, allowed are "
                        f"{', '.join(allowed)}{advice}"
                    )


def _find_train_problems(source: SplitSource, max_pairs: Mapping[str, int | None]) -> Iterator[str]:
    formats = {source.format, *(each.format for each in source.exceptions.values())}
    if formats & {"held_out", EVERY_NTH, NONE}:
        yield f"split {TRAIN!r}: only evaluation splits can be held out or none"
    if source.sentences:
        yield f"split {TRAIN!r}: sentences is for evaluation splits; cap languages with max_pairs"
    uncapped = [lang for lang, limit in max_pairs.items() if limit is None]
    if source.format == "builtin" and uncapped:
        yield (
            f"split {TRAIN!r}: the built-in corpus is endless; set the number of training pairs "
            f"for {', '.join(uncapped)}"
        )


def _find_evaluation_problems(source: SplitSource, train_formats: set[str]) -> Iterator[str]:
    if source.format == "builtin" and source.name not in ("valid", "test"):
        yield f"split {source.name!r}: the built-in splits are train, valid and test"
    if source.format == "held_out" and train_formats != {"ids"}:
        found = " and ".join(map(repr, sorted(train_formats))) or None
        yield (
            f"split {source.name!r}: held out of split {TRAIN!r}, which must have format 'ids' "
            f"and has {found}"
        )
    if source.format == PACKAGES:
        yield from _find_package_problems(source, train_formats)
    if source.format in ("builtin", "held_out", PACKAGES) and source.sentences < 1:
        yield f"split {source.name!r}: {source.sentences} sentences, must be at least 1"
    for each in (source, *source.exceptions.values()):
        if each.format == EVERY_NTH and (each.every < 2 or not train_formats):
            yield f"split {source.name!r}: every {each.every}th pair of train, must be 2 or more"
        if each.format == EVERY_NTH and each.tokenise:
            yield (
                f'split {source.name!r}: {EVERY_NTH} has the words of train: set tokenise: "" there'
            )


def _find_package_problems(source: SplitSource, train_formats: set[str]) -> Iterator[str]:
    if train_formats != {PACKAGES}:
        yield (
            f"split {source.name!r}: text of packages is held out of split {TRAIN!r}, which must "
            f"have format {PACKAGES!r} for all languages"
        )
    if len(source.kinds) != 1:
        yield f"split {source.name!r}: {len(source.kinds)} kinds of text, give one"
