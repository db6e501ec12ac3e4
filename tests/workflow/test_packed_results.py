"""Pack results, and merge compatible ones."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from neuron_specialization.cli.main import main
from neuron_specialization.errors import InputError
from neuron_specialization.settings.digests import settings_digests
from neuron_specialization.settings.languages import Language
from neuron_specialization.settings.systems import System
from neuron_specialization.workflow.packed_results import merge, pack

DIGESTS = {"shared": "aaaa", "systems": {"baseline": "1111", "ours": "2222"}}
OF_SEED = (
    "scores/test/{system}/seed{seed}.parquet",
    "scores/test/{system}/seed{seed}.csv",
    "nll/test/{system}/seed{seed}.parquet",
    "nll/test/{system}/seed{seed}.csv",
    "off_target/test/{system}/seed{seed}.csv",
    "off_target/test/{system}/seed{seed}.languages.csv",
    "significance/test/{system}/seed{seed}.csv",
    "activations/{system}/seed{seed}.npz",
    "activations/{system}/seed{seed}.untrained.npz",
    "masks/{system}/seed{seed}.npz",
    "neurons/{system}/seed{seed}/cross_masks.csv",
    "models/{system}/seed{seed}/checkpoint.curve.csv",
)
REPORT = "corpora/report.tsv"
OTHERS = ("tables/test/levels.bleu.md", "figures/trainings.png")
LEFT = ("corpora/train.en-de.en", "models/ours/seed1/checkpoint.pt", "outputs/test/ours/a.txt")


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def of_seed(seed: int, system: str = "ours") -> set[str]:
    """Return the files of a run."""
    return {name.format(system=system, seed=seed) for name in OF_SEED}


def make_run(folder: Path, *seeds: int, system: str = "ours", **digests: object) -> Path:
    write(folder, "settings.json", json.dumps(DIGESTS | digests))
    write(folder, REPORT, "sizes")
    for name in (*OTHERS, *LEFT):
        write(folder, name, f"{folder}")
    for seed in seeds:
        for name in of_seed(seed, system):
            write(folder, name, name)
    return folder


def packed(results: Path) -> Path:
    archive = results.with_suffix(".zip")
    pack(results, archive)
    return archive


def test_packs_have_no_text_and_models(tmp_path: Path) -> None:
    archive = packed(make_run(tmp_path / "a", 1))
    with zipfile.ZipFile(archive) as file:
        assert set(file.namelist()) == of_seed(1) | {"settings.json", REPORT, *OTHERS}


def test_systems_of_a_sweep_are_merged(tmp_path: Path) -> None:
    digests = {"systems": {"ours_k99.5": "1"}}
    ours, theirs = (
        make_run(tmp_path / name, seed, system="ours_k99.5", **digests)
        for name, seed in (("a", 1), ("b", 2))
    )
    assert set(merge(packed(theirs), ours)) == of_seed(2, "ours_k99.5")


def test_small_packs_have_no_sentence_scores_and_pictures(tmp_path: Path) -> None:
    archive = tmp_path / "small.zip"
    pack(make_run(tmp_path / "a", 1), archive, small=True)
    kept = {name for name in of_seed(1) if not name.endswith("parquet")}
    with zipfile.ZipFile(archive) as file:
        assert set(file.namelist()) == kept | {"settings.json", REPORT, OTHERS[0]}


def test_merging_adds_only_runs_of_other_seeds(tmp_path: Path) -> None:
    ours, theirs = make_run(tmp_path / "a", 1), make_run(tmp_path / "b", 1, 2)
    added = merge(packed(theirs), ours)
    assert set(added) == of_seed(2)
    for name in added:
        assert (ours / name).read_text(encoding="utf-8") == name
    assert (ours / OTHERS[0]).read_text(encoding="utf-8") == str(ours)
    assert merge(packed(theirs), ours) == []


def test_missing_sizes_of_corpora_are_added_and_existing_ones_must_agree(tmp_path: Path) -> None:
    ours, theirs = make_run(tmp_path / "a", 1), make_run(tmp_path / "b", 1)
    (ours / REPORT).unlink()
    assert merge(packed(theirs), ours) == [REPORT]
    write(ours, REPORT, "other sizes")
    with pytest.raises(InputError, match=r"report\.tsv: \S+b\.zip has another version"):
        merge(packed(theirs), ours)


def test_the_accuracy_of_the_language_identifier_is_added(tmp_path: Path) -> None:
    """It is measured on text, which the results may lack; footers of tables quote it."""
    accuracy = "tables/test/language_identifier.csv"
    ours, theirs = make_run(tmp_path / "a", 1), make_run(tmp_path / "b", 1)
    write(theirs, accuracy, "language,errors")
    assert merge(packed(theirs), ours) == [accuracy]


def test_runs_of_unknown_systems_are_not_added(tmp_path: Path) -> None:
    ours = make_run(tmp_path / "a", 1)
    theirs = make_run(tmp_path / "b", 1, system="other", systems={"other": "3333"})
    assert merge(packed(theirs), ours) == []


def test_a_system_without_settings_in_the_archive_is_refused(tmp_path: Path) -> None:
    ours = make_run(tmp_path / "a", 1)
    theirs = make_run(tmp_path / "b", 2, systems={"baseline": "1111", "ours": "2222"})
    archive = packed(theirs)
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as file, zipfile.ZipFile(archive) as source:
        for name in source.namelist():
            file.writestr(name, source.read(name))
        settings = {"shared": "aaaa", "systems": {"baseline": "1111"}}
        file.writestr("settings.json", json.dumps(settings))
    with pytest.raises(
        InputError, match=r"c\.zip: has \S+/ours/\S+, but its settings\.json does not"
    ):
        merge(tmp_path / "c.zip", ours)
    assert not list(ours.rglob("*seed2*"))


def test_files_of_removed_rows_are_not_packed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    results = make_run(tmp_path / "a", 1)
    write(results, "scores/test/removed/seed1.csv", "old")
    with zipfile.ZipFile(packed(results)) as file:
        assert not [name for name in file.namelist() if "removed" in name]
    assert "not packed: 1 files of systems without a row, removed" in caplog.text


def test_a_small_archive_with_huge_files_is_refused(tmp_path: Path) -> None:
    ours = make_run(tmp_path / "a", 1)
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("settings.json", json.dumps(DIGESTS))
        file.writestr("scores/test/ours/seed2.csv", bytes(70 << 20))
    with pytest.raises(InputError, match=r"b\.zip: the archive unpacks to more than"):
        merge(tmp_path / "b.zip", ours)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shared": "bbbb"}, r"b\.zip: has other corpora, vocabulary or decoding than \S+a \(bbbb"),
        ({"systems": {"ours": "9999"}}, r"system ours has other settings .*\(9999, not 2222\)"),
    ],
)
def test_other_settings_are_refused(tmp_path: Path, changes: dict, message: str) -> None:
    ours, theirs = make_run(tmp_path / "a", 1), make_run(tmp_path / "b", 2, **changes)
    with pytest.raises(InputError, match=message):
        merge(packed(theirs), ours)
    assert not list(ours.rglob("*seed2*"))


def test_a_different_run_of_the_same_seed_is_refused(tmp_path: Path) -> None:
    ours, theirs = make_run(tmp_path / "a", 1), make_run(tmp_path / "b", 1, 2)
    write(theirs, "scores/test/ours/seed1.csv", "other scores")
    with pytest.raises(
        InputError, match=r"scores/test/ours/seed1\.csv: \S+b\.zip has another version"
    ):
        merge(packed(theirs), ours)
    assert not list(ours.rglob("*seed2*"))


def test_other_folders_and_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"settings\.json: no such file; `snakemake"):
        pack(tmp_path, tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()
    (tmp_path / "x.zip").write_text("no zip file")
    ours = make_run(tmp_path / "a", 1)
    with pytest.raises(InputError, match=r"x\.zip: not a file of packed results"):
        merge(tmp_path / "x.zip", ours)
    write(tmp_path / "b", "y", "z")
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as file:
        file.write(tmp_path / "b/y", "../outside")
    with pytest.raises(InputError, match=r"y\.zip: not a file of packed results"):
        merge(tmp_path / "y.zip", ours)


def test_a_damaged_archive_adds_nothing(tmp_path: Path) -> None:
    ours, archive = make_run(tmp_path / "a", 1), packed(make_run(tmp_path / "b", 2))
    with zipfile.ZipFile(archive) as file:
        last = max(file.infolist(), key=lambda member: member.header_offset)
        damaged = max(
            (member for member in file.infolist() if "seed2" in member.filename),
            key=lambda member: member.header_offset,
        )
    assert last.filename != damaged.filename
    content = archive.read_bytes()
    start = damaged.header_offset + 30 + len(damaged.filename)
    for junk in (b"\xff" * 4, content[start : start + 3] + b"\x00"):
        spoiled = content[:start] + junk + content[start + 4 :]
        archive.write_bytes(spoiled)
        with pytest.raises(InputError, match=r"b\.zip: .*(damaged|not a file of packed results)"):
            merge(archive, ours)
        assert not list(ours.rglob("*seed2*"))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"shared": ""}', '{"shared": "", "systems": 1}'])
def test_invalid_settings_are_named(tmp_path: Path, text: str) -> None:
    ours, theirs = make_run(tmp_path / "a", 1), make_run(tmp_path / "b", 2)
    archive = packed(theirs)
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as file:
        file.writestr("settings.json", text)
    with pytest.raises(
        InputError, match=r"c\.zip, settings\.json: not the settings of a run .*pack"
    ):
        merge(tmp_path / "c.zip", ours)
    write(ours, "settings.json", text)
    with pytest.raises(
        InputError, match=r"a/settings\.json: not the settings of a run .*delete it"
    ):
        merge(archive, ours)


def test_a_write_that_fails_is_not_blamed_on_the_archive(tmp_path: Path) -> None:
    ours, archive = make_run(tmp_path / "a", 1), packed(make_run(tmp_path / "b", 2))
    shutil.rmtree(ours / "masks")
    write(ours, "masks", "no folder")
    with pytest.raises(NotADirectoryError, match=r"a/masks"):
        merge(archive, ours)


def test_merging_reports_that_nothing_is_to_be_added(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, archive = make_run(tmp_path / "a", 1), packed(make_run(tmp_path / "b", 1, 2))
    main(["merge", str(archive), str(ours)])
    assert set(capsys.readouterr().out.split()) == of_seed(2)
    main(["merge", str(archive), str(ours)])
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "b.zip: nothing to add" in printed.err


def test_digests_cover_a_system_and_its_parent() -> None:
    def digests(**changes: object) -> dict:
        config = {
            "architectures": {
                "big": {
                    "layers": changes.get("layers", 6),
                    "continuation": {"max_updates": changes.get("updates", 10)},
                    "fine_tuning": {},
                }
            },
            "corpora": {"folder": changes.get("folder", "x")},
            "decoding": {"beam": changes.get("beam", 5)},
            "device": changes.get("device", "cpu"),
            "diagnosis": {"max_change": changes.get("max_change", 1)},
        }
        languages = {"de": Language(code="de", name="German", family="G", script="Latin")}
        every: dict = {"directions": ("en-de",), "seeds": changes.get("seeds", (1,))}
        systems = {
            "baseline": System(
                system="baseline", label="B", method="multilingual", architecture="big", **every
            ),
            "ours": System(
                system="ours",
                label=str(changes.get("label", "O")),
                method="neuron_specialization",
                parent="baseline",
                k=float(str(changes.get("k", 95))),
                counting=str(changes.get("counting", "token")),
                sparsity_of=str(changes.get("sparsity_of", "")),
                **every,
            ),
        }
        return settings_digests(config, languages, systems)

    same = digests()
    for change in (
        {"seeds": (1, 2)},
        {"label": "X"},
        {"folder": "y"},
        {"device": "cuda"},
        {"max_change": 2},
    ):
        assert digests(**change) == same
    assert digests(beam=4)["shared"] != same["shared"]
    for change in ({"k": 90}, {"counting": "sentence"}, {"sparsity_of": "sentence"}):
        own = digests(**change)["systems"]
        assert own["baseline"] == same["systems"]["baseline"]
        assert own["ours"] != same["systems"]["ours"]
    assert digests(updates=20)["systems"]["baseline"] == same["systems"]["baseline"]
    for name, digest in digests(layers=5)["systems"].items():
        assert digest != same["systems"][name]
