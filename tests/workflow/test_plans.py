"""Dry runs of the workflow for every shipped configuration."""

import gzip
import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests.conftest import PROJECT
from tests.fairseq_plugin.huggingface import make_model_folder
from tests.workflow.conftest import TINY, Snakemake
from tests.workflow.test_make_plan import plan_of, read_config

Plan = Callable[..., dict[str, int]]
# rules with one job for every dataset
ONCE = dict.fromkeys(
    [
        *("prepare_training", "check_texts", "report_corpora", "count_parameters"),
        *("describe_settings", "draw_trainings", "make_diagnosis", "judge_claims", "all"),
    ],
    1,
)
ONCE["make_setup_table"] = 4
# rules for the system whose neurons are analysed, with two ways of counting
LOOK = {"record_untrained": 1, "measure_neurons": 2, "draw_neurons": 2, "make_explorer": 1}
LOOK_AT_THREE_SEEDS = {rule: 3 * count for rule, count in LOOK.items()}
CROSSED = ("cross_masks", "draw_cross_masks")


def jobs(**counts: int) -> dict[str, int]:
    """Return the expected jobs; each run is translated and scored `tests` times.

    Each continuation is compared with its parent. `apart` test splits are prepared apart from
    training: those that are not drawn from its corpus. The likelihood of references is computed
    unless `likelihood` is False; `crossed` runs pass directions through each other's masks; the
    text of `joined` tests is joined for directions without the pivot.
    """
    tests = counts.pop("tests", 1)
    trained = counts.pop("trained")
    evaluated = dict.fromkeys(
        ("translate_split", "postprocess_outputs", "score_system"), tests * trained
    ) | {"compare_systems": tests * counts.pop("continued")}
    evaluated["draw_scores"] = counts.pop("figures", 2) * tests * counts.pop("metrics", 3)
    evaluated["score_references"] = tests * trained * counts.pop("likelihood", True)
    evaluated |= dict.fromkeys(CROSSED, counts.pop("crossed", 1))
    vocabularies = counts.pop("vocabularies", 1)
    apart, joined = counts.pop("apart", tests), counts.pop("joined", 0)
    binarised = vocabularies * (1 + apart) + joined
    data = {"learn_vocabulary": vocabularies, "binarise_corpora": binarised, "join_tests": joined}
    data["prepare_test"] = max(1, apart)
    planned = ONCE | LOOK | data | evaluated | counts
    return {rule: count for rule, count in planned.items() if count}


THREE_SYSTEMS = jobs(
    trained=3, continued=2, train_system=3, record_activations=1, select_neurons=1, make_table=3
)
EC30 = jobs(
    metrics=4,
    fetch_corpus=4,
    vocabularies=6,
    trained=13,
    continued=10,
    score_comet=13,
    train_system=11,
    train_bilingual=4,
    fine_tune_directions=2,
    record_activations=1,
    select_neurons=6,
    make_table=12,
    crossed=2,
)


def pretrained_jobs(**counts: int) -> dict[str, int]:
    """Return the expected jobs for a pretrained model, by default through its masks only."""
    once = ("use_vocabulary", "import_checkpoint", "fetch_corpus", "measure_language_identifier")
    apart = {"trained": 3, "continued": 2, "select_neurons": 2, "score_off_target": 3}
    shown = {"record_activations": 1, "measure_neurons": 1, "draw_neurons": 1, "make_table": 4}
    untrained = {"check_texts": 0, "draw_trainings": 0, "judge_claims": 0, "make_setup_table": 3}
    given = {"figures": 0, "metrics": 4, "vocabularies": 1, "learn_vocabulary": 0}
    return jobs(**(dict.fromkeys(once, 1) | apart | shown | untrained | given | counts))


def software_jobs(**counts: int) -> dict[str, int]:
    """Return the expected jobs of the text of software."""
    once = ("fetch_corpus", "read_packages", "record_activations")
    shown = {"trained": 6, "continued": 4, "select_neurons": 3, "crossed": 2}
    training = {"train_system": 5, "train_bilingual": 2}
    return jobs(**(dict.fromkeys(once, 1) | shown | training | counts))


