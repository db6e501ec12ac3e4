"""Layouts of existing corpora: paths, compression, TED talks, named columns, several files."""

import bz2
import gzip
import lzma
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from backports import zstd

from neuron_specialization.corpora import deduplication
from neuron_specialization.corpora.cleaning import Cleaning
from neuron_specialization.corpora.corpus_files import find_corpus, read_split
from neuron_specialization.corpora.text_lines import read_lines
from neuron_specialization.errors import InputError
from tests.corpora.preparing import TSV, fill, prepare, read, report, source, within

ONCE = Cleaning(max_words=9, max_ratio=9, drop_duplicates=True, max_invalid_utf8=1)
CODES = {"en": {"iso3": "eng"}, "de": {"iso3": "deu"}, "fr": {}}


def paths(template: str, format: str = "text", lang: str = "de") -> list[str]:
    corpus = find_corpus(source("train", format, template), "en", lang, CODES)
    return [str(path) for side in corpus.files.values() for path in side]


def test_placeholders_name_pair_side_and_columns() -> None:
    assert paths("{pair}/{lang}") == ["en-de/en", "en-de/de"]
    assert paths("OPUS.{alphabetical_pair}.{lang}") == ["OPUS.de-en.en", "OPUS.de-en.de"]
    assert paths("{other}-en/train.tags.{other}-en.{lang}") == [
        "de-en/train.tags.de-en.en",
        "de-en/train.tags.de-en.de",
    ]
    assert paths("eng-{other_iso3}/train.{iso3}") == ["eng-deu/train.eng", "eng-deu/train.deu"]
    assert paths("{alphabetical_pair}.tsv", "tsv", "fr") == ["en-fr.tsv", "en-fr.tsv"]


@pytest.mark.parametrize(
    ("template", "format", "lang", "message"),
    [
        ("{iso3}.txt", "text", "fr", r"'{iso3}.txt' has {iso3}, which language 'fr'"),
        ("{lnag}.txt", "text", "de", r"{lnag}.*known are .*iso3, lang, other"),
        ("{pair}.{other_iso3}", "text", "de", r"needs {lang}"),
        ("{lang}.tsv", "tsv", "de", r"needs {pair}"),
    ],
)
def test_paths_that_cannot_be_filled_in(
    template: str, format: str, lang: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        paths(template, format, lang)


def test_wildcards_match_one_file(tmp_path: Path) -> None:
    split = within(source("train", "text", "**/train.{lang}"), tmp_path)
    fill(tmp_path / "a/b", {"train.en": "one\n", "train.de": "eins\n"})
    corpus = find_corpus(split, "en", "de", {})
    assert corpus.files["de"] == (tmp_path / "a/b/train.de",)
    fill(tmp_path / "c", {"train.de": "zwei\n"})
    with pytest.raises(InputError, match=r"2 files match .*a/b/train\.de, .*c/train\.de"):
        find_corpus(split, "en", "de", {}).check()
    with pytest.raises(InputError, match=r"no such file .*'fr'.*the attic"):
        find_corpus(split, "en", "fr", {}).check()


def test_wildcards_of_an_absolute_path(tmp_path: Path) -> None:
    fill(tmp_path / "a", {"train.en": "one\n", "train.de": "eins\n"})
    split = source("train", "text", f"{tmp_path}/*/train.{{lang}}")
    for folder in (Path("elsewhere"), Path()):
        corpus = find_corpus(replace(split, folder=folder), "en", "de", {})
        assert corpus.files["de"] == (tmp_path / "a/train.de",)
    with pytest.raises(InputError, match=r"\*/train\.fr: no such file .*'fr'.*the attic"):
        find_corpus(split, "en", "fr", {}).check()


def test_a_split_has_exceptions() -> None:
    settings = {"name": "valid", "format": "text", "path": "a.{lang}", "source": "news"}
    other = {"source": "talks", "path": ["b.{lang}", "c.{lang}"], "tokenise": "moses"}
    folders = {"news": Path("news"), "talks": Path("talks")}
    split = read_split({**settings, "exceptions": {"oc": other}}, folders)
    assert split.of("de") == split
    assert find_corpus(split, "en", "de", {}).files["de"] == (Path("news/a.de"),)
    assert find_corpus(split, "en", "oc", {}).files["oc"] == (
        Path("talks/b.oc"),
        Path("talks/c.oc"),
    )
    assert (split.tokenise, split.of("oc").tokenise) == ("", "moses")
    with pytest.raises(InputError, match=r"'valid': no source 'news' .* it has talks"):
        read_split(settings, {"": Path(), "talks": Path("talks")})


COMPRESSIONS = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstd.compress,
}


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_compressed_files_are_read_unchanged(tmp_path: Path, suffix: str) -> None:
    text = "\ufeffone\r\ntwo\u2028x\n".encode() + b"three"
    compress = COMPRESSIONS[suffix]
    path = tmp_path / f"a.en{suffix}"
    path.write_bytes(compress(text[:20]) + compress(text[20:]))  # two members or frames
    assert list(read_lines(path)) == [b"one", "two\u2028x".encode(), b"three"]


