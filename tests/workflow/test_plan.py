"""Parameters of rules: sets of systems, runs, and the files of a job."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from sacrebleu.tokenizers import tokenizer_ja_mecab

from neuron_specialization.errors import InputError
from neuron_specialization.workflow.dataset import Run, pattern
from neuron_specialization.workflow.paths import shown
from neuron_specialization.workflow.plan import Plan
from tests.conftest import PROJECT
from tests.workflow.test_make_plan import plan_of


class Wildcards(SimpleNamespace):
    """Attributes and `get`, as in Snakemake's wildcards."""

    def get(self, name: str, default: str | None = None) -> str | None:
        return getattr(self, name, default)


def job(system: str = "baseline", seed: str = "1", **others: str) -> Wildcards:
    return Wildcards(system=system, seed=seed, **others)


SUMMARY = Wildcards(split="test", figure="summary", metric="bleu")


@pytest.fixture(scope="module")
def builtin() -> Plan:
    return plan_of(None, "config/config.yaml")


@pytest.fixture(scope="module")
def experiment() -> Plan:
    return plan_of(None, "config/experiment.yaml")


def test_sets_of_systems(builtin: Plan, experiment: Plan) -> None:
    ours = ("neuron_specialization", "sentence_counts")
    swept = {f"{name}_k{k}" for name in ours for k in (50, 80)}
    assert set(builtin.systems) - set(builtin.described) == swept
    assert builtin.local == list(builtin.systems)
    assert set(builtin.local) - set(builtin.trained) == {"masked"}
    assert builtin.highlighted[:2] == [builtin.systems[name].label for name in ours]
    assert builtin.imported == builtin.from_checkpoint == []
    assert builtin.analysed == ["baseline"]
    masked = {name for name in experiment.systems if "masked" in name}
    assert masked
    assert set(experiment.local) - set(experiment.trained) == masked
    published = plan_of(None, "config/published.yaml")
    assert published.imported == list(published.systems)
    assert published.local == published.analysed == []


def test_runs_are_systems_and_seeds(experiment: Plan) -> None:
    assert experiment.runs(["continued"]) == [Run("continued", seed) for seed in (1, 2, 3)]
    assert len(experiment.runs()) == sum(len(row.seeds) for row in experiment.systems.values())
    assert experiment.parent_run(Run("continued", 2)) == Run("baseline", 1)


def test_shards_divide_the_directions(builtin: Plan) -> None:
    parts = [builtin.directions(job("lass", scatteritem=f"{n}-of-2")) for n in (1, 2)]
    assert sorted([*parts[0], *parts[1]]) == sorted(builtin.directions(job("lass")))
    assert builtin.models.of_job(job("bilingual_low")) == [
        "<dataset>/models/bilingual_low/seed1/1-of-1"
    ]


@pytest.mark.parametrize(
    ("system", "own"),
    [
        ("baseline", {}),
        ("continued", {}),
        ("adapter_pair", {"base": ["<dataset>/models/baseline/seed1/checkpoint.pt"]}),
        ("random", {"masks": ["<dataset>/masks/random/seed1.npz"]}),
        (
            "lass",
            {"weight_masks": [f"<dataset>/weight_masks/lass/seed1/{n}-of-2.npz" for n in (1, 2)]},
        ),
    ],
)
def test_files_of_directions(builtin: Plan, system: str, own: dict[str, list[str]]) -> None:
    found = builtin.models.direction_files(job(system))
    assert {name: files for name, files in found.items() if files} == own
    is_continued = system not in ("baseline", "adapter_pair")
    parent = ["<dataset>/models/baseline/seed1/checkpoint.pt"]
    assert builtin.models.parent(job(system)) == (parent if is_continued else [])


def test_systems_of_only_masks_use_their_parents_model(experiment: Plan) -> None:
    (model,) = experiment.models.of_job(job("masked"))
    assert model == "<dataset>/models/baseline/seed1/checkpoint.pt"