LOCAL = {"config/software_flores.yaml", "config/pretrained_training.yaml"}
"""Configurations of text that is local."""
JOBS = {
    ("config/nllb.yaml",): pretrained_jobs(),
    ("config/nllb.yaml", "config/m2m100.yaml"): pretrained_jobs(),
    ("config/nllb.yaml", "config/nllb_minutes.yaml"): pretrained_jobs(crossed=0),
    ("config/nllb.yaml", "config/pretrained_training.yaml"): pretrained_jobs(
        trained=9,
        continued=8,
        train_system=6,
        fine_tune_directions=2,
        select_neurons=5,
        score_off_target=9,
        crossed=2,
        make_setup_table=4,
        figures=2,
        **dict.fromkeys(("check_texts", "draw_trainings", "judge_claims"), 1),
    ),
    (): jobs(
        vocabularies=4,
        trained=21,
        continued=13,
        train_system=18,
        train_bilingual=4,
        fine_tune_directions=2,
        record_activations=2,
        select_neurons=12,
        make_table=12,
        figures=4,
        crossed=4,
    ),
    (TINY,): jobs(
        vocabularies=2,
        trained=17,
        continued=12,
        train_system=14,
        train_bilingual=4,
        fine_tune_directions=2,
        record_activations=3,
        select_neurons=8,
        make_table=9,
        figures=3,
        joined=1,
        crossed=4,
    ),
    ("config/config.yaml", "config/three_seeds.yaml"): jobs(
        trained=27,
        continued=12,
        train_system=27,
        record_activations=3,
        select_neurons=21,
        make_table=3,
        crossed=6,
        figures=3,
        **LOOK_AT_THREE_SEEDS,
    ),
    ("config/software.yaml",): software_jobs(tests=2, apart=0, prepare_test=0, make_table=12),
    ("config/software.yaml", "config/software_flores.yaml"): software_jobs(
        tests=3, apart=1, make_table=18
    ),
    ("config/config.yaml", "config/zero_shot.yaml"): jobs(
        trained=6,
        continued=5,
        train_system=5,
        record_activations=1,
        select_neurons=4,
        make_table=6,
        figures=3,
        apart=0,  # every row reads the part with all pairs
        joined=1,
        crossed=0,
    ),
    ("config/iwslt14.yaml",): jobs(
        metrics=4,
        figures=1,
        crossed=3,
        fetch_corpus=2,
        trained=14,
        continued=11,
        train_system=14,
        fine_tune_directions=2,
        record_activations=2,
        select_neurons=7,
        make_table=24,
    ),
    ("config/ec30.yaml",): EC30,
    ("config/ec30.yaml", "config/ec30_text.yaml"): EC30,
    ("config/ec30.yaml", "config/ec30_binarised.yaml"): jobs(
        metrics=4,
        fetch_corpus=2,
        trained=11,
        continued=10,
        score_comet=11,
        train_system=11,
        fine_tune_directions=2,
        record_activations=1,
        select_neurons=6,
        make_table=6,
        vocabularies=0,
        prepare_training=0,
        check_texts=0,
        use_vocabulary=1,
        use_binarised=2,
        crossed=2,
    ),
    ("config/released.yaml",): jobs(
        metrics=0,
        fetch_corpus=3,
        trained=4,
        continued=3,
        score_comet=4,
        import_checkpoint=2,
        record_activations=1,
        select_neurons=3,
        make_table=6,
        make_setup_table=3,
        draw_trainings=0,
        vocabularies=0,
        prepare_training=0,
        check_texts=0,
        use_vocabulary=1,
        use_binarised=2,
        crossed=3,
        measure_neurons=1,  # one way of counting
        draw_neurons=1,
    ),
    ("config/published.yaml",): {
        "postprocess_outputs": 2,
        "score_comet": 2,
        "score_system": 2,
        "compare_systems": 1,
        "count_parameters": 1,
        "make_table": 3,
        "make_setup_table": 1,
        "describe_settings": 1,
        "all": 1,
    },
    ("config/experiment.yaml",): jobs(
        tests=2,
        apart=0,
        prepare_test=0,
        fetch_corpus=1,
        read_packages=1,
        trained=25,
        continued=23,
        train_system=22,
        train_bilingual=2,
        fine_tune_directions=6,
        record_activations=1,
        select_neurons=14,
        make_table=12,
        crossed=7,
    ),
}


