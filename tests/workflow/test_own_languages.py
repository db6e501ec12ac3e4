"""A user's own corpora: codes of FLORES-200, several formats, a language without a test set."""

import gzip
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pytest

from tests.workflow.conftest import Snakemake, write_overlay

pytestmark = pytest.mark.slow

LANGUAGES = {
    "eng_Latn": ("en", "West Germanic"),
    "deu_Latn": ("de", "West Germanic"),
    "nld_Latn": ("nl", "West Germanic"),
    "ces_Latn": ("cs", "Slavic"),
}
"""By code: the file of its text, and its family."""
SIZES = {"train": (0, 300), "valid": (300, 320), "test": (320, 330), "news": (330, 336)}
SYSTEMS = """\
system\tlabel\tmethod\tarchitecture\tparent\tdirections\toptions\ttables
baseline\tBaseline\tmultilingual\ttiny\t\tall\t\tlevels languages
ours\tOurs\tneuron_specialization\t\tbaseline\tWest Germanic-eng_Latn eng_Latn-Slavic\tk=90\tlevels
adapters\tAdapters\tadapter\t\tbaseline\tall\tsharing=family bottleneck=4\tlevels
"""
TINY = {
    **{"layers": 1, "heads": 2, "d_model": 16, "d_ff": 32, "max_tokens": 2000, "update_freq": 1},
    **{"warmup_updates": 4, "max_updates": 6, "validate_every": 3, "precision": "fp32"},
    "continuation": {"max_updates": 4, "validate_every": 2},
}
CONFIG = {
    "dataset": "own",
    "pivot": "eng_Latn",
    "device": "cpu",
    "vocabulary": {"size": 500, "normalisation": "identity"},
    "architectures": {"tiny": TINY},
    "decoding": {"beam": 1, "max_len_b": 5},
    "test_splits": ["test", "news"],
    "significance": {"test": "none"},
    "metrics": ["bleu", "off_target"],
}


def write_corpora(folder: Path, texts: dict[str, list[str]]) -> list[dict[str, object]]:
    """Write corpora in several formats; return the splits of the configuration."""

    def lines(code: str, split: str) -> list[str]:
        return texts[code][slice(*SIZES[split])]

    for code in list(texts)[1:]:
        english = lines("eng_Latn", "train")
        with ZipFile(folder / f"{'-'.join(sorted(('eng_Latn', code)))}.txt.zip", "w") as file:
            for name, text in (("eng_Latn", english), (code, lines(code, "train"))):
                file.writestr(f"Corpus.{name}", "\n".join(text))
        for split in ("valid", "test"):
            rows = zip(lines("eng_Latn", split), lines(code, split), strict=True)
            table = "".join(f"{n}\t{other}\t0.5\t{one}\n" for n, (one, other) in enumerate(rows))
            (folder / f"{split}.{code}.tsv.gz").write_bytes(gzip.compress(table.encode()))
        for side, name in (("src", "eng_Latn"), ("trg", code)):
            text = "\n".join(lines(name, "news"))
            (folder / f"{code}.{side}.gz").write_bytes(gzip.compress(text.encode()))
    no_test, drawn = {"ces_Latn": {"format": "none"}}, {"format": "every_nth", "every": 30}
    tsv = {"format": "tsv", "columns": [4, 2]}
    zip_path = "{alphabetical_pair}.txt.zip/*.{lang}"
    return [
        {"name": "train", "format": "text", "path": zip_path},
        {"name": "valid", **tsv, "path": "valid.{other}.tsv.gz", "exceptions": {"ces_Latn": drawn}},
        {"name": "test", **tsv, "path": "test.{other}.tsv.gz", "exceptions": no_test},
        {"name": "news", "format": "text", "path": "{other}.{side}.gz"},
    ]