def test_a_released_checkpoint_is_fetched_and_gets_masks_from_its_parent() -> None:
    plan = plan_of(None, "config/released.yaml")
    assert plan.trained == []
    assert plan.from_checkpoint == ["baseline", "neuron_specialization"]
    own, models = job("neuron_specialization", seed="222"), plan.models
    assert models.checkpoint(own) == "data/downloads/ec30_models/neuron_specialization.pt"
    assert models.local_checkpoint(own) == []
    assert models.fetched_checkpoint(own) == ["<downloads>/ec30_models/fetched.tsv"]
    assert models.fetched_checkpoint(own)[0] in plan.downloads.all
    assert models.direction_files(own)["masks"] == [
        "<dataset>/masks/neuron_specialization/seed222.npz"
    ]
    assert models.parent_counts(own) == ["<dataset>/activations/baseline/seed222.npz"]
    assert models.of_job(own) == ["<dataset>/models/neuron_specialization/seed222/checkpoint.pt"]
    assert models.of_job(job("masked", seed="222")) == [
        "<dataset>/models/baseline/seed222/checkpoint.pt"
    ]
    assert plan.tables.jobs(plan.systems["neuron_specialization"])["training"] == []
    assert "trainings" not in plan.tables.of_setup
    assert plan.evaluation.comparisons(own) == [("parent", "baseline", 222)]
    assert plan.corpora.binarised_parts == {"test": ["test"], "train": ["valid"]}
    assert plan.models.recording["recording"]["count_padding"] is True


def test_a_local_checkpoint_is_an_input(tmp_path: Path) -> None:
    systems = tmp_path / "systems.tsv"
    shipped = (PROJECT / "config/released/systems.tsv").read_text(encoding="utf-8")
    systems.write_text(shipped.replace("source=ec30_models ", ""), encoding="utf-8")
    models = plan_of({"systems": str(systems)}, "config/released.yaml").models
    own = job("neuron_specialization", seed="222")
    assert models.local_checkpoint(own) == [models.checkpoint(own)]
    assert models.checkpoint(own).endswith("neuron_specialization.pt")
    assert models.fetched_checkpoint(own) == []


def test_runs_that_a_run_is_tested_against(builtin: Plan) -> None:
    assert builtin.evaluation.comparisons(job("baseline")) == []
    assert builtin.evaluation.comparisons(job("random")) == [
        ("parent", "baseline", 1),
        ("control", "continued", 1),
    ]
    assert builtin.evaluation.compared_sentences(job("continued", split="test")) == [
        "<dataset>/scores/test/baseline/seed1.parquet"
    ]
    untested = plan_of({"significance": {"test": "none"}})
    assert untested.evaluation.comparisons(job("continued")) == []
    assert untested.figures.gains_table == []


def test_scores_of_models_are_appended_except_to_imported_systems(tmp_path: Path) -> None:
    plan = plan_of({"metrics": ["nll", "comet", "bleu"]})
    assert plan.evaluation.appended(job(split="test")) == [
        f"<dataset>/{metric}/test/baseline/seed1.{form}"
        for metric in ("comet", "nll")
        for form in ("parquet", "csv")
    ]
    assert plan.evaluation.vocabulary(job()) == "joint"
    assert plan.evaluation.vocabulary(job("bilingual_low")) == "pair"
    published = plan_of({"metrics": ["bleu", "nll"]}, "config/published.yaml")
    assert published.evaluation.appended(job("mt_big", split="test")) == []
    assert [Path(path).stem for path in published.tables.all_of_scores] == ["levels.bleu"]


def test_a_table_of_some_imported_systems_has_an_nll(tmp_path: Path, project: Path) -> None:
    rows = (project / "config/systems.tsv").read_text(encoding="utf-8").replace(" bilingual", "")
    rows = rows.replace("\tbilingual\t1", "\tlanguages\t1")
    for name, table in (("beside", "levels"), ("apart", "bilingual")):
        rows += f"{name}\t{name}\timported\t\t\tall\tfolder={name}\t{table}\t1\n"
    (tmp_path / "systems.tsv").write_text(rows, encoding="utf-8")
    plan = plan_of({"systems": str(tmp_path / "systems.tsv")}, "config/config.yaml")
    tables = {Path(path).stem for path in plan.tables.all_of_scores}
    assert {"levels.nll", "levels.bleu", "bilingual.bleu"} <= tables
    assert "bilingual.nll" not in tables


