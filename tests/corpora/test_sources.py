"""The table of sources, recorded checksums and licences."""

from pathlib import Path

import pytest
import yaml

from neuron_specialization.corpora.sources import (
    CHECKSUM_COLUMNS,
    Source,
    is_left_out,
    parse_records,
    read_sources,
)
from neuron_specialization.errors import InputError
from tests.conftest import PROJECT

HEAD = "corpus\tfile\turl\tsha256\tbytes\tunpack\tleave_out\tlicence\tabout\n"
SCHEMA = PROJECT / "config/schemas/sources.schema.yaml"


@pytest.fixture
def shipped() -> dict[str, list[Source]]:
    return read_sources(PROJECT / "config/sources.tsv", SCHEMA)


def test_the_shipped_table_is_read(shipped: dict[str, list[Source]]) -> None:
    assert len(shipped["ntrex"]) == 31
    assert len(shipped["ec30_models"]) == 2
    german = shipped["ntrex"][0]
    assert german.name == "ntrex/newstest2019-ref.deu.txt"
    assert german.url.endswith(f"/NTREX-128/{german.file}")
    assert all(len(source.sha256) == 64 and source.bytes for source in shipped["ntrex"])
    packages = shipped["software"]
    assert len(packages) == 25 + 13 + 1
    assert all(f"{source.package}.deb" == source.file for source in packages)
    assert not any(source.package for source in shipped["ntrex"])
    archives = {name for name, rows in shipped.items() if rows[0].unpack}
    assert archives == {"flores200", "iwslt14", "ec30_tokenised", "ec30_binarised"}


def test_the_folder_of_ec40_is_cut_to_ec30(shipped: dict[str, list[Source]]) -> None:
    (folder,) = shipped["ec40_text"]
    for path, left_out in {
        "EC40-train-set/en-de.de": False,
        "EC40-train-set/en-nl.en": False,
        "EC40-train-set/en-no.en": True,
        "EC40-train-set/en-ast.ast": True,
        "test-set/en-test-set/en-so/test.en": True,
        "test-set/en-test-set/en-sv/test.en": False,
        "test-set/zeroshot-test-set/de-fr.de": True,
    }.items():
        assert is_left_out(path, folder.leave_out) == left_out, path


def test_every_column_of_the_table_is_described() -> None:
    schema = yaml.safe_load(SCHEMA.read_text())
    assert "\t".join(schema["properties"]) + "\n" == HEAD
    assert all("description" in column for column in schema["properties"].values())
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("News\ta\thttp://x/a\tunknown\t\t\t\tCC0\tx", "column corpus: 'News'"),
        ("news\t../a\thttp://x/a\tunknown\t\t\t\tCC0\tx", r"column file: '\.\./a'"),
        ("news\tb/../a\thttp://x/a\tunknown\t\t\t\tCC0\tx", r"column file: 'b/\.\./a'"),
        ("news\t/a\thttp://x/a\tunknown\t\t\t\tCC0\tx", "column file: '/a'"),
        ("news\t\thttp://x/a\tunknown\t\t\t\tCC0\tx", "'file' is a required property"),
        ("news\ta\tftp://x/a\tunknown\t\t\t\tCC0\tx", "column url: 'ftp://x/a'"),
        ("news\ta\tfile://x/a\tunknown\t\t\t\tCC0\tx", "column url: 'file://x/a'"),
        ("news\ta\tdrive:\tunknown\t\t\t\tCC0\tx", "column url: 'drive:'"),
        ("news\ta\thttp://x/a\tABC\t\t\t\tCC0\tx", "column sha256: 'ABC'"),
        ("news\ta\thttp://x/a\t\t\t\t\tCC0\tx", "'sha256' is a required property"),
        ("news\ta\thttp://x/a\tunknown\t12 kB\t\t\tCC0\tx", "column bytes: '12 kB'"),
        ("news\ta\thttp://x/a\tunknown\t\tmaybe\t\tCC0\tx", "column unpack: 'maybe'"),
        ("news\ta\thttp://x/a\tunknown\t\t\t\t\tx", "'licence' is a required property"),
        ("news\ta\thttp://x/a\tunknown\t\t\t\tCC0\tx\textra", ": more cells than the header has"),
        ("news\t.\thttp://x/a\tunknown\t\t\t\tCC0\tx", "column file: '.' should not be valid"),
        ("news\ta\tdeb:X\tunknown\t\t\t\tCC0\tx", "column url: 'deb:X'"),
        ("news\ta\tdeb:-x\tunknown\t\t\t\tCC0\tx", "column url: 'deb:-x'"),
        ("news\ta\tdeb:x/sid\tunknown\t\t\t\tCC0\tx", "column url: 'deb:x/sid'"),
        ("news\ta\tdeb:xx\tunknown\t\tyes\t\tCC0\tx", "column unpack: False was"),
        ("news\t.\tdeb:xx\tunknown\t\t\t\tCC0\tx", "column file: '.' should not be valid"),
        ("news\ta\tdrive-folder:x\tunknown\t\t\t\tCC0\tx", "column file: '.' was expected"),
        ("news\t.\tdrive-folder:x\tunknown\t\tyes\t\tCC0\tx", "column unpack: False was"),
    ],
)
def test_bad_cells_of_the_table_are_errors(tmp_path: Path, cells: str, message: str) -> None:
    table = tmp_path / "sources.tsv"
    table.write_text(f"{HEAD}{cells}\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"sources.tsv, line 2.*{message}"):
        read_sources(table, SCHEMA)


def test_a_file_has_one_row(tmp_path: Path) -> None:
    table = tmp_path / "sources.tsv"
    line = "news\ta\thttp://x/a\tunknown\t\t\t*.b c\tCC0\tx\n"
    table.write_text(HEAD + line + line.replace("news", "talks"), encoding="utf-8")
    assert read_sources(table, SCHEMA)["talks"][0].leave_out == ("*.b", "c")
    table.write_text(HEAD + line + line, encoding="utf-8")
    with pytest.raises(InputError, match=r"sources.tsv: file news/a has two rows"):
        read_sources(table, SCHEMA)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("file\tsha256\n", 1),
        ("file\tsha256\tbytes\na\tb\n", 2),
        (f"file\tsha256\tbytes\na\t{'0' * 64}\t1\nb\t{'0' * 63}\t1\n", 3),
        (f"file\tsha256\tbytes\na\t{'0' * 64}\t1\na\t{'1' * 64}\t1\n", 3),
        (f"file\tsha256\tbytes\na\t{'0' * 64}\tmany\n", 2),
    ],
)
def test_damaged_checksums_are_errors(text: str, line: int) -> None:
    with pytest.raises(InputError, match=rf"checksums\.tsv, line {line}: .*restore"):
        parse_records(text, CHECKSUM_COLUMNS, "checksums.tsv")
