"""Splits that do not go together, and what cannot be done for languages without one."""

from collections.abc import Iterator

from neuron_specialization.workflow.plan import Plan

EVERY_NTH = "{format: every_nth, every: 23}"


def find_package_sources(plan: Plan) -> Iterator[str]:
    """Yield a problem if splits of packages name several sources."""
    sources = {name: split["source"] for name, split in plan.corpora.packages.splits.items()}
    if len(set(sources.values())) > 1:
        named = ", ".join(f"{source} of {name}" for name, source in sources.items())
        yield f"splits of packages need one source, as all are read at once: {named}"


def find_missing_splits(plan: Plan) -> Iterator[str]:
    """Yield a problem for each system that needs a split which some languages lack."""
    for name in plan.trained:
        row = plan.systems[name]
        lacking = [d for d in row.directions if not plan.has_split("valid", d)]
        alone = row.method in ("bilingual", "lass")
        if lacking and (alone or len(lacking) == len(row.directions)):
            yield (
                f"system {name} trains {'each direction alone' if alone else 'nothing else'}, but "
                f"{lacking[0]} has no validation text: {_advice('valid')}"
            )
    split = plan.config["recording"]["split"]
    for name in plan.recorded:
        for direction in plan.systems[name].directions:
            if not plan.has_split(split, direction):
                yield (
                    f"the neurons of {name} are recorded on {split}, which {direction} lacks: "
                    f"{_advice(split)}, or choose another recording.split"
                )
                break
    for split in plan.config["test_splits"]:
        for name in plan.local:
            if not any(plan.has_split(split, d) for d in plan.systems[name].directions):
                yield (
                    f"no direction of system {name} has a test in {split}: leave one of them out"
                )


def _advice(split: str) -> str:
    return f"take it from the training corpus instead, {EVERY_NTH} in the exceptions of {split}"