def test_runs_whose_directions_pass_through_each_others_masks(builtin: Plan) -> None:
    """The sweep of k is left out, and so are neurons of one stack, random or shuffled ones."""
    chosen = ["neuron_specialization", "sentence_counts", "masked", "shallow_specialization"]
    assert builtin.evaluation.cross_masked == builtin.runs(chosen)
    path = "<dataset>/neurons/neuron_specialization/seed1/cross_masks.html"
    assert path in builtin.figures.all
    off = plan_of({"analysis": {"cross_masks": {"sentences": 0}}})
    assert not [path for path in off.figures.all if "cross_masks" in path]
    masked = plan_of(None, "config/experiment.yaml")
    assert {run.system for run in masked.evaluation.cross_masked} == {
        *("neuron_specialization", "sentence_counts", "masked"),
    }
    assert masked.evaluation.first_test_data(job("masked")) == ["<dataset>/binarised/train/joint"]


def test_costs_are_from_the_jobs_that_identified_trained_and_decoded(builtin: Plan) -> None:
    jobs = {name: builtin.tables.jobs(builtin.systems[name]) for name in builtin.described}
    assert jobs["neuron_specialization"] == {
        "finding": [
            "record_activations/baseline.seed1",
            "select_neurons/neuron_specialization.seed1",
        ],
        "training": ["train_system/neuron_specialization.seed1"],
        "decoding": ["translate_split/test.neuron_specialization.seed1"],
    }
    assert jobs["random"]["finding"] == ["select_neurons/random.seed1"]
    shards = [f"fine_tune_directions/lass.seed1.{n}-of-2" for n in (1, 2)]
    assert jobs["lass"]["finding"] == shards
    assert jobs["bilingual_low"]["training"] == ["train_bilingual/bilingual_low.seed1.1-of-1"]


def test_the_sweep_of_k_ends_with_the_continued_baseline(builtin: Plan) -> None:
    runs = builtin.figures.swept
    by_line: dict[str, list[float | None]] = {}
    for line, k, _ in runs:
        by_line.setdefault(line, []).append(k)
    assert by_line == {
        "Neuron specialization": [50, 80, 95],
        "Neuron specialization, sentence counts": [50, 80, 95],
        "Continued baseline": [None],
    }
    assert runs[-1][2] == Run("continued", 1)
    assert builtin.systems["sentence_counts_k50"].counting == "sentence"
    assert builtin.figures.sweep_labels == {"parent": "Baseline", "control": "Continued baseline"}
    found = builtin.figures.score_inputs(job(split="test", figure="figure4", metric="bleu"))
    assert found["parents"] == ["<dataset>/scores/test/baseline/seed1.csv"] * 7


def test_a_sweep_may_be_of_one_system_and_needs_one_parent(builtin: Plan) -> None:
    one = plan_of({"analysis": {"sweep": {"system": "neuron_specialization", "k": [50]}}})
    assert [k for _, k, _ in one.figures.swept] == [50, 95, None]
    both = {"system": ["neuron_specialization", "shallow_specialization"], "k": [50]}
    with pytest.raises(InputError, match="whose parents are baseline and shallow"):
        plan_of({"analysis": {"sweep": both}}, "config/config.yaml")
    assert plan_of({"analysis": {"sweep": {"system": "", "k": [50]}}}).sweep == {}


def test_neurons_are_shown_for_each_way_of_counting_and_summarised_for_the_first() -> None:
    def folders(counting: str | list[str]) -> set[str]:
        figures = plan_of({"analysis": {"counting": counting}}).figures
        assert figures.explored["counting"] == figures.score_settings(SUMMARY)["counting"]
        assert figures.explored["counting"] == (
            counting if isinstance(counting, str) else counting[0]
        )
        pages = ("relations.html", "explorer.html")
        return {path.split("/")[-2] for path in figures.of_neurons if path.endswith(pages)}

    assert folders("sentence") == {"sentence.k95", "seed1"}
    assert folders(["sentence", "token"]) == {"token.k95", "sentence.k95", "seed1"}
    assert plan_of().countings == ["token", "sentence"]
    with pytest.raises(InputError, match=r"^analysis\.counting\.1: .word. is not one of"):
        plan_of({"analysis": {"counting": ["token", "word"]}})


