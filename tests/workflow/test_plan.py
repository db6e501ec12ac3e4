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


@pytest.fixture(scope="module")
def builtin() -> Plan:
    return plan_of(None, "config/config.yaml")


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    nowhere = {"corpora": {"folder": str(tmp_path_factory.mktemp("empty"))}}
    return plan_of(nowhere, "config/experiment.yaml", "config/experiment_cpu.yaml")


def test_sets_of_systems(builtin: Plan, experiment: Plan) -> None:
    swept = {f"neuron_specialization_k{k}" for k in (50, 70, 80, 90, 99)}
    assert set(builtin.systems) - set(builtin.described) == swept
    assert builtin.trained == builtin.local == list(builtin.systems)
    assert builtin.imported == builtin.from_checkpoint == []
    assert builtin.analysed == ["baseline"]
    masked = {name for name in experiment.systems if "masked" in name}
    assert masked
    assert set(experiment.local) - set(experiment.trained) == masked
    published = plan_of(None, "config/published.yaml")
    assert published.imported == list(published.systems)
    assert published.local == published.analysed == []


def test_runs_are_systems_and_seeds(experiment: Plan) -> None:
    assert experiment.runs(["baseline"]) == [Run("baseline", seed) for seed in (1, 2, 3)]
    assert len(experiment.runs()) == 3 * len(experiment.systems)
    assert experiment.parent_run(Run("continued", 2)) == Run("baseline", 2)


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
    (model,) = experiment.models.of_job(job("masked", seed="2"))
    assert model == "<dataset>/models/baseline/seed2/checkpoint.pt"


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
    assert [k for k, _ in runs] == [50, 70, 80, 90, 95, 99, None]
    assert runs[-1][1] == Run("continued", 1)
    assert builtin.figures.sweep_labels == {"parent": "Baseline", "control": "Continued baseline"}
    found = builtin.figures.score_inputs(job(split="test", figure="figure4", metric="bleu"))
    assert found["parents"] == ["<dataset>/scores/test/baseline/seed1.csv"] * 7


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
