"""Corpora from Debian packages in a folder: fetched, read, split and binarised by the workflow."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.corpora.debs import ENGLISH, help_deb, strings_deb, translated
from tests.workflow.conftest import Snakemake, write_overlay

pytestmark = pytest.mark.slow

SOURCES = "corpus\tfile\turl\tsha256\tbytes\tunpack\tleave_out\tlicence\tabout\n" + "".join(
    f"words\t{name}.deb\tdeb:{name}\tunknown\t\t\t\tMPL-2.0\ttext\n"
    for name in (
        *("libreoffice-l10n-de", "libreoffice-l10n-fr"),
        *("libreoffice-help-en-us", "libreoffice-help-de"),
    )
)
LANGUAGES = """\
code\tname\tfamily\tscript
en\tEnglish\tGermanic\tLatin
de\tGerman\tGermanic\tLatin
fr\tFrench\tRomance\tLatin
"""
SYSTEMS = """\
system\tlabel\tmethod\tarchitecture\tparent\tdirections\toptions
baseline\tBaseline\tmultilingual\ttiny\t\tall\t
"""
TEXTS = [
    *ENGLISH,
    *(
        f"{verb} the {noun}"
        for verb in ("Open", "Close", "Print")
        for noun in ("file", "page", "table", "chart")
    ),
]
HELP = ["Fonts are installed by the system administrator.", "Columns can be dragged aside."]


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Return a configuration of packages in a mirror folder."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    for lang in ("de", "fr"):
        strings_deb(mirror, lang, {text: translated(text, lang) for text in TEXTS})
    help_deb(mirror, "en-US", *HELP)
    help_deb(mirror, "de", *(translated(text, "de") for text in HELP))
    for name, text in (("sources", SOURCES), ("languages", LANGUAGES), ("systems", SYSTEMS)):
        (tmp_path / f"{name}.tsv").write_text(text)
    packages = {"format": "packages", "source": "words", "kinds": ["strings"]}
    splits = [
        {"name": "train", **packages},
        {"name": "valid", **packages, "sentences": 2},
        {"name": "test", **packages, "sentences": 4},
        {
            "name": "help",
            **packages,
            "kinds": ["help"],
            "sentences": 2,
            "exceptions": {"fr": {"format": "none"}},
        },
    ]
    settings = {
        "languages": str(tmp_path / "languages.tsv"),
        "systems": str(tmp_path / "systems.tsv"),
        "downloads": {
            "folder": str(tmp_path / "downloads"),
            "sources": str(tmp_path / "sources.tsv"),
            "mirror": str(mirror),
        },
        "corpora": {"splits": splits, "cleaning": {"max_ratio": 9}},
        "vocabulary": {"size": 60},
        "test_splits": ["test", "help"],
    }
    return write_overlay(tmp_path / "own.yaml", settings)


def test_packages_become_corpora(config: str, snakemake: Snakemake, tmp_path: Path) -> None:
    overlays = ("tests/workflow/tiny/config.yaml", config)
    done = snakemake(tmp_path, "corpora", overlays=overlays)
    assert done.returncode == 0, done.stdout[-5000:]
    folder = tmp_path / "results/tiny"
    report = pd.read_csv(folder / "corpora/report.tsv", sep="\t").set_index(["split", "pair"])
    kept = report["kept"].to_dict()
    assert kept["train", "en-de"] == len(TEXTS) - 6
    assert [kept[split, "en-fr"] for split in ("valid", "test", "help")] == [2, 4, 0]
    assert kept["help", "en-de"] == 2
    rows = pd.read_csv(folder / "packages/report.tsv", sep="\t")
    assert rows.groupby("kind")["language"].apply(list).to_dict() == {
        "help": ["de", "en"],
        "strings": ["de", "fr"],
    }
    fetched = (tmp_path / "downloads/words/fetched.tsv").read_text()
    assert "deb:libreoffice-l10n-de=4:7.4.7-1+deb12u14" in fetched
    assert (folder / "binarised/train/joint/test.en-fr.fr.bin").is_file()
    done = snakemake(tmp_path, "corpora", "--dry-run", "--quiet", "rules", overlays=overlays)
    assert "Nothing to be done" in done.stdout


def test_splits_of_two_sources_are_refused(
    config: str, snakemake: Snakemake, tmp_path: Path
) -> None:
    settings = yaml.safe_load(Path(config).read_text())
    settings["corpora"]["splits"][-1]["source"] = "others"
    with (tmp_path / "sources.tsv").open("a") as sources:
        sources.write(SOURCES.splitlines()[-1].replace("words", "others") + "\n")
    overlays = ("tests/workflow/tiny/config.yaml", write_overlay(tmp_path / "two.yaml", settings))
    refused = snakemake(tmp_path, "corpora", "--dry-run", overlays=overlays)
    assert refused.returncode != 0
    assert "one source, as all are read at once: " in refused.stdout
    assert "words of train, words of valid, words of test, others of help" in refused.stdout
