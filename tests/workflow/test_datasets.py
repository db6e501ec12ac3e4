"""The paper's datasets, from miniature archives in their published layouts to tables."""

from pathlib import Path

import pytest

from tests.evaluation.tiny_comet import build_encoder, build_model, serve_hub
from tests.workflow import mirrors
from tests.workflow.conftest import TINY as BUILT_IN
from tests.workflow.conftest import Snakemake, write_overlay
from tests.workflow.mirrors import read_table
from tests.workflow.test_plans import planned_jobs

TINY = {
    "layers": 1,
    "heads": 2,
    "d_model": 16,
    "d_ff": 32,
    "max_tokens": 400,
    "update_freq": 1,
    "warmup_updates": 4,
    "max_updates": 12,
    "validate_every": 6,
    "precision": "fp32",
    "continuation": {"max_updates": 6, "validate_every": 3},
    "fine_tuning": {"update_freq": 1, "max_updates": 2, "validate_every": 1, "max_tokens": 400},
}

EC30_ARCHITECTURES = ["mt_big", "bilingual_high", "bilingual_low"]


def small(folder: Path, project: Path, architectures: list[str], **settings: object) -> str:
    """Write settings that make a dataset of the paper small; return the path."""
    overlay = {
        "device": "cpu",
        "downloads": {
            "sources": str(mirrors.write_sources(project, folder / "sources.tsv")),
            "folder": str(folder / "downloads"),
            "mirror": str(folder / "mirror"),
        },
        "architectures": dict.fromkeys(architectures, TINY),
        "vocabulary": {"size": 400},
        "decoding": {"beam": 2, "max_len_b": 10},
        "metrics": ["bleu"],
        **settings,
    }
    return write_overlay(folder / "small.yaml", overlay)


