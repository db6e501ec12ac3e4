"""The table of systems: the meaning of rows, and refused rows."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from neuron_specialization.errors import InputError
from neuron_specialization.settings.architectures import (
    adapter_settings,
    shard,
    system_architecture,
)
from neuron_specialization.settings.languages import Language
from neuron_specialization.settings.related_systems import find_comparisons, sweep_systems
from neuron_specialization.settings.systems import (
    System,
    parent_seed,
    read_systems,
)


def language(code: str, family: str) -> Language:
    return Language(code=code, name=code, family=family, script="Latin")


LANGUAGES = {
    "en": language("en", "Germanic"),
    "de": language("de", "Germanic"),
    "nl": language("nl", "Germanic"),
    "hi": language("hi", "Indo-Aryan"),
}
BASELINE = {
    "system": "baseline",
    "label": "Baseline",
    "method": "multilingual",
    "architecture": "big",
    "directions": "all",
}


@pytest.fixture
def read(project: Path, tmp_path: Path):
    """Return a function that reads a table of a baseline and one other row."""

    def read_rows(row: dict, baseline: dict | None = None) -> dict[str, System]:
        rows = [
            BASELINE | (baseline or {}),
            {"system": "x", "label": "X", "directions": "all"} | row,
        ]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        lines = [columns, *([str(row.get(name, "")) for name in columns] for row in rows)]
        path = tmp_path / "systems.tsv"
        path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
        return read_systems(
            path,
            project / "config/schemas/systems.schema.yaml",
            languages=LANGUAGES,
            pivot="en",
            architectures=["big"],
            tables=["levels"],
        )

    return read_rows


def test_an_unknown_column_is_in_line_1(read) -> None:
    with pytest.raises(InputError, match=r"line 1: unknown column 'Parent'; did you mean parent"):
        read({"method": "multilingual", "Parent": "baseline"})


@pytest.mark.parametrize(
    ("cell", "directions"),
    [
        ("all", ["en-de", "en-nl", "en-hi", "de-en", "nl-en", "hi-en"]),
        ("hi-en en-de", ["en-de", "hi-en"]),
        ("en-Germanic", ["en-de", "en-nl"]),  # English itself is no target
        ("Indo-Aryan-en en-Indo-Aryan", ["en-hi", "hi-en"]),
        ("en-Germanic en-de", ["en-de", "en-nl"]),
    ],
)
def test_directions_are_all_or_of_languages_or_families(read, cell: str, directions: list) -> None:
    row = {"method": "multilingual", "parent": "baseline", "directions": cell}
    assert list(read(row)["x"].directions) == directions


OURS = {"method": "neuron_specialization", "parent": "baseline"}
CHILD = OURS | {"k": 95}
ADAPTER = {"method": "adapter", "parent": "baseline", "sharing": "pair", "bottleneck": 8}
LASS = {"method": "lass", "parent": "baseline", "pruning": 0.7}
IMPORTED = {"method": "imported", "folder": "f"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ADAPTER | {"parent": ""}, "system x needs a parent"),
        (
            CHILD | {"parent": "nobody"},
            "system x has an unknown parent nobody; known are baseline, x",
        ),
        (CHILD | {"parent": "x"}, "parent x, which is itself a continuation"),
        (ADAPTER | {"directions": "en-fr"}, "no language and no family 'fr'; it has en, de, nl"),
        (
            {"method": "multilingual", "architecture": "big", "directions": "de-nl"},
            "has direction de-nl; one side must be the pivot, en, of a direction that is trained "
            "here: to score other directions without training on them, name them in the option "
            "zero_shot",
        ),
        (ADAPTER | {"directions": "en-en"}, "has direction en-en, from a language into itself"),
        (CHILD | {"directions": "de-nl"}, "has direction de-nl, which its parent baseline lacks"),
        (
            {"method": "multilingual", "parent": "baseline", "directions": "all de-nl"},
            "has direction de-nl, which its parent baseline lacks",
        ),
        (ADAPTER | {"zero_shot": "de-nl"}, "has a value for zero_shot, which does not apply to ad"),
        (CHILD | {"zero_shot": "en-de"}, "has en-de both in directions and in zero_shot"),
        (ADAPTER | {"bottleneck": ""}, "system x needs a value for bottleneck"),
        (ADAPTER | {"adapters_per_layer": 3}, "column adapters_per_layer: 3 is not one of"),
        (LASS | {"pruning": 1.1}, "column pruning: 1.1 is greater than the maximum of 1"),
        (LASS | {"output_projection": "maybe"}, "column output_projection: 'maybe'"),
        (CHILD | {"random_percent": 70}, "needs either k or random_percent"),
        (
            CHILD | {"k": "", "random_percent": 70, "shuffled": "yes"},
            "is shuffled: give k, as random_percent draws neurons at random anyway",
        ),
        (
            CHILD | {"k": "", "random_percent": 70, "sparsity_of": "token"},
            "has sparsity_of: give k, as random_percent sets the number of neurons",
        ),
        (OURS | {"options": "counting=sentence sparsity_of=token"}, "needs either k or random"),
        (CHILD | {"sparsity_of": "token"}, "has sparsity_of=token, but neurons are counted per"),
        (
            CHILD | {"counting": "sentence", "sparsity_of": "sentence"},
            "sparsity_of=sentence, but neurons are counted per sentence already: remove it",
        ),
        (LASS | {"fine_tune": "no"}, "has a value for fine_tune, which does not apply to lass"),
        (CHILD | {"architecture": "big"}, "leave its architecture empty"),
        ({"method": "multilingual"}, "has architecture '', which the config lacks; it has big"),
        (
            {"method": "bilingual", "parent": "baseline"},
            "bilingual models are trained from scratch",
        ),
        (
            {"method": "bilingual", "architecture": "big", "label": "Baseline"},
            "baseline and x have the label Baseline, and both have direction en-de",
        ),
        (CHILD | {"tables": "levels other"}, "has table 'other', which the config lacks"),
        ({"method": "magic"}, "line 3, column method: 'magic' is not one of"),
        (OURS | {"options": "k=101"}, "line 3, option k: 101.0 is greater"),
        (OURS | {"options": "k"}, "line 3, column options: 'k' is not name=value"),
        (OURS | {"options": "seed=2"}, "line 3, column options: unknown option 'seed'"),
        (OURS | {"options": "k=9 k=9"}, "line 3, column options: k is given twice"),
        ({"method": "imported"}, "system x needs a value for folder"),
        (IMPORTED | {"parent": "baseline"}, "baseline, which is not another imported"),
        (IMPORTED | {"architecture": "big"}, "leave its architecture empty"),
        (
            {"method": "multilingual", "parent": "baseline", "checkpoint": "c"},
            "has a parent and a checkpoint: leave one of them empty",
        ),
        (CHILD | {"parent": "", "checkpoint": "c"}, "system x needs a parent"),
        (CHILD | {"checkpoint": "c", "fine_tune": "no"}, "but fine_tune=no uses its parent's"),
        (CHILD | {"checkpoint": "c", "shuffled": "yes"}, "random neurons cannot be drawn again"),
        (
            OURS | {"random_percent": 70, "checkpoint": "c"},
            "has a checkpoint, whose random neurons cannot be drawn again: use k",
        ),
        (LASS | {"checkpoint": "c"}, "has a value for checkpoint, which does not apply to lass"),
        (CHILD | {"source": "ec30_models"}, "has the source ec30_models, but no checkpoint in it"),
        (CHILD | {"seed": "1 two"}, "column seed: '1 two' is not allowed, only whole numbers"),
    ],
)
def test_bad_rows_are_refused(read, row: dict, message: str) -> None:
    with pytest.raises(InputError, match=r"systems\.tsv") as raised:
        read(row)
    assert message in str(raised.value)


def test_neurons_are_counted_per_token_unless_a_row_says_otherwise(read) -> None:
    assert read(CHILD)["x"].counting == "token"
    row = read(OURS | {"options": "k=95 counting=sentence sparsity_of=token"})["x"]
    assert (row.counting, row.sparsity_of) == ("sentence", "token")
    assert not row.is_full_specialization  # a control
    assert replace(row, sparsity_of="").is_full_specialization


def test_options_of_a_method_are_in_one_column_or_in_separate_columns(read) -> None:
    together = read(OURS | {"options": "k=95 stacks=encoder shuffled=yes"})
    assert together == read(OURS | {"k": 95, "stacks": "encoder", "shuffled": "yes"})
    assert together == read(CHILD | {"options": " shuffled=yes  stacks=encoder"})


def test_former_names_of_options_work_with_a_warning(read) -> None:
    with pytest.warns(FutureWarning, match="kept is now random_percent; the old name works"):
        former = read(OURS | {"options": "kept=70 trained=no"})
    assert former == read(OURS | {"options": "random_percent=70 fine_tune=no"})
    with pytest.warns(FutureWarning, match="trained is now fine_tune"):
        assert read(CHILD | {"trained": "no"}) == read(CHILD | {"fine_tune": "no"})


OTHERS = ("de-nl", "de-hi", "nl-de", "nl-hi", "hi-de", "hi-nl")


def test_zero_shot_directions_are_scored_and_not_trained(read) -> None:
    row = read(CHILD | {"options": "zero_shot=all-all"})["x"]
    assert row == read(CHILD | {"zero_shot": "all-all"})["x"]
    assert row.zero_shot == OTHERS
    assert len(row.directions) == 6
    assert row.scored == (*row.directions, *OTHERS)
    alone = read(CHILD | {"options": "fine_tune=no zero_shot=de-nl,nl-de"})["x"]
    assert alone.zero_shot == ("de-nl", "nl-de")


def test_a_pretrained_model_has_any_directions_and_so_have_masks_alone(read) -> None:
    pretrained = {"checkpoint": "c", "directions": "all-all"}
    systems = read(CHILD | {"fine_tune": "no", "directions": "all-all"}, baseline=pretrained)
    assert systems["baseline"].directions[6:] == systems["x"].directions[6:] == OTHERS
    assert read(IMPORTED | {"directions": "de-nl"})["x"].directions == ("de-nl",)
    with pytest.raises(InputError, match="x has direction de-nl; one side must be the pivot"):
        read(CHILD | {"directions": "de-nl"}, baseline=pretrained)


def test_zero_shot_directions_do_not_change_what_is_compared_or_swept(read) -> None:
    systems = read(CHILD | {"zero_shot": "de-nl"})
    shuffled = replace(systems["x"], system="s", label="S", shuffled=True, zero_shot=())
    assert ("shuffled", "s", 1) in find_comparisons(systems["x"], systems | {"s": shuffled}, 1)
    swept = sweep_systems(systems, "x", [70])
    assert {k: row.zero_shot for k, row in swept.items()} == {70: (), 95: ("de-nl",)}


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        ({"directions": "en-de de-en"}, "system x has direction en-nl, which its parent baseline"),
        ({"method": "bilingual"}, "which is not a multilingual model"),
    ],
)
def test_not_every_system_can_be_continued(read, baseline: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(CHILD, baseline=baseline)


def test_a_continuation_starts_from_its_seeds_parent_or_the_only_one(read) -> None:
    systems = read(CHILD | {"seed": "1 2"}, baseline={"seed": "1 2 3"})
    assert systems["x"].seeds == (1, 2)
    assert parent_seed(systems["baseline"], 2) == 2
    assert parent_seed(read(CHILD | {"seed": "1 2"}, baseline={"seed": 7})["baseline"], 2) == 7
    with pytest.raises(InputError, match="has seed 4, but its parent baseline has the seeds 1 2 3"):
        read(CHILD | {"seed": 4}, baseline={"seed": "1 2 3"})


def test_adapters_belong_to_directions_or_to_sides_of_families(read) -> None:
    def sets(sharing: str) -> dict[str, str]:
        system = read(ADAPTER | {"sharing": sharing})["x"]
        settings = adapter_settings(system, LANGUAGES, "en")
        assert (settings["bottleneck"], settings["per_layer"]) == (8, 2)
        return settings["sets"]

    assert all(name == direction for direction, name in sets("pair").items())
    assert sets("family") == {
        "en-de": "en-Germanic",
        "en-nl": "en-Germanic",
        "en-hi": "en-Indo-Aryan",
        "de-en": "Germanic-en",
        "nl-en": "Germanic-en",
        "hi-en": "Indo-Aryan-en",
    }
    assert adapter_settings(read(LASS)["x"], LANGUAGES, "en") is None


def test_a_continuation_has_its_parents_architecture_with_other_training_settings(read) -> None:
    settings = {
        "layers": 6,
        "dropout": 0.1,
        "max_updates": 100,
        "patience": 20,
        "continuation": {"max_updates": 10},
        "fine_tuning": {"dropout": 0.3, "patience": 30},
    }
    systems, architectures = read(LASS), {"big": settings}
    # the baseline must not depend on its continuations' settings, or it would be trained again
    baseline = system_architecture(systems["baseline"], systems, architectures)
    assert baseline == {"layers": 6, "dropout": 0.1, "max_updates": 100, "patience": 20}
    joint = system_architecture(systems["x"], systems, architectures)
    assert joint == {"layers": 6, "dropout": 0.1, "max_updates": 10, "patience": -1}
    fine_tuning = system_architecture(systems["x"], systems, architectures, fine_tuning=True)
    assert fine_tuning == {"layers": 6, "dropout": 0.3, "max_updates": 10, "patience": 30}
    assert "continuation" in settings


def test_fine_tuned_systems_are_also_compared_with_the_continued_baseline(read) -> None:
    continued = System(
        system="continued", label="C", method="multilingual", parent="baseline", directions=()
    )
    for trained, roles in (("yes", ["parent", "control"]), ("no", ["parent"])):
        systems = read(CHILD | {"fine_tune": trained}) | {"continued": continued}
        assert [role for role, _, _ in find_comparisons(systems["x"], systems, 1)] == roles


def test_a_checkpoint_of_selected_neurons_is_compared_like_one_trained_here(read) -> None:
    continued = System(
        system="continued", label="C", method="multilingual", parent="baseline", directions=()
    )
    systems = read(CHILD | {"checkpoint": "c", "source": "models"}) | {"continued": continued}
    own = systems["x"]
    assert (own.checkpoint, own.source, own.parent) == ("c", "models", "baseline")
    assert own.is_full_specialization
    assert find_comparisons(own, systems, 1) == [
        ("parent", "baseline", 1),
        ("control", "continued", 1),
    ]


def test_a_checkpoint_cannot_be_trained_with_another_k(read) -> None:
    with pytest.raises(InputError, match="names x, a checkpoint: it cannot be trained with anoth"):
        sweep_systems(read(CHILD | {"checkpoint": "c"}), "x", [70])


def test_neurons_are_compared_with_the_same_number_drawn_at_random(read) -> None:
    alike = read(CHILD)
    ours, baseline = alike["x"], alike["baseline"]
    shuffled = replace(ours, system="s", label="S", shuffled=True, seeds=(1, 2))
    systems = {"baseline": baseline, "x": ours, "s": shuffled}
    assert find_comparisons(ours, systems, 1) == [("parent", "baseline", 1), ("shuffled", "s", 1)]
    assert find_comparisons(shuffled, systems, 1) == [("parent", "baseline", 1)]
    matched = replace(ours, counting="sentence", sparsity_of="token")
    assert ("shuffled", "s", 1) in find_comparisons(matched, systems, 1)
    others = ({"k": 50.0}, {"stacks": "encoder"}, {"fine_tune": False}, {"parent": "another"})
    for other in (*others, {"counting": "sentence"}, {"sparsity_of": "sentence"}):
        systems["s"] = replace(shuffled, **other)
        roles = {role for role, _, _ in find_comparisons(ours, systems, 1)}
        assert roles - {"rival"} == {"parent"}


def test_only_the_first_specialized_system_has_rivals(read) -> None:
    alike = read(CHILD)
    ours, baseline = alike["x"], alike["baseline"]
    second = replace(ours, system="sentences", counting="sentence")
    others = {
        "continued": replace(baseline, system="continued", parent="baseline"),
        "lass": replace(ours, system="lass", method="lass", k=None, pruning=0.7),
        "alone": replace(ours, system="alone", fine_tune=False),
    }
    systems = {"baseline": baseline, **others, "x": ours, "sentences": second}
    assert find_comparisons(ours, systems, 1) == [
        ("parent", "baseline", 1),
        ("control", "continued", 1),
        ("rival", "lass", 1),
        ("rival", "sentences", 1),
    ]
    assert "rival" not in [role for role, _, _ in find_comparisons(second, systems, 1)]


@pytest.mark.parametrize("total", [1, 2, 3, 9])
def test_every_direction_is_in_one_shard(total: int) -> None:
    directions = ["en-de", "en-nl", "en-hi", "de-en", "nl-en", "hi-en"]
    shards = [shard(directions, f"{i + 1}-of-{total}") for i in range(total)]
    assert sorted(itertools.chain(*shards)) == sorted(directions)
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


SWEPT = System(
    system="ns", label="NS", method="neuron_specialization", directions=(), k=95, seeds=(1, 2)
)


def test_a_sweep_varies_only_k_and_names() -> None:
    sweep = sweep_systems({"ns": SWEPT}, "ns", [50, 99.5, 95])
    assert list(sweep) == [50, 95, 99.5]
    assert sweep[95] is SWEPT
    assert sweep[99.5] == replace(SWEPT, system="ns_k99.5", label="NS, k = 99.5", k=99.5, tables=())


def test_a_row_named_like_a_system_of_a_sweep_must_have_its_settings() -> None:
    same = replace(SWEPT, system="ns_k50", label="Half", k=50.0)
    assert sweep_systems({"ns": SWEPT, "ns_k50": same}, "ns", [50])[50] is same
    for changes in ({"k": 51.0}, {"seeds": (1,)}, {"stacks": "encoder"}):
        other = replace(same, **changes)
        with pytest.raises(InputError, match="a row of that name has other settings"):
            sweep_systems({"ns": SWEPT, "ns_k50": other}, "ns", [50])
