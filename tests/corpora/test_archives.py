"""Unpacking archives: of every kind, damaged, truncated, or malicious."""

import bz2
import errno
import gzip
import lzma
import os
import random
import re
import stat
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from neuron_specialization.corpora import archives
from neuron_specialization.corpora.archives import unpack
from neuron_specialization.errors import InputError
from tests.corpora.fetching_helpers import TEXT, tar, tree, zipped
from tests.corpora.preparing import fill

TAR_KINDS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.xz": lzma.compress,
    "tar.bz2": bz2.compress,
    "tar.zst": lambda data: zstd.compress(
        data, options={zstd.CompressionParameter.checksum_flag: 1}
    ),
}
LINK = stat.S_IFLNK | 0o777


def special(kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo()
    member.type, member.linkname = kind, target
    return member


FILES = {
    "./data/a.de": TEXT,
    "data/b/._a.de": b"apple",
    "data/b/a.nl": b"nl",
    "data/b/text.gz": gzip.compress(TEXT),
    "data/a.xx": b"unwanted",
}
KEPT = {"data/a.de": TEXT, "data/b/a.nl": b"nl", "data/b/text.gz": FILES["data/b/text.gz"]}


def packed(kind: str, files: dict[str, bytes]) -> bytes:
    return zipped(files) if kind == "zip" else TAR_KINDS[kind](tar(files))


@pytest.mark.parametrize("kind", [*TAR_KINDS, "zip"])
def test_archive_kinds_are_detected_by_first_bytes(tmp_path: Path, kind: str) -> None:
    archive = tmp_path / "data.archive"
    archive.write_bytes(packed(kind, FILES))
    fill(tmp_path / "out", {"data/a.de": b"old", "data/c": b"another"})
    before = os.umask(0o077)
    try:
        unpack(archive, tmp_path / "out", ["*.xx"])
    finally:
        os.umask(before)
    assert tree(tmp_path / "out") == {**KEPT, "data/c": b"another"}
    found = (tmp_path / "out/data/a.de").stat()
    assert stat.S_IMODE(found.st_mode) == 0o644
    assert time.time() - found.st_mtime < 60
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data.archive", "out"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["data"]


def test_folders_and_first_names_that_look_like_a_zip(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(tar({"PK.txt": TEXT, "./b/": special(tarfile.DIRTYPE)}))
    (tmp_path / "b").write_bytes(zipped({"c/": b"", "c/d": TEXT}))
    unpack(tmp_path / "a", tmp_path / "out", [])
    unpack(tmp_path / "b", tmp_path / "out", [])
    assert tree(tmp_path / "out") == {"PK.txt": TEXT, "c/d": TEXT}


def test_zstandard_in_several_pieces(tmp_path: Path) -> None:
    data, compress = tar(FILES), TAR_KINDS["tar.zst"]
    (tmp_path / "a").write_bytes(compress(data[:700]) + compress(data[700:]))
    unpack(tmp_path / "a", tmp_path / "out", ["*.xx"])
    assert tree(tmp_path / "out") == KEPT


def test_nested_archives_are_unpacked_in_place(tmp_path: Path) -> None:
    inner = gzip.compress(tar({"de-en/a": TEXT, "de-en/y": b"", "._x": b""}))
    # the zip has a member with the same name as the zip
    outer = {"t/de/x.tgz": inner, "t/xx.tgz": b"", "z/b.zip": zipped({"b.zip": TEXT, "c": b"c"})}
    (tmp_path / "a.tar").write_bytes(tar(outer))
    unpack(tmp_path / "a.tar", tmp_path / "out", ["t/xx.tgz", "t/de/de-en/y"])
    assert tree(tmp_path / "out") == {"t/de/de-en/a": TEXT, "z/b.zip": TEXT, "z/c": b"c"}


REFUSED = {
    "parent": (tar({"a": TEXT, "../x": TEXT}), r"\.\./x: refused.*leads out"),
    "parent inside": (tar({"a": TEXT, "b/../../x": TEXT}), r"x: refused.*leads out"),
    "absolute": (tar({"a": TEXT, "/abs": TEXT}), "/abs: refused.*leads out"),
    "link": (tar({"a": TEXT, "b": special(tarfile.SYMTYPE, "a")}), ": b: refused.*link"),
    "hard link": (tar({"a": TEXT, "b": special(tarfile.LNKTYPE, "a")}), ": b: refused.*link"),
    "device": (tar({"a": TEXT, "b": special(tarfile.CHRTYPE)}), ": b: refused.*device"),
    "zip link": (zipped({"a": b"/etc"}, LINK), ": a: refused.*link"),
    "nested": (
        tar({"a": TEXT, "i.tgz": gzip.compress(tar({"../x": b""}))}),
        r"i\.tgz: \.\./x: refused",
    ),
    "nested link": (tar({"i.zip": zipped({"a": b"/etc"}, LINK)}), r"i\.zip: a: refused"),
    "no archive": (b"Rar!" * 999, "damaged, truncated, or not an archive of a known kind"),
    "a text, compressed": (gzip.compress(TEXT), "damaged, truncated"),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_archives_leave_nothing(tmp_path: Path, data: bytes, message: str) -> None:
    fill(tmp_path, {"in/a.archive": data, "out/a": b"old"})
    with pytest.raises(InputError) as error:
        unpack(tmp_path / "in/a.archive", tmp_path / "out", [])
    assert str(error.value).startswith(str(tmp_path / "in/a.archive"))
    assert re.search(message, str(error.value)), error.value
    assert tree(tmp_path) == {"in/a.archive": data, "out/a": b"old"}


def test_members_of_a_zip_stay_within_the_folder(tmp_path: Path) -> None:
    fill(tmp_path, {"in/a": zipped(dict.fromkeys(["/abs", "../up"], TEXT))})
    unpack(tmp_path / "in/a", tmp_path / "out", [])
    assert sorted(tree(tmp_path)) == ["in/a", "out/abs", "out/up"]


BOMBS: dict[str, Callable[[], bytes]] = {
    "tar.gz": lambda: gzip.compress(tar({"zeros": bytes(70 * 2**20)}), 1),
    "zip": lambda: zipped({"zeros": bytes(70 * 2**20)}),
    "nested": lambda: tar({"a": TEXT, "b/zeros.tgz": BOMBS["tar.gz"]()}),
    "nested twice": lambda: tar(
        dict.fromkeys(["a.tgz", "b.tgz"], gzip.compress(tar({"zeros": bytes(40 * 2**20)}), 1))
    ),
    "long header": lambda: gzip.compress(tar({"x" * 70 * 2**20: TEXT}), 1),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_are_not_unpacked(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.archive").write_bytes(BOMBS[kind]())
    with pytest.raises(InputError, match=r"a\.archive.*: .*more than 100 times its size"):
        unpack(tmp_path / "a.archive", tmp_path / "out", [])
    assert list(tree(tmp_path)) == ["a.archive"]


def test_the_bound_grows_with_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED", 1000)
    monkeypatch.setattr(archives, "LARGEST_RATIO", 1)
    (tmp_path / "a.tar").write_bytes(tar({"a": bytes(10_000)}))
    unpack(tmp_path / "a.tar", tmp_path / "out", [])
    (tmp_path / "b.tgz").write_bytes(gzip.compress(tar({"a": bytes(10_000)})))
    with pytest.raises(InputError, match=r"b\.tgz: "):
        unpack(tmp_path / "b.tgz", tmp_path / "out", [])


@pytest.mark.parametrize("kind", [*TAR_KINDS, "zip"])
def test_truncated_archives(tmp_path: Path, kind: str) -> None:
    data = packed(kind, {f"{n}.txt": random.Random(n).randbytes(1000) for n in range(20)})
    archive = tmp_path / "a.archive"
    end = 20 * 3 * 512 if kind == "tar" else len(data) - 1  # a tar ends in blocks of zeros
    for size in (0, 1, 100, 3 * 512, end // 2, end // 2 // 512 * 512, end):
        archive.write_bytes(data[:size])
        with pytest.raises(InputError, match=r"a\.archive: damaged, truncated"):
            unpack(archive, tmp_path / "out", [])
        assert list(tree(tmp_path)) == ["a.archive"]


@pytest.mark.parametrize("kind", [*TAR_KINDS, "zip"])
def test_archives_with_flipped_bits(tmp_path: Path, kind: str) -> None:
    data = packed(kind, {f"{n}.txt": random.Random(n).randbytes(300) for n in range(20)})
    archive, found = tmp_path / "a.archive", 0
    for seed in range(60):
        damaged, place = bytearray(data), random.Random(seed).randrange(len(data))
        damaged[place] ^= 1 << seed % 8
        archive.write_bytes(damaged)
        try:
            unpack(archive, tmp_path / f"out{seed}", [])
        except InputError:
            found += 1
            assert not tree(tmp_path / f"out{seed}")
    assert found >= (15 if kind == "tar" else 45)  # in a tar, only headers have checksums


def test_the_checksum_after_the_last_member_is_read(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(tar(FILES) + bytes(2**22)))
    data[-8] ^= 1
    (tmp_path / "a.tgz").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.tgz: damaged.*CRC"):
        unpack(tmp_path / "a.tgz", tmp_path / "out", [])


def test_a_full_disk_while_unpacking(small_disk: Path, tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(tar({"a": TEXT, "b": bytes(2**21)})))
    with pytest.raises(OSError, match="No space left") as error:
        unpack(tmp_path / "a.tar.gz", small_disk, [])
    assert error.value.errno == errno.ENOSPC
    assert not list(small_disk.iterdir())