def test_matched_sparsity_is_a_setting_of_selection(builtin: Plan) -> None:
    selection = builtin.models.selection(job("matched_sparsity"))
    assert (selection["counting"], selection["sparsity_of"]) == ("sentence", "token")
    against = [role for role, *_ in builtin.evaluation.comparisons(job("matched_sparsity"))]
    assert against == ["parent", "control"]
    against = [role for role, *_ in builtin.evaluation.comparisons(job("sentence_counts"))]
    assert against == ["parent", "control"]


def test_vocabularies_and_the_sizes_of_their_dictionaries(builtin: Plan) -> None:
    assert builtin.corpora.binarised(job("bilingual_low")) == [
        f"<dataset>/binarised/train/en-{code}" for code in ("a3", "b3", "c3")
    ]
    # pieces except SentencePiece's three, plus fairseq's four, and a tag per language
    assert builtin.vocabularies.dictionary_sizes(builtin.systems["baseline"]) == [1200 + 1 + 10] * 2
    assert builtin.vocabularies.dictionary_sizes(builtin.systems["bilingual_high"]) == [1201] * 2
    assert builtin.vocabularies.dictionary_sizes(builtin.systems["bilingual_low"]) == [401] * 2


def test_a_comet_model_is_local_fetched_or_neither(tmp_path: Path) -> None:
    def plan(model: str, **comet: object) -> Plan:
        return plan_of({"metrics": ["comet"], "comet": {"model": model, **comet}})

    hub = plan("Unbabel/wmt22-comet-da")
    (fetched,) = hub.downloads.comet
    assert fetched.endswith("comet/Unbabel--wmt22-comet-da.txt")
    assert hub.downloads.local_comet == hub.downloads.fetched_comet == []
    assert plan("Unbabel/wmt22-comet-da", offline=True).downloads.comet == []
    assert plan("").downloads.comet == plan("").downloads.local_comet == []
    here = tmp_path / "model.ckpt"
    here.touch()
    assert plan(str(here)).downloads.local_comet == [str(here)]
    assert plan(str(here)).downloads.comet == []


def test_splits_that_are_tokenised_here_have_raw_references() -> None:
    plan = plan_of(None, "config/ec30.yaml")
    assert plan.evaluation.metrics("test")[-2:] == ["bleu_raw", "chrf_raw"]
    files = plan.evaluation.raw_references(job(split="test"))
    assert files["de-en"] == "<dataset>/corpora/raw.test.en-de.en"
    assert plan.corpora.folders["ntrex"].name == "ntrex"
    assert len(plan.downloads.all) == 4


def test_patterns_match_names_or_nothing() -> None:
    assert pattern(["a", "b.c"]) == r"a|b\.c"
    assert pattern([]) == "(?!)"


def test_paths_are_relative_if_the_project_is_the_working_directory(
    builtin: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    monkeypatch.chdir(project)
    assert plan_of().path("config/x.tsv") == "config/x.tsv"
    assert "src/neuron_specialization/errors.py" in plan_of().code("errors")
    monkeypatch.chdir(tmp_path)
    assert plan_of().path("config/x.tsv") == str(project / "config/x.tsv")


def test_labels_of_the_report_are_texts_or_one_function_of_wildcards(builtin: Plan) -> None:
    path = shown("<dataset>/tables/{split}/{table}.{metric}.html", "scores", "{table}")
    labels = {"item": "{table}", "split": "{split}", "metric": "{metric}"}
    assert path.flags["report"].labels == labels
    setup = shown("<dataset>/tables/{table}.html", "setup_table", builtin.tables.setup_labels)
    assert setup.flags["report"].labels(Wildcards(table="table5")) == {"item": "Table 5: languages"}
    explorer = builtin.figures.explorer.flags["report"]
    assert explorer.category == "Neurons"
    assert explorer.labels["k"] == "any"
    assert explorer.labels["system"] == "{system}"


def test_a_tokeniser_is_a_setting_of_validation_only_where_bleu_chooses_the_checkpoint() -> None:
    bleu = {"bleu": {"exceptions": {"a1": "char"}}}
    for metric, expected in (("bleu", {"en-a1": "char"}), ("chrf", {})):
        plan = plan_of({**bleu, "architectures": {"tiny": {"checkpoint_metric": metric}}})
        assert plan.models.training["tokenisers"](job("continued")) == expected


def test_tokenisers_are_checked_where_bleu_is_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer_ja_mecab, "MeCab", None)
    japanese = {"bleu": {"exceptions": {"b1": "ja-mecab"}}}
    plan_of({**japanese, "metrics": ["chrf"]})
    by_bleu = {"architectures": {"tiny": {"checkpoint_metric": "bleu"}}}
    for scored in ({}, {"metrics": ["chrf"], **by_bleu}):
        with pytest.raises(InputError, match=r"^bleu: BLEU: the tokeniser ja-mecab cannot be used"):
            plan_of({**japanese, **scored})


