"""Profiles name existing rules, because Snakemake silently ignores unknown ones."""

import re
from pathlib import Path

import pytest
import yaml

CLUSTER = ("profiles/slurm/profile.yaml", "tests/cluster/my_cluster/profile.yaml")
OTHERS = ("use_binarised", "use_vocabulary", "import_checkpoint", "score_comet", "train_bilingual")
OTHERS += (
    "fine_tune_directions",
    "measure_language_identifier",
    "score_off_target",
)  # rules that the tests' systems do not need


def rules_of(project: Path) -> tuple[set[str], set[str]]:
    """Return the rules that run as cluster jobs, and the local rules."""
    files = [project / "Snakefile", *(project / "rules").glob("*.smk")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    rules = re.findall(r"(?ms)^(?:rule|use rule \w+ as) (\w+)(.*?)(?=^\S|\Z)", text)
    local = {name for name, body in rules if "localrule: True" in body}
    return {name for name, _ in rules} - local, local


@pytest.mark.parametrize("name", CLUSTER)
def test_exactly_the_cluster_jobs_have_resources(project: Path, name: str) -> None:
    jobs, local = rules_of(project)
    profile = yaml.safe_load((project / name).read_text(encoding="utf-8"))
    assert set(profile.get("set-threads", {})) <= jobs
    missing = set(OTHERS) if name.startswith("tests") else set()
    assert set(profile["set-resources"]) == jobs - missing
    assert {"download", "fetch_corpus", "fetch_comet", "all"} <= local


def test_memory_and_time_grow_until_the_third_attempt_and_training_gets_a_signal(
    project: Path,
) -> None:
    profile = yaml.safe_load((project / CLUSTER[0]).read_text(encoding="utf-8"))
    for rule, resources in profile["set-resources"].items():
        memory = [eval(resources["mem_mb"], {"attempt": n}) for n in (1, 2, 3, 4)]
        assert memory[0] < memory[1] < memory[2] == memory[3], rule
        if resources["runtime"] == 1440:  # training resumes from its checkpoint
            assert resources["slurm_extra"] == "'--signal=TERM@120'", rule
        else:
            assert resources["runtime"].endswith("min(attempt, 3)"), rule


def test_only_profiles_set_retries(project: Path) -> None:
    """In a rule, the Snakemake process inside the job would also apply them."""
    for path in (project / "rules").glob("*.smk"):
        assert not re.search(r"^\s*retries:", path.read_text(encoding="utf-8"), re.MULTILINE), path