@pytest.mark.parametrize("suffix", COMPRESSIONS)
@pytest.mark.parametrize("damage", ["cut", "not compressed"])
def test_a_damaged_file_is_an_error(tmp_path: Path, suffix: str, damage: str) -> None:
    noise = np.random.default_rng(1).bytes(100_000).hex().encode()
    data = COMPRESSIONS[suffix](noise)[:-50_000] if damage == "cut" else b"plain text\n" * 9
    (tmp_path / f"a{suffix}").write_bytes(data)
    with pytest.raises(InputError, match=rf"a{suffix}: damaged {suffix} file .*fetch it again"):
        list(read_lines(tmp_path / f"a{suffix}"))


def test_ted_talks_lose_their_tags(tmp_path: Path) -> None:
    english = (
        "<url>http://www.ted.com/talks/x</url>\n<keywords>talks, science</keywords>\n"
        "<talkid>1</talkid>\n<title>A title: once</title>\n"
        "<description>TED Talk Subtitles: x</description>\n Thank you . \n"
    )
    german = (
        "<url>y</url>\n<talkid>1</talkid>\n<title>Titel</title>\n<keywords>a</keywords>\n"
        "<description>B</description>\n"
    )
    fill(tmp_path, {"t.en": english, "t.de": german + " Danke .\n"})
    assert read(tmp_path, "wit3", "t.{lang}") == [
        (1, "A title: once", "Titel"),
        (2, "TED Talk Subtitles: x", "B"),
        (3, "Thank you .", "Danke ."),
    ]
    fill(tmp_path, {"t.de": german})
    with pytest.raises(InputError, match=r"t\.en has 3 lines and .*t\.de has 2 lines"):
        read(tmp_path, "wit3", "t.{lang}")


DOCUMENT = """\
<?xml version="1.0" encoding="UTF-8"?>
<mteval><refset setid="t" srclang="any" trglang="{code}">
<doc docid="535" genre="lectures">
<url>http://www.ted.com/talks/x</url>
<speaker>Ann Other</speaker>
<talkid>535</talkid>
<title>{title}</title>
<translator href="http://www.ted.com/profiles/1">B. C.</translator>
{translators}<reviewer href="http://www.ted.com/profiles/2"></reviewer>
<hl>
<p>
<seg id="1"> {text} </seg>
</p>
<speak> up
</doc>
</refset></mteval>
"""


def test_later_releases_of_ted_talks_lose_their_tags(tmp_path: Path) -> None:
    second = "<translator>D. E.</translator>\n"
    english = DOCUMENT.format(code="en", title="Title", text="Thank you.", translators="")
    german = DOCUMENT.format(code="de", title="Titel", text="Danke.", translators=second)
    fill(tmp_path, {"t.en": english, "t.de": german})
    assert read(tmp_path, "wit3", "t.{lang}") == [
        (1, "Title", "Titel"),
        (2, "Thank you.", "Danke."),
        (3, "<speak> up", "<speak> up"),
    ]