@pytest.fixture(scope="module")
def results(
    data_folder: Path, snakemake: Snakemake, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Run everything from the corpora to tables; return the folder of the results."""
    folder = tmp_path_factory.mktemp("own")
    texts = {
        code: (data_folder / f"flores/{name}.txt").read_text(encoding="utf-8").split("\n")
        for code, (name, _) in LANGUAGES.items()
    }
    rows = [f"{code}\t{code}\t{family}\tLatin\n" for code, (_, family) in LANGUAGES.items()]
    (folder / "languages.tsv").write_text("code\tname\tfamily\tscript\n" + "".join(rows))
    (folder / "systems.tsv").write_text(SYSTEMS)
    splits = write_corpora(folder, texts)
    config = {
        **CONFIG,
        "languages": str(folder / "languages.tsv"),
        "systems": str(folder / "systems.tsv"),
        "corpora": {"folder": str(folder), "splits": splits, "cleaning": {"max_ratio": 3}},
    }
    done = snakemake(folder, overlays=(write_overlay(folder / "own.yaml", config),))
    assert done.returncode == 0, done.stdout[-5000:]
    return folder / "results/own"


def test_every_direction_with_a_test_is_scored(results: Path) -> None:
    scored = {
        split: set(pd.read_csv(results / f"scores/{split}/baseline/seed1.csv")["pair"])
        for split in ("test", "news")
    }
    both = {f"eng_Latn-{code}" for code in ("deu_Latn", "nld_Latn", "ces_Latn")}
    assert {pair for pair in scored["news"] if pair.startswith("eng")} == both
    assert len(scored["news"]) == 6
    assert scored["news"] - scored["test"] == {"eng_Latn-ces_Latn", "ces_Latn-eng_Latn"}
    tags = (results / "vocabularies/joint/dict.txt").read_text(encoding="utf-8").splitlines()[-4:]
    assert tags == [f"__{code}__ 100" for code in LANGUAGES]


def test_a_language_without_a_test_has_a_dash(results: Path) -> None:
    table = pd.read_csv(results / "tables/test/languages.bleu.csv")
    assert table["ces_Latn"].isna().all()
    assert table[["deu_Latn", "nld_Latn", "avg"]].notna().all(axis=None)
    text = (results / "tables/test/languages.bleu.md").read_text(encoding="utf-8")
    assert "No test in this split: ces_Latn" in text
    assert "no outputs" not in text
    levels = pd.read_csv(results / "tables/test/levels.bleu.csv", index_col="system")
    assert levels.loc["Baseline", "all_avg"].min() >= 0


def test_a_validation_set_may_be_drawn_from_training_for_one_language(results: Path) -> None:
    report = pd.read_csv(results / "corpora/report.tsv", sep="\t").set_index(["split", "pair"])
    kept = report["kept"].to_dict()
    assert kept["valid", "eng_Latn-deu_Latn"] == 20
    assert kept["valid", "eng_Latn-ces_Latn"] == report["held_out"]["train", "eng_Latn-ces_Latn"]
    assert 5 < kept["valid", "eng_Latn-ces_Latn"] <= 10
    assert kept["test", "eng_Latn-ces_Latn"] == 0


def test_the_languages_of_hypotheses_are_identified(results: Path) -> None:
    accuracy = pd.read_csv(results / "tables/test/language_identifier.csv", index_col="language")
    assert set(accuracy.index) == {*LANGUAGES}
    assert accuracy["training_sentences"].between(200, 300).loc["deu_Latn":].all()
    assert accuracy["sentences"].to_dict() == {
        **dict.fromkeys(("eng_Latn", "deu_Latn", "nld_Latn"), 10),
        "ces_Latn": 0,
    }
    assert accuracy["errors"].sum() == 0
    training = (results / "identifier/test.tsv").read_text(encoding="utf-8").splitlines()
    outputs = results / "outputs/test/baseline/seed1/eng_Latn-deu_Latn"
    references = (outputs / "test-ref.txt").read_text(encoding="utf-8").splitlines()
    assert not {f"deu_Latn\t{reference}" for reference in references} & {*training}
    for split in ("test", "news"):
        counts = pd.read_csv(results / f"off_target/{split}/baseline/seed1.languages.csv")
        scores = pd.read_csv(results / f"scores/{split}/baseline/seed1.csv")
        rates = scores[scores["metric"] == "off_target"].set_index("pair")["score"]
        assert len(rates) == (6 if split == "news" else 4)
        on_target = counts[counts["language"] == counts["pair"].str.split("-").str[1]]
        expected = 100 - on_target.set_index("pair")["percent"].reindex(rates.index).fillna(0)
        assert rates.to_dict() == pytest.approx(expected.to_dict())
    text = (results / "tables/test/levels.off_target.md").read_text(encoding="utf-8")
    assert "Language identifier: it gets 0.0 % of 30 held-out sentences in 3 languages" in text
    assert "Identifier not measured, no test in this split: ces_Latn" in text
    assert "Baseline, off-target hypotheses of all directions: " in text
