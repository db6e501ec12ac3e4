"""Pin requirements.in in requirements.lock, and requirements.lock in conda environments.

    python envs/pin.py             write envs/*.yaml from requirements.lock
    python envs/pin.py --resolve   write requirements.lock from requirements.in, resolved in a fresh
                                   environment; existing pins are kept (remove the lock to renew
                                   them all)

The conda environments (for `snakemake --sdm conda`) have the pins of requirements.lock, each only
the packages that its rules need. Run the first form in the project's environment.
"""

import re
import subprocess
import sys
import tempfile
import venv
from importlib.metadata import requires
from pathlib import Path

ENVS = Path(__file__).parent
PROJECT = ENVS.parent
LOCK = PROJECT / "requirements.lock"
PYTHON_VERSION = "3.12"
BUILT_LAST = "fairseq-fixed"  # needs torch installed; a post-deploy script installs it
ALONE = "snakemake-executor-plugin-slurm"  # its requirements conflict with the rest
BUILD_TOOLS = ["setuptools", "wheel", "cython"]
TOPICS = {
    "download": ["gdown", "backports.zstd", "jsonschema", "pyyaml"],
    "data": [
        *("numpy", "sentencepiece", "jsonschema", "pyyaml", "jinja2"),
        *("mosestokenizer", "langcodes", "cyrtranslit", "backports.zstd"),
        "polib",
    ],
    "training": [
        *("torch", BUILT_LAST, "sentencepiece", "tensorboard", "pandas", "filelock"),
        "safetensors",
        *("backports.zstd", "sacremoses", "langcodes", "jsonschema", "jinja2", "pyyaml"),
        *("pyarrow", *BUILD_TOOLS),
    ],
    "evaluation": [
        *("pandas", "pyarrow", "scipy", "sacrebleu", "sentencepiece", "sacremoses"),
        *("scikit-learn", "langcodes", "jsonschema", "pyyaml", "jinja2"),
    ],
    "figures": [
        *("matplotlib", "scipy", "pandas", "pyarrow", "sacrebleu", "sacremoses"),
        *("langcodes", "jsonschema", "pyyaml", "jinja2", "filelock"),
    ],
    "comet": [
        *("unbabel-comet", "pandas", "pyarrow", "sacremoses", "langcodes"),
        *("jsonschema", "pyyaml"),
    ],
}
FROM_CONDA = {"data": ["perl"]}  # mosestokenizer's scripts are in Perl


def main() -> None:
    """Entry point."""
    if "--resolve" in sys.argv[1:]:
        resolve()
        print("Rebuild the environment, then run `python envs/pin.py` in it.")
        return
    for name, text in environment_files(read_lock()).items():
        (ENVS / name).write_text(text, encoding="utf-8")


def canonical(name: str) -> str:
    """Return a package name in the form that pip compares."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock() -> dict[str, str]:
    """Return the pins of requirements.lock: version by package."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if "==" in line]
    return {canonical(name): version for name, version in pins}


def environment_files(pins: dict[str, str]) -> dict[str, str]:
    """Return the text of each file in envs/ by its name."""
    files = {
        f"{topic}.yaml": conda_environment(closure(direct, pins), pins, FROM_CONDA.get(topic, []))
        for topic, direct in TOPICS.items()
    }
    files["training.post-deploy.sh"] = (
        "#!/usr/bin/env bash\n"
        "# built against the torch of this environment\n"
        f"pip install --no-deps --no-build-isolation {BUILT_LAST}=={pins[BUILT_LAST]}\n"
    )
    return files


def closure(direct: list[str], pins: dict[str, str]) -> list[str]:
    """Return the given packages and all their requirements that are pinned."""
    found: set[str] = set()
    waiting = list(direct)
    while waiting:
        name = canonical(waiting.pop())
        if name in pins and name not in found:
            found.add(name)
            needs = [need for need in requires(name) or [] if "extra ==" not in need]
            waiting += [re.split(r"[^\w.-]", need, maxsplit=1)[0] for need in needs]
    return sorted(found)


def conda_environment(packages: list[str], pins: dict[str, str], from_conda: list[str]) -> str:
    """Return a conda environment file with pinned PyPI packages and some conda packages."""
    lines = [f"      - {name}=={pins[name]}" for name in packages if name != BUILT_LAST]
    return "\n".join(
        [
            "# written by envs/pin.py from requirements.lock",
            "channels:",
            "  - conda-forge",
            "dependencies:",
            f"  - python={PYTHON_VERSION}",
            *(f"  - {name}" for name in from_conda),
            "  - pip",
            "  - pip:",
            *lines,
            "",
        ]
    )


def resolve() -> None:
    """Install requirements.in in a fresh environment and write the result as the lock."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip = [f"{folder}/bin/pip", "--disable-pip-version-check", "--quiet"]
        direct = (PROJECT / "requirements.in").read_text(encoding="utf-8").splitlines()
        late = {name: find_line(direct, name) for name in (BUILT_LAST, ALONE)}
        early = Path(folder, "early.txt")
        early.write_text("\n".join(line for line in direct if line not in late.values()))
        pinned = ["-c", str(LOCK)] if LOCK.is_file() else []
        subprocess.run([*pip, "install", "-r", early, *pinned], check=True)
        subprocess.run([*pip, "install", "--no-build-isolation", late[BUILT_LAST]], check=True)
        subprocess.run([*pip, "install", "--no-deps", late[ALONE]], check=True)
        frozen = subprocess.run(
            [*pip, "freeze", "--all"], check=True, capture_output=True, text=True
        )
    # the build of torch is chosen at installation and determines the CUDA libraries
    pins = [
        re.sub(r"\+.*", "", line)
        for line in frozen.stdout.splitlines()
        if not re.match(r"(pip|nvidia-.*|cuda-.*|triton)==", line)
    ]
    header = "# written by `make lock` from requirements.in\n"
    LOCK.write_text(header + "\n".join(pins) + "\n", encoding="utf-8")


def find_line(lines: list[str], name: str) -> str:
    """Return the line of requirements.in that pins a package."""
    return next(line for line in lines if line.startswith(f"{name}=="))


if __name__ == "__main__":
    main()
