"""Mirrors with miniature archives in the published layouts of the corpora."""

import io
import random
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

LETTERS = {
    "Latin": "abdeiklmnorstu",
    "Cyrillic": "абдеиклмнорсту",
    "Devanagari": "अकगतदनपमरलसहि्",
    "Bengali": "অকগতদনপমরলসহি",
    "Kannada": "ಅಕಗತದನಪಮರಲಸಹಿ",
    "Gujarati": "અકગતદનપમરલસહિ",
    "Arabic": "ابتدرسعفقكلمن",
    "Hebrew": "אבגדהוזחטיכלמ",
    "Ethiopic": "ሀለመሰረበተነአከወዘ",
}
WORDS = 60
EC40_ONLY = ["no", "is", "ast", "ca", "be", "bs", "ne", "ur", "kab", "so"]


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table of the configuration."""
    header, *rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return [dict(zip(header, row, strict=True)) for row in rows]


def write_sources(project: Path, path: Path) -> Path:
    """Write the shipped table of sources without checksums and sizes, which mirrors change."""
    rows = read_table(project / "config/sources.tsv")
    for row in rows:
        row.update(sha256="unknown", bytes="")
    lines = [list(rows[0]), *(row.values() for row in rows)]
    path.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")
    return path


class Language:
    """A made-up language with one word for each of `WORDS` meanings."""

    def __init__(self, code: str, script: str):
        generator = random.Random(code)
        self.words = [
            "".join(generator.choices(LETTERS[script], k=generator.randint(2, 6)))
            for _ in range(WORDS)
        ]

    def sentence(self, meanings: Sequence[int]) -> str:
        """Return a sentence with a word per meaning."""
        return " ".join(self.words[n] for n in meanings)


def sentences(language: Language, count: int, seed: str) -> list[str]:
    """Return sentences that have the same meanings in every language for the same seed."""
    generator = random.Random(seed)
    return [
        language.sentence([generator.randrange(WORDS) for _ in range(generator.randint(3, 7))])
        for _ in range(count)
    ]


def add_text(archive: tarfile.TarFile, name: str, lines: Sequence[str], end: str = "\n") -> None:
    """Add a text file to an archive."""
    add_bytes(archive, name, "".join(f"{line}{end}" for line in lines).encode())


def add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a file to an archive."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def languages_of(table: Path) -> dict[str, tuple[dict[str, str], Language]]:
    """Return the row and the words of each language of a table."""
    return {row["code"]: (row, Language(row["code"], row["script"])) for row in read_table(table)}


def write_ntrex(mirror: Path, table: Path, count: int) -> None:
    """Write NTREX-128: a file per language, also for Persian, with DOS line ends."""
    (mirror / "ntrex").mkdir(parents=True)
    languages = {row["ntrex"]: language for row, language in languages_of(table).values()}
    for code, language in {**languages, "fas": languages["arb"]}.items():
        if code:
            text = "".join(f"{line}.\r\n" for line in sentences(language, count, "ntrex"))
            (mirror / f"ntrex/newstest2019-ref.{code}.txt").write_bytes(text.encode())


def write_flores(mirror: Path, table: Path, dev: int, devtest: int) -> None:
    """Write Flores-200: one archive, a folder per split, a file per language."""
    (mirror / "flores200").mkdir(parents=True)
    with tarfile.open(mirror / "flores200/flores200_dataset.tar.gz", "w:gz") as archive:
        for row, language in languages_of(table).values():
            for split, count in (("dev", dev), ("devtest", devtest)):
                name = f"flores200_dataset/{split}/{row['flores200']}.{split}"
                add_text(archive, name, sentences(language, count, split))


def training_pairs(table: Path, count: int) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the non-English language, side and sentences of each pair and side."""
    languages = languages_of(table)
    for other in languages:
        if other != "en":
            for side in ("en", other):
                yield other, side, sentences(languages[side][1], count, f"train {other}")


def write_ec30_tokenised(mirror: Path, table: Path, count: int) -> None:
    """Write EC30: one archive of tokenised text."""
    (mirror / "ec30_tokenised").mkdir(parents=True)
    with tarfile.open(mirror / "ec30_tokenised/EC30_raw.archive", "w:gz") as archive:
        for other, side, lines in training_pairs(table, count):
            add_text(archive, f"EC30_raw/en-{other}/train.en-{other}.{side}", lines)