def test_a_header_names_the_columns(tmp_path: Path) -> None:
    fill(tmp_path, {"en-de.tsv": "id\tde\ten\n1\teins\tone\n2\tzwei\ttwo\n"})
    assert read(tmp_path, "tsv", "{pair}.tsv", header=True) == [
        (1, "one", "eins"),
        (2, "two", "zwei"),
    ]
    for header, message in (("id\ten\tx", "'de' once, it has id, en, x"), ("", "'en' once")):
        fill(tmp_path, {"en-de.tsv": f"{header}\n1\teins\tone\n"})
        with pytest.raises(InputError, match=rf"en-de\.tsv:1: the first line must .*{message}"):
            read(tmp_path, "tsv", "{pair}.tsv", header=True)


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        (
            "7\tone\t9\teins\n8\ttwo\t9\tzwei\n",
            {"columns": [2, 4]},
            [("one", "eins"), ("two", "zwei")],
        ),
        ("0.9\teins\tone\n", {"columns": [3, 2]}, [("one", "eins")]),
        ("score\tx\ty\n1\tone\teins\n", {"columns": [2, 3], "header": True}, [("one", "eins")]),
        (
            "id\tt_de\tt_en\n1\teins\tone\n",
            {"columns": ["t_{lang}", "t_{lang}"]},
            [("one", "eins")],
        ),
    ],
)
def test_columns_are_chosen_by_number_or_name(
    tmp_path: Path, text: str, settings: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    fill(tmp_path, {"x.en-de.tsv": text})
    found = read(tmp_path, "tsv", "x.{pair}.tsv", **settings)
    assert [pair for _, *pair in found] == [list(pair) for pair in expected]


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("1\tone\teins\n", {}, "must have just two columns, it has 2 tabs; say which"),
        ("one\teins\n", {"columns": [1, 3]}, "the column 3 of 'de'"),
        ("en\tde\none\teins\n", {}, "'en' and 'de' look like names of columns.*header: true"),
        ("Source\tTarget\none\teins\n", {}, "'Source' and 'Target' look like"),
        ("1\teng\tdeu\n1\tone\teins\n", {"columns": [2, 3]}, "'eng' and 'deu' look like"),
    ],
)
def test_columns_that_cannot_be_right_are_refused(
    tmp_path: Path, text: str, settings: dict[str, object], message: str
) -> None:
    fill(tmp_path, {"en-de.tsv": text})
    with pytest.raises(InputError, match=rf"en-de\.tsv:1: .*{message}"):
        read(tmp_path, "tsv", "{pair}.tsv", **settings)


def test_bad_lines_of_training_text_are_counted(tmp_path: Path) -> None:
    fill(tmp_path, {"en-de.tsv": "a\tb\nc\nd\te\tf\ng\th\n"})
    files = prepare(tmp_path, [TSV])
    assert (files["train.en-de.en"], files["train.en-de.de"]) == ("a\ng\n", "b\nh\n")
    counts = report(files)["train", "en-de"]
    assert (counts["read"], counts["malformed"], counts["kept"]) == (4, 2, 2)
    fill(tmp_path, {"en.tsv": b"1\ta\n2\n\xff\tc\n3\td\n", "de.tsv": b"1\tA\n3\tD\n1\tE\n"})
    files = prepare(tmp_path, [source("train", "ids", "{lang}.tsv")], out="ids")
    assert files["train.en-de.de"] == "A\nD\n"
    assert report(files)["train", "en-de"]["malformed"] == 3


def test_all_bad_lines_of_evaluation_text_are_named_at_once(tmp_path: Path) -> None:
    fill(tmp_path, {"en-de.tsv": "a\tb\n" + 23 * "c\n"})
    tsv = source("test", "tsv", "{pair}.tsv")
    with pytest.raises(InputError, match=r"tsv:2: 0 tabs.*tsv:3: .*tsv:21: .*; and 3 more lines; "):
        prepare(tmp_path, [tsv])
    fill(tmp_path, {"t.en": b"a\n\n\xe4\n", "t.de": "b\n\nc\n"})
    message = r"t\.en:2: .* is empty; .*t\.de:2: .* is empty; .*t\.en:3: .* not valid UTF-8; evalu"
    with pytest.raises(InputError, match=message):
        prepare(tmp_path, [source("test", "text", "t.{lang}")])


def test_a_zip_file_is_read_like_a_folder(tmp_path: Path) -> None:
    (tmp_path / "opus").mkdir()
    with ZipFile(tmp_path / "opus/de-en.txt.zip", "w") as file:
        file.writestr("README", "Books")
        file.writestr("Books.de-en.de", "eins\r\nzwei\n")
        file.writestr("Books.de-en.en", "\ufeffone\ntwo")
        file.writestr("gz/Books.en.gz", gzip.compress(b"three\n"))
        file.writestr("gz/Books.de.gz", gzip.compress(b"drei\n"))
    for inside in ("Books.{alphabetical_pair}.{lang}", "*.{lang}"):
        path = f"opus/{{alphabetical_pair}}.txt.zip/{inside}"
        assert read(tmp_path, "text", path) == [(1, "one", "eins"), (2, "two", "zwei")]
    path = "opus/{alphabetical_pair}.txt.zip/gz/*.{lang}.gz"
    assert read(tmp_path, "text", path) == [(1, "three", "drei")]
    for path, message in (
        ("zip/{lang}", r"zip/en: matches no file or several; it has README, Books\.de-en\.de"),
        ("zip", r"zip: is a zip file: name a file within; it has README"),
    ):
        with pytest.raises(InputError, match=message):
            read(tmp_path, "tsv", f"opus/{{alphabetical_pair}}.txt.{path}")
    fill(tmp_path, {"opus/de-en.txt.zip": b"PK"})
    with pytest.raises(InputError, match=r"de-en\.txt\.zip: damaged \.zip file"):
        read(tmp_path, "text", "opus/{alphabetical_pair}.txt.zip/*.{lang}")