def test_the_diagnosis_reads_what_other_jobs_made(builtin: Plan, experiment: Plan) -> None:
    found = builtin.diagnosis.inputs(job())
    assert found["curves_baseline"] == ["<dataset>/models/baseline/seed1/checkpoint.curve.csv"]
    assert found["counts"] == ["<dataset>/activations/baseline/seed1.npz"]
    assert found["masks"] == ["<dataset>/masks/neuron_specialization/seed1.npz"]
    assert found["tests"] == ["<dataset>/significance/test/neuron_specialization/seed1.csv"]
    assert found["scores_continued"] == ["<dataset>/scores/test/continued/seed1.csv"]
    assert {path.split("/")[3] for path in found["scores_bilingual"]} == {
        "bilingual_high",
        "bilingual_low",
    }
    schedules = builtin.diagnosis.settings(job())["schedules"]
    assert schedules == {
        "baseline": {"learning_rate": 0.004, "warmup_updates": 500},
        "specialized": {"learning_rate": 0.002, "warmup_updates": 100},
    }
    seeds = experiment.diagnosis.inputs(job())
    assert {name: len(files) for name, files in seeds.items() if files} == {
        **dict.fromkeys(("curves_baseline", "counts", "scores_baseline", "scores_bilingual"), 1),
        **dict.fromkeys(("curves_specialized", "masks", "tests"), 3),
        **{f"scores_{role}": 3 for role in ("specialized", "continued", "random")},
    }
    untested = plan_of({"significance": {"test": "none"}})
    assert untested.diagnosis.inputs(job())["tests"] == []


def test_the_mean_of_a_tables_only_level_has_the_levels_name(
    builtin: Plan, experiment: Plan
) -> None:
    assert len(builtin.claims.cells["bilingual M2O high"][0]) == 3
    assert "bilingual M2O avg" in builtin.claims.cells
    cells = experiment.claims.cells
    assert cells["bilingual M2O high"] == cells["bilingual M2O avg"]
    assert "bilingual M2O low" not in cells


def test_only_main_tables_quote_the_diagnosis(builtin: Plan) -> None:
    quoted = {
        table: builtin.tables.inputs(job(table=table, split="test", metric="bleu"))["diagnosis"]
        for table in ("levels", "languages")
    }
    assert quoted == {"levels": ["<dataset>/tables/diagnosis.csv"], "languages": []}
    assert "<dataset>/tables/diagnosis.md" in builtin.tables.all_merged


def test_datasets_that_specialize_nothing_have_no_diagnosis(tmp_path: Path) -> None:
    published = plan_of(None, "config/published.yaml")
    (tmp_path / "systems.tsv").write_text(
        "system\tlabel\tmethod\tarchitecture\tdirections\nb\tB\tmultilingual\ttiny\tall\n"
    )
    for plan in (published, plan_of({"systems": str(tmp_path / "systems.tsv")})):
        assert plan.diagnosis.table == []
        assert not any("diagnosis" in path for path in plan.tables.all)
        assert (
            plan.tables.inputs(job(table="levels", split="test", metric="bleu"))["diagnosis"] == []
        )
