"""Reading .deb files."""

import itertools
from pathlib import Path

import pytest

from neuron_specialization.corpora.deb_files import (
    content_hash,
    find_package,
    load_package,
    read_control,
    read_members,
    require_package,
    version_key,
)
from neuron_specialization.errors import InputError
from tests.corpora.debs import COMPRESS, VERSION, ar, deb, tar

FILES = {"usr/lib/a.mo": b"first", "usr/lib/deep/b.mo": b"second", "usr/lib/c.txt": b"third"}


@pytest.mark.parametrize("suffix", COMPRESS)
def test_members_and_fields_are_read_whatever_the_compression(tmp_path: Path, suffix: str) -> None:
    path = deb(tmp_path, "words", FILES, suffix=suffix)
    assert dict(read_members(path, ["usr/lib/*.mo"])) == {
        name: content for name, content in FILES.items() if name.endswith(".mo")
    }
    assert read_control(path) == {
        "Package": "words",
        "Version": VERSION,
        "Description": "text",
    }


def test_links_are_not_read(tmp_path: Path) -> None:
    assert not list(read_members(deb(tmp_path, "words", FILES), ["usr/link.mo"]))


def test_a_package_has_the_licence_of_its_files(tmp_path: Path) -> None:
    package = load_package(deb(tmp_path, "words", FILES), ["*.txt"])
    assert (package.name, package.version, package.licence) == ("words", VERSION, "MPL-2.0")
    assert package.files == {"usr/lib/c.txt": b"third"}


def test_the_hash_is_of_the_content(tmp_path: Path) -> None:
    hashes = {
        content_hash(load_package(deb(tmp_path, "words", FILES, version, suffix), ["*.mo"]).files)
        for version, suffix in (("1-1", ".xz"), ("1-2", ".gz"))
    }
    assert len(hashes) == 1
    assert content_hash({"usr/lib/a.mo": b"other"}) not in hashes


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    deb(tmp_path, "words-extra", FILES)
    assert find_package(tmp_path, "words") is None
    with pytest.raises(InputError, match=r"no file words_.*apt-get download words"):
        require_package(tmp_path, "words")
    with pytest.raises(InputError, match="no such file"):
        read_control(tmp_path / "words.deb")


def test_two_versions_of_a_package_are_refused(tmp_path: Path) -> None:
    deb(tmp_path, "words", FILES, version="1-1")
    deb(tmp_path, "words", FILES, version="1-2")
    with pytest.raises(InputError, match=r"2 files of the package words .*keep one"):
        find_package(tmp_path, "words")


def test_a_truncated_package_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    path = deb(tmp_path, "words", FILES)
    content = path.read_bytes()
    for size in range(0, len(content) - 1, 7):
        path.write_bytes(content[:size])
        with pytest.raises(InputError, match=r"words_.*(truncated|no Debian package)"):
            list(read_members(path, ["*"]))


def test_a_damaged_package_is_refused(tmp_path: Path) -> None:
    path = deb(tmp_path, "words", FILES)
    content = bytearray(path.read_bytes())
    content[-20] ^= 255  # in the compressed data, the size of which stays
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        list(read_members(path, ["*"]))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"debian-binary": b"2.0\n"}, "has debian-binary, but none of data.tar"),
        ({"data.tar.lz4": b"?"}, "has data.tar.lz4, but none of data.tar"),
    ],
)
def test_other_archives_are_refused(tmp_path: Path, parts: dict[str, bytes], message: str) -> None:
    path = tmp_path / "words.deb"
    path.write_bytes(ar(parts))
    with pytest.raises(InputError, match=message):
        list(read_members(path, ["*"]))


def test_a_package_without_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.deb"
    path.write_bytes(ar({"control.tar": tar({"control": b"Package: words\n"})}))
    with pytest.raises(InputError, match="no field Version"):
        read_control(path)


def test_versions_have_debians_order() -> None:
    ordered = ["1.0~~", "1.0~rc1", "1.0", "1.0-1~bpo12+1", "1.0-1", "1.0-1+deb12u9"]
    ordered += ["1.0-1+deb12u14", "1.0-1.1", "1.0Z", "1.0a", "1.0+dfsg", "1.0-2-1", "1.0.1", "1.2"]
    ordered += ["1.10", "10", "1:0.1", "4:7.4.7-1+deb12u2", "4:7.4.7-1+deb12u14"]
    for lower, higher in itertools.combinations(ordered, 2):
        assert version_key(lower) < version_key(higher), (lower, higher)
    assert version_key("0:1.00") == version_key("1.0-0")
