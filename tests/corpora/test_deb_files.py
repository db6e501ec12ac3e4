"""Control fields of Debian packages, and the order of versions."""

import bz2
import gzip
import itertools
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from neuron_specialization.corpora.deb_files import read_control, version_key
from neuron_specialization.errors import InputError
from tests.corpora.fetching_helpers import ar, deb, tar

CONTROL = {"./control": b"Package: xx\nVersion: 1\nDescription: short\n long\nSection: doc\n"}


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
def test_control_fields_of_compressed_packages(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    members = {"debian-binary": b"2.0\n", "control.tar.x/": compress(tar({"./x": b"", **CONTROL}))}
    (tmp_path / "a.deb").write_bytes(ar(members))
    control = read_control(tmp_path / "a.deb")
    assert control == {"Package": "xx", "Version": "1", "Description": "short", "Section": "doc"}


def test_control_fields_of_an_uncompressed_package(tmp_path: Path) -> None:
    (tmp_path / "a.deb").write_bytes(ar({"control.tar": tar(CONTROL)}))
    assert read_control(tmp_path / "a.deb")["Version"] == "1"


def test_truncated_packages_are_errors(tmp_path: Path) -> None:
    package = deb("xx", "1")
    for length in range(0, len(package) - 2, 7):
        (tmp_path / "a.deb").write_bytes(package[:length])
        with pytest.raises(InputError, match="it is not a complete Debian package: "):
            read_control(tmp_path / "a.deb")


@pytest.mark.parametrize(
    "content",
    [
        b"<html>",
        ar({"debian-binary": b"2.0\n"}),
        ar({"control.tar.xz": lzma.compress(tar({"md5sums": b""}))}),
        ar({"control.tar.xz": lzma.compress(tar({"control": b"Package: xx\n"}))}),
        ar({"control.tar.xz": lzma.compress(tar({"control": b"Package: x\nVersion: a b\n"}))}),
        ar({"control.tar.xz": lzma.compress(tar({"control": b"Package: \xff"}))}),
        ar({"control.tar.xz": lzma.compress(tar(CONTROL))[:40]}),
        ar({"control.tar.xz": b"no archive"}),
        ar({"control.tar.xz": b""}),
        ar({"control.tar.xz": b"x" * 60}).replace(b"60        `", b"-60       `"),
    ],
)
def test_files_that_are_no_packages(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.deb").write_bytes(content)
    with pytest.raises(InputError, match="it is not a complete Debian package: "):
        read_control(tmp_path / "a.deb")


def test_versions_have_debians_order() -> None:
    ordered = ["1.0~~", "1.0~rc1", "1.0", "1.0-1~bpo12+1", "1.0-1", "1.0-1+deb12u9"]
    ordered += ["1.0-1+deb12u14", "1.0-1.1", "1.0Z", "1.0a", "1.0+dfsg", "1.0-2-1", "1.0.1", "1.2"]
    ordered += ["1.10", "10", "1:0.1", "4:7.4.7-1+deb12u2", "4:7.4.7-1+deb12u14"]
    for lower, higher in itertools.combinations(ordered, 2):
        assert version_key(lower) < version_key(higher), (lower, higher)
    assert version_key("0:1.00") == version_key("1.0-0")