def write_systems(project: Path, dataset: str, path: Path, names: list[str]) -> str:
    """Write some of a dataset's systems; return the path."""
    header, *rows = (project / f"config/{dataset}/systems.tsv").read_text().splitlines()
    chosen = [row for row in rows if row.split("\t")[0] in names]
    assert len(chosen) == len(names)
    path.write_text("\n".join([header, *chosen]) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def ec30(snakemake: Snakemake, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run EC30 in 60 directions, from the download to tables; return the folder."""
    folder = tmp_path_factory.mktemp("ec30")
    table = project / "config/ec30/languages.tsv"
    mirror = folder / "mirror"
    mirrors.write_ec30_tokenised(mirror, table, count=50)
    mirrors.write_ec40(mirror, table, count=30, valid=5)
    mirrors.write_ntrex(mirror, table, count=6)
    mirrors.write_flores(mirror, table, dev=2, devtest=3)
    names = ["baseline", "continued", "neuron_specialization"]
    overlay = small(
        folder,
        project,
        EC30_ARCHITECTURES,
        systems=write_systems(project, "ec30", folder / "systems.tsv", names),
    )
    done = snakemake(folder, overlays=("config/ec30.yaml", overlay))
    assert done.returncode == 0, done.stdout
    return folder


def rows(path: Path) -> list[list[str]]:
    """Return the cells of a TSV file."""
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def directions(outputs: Path) -> set[str]:
    """Return the directions for which a folder of outputs has translations."""
    return {path.parent.name for path in outputs.glob("*/test-sys.txt")}


def test_ec30_runs_in_all_directions(ec30: Path) -> None:
    results = ec30 / "results/ec30"
    assert len(directions(results / "outputs/test/baseline/seed222")) == 60
    report = rows(results / "corpora/report.tsv")
    kept = report[0].index("kept")
    counts = {(cells[0], cells[1]): int(cells[kept]) for cells in report[1:]}
    assert len(counts) == 90
    assert {pair: counts["train", pair] for _, pair in counts} == dict.fromkeys(
        [pair for _, pair in counts], 50
    )
    assert {count for (split, _), count in counts.items() if split == "test"} == {5}
    assert {pair for (split, pair), n in counts.items() if split == "valid" and n == 5} == {"en-oc"}
    assert (results / "tables/test/levels.bleu.md").is_file()
    assert (results / "tables/test/levels.bleu_raw.md").is_file()


def test_ec30_has_five_shards(ec30: Path) -> None:
    binarised = ec30 / "results/ec30/binarised"
    shards = sorted((binarised / "train/joint").glob("s*"))
    assert [path.name for path in shards] == [f"shard{n}" for n in range(5)]
    for shard in shards:
        assert len(list(shard.glob("train.*.bin"))) == 60
        assert len(list(shard.glob("valid.*.bin"))) == (60 if shard.name == "shard0" else 0)
    assert len(list((binarised / "test/joint").glob("test.*.bin"))) == 60
    log = (ec30 / "results/ec30/logs/train_system/baseline.seed222.log").read_text()
    assert all(f"shard{n}" in log for n in range(5))


def test_the_text_is_words_and_serbian_is_latin(ec30: Path, project: Path) -> None:
    corpora = ec30 / "results/ec30/corpora"
    assert (corpora / "valid.en-de.en").read_text().splitlines()[0].endswith(" .")
    table = project / "config/ec30/languages.tsv"
    language = mirrors.languages_of(table)["hi"][1]
    flores = mirrors.sentences(language, 2, "dev") + mirrors.sentences(language, 3, "devtest")
    assert (corpora / "raw.test.en-hi.hi").read_text().splitlines() == flores
    assert (corpora / "test.en-hi.hi").read_text().splitlines() != flores


def test_nothing_is_fetched_twice(snakemake: Snakemake, ec30: Path, project: Path) -> None:
    overlays = ("config/ec30.yaml", str(ec30 / "small.yaml"))
    done = snakemake(ec30, "download", overlays=overlays)
    assert "Nothing to be done" in done.stdout
    (ec30 / "mirror").rename(ec30 / "elsewhere")  # no mirror, no network: all is already fetched
    try:
        done = snakemake(ec30, overlays=overlays)
        assert "Nothing to be done" in done.stdout
        (ec30 / "mirror").mkdir()
        fetch_again(snakemake, ec30, overlays)
        (ec30 / "mirror").rmdir()
    finally:
        (ec30 / "elsewhere").rename(ec30 / "mirror")
    fetched = read_table(ec30 / "downloads/flores200/fetched.tsv")
    assert [row["file"] for row in fetched] == ["flores200_dataset.tar.gz"]
    assert "CC BY-SA" in (ec30 / "downloads/flores200/LICENCE.txt").read_text()
    names = {
        path.name for path in (ec30 / "downloads/ec40_validation").rglob("*") if path.is_file()
    }
    assert names == {"en-oc.en", "en-oc.oc", "fetched.tsv", "LICENCE.txt"}


def fetch_again(snakemake: Snakemake, folder: Path, overlays: tuple[str, ...]) -> None:
    """Fetch existing files again for a moved table of sources, without network or retraining."""
    (folder / "moved.tsv").write_bytes((folder / "sources.tsv").read_bytes())
    moved = write_overlay(
        folder / "moved.yaml", {"downloads": {"sources": str(folder / "moved.tsv")}}
    )
    files = [path for path in (folder / "downloads").rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    done = snakemake(folder, overlays=(*overlays, moved))
    assert done.returncode == 0, done.stdout
    of_settings = {"describe_settings": 1, "all": 1}
    assert planned_jobs(done.stdout) == {"fetch_corpus": 4} | of_settings
    assert {path: path.read_bytes() for path in files} == before


def test_plain_text_of_ec40_gives_the_same_corpora(
    snakemake: Snakemake, ec30: Path, tmp_path: Path
) -> None:
    """The folder of files has the sentences of the archive in a different layout."""
    overlays = ("config/ec30.yaml", "config/ec30_text.yaml", str(ec30 / "small.yaml"))
    done = snakemake(tmp_path, "results/ec30/corpora/report.train.tsv", overlays=overlays)
    assert done.returncode == 0, done.stdout
    found = tmp_path / "results/ec30/corpora/train.en-ti.ti"
    lines = (ec30 / "results/ec30/corpora/train.en-ti.ti").read_text().splitlines()
    assert found.read_text().splitlines() == lines[:30]
    assert not list((ec30 / "downloads/ec40_text").rglob("*no.no"))
    assert not list((ec30 / "downloads/ec40_text").rglob("*zeroshot*"))


def test_binarised_corpora_are_used_unchanged(
    snakemake: Snakemake, project: Path, ec30: Path, tmp_path: Path
) -> None:
    mirrors.write_ec30_binarised(ec30 / "mirror", ec30 / "results/ec30/binarised")
    settings = {"systems": write_systems(project, "ec30", tmp_path / "systems.tsv", ["baseline"])}
    overlay = write_overlay(tmp_path / "one.yaml", settings)
    overlays = ("config/ec30.yaml", "config/ec30_binarised.yaml", str(ec30 / "small.yaml"), overlay)
    done = snakemake(tmp_path, "scores", overlays=overlays)
    assert done.returncode == 0, done.stdout
    results, others = tmp_path / "results/ec30", ec30 / "results/ec30"
    for name in ("shard0/train.en-de.de.bin", "shard4/train.en-ti.en.idx", "shard0/dict.txt"):
        path = results / "binarised/train/joint" / name
        assert path.read_bytes() == (others / "binarised/train/joint" / name).read_bytes()
        assert path.is_symlink() == (path.suffix != ".txt")
    # same data, dictionary and seed: same model, although its text was not available
    name = "translations/test/baseline/seed222/en-de.txt"
    assert (results / name).read_text() == (others / name).read_text()


def test_iwslt14_runs_in_all_directions(
    snakemake: Snakemake, project: Path, tmp_path: Path
) -> None:
    table = project / "config/iwslt14/languages.tsv"
    mirrors.write_iwslt14(tmp_path / "mirror", table, count=93)
    mirrors.write_flores(tmp_path / "mirror", table, dev=2, devtest=3)
    names = ["baseline", "continued", "neuron_specialization", "shallow"]
    systems = write_systems(project, "iwslt14", tmp_path / "systems.tsv", names)
    overlay = small(tmp_path, project, ["mt_small", "mt_shallow"], systems=systems)
    overlays = ("config/iwslt14.yaml", overlay)
    done = snakemake(tmp_path, "download", overlays=overlays)
    assert done.returncode == 0, done.stdout
    (tmp_path / "mirror").rename(tmp_path / "gone")  # the remaining steps need no network
    (tmp_path / "small.yaml").write_text(
        (tmp_path / "small.yaml").read_text().replace(str(tmp_path / "mirror"), "''")
    )
    done = snakemake(tmp_path, overlays=overlays)
    assert done.returncode == 0, done.stdout
    results = tmp_path / "results/iwslt14"
    report = rows(results / "corpora/report.tsv")
    kept = report[0].index("kept")
    counts = {(cells[0], cells[1]): int(cells[kept]) for cells in report[1:]}
    assert [counts[split, "en-fa"] for split in ("train", "valid", "test")] == [89, 4, 5]
    assert len(counts) == 24
    # every 23rd good pair, starting with the title
    sentences = mirrors.sentences(mirrors.languages_of(table)["de"][1], 93, "train de")
    valid = (results / "corpora/valid.en-de.de").read_text().splitlines()
    assert valid == [f"{sentences[n]} ." for n in (22, 45, 68, 91)]
    assert len(directions(results / "outputs/test/neuron_specialization/seed22")) == 16
    for name in ("languages", "variants", "shallow"):
        assert (results / f"tables/test/{name}.bleu.md").is_file()


def test_validation_and_test_sets_of_all_languages(
    snakemake: Snakemake, project: Path, tmp_path: Path, data_folder: Path
) -> None:
    """Prepare the real NTREX-128 and Flores-200 as in the paper (section 5.1)."""
    table, mirror = project / "config/ec30/languages.tsv", tmp_path / "mirror"
    mirrors.write_real(mirror, table, data_folder)
    mirrors.write_ec30_tokenised(mirror, table, count=2)
    mirrors.write_ec40(mirror, table, count=1, valid=842)
    overlays = ("config/ec30.yaml", small(tmp_path, project, EC30_ARCHITECTURES))
    corpora = tmp_path / "results/ec30/corpora"
    reports = [corpora / f"report.{part}.tsv" for part in ("train", "test")]
    done = snakemake(
        tmp_path, *(str(path.relative_to(tmp_path)) for path in reports), overlays=overlays
    )
    assert done.returncode == 0, done.stdout
    lines = (line for path in reports for line in rows(path)[1:])
    counts = {(split, pair): int(cells[-2]) for split, pair, *cells in lines}
    pairs = [f"en-{row['code']}" for row in read_table(table) if row["code"] != "en"]
    assert {pair: counts["test", pair] for pair in pairs} == dict.fromkeys(pairs, 2009)
    assert {pair: counts["valid", pair] for pair in pairs} == dict.fromkeys(pairs, 1997) | {
        "en-oc": 842
    }
    for name, number, line in rows(project / "tests/workflow/prepared.tsv"):
        assert mirrors.read_sentences(corpora / name)[int(number) - 1] == line
    for pair in pairs:
        lang = pair.removeprefix("en-")
        raw = mirrors.read_sentences(corpora / f"raw.test.{pair}.{lang}")
        assert raw == mirrors.read_sentences(data_folder / f"flores/{lang}.txt")


def test_the_comet_model_is_fetched_with_the_corpora(
    snakemake: Snakemake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fetch it into the cache of the hub, from which scoring loads it."""
    encoder = build_encoder(tmp_path / "encoder")
    model = build_model(tmp_path / "model", encoder)
    settings = {
        "metrics": ["bleu", "comet"],
        "comet": {"model": "Tiny/comet-da"},
        "downloads": {"folder": str(tmp_path / "downloads")},
    }
    overlays = (BUILT_IN, write_overlay(tmp_path / "comet.yaml", settings))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    with serve_hub({}) as (address, _):
        monkeypatch.setenv("HF_ENDPOINT", address)
        done = snakemake(tmp_path, "download", overlays=overlays)
        assert done.returncode != 0
        assert "COMET model Tiny/comet-da: no such repository on the hub" in done.stdout
    with serve_hub({"Tiny/comet-da": model}) as (address, asked):
        monkeypatch.setenv("HF_ENDPOINT", address)
        done = snakemake(tmp_path, "download", overlays=overlays)
        assert done.returncode == 0, done.stdout
        assert any(path.endswith("model.ckpt") for path in asked)
    marker = tmp_path / "downloads/comet/Tiny--comet-da.txt"
    assert marker.read_text() == "Tiny/comet-da is in the hub's cache\n"
    done = snakemake(tmp_path, "download", overlays=overlays)
    assert "Nothing to be done" in done.stdout