def write_ec40(mirror: Path, table: Path, count: int, valid: int) -> None:
    """Write EC40: a folder of plain files with sub-folders; it has ten languages more than EC30."""
    for corpus in ("ec40_text", "ec40_validation"):
        files = {"EC40-train-set/en-no.no": ["nei"], "test-set/zeroshot-test-set/de-fr.de": ["x"]}
        for other, side, lines in training_pairs(table, count):
            files[f"EC40-train-set/en-{other}.{side}"] = lines
        for side in ("en", "oc"):
            language = languages_of(table)[side][1]
            files[f"Val-set/en-oc.{side}"] = sentences(language, valid, "oc")
        for name, lines in files.items():
            path = mirror / corpus / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_iwslt14(mirror: Path, table: Path, count: int) -> None:
    """Write the WIT3 release: an archive of archives, with XML-like tags among the sentences."""
    (mirror / "iwslt14").mkdir(parents=True)
    pairs = list(training_pairs(table, count))
    with tarfile.open(mirror / "iwslt14/2014-01.tgz", "w:gz") as release:
        for other in sorted({other for other, _, _ in pairs}):
            inner = io.BytesIO()
            with tarfile.open(fileobj=inner, mode="w:gz") as archive:
                for _, side, lines in (pair for pair in pairs if pair[0] == other):
                    head = [
                        "<url>http://www.ted.com/talks/x</url>",
                        "<keywords>talks</keywords>",
                        "<talkid>1</talkid>",
                        f"<title>{lines[0]}</title>",
                        f"<description>{lines[1]}</description>",
                    ]
                    name = f"{other}-en/train.tags.{other}-en.{side}"
                    add_text(archive, name, [*head, *(f" {line} ." for line in lines[2:])])
                    add_text(
                        archive, f"{other}-en/IWSLT14.TED.dev2010.{other}-en.{side}.xml", ["<?"]
                    )
            name = f"2014-01/texts/{other}/en/{other}-en.tgz"
            add_bytes(release, name, inner.getvalue())


def write_real(mirror: Path, table: Path, data: Path) -> None:
    """Write the real NTREX-128 and Flores-200 from a folder with a plain file per language.

    For Serbian in Cyrillic script, that folder has only devtest.
    """
    (mirror / "ntrex").mkdir(parents=True)
    (mirror / "flores200").mkdir(parents=True)
    with tarfile.open(mirror / "flores200/flores200_dataset.tar.gz", "w:gz") as archive:
        for row in read_table(table):
            flores = read_sentences(data / f"flores/{row['code']}.txt")
            dev, devtest = flores[:997], flores[997:]
            if row["code"] == "sr":
                devtest = read_sentences(data / "flores/extra/sr-Cyrl.devtest.txt")
            for split, lines in (("dev", dev), ("devtest", devtest)):
                add_text(archive, f"flores200_dataset/{split}/{row['flores200']}.{split}", lines)
            if row["ntrex"]:
                text = (data / f"ntrex/{row['code']}.txt").read_bytes().replace(b"\n", b"\r\n")
                (mirror / f"ntrex/newstest2019-ref.{row['ntrex']}.txt").write_bytes(text)
    persian = (data / "ntrex/fa.txt").read_bytes().replace(b"\n", b"\r\n")
    (mirror / "ntrex/newstest2019-ref.fas.txt").write_bytes(persian)


def read_sentences(path: Path) -> list[str]:
    """Return the lines of a plain file."""
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")


def write_ec30_binarised(mirror: Path, binarised: Path) -> None:
    """Write binarised EC30: shards, each with the dictionary without language tags.

    Its first shard has the test split, too.
    """
    (mirror / "ec30_binarised").mkdir(parents=True)
    training, test = binarised / "train/joint", binarised / "test/joint"
    names = {path: path.relative_to(training) for path in sorted(training.rglob("*"))}
    names |= {path: Path("shard0") / path.name for path in sorted(test.glob("test.*"))}
    with tarfile.open(mirror / "ec30_binarised/EC30_binarised.archive", "w:gz") as archive:
        for path, place in names.items():
            name = f"ec30/fairseq-data-bin-sharded/{place}"
            if path.name == "dict.txt":
                lines = path.read_text(encoding="utf-8").splitlines()
                add_text(archive, name, [line for line in lines if not line.startswith("__")])
            elif path.is_file():
                archive.add(path, name)


def write_ec30_evaluation(mirror: Path, data: Path) -> None:
    """Write binarised EC30 without its training data: validation, test and dictionary."""
    (mirror / "ec30_binarised").mkdir(parents=True)
    with tarfile.open(mirror / "ec30_binarised/EC30_binarised.archive", "w:gz") as archive:
        for shard in range(2):
            folder = f"ec30/fairseq-data-bin-sharded/shard{shard}"
            archive.add(data / "dict.txt", f"{folder}/dict.txt")
            for path in sorted(data.glob("[vt]*.en-*")) if shard == 0 else []:
                if not path.name.startswith("train"):
                    archive.add(path, f"{folder}/{path.name}")