def test_sides_are_source_and_target(tmp_path: Path) -> None:
    assert paths("{pair}/train.{side}.gz") == ["en-de/train.src.gz", "en-de/train.trg.gz"]
    assert paths("{alphabetical_pair}/train.{alphabetical_side}.gz") == [
        "de-en/train.trg.gz",
        "de-en/train.src.gz",
    ]


QUOTED = {
    '"He said ""yes""."': 'He said "yes".',
    '"""Yes"" "': '"Yes" ',
    '""""': '"',
    '"Hello."': '"Hello."',
    '"Yes", he said, "yes"': '"Yes", he said, "yes"',
    '"six"" long"""': 'six" long"',
    '"odd"""" "x"': '"odd"""" "x"',
    'a ""b""': 'a ""b""',
    '"""': '"""',
    '""': '""',
    '"': '"',
}


def test_fields_with_quotation_marks_below_a_header(tmp_path: Path) -> None:
    """Read fields as pandas writes them, and in files without quoting."""
    rows = "".join(f"{field}\tx\n" for field in QUOTED)
    fill(tmp_path, {"en-de.tsv": f"de\ten\n{rows}"})
    found = read(tmp_path, "tsv", "{pair}.tsv", header=True)
    assert [target for _, _, target in found] == list(QUOTED.values())
    fill(tmp_path, {"en-de.tsv": rows})
    assert [line for _, line, _ in read(tmp_path, "tsv", "{pair}.tsv")] == list(QUOTED)


def test_fields_that_pandas_quotes_are_unquoted(tmp_path: Path) -> None:
    english = ['He said "yes".', '"Yes"', "none", '"', 'a""']
    table = pd.DataFrame({"en": english, "de": "x"})
    table.to_csv(tmp_path / "en-de.tsv", sep="\t", index=False)
    found = read(tmp_path, "tsv", "{pair}.tsv", header=True)
    assert [source for _, source, _ in found] == english


def test_several_files_are_concatenated(tmp_path: Path) -> None:
    fill(tmp_path, {"dev.en": "1\n2\n", "dev.de": "eins\nzwei\n"})
    fill(tmp_path, {"devtest.en": "3\n", "devtest.de": "drei\n"})
    both = ("dev.{lang}", "devtest.{lang}")
    assert read(tmp_path, "text", *both) == [(1, "1", "eins"), (2, "2", "zwei"), (3, "3", "drei")]
    fill(tmp_path, {"devtest.de": " \n"})
    with pytest.raises(InputError, match=r"devtest\.de:1: the 'de' sentence is empty"):
        prepare(tmp_path, [source("test", "text", *both)])
    # surplus lines of one file do not compensate for missing lines of another
    fill(tmp_path, {"dev.de": "eins\n", "devtest.de": "zwei\ndrei\n"})
    with pytest.raises(InputError, match=r"dev\.en has 2 lines and .*dev\.de has 1"):
        read(tmp_path, "text", *both)


def test_every_nth_good_pair_goes_to_another_split(tmp_path: Path) -> None:
    rows = [f"{n}\tx{n}" if n % 10 else "\tempty" for n in range(100)]
    fill(tmp_path, {"en-de.tsv": "\n".join([*rows, "1\tx1", "2\tx2"])})
    splits = [TSV, source("valid", "every_nth", every=23)]
    files = prepare(tmp_path, splits, cleaning=ONCE)
    good = [str(n) for n in range(100) if n % 10]
    assert files["valid.en-de.en"].split() == good[22::23]
    assert files["train.en-de.en"].split() == [n for n in good if n not in good[22::23]]
    assert files["train.en-de.de"].split() == [f"x{n}" for n in files["train.en-de.en"].split()]
    counts = report(files)
    assert counts["valid", "en-de"]["kept"] == 3
    train = counts["train", "en-de"]
    assert (train["read"], train["empty"], train["duplicate"]) == (102, 10, 2)
    assert (train["held_out"], train["kept"]) == (3, 87)


