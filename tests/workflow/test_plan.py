"""What the workflow would do: dry runs of every shipped configuration, and bad settings."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import TINY, Snakemake

JOBS = {
    "prepare_corpora": 1,
    "learn_vocabulary": 1,
    "binarise_corpora": 1,
    "train_system": 3,
    "record_activations": 1,
    "select_neurons": 1,
    "translate_split": 3,
    "score_system": 3,
    "make_table": 2,
    "all": 1,
}
SIX_SYSTEMS = {"train_system": 6, "select_neurons": 4, "translate_split": 6, "score_system": 6}
TWO_TESTS = {"translate_split": 6, "score_system": 6, "make_table": 4}


def planned_jobs(output: str) -> dict[str, int]:
    """The first table of job counts of a dry run."""
    table = output.split("Job stats:")[1].split("total")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}


@pytest.mark.parametrize(
    ("overlays", "changes"),
    [
        ((), {}),
        ((TINY,), SIX_SYSTEMS),
        (("config/bible.yaml",), TWO_TESTS),
        (("config/bible.yaml", "config/bible_cpu.yaml"), {}),
    ],
)
def test_every_configuration_plans_its_jobs(
    snakemake: Snakemake, tmp_path: Path, overlays: tuple[str, ...], changes: dict[str, int]
) -> None:
    done = snakemake(tmp_path, "--dry-run", "--quiet", "rules", overlays=overlays)
    assert done.returncode == 0, done.stdout
    assert planned_jobs(done.stdout) == JOBS | changes


CORPORA = {"prepare_corpora", "learn_vocabulary", "binarise_corpora"}
TRAIN = CORPORA | {"train_system", "record_activations", "select_neurons"}


@pytest.mark.parametrize(
    ("target", "jobs"),
    [
        ("corpora", CORPORA),
        ("train", TRAIN),
        ("masks", TRAIN),
        ("translate", TRAIN | {"translate_split"}),
        ("scores", TRAIN | {"translate_split", "score_system"}),
        ("tables", TRAIN | {"translate_split", "score_system", "make_table"}),
    ],
)
def test_every_stage_is_a_target(
    snakemake: Snakemake, tmp_path: Path, target: str, jobs: set[str]
) -> None:
    done = snakemake(tmp_path, target, "--dry-run", "--quiet", "rules")
    assert set(planned_jobs(done.stdout)) == jobs | {target}


def test_configurations_on_disk_all_have_a_test(project: Path) -> None:
    shipped = {path.name for path in (project / "config").glob("*.yaml")}
    assert shipped == {"config.yaml", "bible.yaml", "bible_cpu.yaml"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vocabulery": {"size": 100}}, "vocabulery"),
        ({"vocabulary": {"sise": 100}}, "sise"),
        ({"architectures": {"tiny": {"layer": 2}}}, "layer"),
        ({"architectures": {"tiny": {"continuation": {"heads": 2}}}}, "heads"),
        ({"architectures": {"tiny": {"layers": 0}}}, "0 is less than the minimum"),
        ({"decoding": {"beam": "five"}}, "'five' is not of type 'integer'"),
        ({"metrics": ["meteor"]}, "meteor"),
        ({"test_splits": ["flores"]}, "split flores"),
        ({"recording": {"split": "ntrex"}}, "split ntrex"),
        ({"pivot": "fr"}, "the pivot fr has no row"),
        ({"systems": "config/nowhere.tsv"}, r"nowhere\.tsv: no such file"),
    ],
)
def test_bad_settings_are_refused_before_anything_runs(
    snakemake: Snakemake,
    overlay: Callable[[dict], str],
    tmp_path: Path,
    settings: dict,
    message: str,
) -> None:
    done = snakemake(tmp_path, "--dry-run", overlays=(TINY, overlay(settings)))
    assert done.returncode != 0
    assert re.search(message, done.stdout), done.stdout
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x\tX\tmultilingual\ttiny\t\ten-zz\t\t\t1", "no row for 'zz'"),
        ("x\tX\tmultilingual\ttiny\t\ta1-b1\t\t\t1", "one side must be the pivot"),
        ("x\tX\tmultilingual\thuge\t\tall\t\t\t1", "architecture 'huge'"),
        ("x\tX\tmagic\ttiny\t\tall\t\t\t1", "line 5, column method: 'magic'"),
        ("x\tX\tneuron_specialization\t\tbaseline\tall\t101\t\t1", "line 5, column k: 101"),
        ("x\tX\tneuron_specialization\t\tbaseline\tall\t-1\t\t1", "line 5, column k: -1"),
        ("x\tX\tneuron_specialization\t\tbaseline\tall\tmost\t\t1", "column k: 'most'"),
        (
            "x\tX\tneuron_specialization\t\tbaseline\tall\t\t\t1",
            "either k or kept",
        ),
        ("x\tX\tmultilingual\t\tnobody\tall\t\t\t1", "unknown parent nobody"),
        ("x\tX\tmultilingual\t\tcontinued\tall\t\t\t1", "itself a continuation"),
        ("baseline\tX\tmultilingual\ttiny\t\tall\t\t\t1", "baseline has two rows"),
    ],
)
def test_bad_rows_of_systems_are_refused(
    snakemake: Snakemake,
    overlay: Callable[[dict], str],
    project: Path,
    tmp_path: Path,
    row: str,
    message: str,
) -> None:
    systems = tmp_path / "systems.tsv"
    shipped = (project / "config/systems.tsv").read_text(encoding="utf-8")
    systems.write_text(f"{shipped}{row}\n", encoding="utf-8")
    done = snakemake(tmp_path, "--dry-run", overlays=(TINY, overlay({"systems": str(systems)})))
    assert done.returncode != 0
    assert message in done.stdout, done.stdout
    assert "systems.tsv" in done.stdout


def test_the_overlay_in_the_documentation_works(
    snakemake: Snakemake, overlay: Callable[[dict], str], project: Path, tmp_path: Path
) -> None:
    text = (project / "docs/extending.md").read_text(encoding="utf-8")
    settings = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1])
    settings["languages"] = str(project / "tests/workflow/tiny/languages.tsv")
    done = snakemake(tmp_path, "--dry-run", "--quiet", "rules", overlays=(overlay(settings),))
    assert done.returncode == 0, done.stdout
    assert planned_jobs(done.stdout) == JOBS


def test_lint_and_format(project: Path, tmp_path: Path, snakemake: Snakemake) -> None:
    done = snakemake(tmp_path, "--lint", overlays=())
    assert done.returncode == 0, done.stdout
    snakefmt = [sys.executable, "-m", "snakefmt", "--check", "Snakefile", "rules"]
    done = subprocess.run(snakefmt, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_profiles_name_real_rules(project: Path) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (project / "rules").glob("*.smk"))
    rules = Counter(re.findall(r"^rule (\w+):", text, re.MULTILINE))
    for profile in (project / "profiles").glob("*/profile.yaml"):
        settings = yaml.safe_load(profile.read_text(encoding="utf-8"))
        for key in ("set-resources", "set-threads"):
            assert set(settings.get(key, {})) <= set(rules)
