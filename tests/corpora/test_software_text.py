"""Corpora of the text in packages, from tiny packages and from real ones."""

import csv
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from neuron_specialization.corpora.near_duplicates import LIKE_TRAIN, GramIndex
from neuron_specialization.corpora.software_cleaning import RULES
from neuron_specialization.corpora.software_packages import (
    GNOME,
    HELP,
    KINDS,
    STRINGS,
    package_names,
)
from neuron_specialization.corpora.software_report import TRAINING
from neuron_specialization.corpora.software_splits import HeldOutSplit
from neuron_specialization.corpora.software_text import SoftwareText, read_packages
from neuron_specialization.errors import InputError
from tests.corpora.debs import (
    ENGLISH,
    VERSION,
    deb,
    gnome_deb,
    help_deb,
    mo,
    strings_deb,
    translated,
)

FACTS = Path(
    os.environ.get("NEURON_SPECIALIZATION_FACTS", Path(__file__).parents[2] / "../shared/facts")
).resolve()
DEBS = os.environ.get("NEURON_SPECIALIZATION_DEBS", "")
REAL = ["af", "am", "ar", "bg", "bn", "cs", "da", "de", "es", "fr", "gu", "he", "hi", "it", "kn"]
REAL += ["mr", "nl", "oc", "pl", "pt", "ro", "ru", "sr", "sv", "uk"]
NEAR = "The document could not be saved to this folder now."
"""Like the first sentence of ENGLISH."""
MORE = ["Insert a row", "Delete all rows", "Undo", "Insert a row"]
ELSEWHERE = ["Fonts are installed by the system administrator.", "Columns can be dragged aside."]
"""Sentences of the help alone."""
CODES = {"de": "de", "fr": "fr", "hi": "hi"}


def held_out(*languages: str, kind: str = STRINGS, **sentences: int) -> dict[str, HeldOutSplit]:
    return {
        split: HeldOutSplit(kind=kind, sentences=number, languages=languages)
        for split, number in sentences.items()
    }


SPLITS = held_out(*CODES, test=4, valid=2)
WITH_HELP = SPLITS | held_out("de", "fr", kind=HELP, help=2)
SETTINGS = SoftwareText(codes=CODES, train=(STRINGS,), held_out=SPLITS)


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Return a folder of packages: strings in three languages, help in two of them."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for lang in SETTINGS.codes:
        # Hindi must be in its script
        strings = [*ENGLISH, NEAR, *MORE]
        strings_deb(folder, lang, {text: in_language(text, lang) for text in strings})
    texts = [*ELSEWHERE, ENGLISH[0], NEAR]
    help_deb(folder, "en-US", *texts)
    for lang in ("de", "fr"):
        help_deb(folder, lang, *(in_language(text, lang) for text in texts))
    english, german = "<title>Copy the files</title>", "<title>Dateien kopieren</title>"
    gnome_deb(folder, {"C": english, "de": german})
    return folder


def in_language(text: str, lang: str) -> str:
    if lang != "hi":
        return translated(text, lang)
    return " ".join("".join(chr(0x905 + ord(c) % 48) for c in word) for word in text.split())


def read(folder: Path, split: str, lang: str) -> list[tuple[str, str]]:
    sides = [(folder / f"{split}.en-{lang}.{side}").read_text("utf-8") for side in ("en", lang)]
    return list(zip(*(text.splitlines() for text in sides), strict=True))