def test_a_language_may_lack_a_split_or_take_it_from_train(tmp_path: Path) -> None:
    for lang in ("de", "fr", "it"):
        fill(tmp_path, {f"en-{lang}.tsv": "".join(f"{n}\t{lang}{n}\n" for n in range(100))})
    fill(tmp_path, {"valid.en": "a\n", "valid.de": "b\n"})
    exceptions = {"fr": {"format": "none"}, "it": {"format": "every_nth", "every": 20}}
    splits = [TSV, source("valid", "text", "valid.{lang}", exceptions=exceptions)]
    files = prepare(tmp_path, splits, max_pairs=dict.fromkeys(("de", "fr", "it")), raw=["valid"])
    assert files["valid.en-de.de"] == "b\n"
    assert files["valid.en-fr.en"] == files["valid.en-fr.fr"] == files["raw.valid.en-fr.fr"] == ""
    assert files["valid.en-it.it"].split() == ["it19", "it39", "it59", "it79", "it99"]
    counts = report(files)
    assert [counts["valid", f"en-{lang}"]["kept"] for lang in ("de", "fr", "it")] == [1, 0, 5]
    assert [counts["train", f"en-{lang}"]["kept"] for lang in ("de", "fr", "it")] == [100, 100, 95]


def test_every_nth_and_a_cap_together(tmp_path: Path) -> None:
    fill(tmp_path, {"en-de.tsv": "".join(f"{n}\tx{n}\n" for n in range(100))})
    splits = [TSV, source("valid", "every_nth", every=10)]
    files = prepare(tmp_path, splits, max_pairs={"de": 20})
    assert len(files["valid.en-de.en"].split()) == 10
    assert len(files["train.en-de.en"].split()) == 20
    assert set(files["valid.en-de.en"].split()).isdisjoint(files["train.en-de.en"].split())


@pytest.mark.parametrize("block", [1, 2, 3, 7, 100])
def test_fates_do_not_depend_on_the_size_of_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """Check repetitions, every nth pair and the files across the ends of blocks."""
    monkeypatch.setattr(deduplication, "BLOCK", block)
    words = [str(n * n % 17) for n in range(60)]
    fill(tmp_path, {"en-de.tsv": "".join(f"{word}\tx{word}\n" for word in words)})
    splits = [TSV, source("valid", "every_nth", every=3)]
    files = prepare(tmp_path, splits, cleaning=ONCE)
    first = list(dict.fromkeys(words))
    assert files["valid.en-de.en"].split() == first[2::3]
    assert files["train.en-de.de"].split() == [f"x{w}" for w in first if w not in first[2::3]]


@pytest.mark.parametrize("block", [4, 1000])
def test_a_cap_chooses_every_pair_equally_often(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, block: int
) -> None:
    monkeypatch.setattr(deduplication, "BLOCK", block)
    chosen = np.zeros(10)
    for seed in range(2000):
        fate_P = deduplication.new_fates(tmp_path / "fates", 10)
        assert deduplication.cap(fate_P, 10, 3, seed) == 7
        chosen += fate_P
    assert chosen.sum() == 6000
    assert np.abs(chosen - 600).max() < 100  # five standard deviations


def test_languages_in_parallel_give_the_same_files(tmp_path: Path) -> None:
    for lang in ("de", "fr", "it"):
        fill(tmp_path, {f"en-{lang}.tsv": "".join(f"{n} a\t{lang} {n}\n" for n in range(500))})
    caps: Mapping[str, int | None] = {"de": 100, "fr": None, "it": 7}
    runs = [prepare(tmp_path, [TSV], max_pairs=caps, out=f"{n}", processes=n) for n in (1, 3)]
    assert runs[0] == runs[1]
    assert [pair for _, pair in report(runs[0])] == ["en-de", "en-fr", "en-it"]


def test_an_error_in_one_language_stops_all_and_leaves_nothing(tmp_path: Path) -> None:
    fill(tmp_path, {"en-de.tsv": "a\tb\n", "en-fr.tsv": "a b\n"})
    with pytest.raises(InputError, match=r"en-fr\.tsv:1: .* it has 0 tabs"):
        prepare(tmp_path, [TSV], max_pairs={"de": None, "fr": None}, processes=2)
    assert not list((tmp_path / "results").iterdir())