def planned_jobs(output: str) -> dict[str, int]:
    """Return the first table of job counts of a dry run."""
    table = output.split("Job stats:")[1].split("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}


@pytest.fixture
def plan(snakemake: Snakemake, tmp_path: Path) -> Plan:
    """Return a function that returns the jobs of a dry run."""

    def dry_run(*arguments: str, **options: tuple[str, ...]) -> dict[str, int]:
        done = snakemake(tmp_path, *arguments, "--dry-run", "--quiet", "rules", **options)
        assert done.returncode == 0, done.stdout
        return planned_jobs(done.stdout)

    return dry_run


def write_systems(folder: Path, *overlays: str) -> Path:
    """Write the systems of some configurations, with a model folder that has a configuration."""
    model, path = folder / "model", folder / "systems.tsv"
    make_model_folder("nllb", model)
    table = (PROJECT / read_config(*(PROJECT / name for name in overlays))["systems"]).read_text()
    path.write_text(re.sub(r"checkpoint=\S+", f"checkpoint={model}", table))
    return path


@pytest.mark.parametrize(("overlays", "jobs"), JOBS.items())
def test_every_configuration_plans_its_jobs(
    plan: Plan,
    overlays: tuple[str, ...],
    jobs: dict[str, int],
    overlay: Callable[[dict], str],
    tmp_path: Path,
) -> None:
    """The files of local corpora and of pretrained models are only placeholders."""
    local: dict[str, Any] = {}
    if LOCAL & {*overlays}:
        local["corpora"] = {"folder": str(tmp_path)}
    if "config/nllb.yaml" in overlays:
        local["systems"] = str(write_systems(tmp_path, *overlays))
    if "corpora" in local:
        corpora = plan_of(local, *overlays).corpora
        for path in map(Path, corpora.local_files_of(corpora.dataset.splits)):
            path.parent.mkdir(exist_ok=True)
            path.touch()
    if local:
        overlays = (*overlays, overlay(local))
    assert plan(overlays=overlays) == jobs


def test_the_number_of_jobs_that_share_small_runs_can_be_set(plan: Plan) -> None:
    changes = {"fine_tune_directions": 3, "train_bilingual": 2}
    found = plan("--set-scatter", "fine_tunes=3", "bilingual_models=1")
    assert found == JOBS[(TINY,)] | changes


CORPORA = {"prepare_training", "learn_vocabulary", "binarise_corpora"}
JOINED = {"prepare_test", "join_tests"}
MASKS = CORPORA | {"train_system", "record_activations", "select_neurons"}
TRAIN = MASKS | {"fine_tune_directions", "train_bilingual"}
SCORES = TRAIN | JOINED | {"translate_split", "postprocess_outputs", "score_system"}
SCORES |= {"score_references"}


@pytest.mark.parametrize(
    ("target", "jobs"),
    [
        ("corpora", CORPORA | JOINED | {"check_texts", "report_corpora"}),
        ("train", TRAIN),
        ("masks", MASKS),
        ("neurons", MASKS | {"prepare_test", *LOOK, *CROSSED}),
        ("parameters", {"count_parameters"}),
        ("translate", TRAIN | JOINED | {"translate_split"}),
        ("scores", SCORES),
        ("tables", SCORES | {*ONCE, "compare_systems", "make_table"} - {"all", "draw_trainings"}),
        (
            "figures",
            SCORES
            | {"check_texts", "report_corpora", "compare_systems", "count_parameters"}
            | {"make_table", "make_diagnosis"}  # gains come from a table that quotes it
            | {"draw_scores", "draw_trainings", *LOOK, *CROSSED},
        ),
    ],
)
def test_every_stage_is_a_target(plan: Plan, target: str, jobs: set[str]) -> None:
    assert set(plan(target)) == jobs | {target}


@pytest.mark.parametrize(
    ("overlays", "fetched"),
    [
        (("config/ec30.yaml",), {"fetch_corpus": 4, "fetch_comet": 1}),
        (("config/ec30.yaml", "config/ec30_text.yaml"), {"fetch_corpus": 4, "fetch_comet": 1}),
        (("config/ec30.yaml", "config/ec30_binarised.yaml"), {"fetch_corpus": 2, "fetch_comet": 1}),
        (("config/iwslt14.yaml",), {"fetch_corpus": 2}),
        (("config/released.yaml",), {"fetch_corpus": 3, "fetch_comet": 1}),
        (("config/experiment.yaml",), {"fetch_corpus": 1}),
        (("config/published.yaml",), {}),
        ((TINY,), {}),
    ],
)
def test_download_is_a_separate_target(
    plan: Plan, overlays: tuple[str, ...], fetched: dict[str, int]
) -> None:
    assert plan("download", overlays=overlays) == fetched | {"download": 1}


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_missing_gpu_is_reported_before_the_first_job(
    snakemake: Snakemake, plan: Plan, overlay: Callable[[dict], str], tmp_path: Path
) -> None:
    """Dry runs pass, as a plan may be for another machine, and so do jobs that need no GPU."""
    overlays = (TINY, overlay({"device": "cuda"}))
    assert plan(overlays=overlays) == JOBS[(TINY,)]
    done = snakemake(tmp_path, overlays=overlays)
    assert done.returncode != 0
    assert "device is cuda, but torch" in done.stdout
    assert not (tmp_path / "results").exists()
    assert snakemake(tmp_path, "parameters", overlays=overlays).returncode == 0


def test_a_missing_local_comet_model_cannot_be_downloaded(
    snakemake: Snakemake, plan: Plan, overlay: Callable[[dict], str], tmp_path: Path
) -> None:
    settings = {"metrics": ["comet"], "comet": {"model": str(tmp_path / "model.ckpt")}}
    overlays = (TINY, overlay(settings))
    done = snakemake(tmp_path, "download", "--dry-run", overlays=overlays)
    assert done.returncode != 0
    assert re.search(r"model\.ckpt, but no such file or folder exists", done.stdout)
    # without it, scores note the missing model, and the other steps run
    assert "fetch_comet" not in plan("scores", overlays=overlays)
    (tmp_path / "model.ckpt").touch()
    plan("download", overlays=overlays)


def test_every_shipped_configuration_has_a_test(project: Path) -> None:
    shipped = {path.name for path in (project / "config").glob("*.yaml")} - {"claims.yaml"}
    tested = {Path(name).name for overlays in JOBS for name in overlays} | {"config.yaml"}
    assert shipped == tested


def test_settings_without_a_dataset_override_the_built_in_corpus(
    plan: Plan, overlay: Callable[[dict], str]
) -> None:
    mine = overlay({"metrics": ["bleu"]})
    expected = JOBS[()] | {"make_table": 4, "draw_scores": 4}
    del expected["score_references"]
    assert plan(overlays=(mine,)) == expected


def test_the_dataset_in_the_documentation_works(
    snakemake: Snakemake, plan: Plan, overlay: Callable[[dict], str], project: Path, tmp_path: Path
) -> None:
    text = (project / "docs/your_languages.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert [kind for kind, _ in blocks] == ["tsv", "tsv", "yaml", "yaml"]
    settings = yaml.safe_load(blocks[2][1])
    for name, (_, table) in zip(("languages", "systems"), blocks, strict=False):
        settings[name] = str(tmp_path / name)
        (tmp_path / name).write_text(table, encoding="utf-8")
    settings["corpora"]["folder"] = str(tmp_path)
    mine = overlay(settings)
    absent = snakemake(tmp_path, "--dry-run", overlays=(mine,))
    assert "Missing input files for rule prepare_training" in absent.stdout
    assert str(tmp_path / "train.en-is.is.gz") in absent.stdout
    for split, pair in itertools.product(("train", "valid", "test"), ("en-de", "en-is", "en-pl")):
        for language in pair.split("-"):
            lines = f"{split} {language}\n".encode() * 3
            if split == "train":
                (tmp_path / f"train.{pair}.{language}.gz").write_bytes(gzip.compress(lines))
            else:
                (tmp_path / f"{split}.{pair}.{language}").write_bytes(lines)
    assert plan(overlays=(mine,)) == THREE_SYSTEMS
    reports = [f"results/mine/corpora/report.{part}.tsv" for part in ("train", "test")]
    done = snakemake(tmp_path, *reports, overlays=(mine,))
    assert done.returncode == 0, done.stdout
    lines = [len((tmp_path / path).read_text().splitlines()) for path in reports]
    assert lines == [1 + 6, 1 + 3]


def test_the_split_in_the_documentation_plans_its_download(
    plan: Plan, overlay: Callable[[dict], str], project: Path, tmp_path: Path
) -> None:
    """Plan Flores-200 as a test of the built-in languages, as in docs/your_languages.md."""
    text = (project / "docs/your_languages.md").read_text(encoding="utf-8")
    (split,) = yaml.safe_load(re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.M)[1])
    tiny = yaml.safe_load((project / TINY).read_text(encoding="utf-8"))
    table = (project / tiny["languages"]).read_text(encoding="utf-8").splitlines()
    rows = [f"{row}\t{'flores200' if n == 0 else 'deu_Latn'}" for n, row in enumerate(table)]
    (tmp_path / "languages.tsv").write_text("\n".join(rows), encoding="utf-8")
    settings = {"languages": str(tmp_path / "languages.tsv")}
    settings["corpora"] = {"splits": [*tiny["corpora"]["splits"][:2], split]}
    assert plan(overlays=(TINY, overlay(settings)))["fetch_corpus"] == 1


def test_lint_and_format(project: Path, tmp_path: Path, snakemake: Snakemake) -> None:
    done = snakemake(tmp_path, "--lint", overlays=())
    assert done.returncode == 0, done.stdout
    snakefmt = [sys.executable, "-m", "snakefmt", "--check", "Snakefile", "rules"]
    done = subprocess.run(snakefmt, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_profiles_name_real_rules(project: Path) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (project / "rules").glob("*.smk"))
    rules = re.findall(r"^(?:rule|use rule \w+ as) (\w+)", text, re.MULTILINE)
    for profile in (project / "profiles").glob("*/profile.yaml"):
        settings = yaml.safe_load(profile.read_text(encoding="utf-8"))
        for key in ("set-resources", "set-threads"):
            assert set(settings.get(key, {})) <= set(rules)