def report(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    with (folder / "report.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {(row["kind"], row["language"]): row for row in rows}


def check_unlike(held_out: set[str], trained: set[str]) -> None:
    assert not held_out & trained
    index = GramIndex(sorted(held_out))
    assert max(index.compare(string).jaccard_H.max() for string in trained) <= LIKE_TRAIN


def total(row: dict[str, str], columns: Iterable[str]) -> int:
    return sum(int(row[column]) for column in columns)


def test_held_out_english_is_the_same_in_all_languages(packages: Path, tmp_path: Path) -> None:
    read_packages(SETTINGS, packages, tmp_path / "out")
    english = {}
    for split, size in (("test", 4), ("valid", 2)):
        sides = [
            [source for source, _ in read(tmp_path / "out", split, lang)]
            for lang in ["de", "fr", "hi"]
        ]
        assert sides[0] == sides[1] == sides[2]
        assert len({*sides[0]}) == size
        english[split] = {*sides[0]}
    assert not english["test"] & english["valid"]
    for lang in SETTINGS.codes:
        pairs = read(tmp_path / "out", "train", lang)
        check_unlike(english["test"] | english["valid"], {source for source, _ in pairs})
        assert all(target == in_language(source, lang) for source, target in pairs)


def test_near_copies_leave_training_in_every_kind(packages: Path, tmp_path: Path) -> None:
    settings = replace(SETTINGS, train=(STRINGS, HELP), held_out=held_out(*CODES, test=6, valid=6))
    read_packages(settings, packages, tmp_path / "out")
    for lang in ("de", "fr"):
        english = [source for source, _ in read(tmp_path / "out", "train", lang)]
        assert english == ["Delete all rows", "Insert a row", *ELSEWHERE]
    rows = report(tmp_path / "out")
    assert rows[HELP, "de"]["near_held_out"] == "1"
    assert rows[HELP, "de"]["held_out"] == "1"
    assert rows[STRINGS, "de"]["few_words"] == "1"


def test_a_held_out_translation_leaves_training_under_other_english(
    packages: Path, tmp_path: Path
) -> None:
    strings = {text: in_language(text, "de") for text in ENGLISH}
    other = strings[ENGLISH[0]].upper().replace(" ", "-")
    strings |= {"Something else entirely": other, "Insert a row": "Zeile einfügen"}
    strings_deb(packages, "de", strings)
    read_packages(
        replace(SETTINGS, held_out=held_out(*CODES, test=6, valid=6)), packages, tmp_path / "out"
    )
    assert read(tmp_path / "out", "train", "de") == [("Insert a row", "Zeile einfügen")]
    assert report(tmp_path / "out")[STRINGS, "de"]["same_translation"] == "1"


def test_a_test_of_another_domain_is_in_the_languages_that_have_it(
    packages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = replace(SETTINGS, train=(STRINGS, HELP), held_out=WITH_HELP)
    read_packages(settings, packages, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").glob("help.*")}
    assert names == {f"help.en-{lang}.{side}" for lang in ("de", "fr") for side in ("en", lang)}
    for lang in ("de", "fr"):
        held_out = {source for source, _ in read(tmp_path / "out", "help", lang)}
        assert len(held_out) == 2
        for split in ("train", "test", "valid"):
            assert not held_out & {source for source, _ in read(tmp_path / "out", split, lang)}
    assert "no text of the kind help in hi" in capsys.readouterr().err


def test_the_report_counts_everything(packages: Path, tmp_path: Path) -> None:
    settings = replace(SETTINGS, train=KINDS)
    read_packages(settings, packages, tmp_path / "out")
    rows = report(tmp_path / "out")
    assert list(rows) == [
        *((STRINGS, lang) for lang in ("de", "fr", "hi")),
        *((HELP, lang) for lang in ("de", "en", "fr")),
        *((GNOME, lang) for lang in ("de", "en")),
    ]
    for (_, lang), row in rows.items():
        assert (row["licence"], len(row["sha256"])) == ("MPL-2.0", 64)
        if lang != "en":
            assert int(row["raw"]) == total(row, (*RULES, "kept"))
            assert int(row["kept"]) == total(row, TRAINING)
    assert rows[GNOME, "de"]["version"] == "43.0-2"
    assert rows[STRINGS, "de"]["code"] == ""
    trained = sum(int(row["train"]) for (_, lang), row in rows.items() if lang == "de")
    assert trained == len(read(tmp_path / "out", "train", "de"))


def test_text_that_is_not_the_known_text_is_a_warning(
    packages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read_packages(SETTINGS, packages, tmp_path / "out")
    table = tmp_path / "contents.tsv"
    known = [row for (_, lang), row in report(tmp_path / "out").items() if lang != "hi"]
    lines = ["\t".join((r["kind"], r["language"], r["version"], r["sha256"])) for r in known]
    table.write_text("\n".join(["kind\tlanguage\tversion\tsha256", *lines]) + "\n")
    strings_deb(packages, "fr", {text: in_language(text, "fr") for text in [*ENGLISH, "Once more"]})
    capsys.readouterr()
    read_packages(replace(SETTINGS, contents=table), packages, tmp_path / "out")
    first, second = capsys.readouterr().err.strip().split("\n")
    assert f"libreoffice-l10n-fr {VERSION}: the strings in fr differ from version" in first
    assert f"libreoffice-l10n-hi: strings in hi are not in {table}" in second


def test_processes_do_not_change_anything(packages: Path, tmp_path: Path) -> None:
    settings = replace(SETTINGS, train=KINDS, held_out=WITH_HELP)
    for processes in (1, 2):
        read_packages(settings, packages, tmp_path / str(processes), processes)
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "12"
    )
    assert first == second


def test_a_common_translation_is_the_reference(packages: Path, tmp_path: Path) -> None:
    path = "usr/lib/libreoffice/program/resource/de/LC_MESSAGES/"
    usual, rare = ({text: f"{word} {translated(text, 'de')}" for text in ENGLISH} for word in "ab")
    files = {f"{path}a.mo": mo(rare), f"{path}b.mo": mo(usual), f"{path}c.mo": mo(usual)}
    deb(packages, "libreoffice-l10n-de", files)
    read_packages(SETTINGS, packages, tmp_path / "out")
    assert all(target.startswith("a ") for _, target in read(tmp_path / "out", "test", "de"))


def test_a_missing_package_of_strings_is_an_error(packages: Path, tmp_path: Path) -> None:
    (path,) = packages.glob("libreoffice-l10n-fr_*")
    path.unlink()
    with pytest.raises(InputError, match="no file libreoffice-l10n-fr_"):
        read_packages(SETTINGS, packages, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_faults_of_packages_are_named(packages: Path, tmp_path: Path) -> None:
    path = "usr/lib/libreoffice/program/resource/de/LC_MESSAGES/sw.qm"
    deb(packages, "libreoffice-l10n-de", {path: b"?"})
    with pytest.raises(InputError, match=r"libreoffice-l10n-de_.*sw.qm: not a gettext catalogue"):
        read_packages(SETTINGS, packages, tmp_path / "out")
    deb(packages, "libreoffice-l10n-de", {path.replace("/de/", "/nds/"): b"?"})
    with pytest.raises(InputError, match=r"no catalogues of 'de' .* it has nds"):
        read_packages(SETTINGS, packages, tmp_path / "out")
    (english,) = packages.glob("libreoffice-help-en-us_*")
    english.unlink()
    with pytest.raises(InputError, match="no file libreoffice-help-en-us_"):
        read_packages(replace(SETTINGS, train=(HELP,)), packages, tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": ("menus",)}, "kinds of text menus: choose one or more of strings, help, gnome"),
        ({"train": ()}, "kinds of text .none.: choose one or more"),
        (
            {"held_out": held_out(*CODES, test=12, valid=2)},
            "split 'valid', kind of text 'strings': 2 sentences",
        ),
        (
            {"held_out": held_out("de", kind=HELP, help=9)},
            "split 'help', kind of text 'help': 9 sentences",
        ),
        (
            {"held_out": held_out(*CODES, kind=HELP, help=1)},
            "split 'help', kind of text 'help': no such text in hi; give these languages `.format",
        ),
        ({"train": (GNOME,)}, "language 'fr': no training pair is left of the kinds gnome"),
    ],
)
def test_settings_that_cannot_be_met(
    packages: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_packages(replace(SETTINGS, **changes), packages, tmp_path / "out")


def test_the_names_of_packages() -> None:
    assert package_names(KINDS, ["de", "pt_BR"]) == [
        *("libreoffice-l10n-de", "libreoffice-l10n-pt-br"),
        *("libreoffice-help-en-us", "libreoffice-help-de", "libreoffice-help-pt-br"),
        "gnome-user-docs",
    ]


@pytest.fixture
def debs() -> Path:
    """Return a folder of real packages; skip the test if there is none."""
    if not DEBS:
        pytest.skip("set NEURON_SPECIALIZATION_DEBS to a folder of real packages")
    return Path(DEBS)


@pytest.fixture
def facts() -> dict[tuple[str, str], dict[str, str]]:
    """Return what was measured on real packages, by kind and language; skip the test without."""
    path = FACTS / "debian_corpus.tsv"
    if not path.is_file():
        pytest.skip(f"{path} is absent; set NEURON_SPECIALIZATION_FACTS to compare with it")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    starts = {"libreoffice-l10n": STRINGS, "libreoffice-help": HELP, "gnome-user": GNOME}
    return {
        (kind, row["language"]): row
        for row in rows
        for start, kind in starts.items()
        if row["package"].startswith(start)
    }


@pytest.mark.slow
def test_real_packages_have_the_measured_text(
    debs: Path, facts: dict[tuple[str, str], dict[str, str]], tmp_path: Path
) -> None:
    with_help = [lang for lang in REAL if facts.get((HELP, lang))]
    splits = held_out(*REAL, test=500, valid=200) | held_out(*with_help, kind=HELP, help=500)
    codes = dict(zip(REAL, REAL, strict=True))
    settings = SoftwareText(codes=codes, train=KINDS, held_out=splits)
    read_packages(settings, debs, tmp_path)
    rows = report(tmp_path)
    for key, row in rows.items():
        if key[1] == "en" or row["version"] != facts[key]["version"]:
            continue  # another release has other text
        assert row["raw"] == facts[key]["strings"], key
        assert abs(int(row["kept"]) - int(facts[key]["kept_ge1"])) <= 20, key
    tested = {source for split in ("test", "valid") for source, _ in read(tmp_path, split, REAL[0])}
    tested |= {source for source, _ in read(tmp_path, "help", "de")}
    assert len(tested) == 1200
    trained = {source for lang in REAL for source, _ in read(tmp_path, "train", lang)}
    check_unlike(tested, trained)
