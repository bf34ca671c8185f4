"""Stored bytes are held against the digests that were recorded when they were published."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from alexflow import LocalStorage, MemoryStorage
from alexflow.errors import OutputDamaged, OutputNotFound, StorageError
from alexflow.storage import Digest, digest
from alexflow.storage.files import CHUNK_BYTES
from alexflow.storage.local import digest_store
from alexflow.storage.local.read import MAX_INLINE_BYTES
from alexflow.storage.verification import VERIFY_BATCH, read_record

SIZES = [0, 1, MAX_INLINE_BYTES, MAX_INLINE_BYTES + 1, 2 * CHUNK_BYTES + 7]


@pytest.fixture
def no_attributes(monkeypatch):
    """A file system without extended attributes."""
    monkeypatch.setattr(digest_store, "_set", None)
    monkeypatch.setattr(digest_store, "_get", None)


@pytest.fixture(params=["attributes", "notes", "named"])
def storage(request, tmp_path):
    if request.param == "notes":
        request.getfixturevalue("no_attributes")
    if request.param == "named":
        request.getfixturevalue("named_files")
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    return storage


def flip(storage, key, at=0):
    path = Path(storage.path_of(key))
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def cut_off(storage, key):
    os.truncate(storage.path_of(key), storage.size(key) - 1)


def drop_record(storage, key):
    """As of an older version, or copied by a program that keeps no attributes."""
    if digest_store._set is not None:
        os.removexattr(storage.path_of(key), digest_store.ATTRIBUTE)
    else:
        os.unlink(f"{storage.base_path}/.alexflow/digests/{key}")


def test_golden_record():
    """Recorded digests are read by later versions."""
    assert digest.record_of(b"alexflow").hex() == "310800000000000000" + "5d91b2a9c2fc5fb6fbf690dfd4260af4"
    assert digest.record_of_parts([b"alex", b"", b"flow"]) == digest.record_of(b"alexflow")
    assert digest_store.ATTRIBUTE == "user.alexflow"
    assert read_record(digest.record_of(b"")).size == 0


def test_golden_record_with_its_key():
    content = "0800000000000000" + "5d91b2a9c2fc5fb6fbf690dfd4260af4"
    record = digest.record_of(b"alexflow")
    assert digest.with_key(record, "key").hex() == "32" + content + "a9ab908a"
    assert digest.with_key(record, "a/é/key").hex() == "32" + content + "a9ab908a" + "8dfd09d6" + "176a5d27"
    assert digest.of_bytes(digest.with_key(record, "a/é/key")) == record
    for key in ("key", "a/é/key"):
        assert digest.record_of_output(b"alexflow", key) == digest.with_key(record, key)


def test_a_record_of_the_first_version_is_read_as_ever(tmp_path):
    """It tells nothing of its key: good to all but who looks strictly."""
    storage = LocalStorage(tmp_path)
    storage.write("key", b"alexflow")
    first = bytes.fromhex("310800000000000000" + "5d91b2a9c2fc5fb6fbf690dfd4260af4")
    os.setxattr(storage.path_of("key"), digest_store.ATTRIBUTE, first)
    assert storage.examine("key").verdict == "good"
    assert storage.verify().good == 1
    assert LocalStorage(tmp_path, check=True).read("key") == b"alexflow"
    with pytest.raises(OutputDamaged, match="has a record without its key; it is kept as"):
        LocalStorage(tmp_path, check="strict").read("key")
    storage.write("key", b"alexflow")
    os.setxattr(storage.path_of("key"), digest_store.ATTRIBUTE, first)
    flip(storage, "key")
    assert storage.examine("key").verdict == "damaged"


@pytest.mark.parametrize("form", ["blocking", "async"])
def test_it_goes_on_past_what_cannot_be_read(everybodys, form):
    """As somebody who may not read everything."""
    storage = LocalStorage(everybodys / "storage")
    storage.prepare()
    for number in range(2 * VERIFY_BATCH):
        storage.write(f"{number % 2}/{number}", b"1")
    storage.write("closed/key", b"1")
    os.chmod(storage.path_of("0/0"), 0)
    os.chmod(storage.path_of("closed"), 0)
    code = f"""
import asyncio, os, sys, tempfile
from alexflow import LocalStorage
storage = LocalStorage({storage.base_path!r})
assert storage.verify().ok and asyncio.run(storage.averify()).ok  # all is loaded, while it may be
from alexflow.errors import StorageDenied
os.setgid(65534); os.setuid(65534)
found = storage.verify() if {form!r} == "blocking" else asyncio.run(storage.averify())
print(found.good, found.ok, sorted((each.key, each.verdict) for each in found.unreadable))
print(*(each.trouble for each in found.unreadable), sep=chr(10))
"""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    told = done.stdout.splitlines()
    closed = f"{storage.base_path}/closed"
    assert told[0] == f"{2 * VERIFY_BATCH - 1} False {sorted([('0/0', 'unreadable'), (closed, 'unreadable')])}"
    assert set(told[1:]) == {
        f"cannot read {storage.base_path}/0/0: Permission denied (EACCES)",
        f"cannot list {closed}: Permission denied (EACCES)",
    }


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/etc/hostname", path), "socket", "device"])
def test_what_is_no_file_is_no_output(tmp_path, make):
    """Nobody waits for a pipe, and no link leads anywhere."""
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    storage.write("dir/good", b"1")
    path = storage.path_of("dir/odd")
    if make == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            os.chdir(tmp_path / "storage/dir")
            server.bind("odd")
            os.chdir("/")
    elif make == "device":
        os.symlink("/dev/zero", path)
    else:
        make(path)
    for asked in (["dir/odd"], ["dir/odd", *(f"dir/{n}" for n in range(20))]):
        assert storage.exists_many(asked) == set()
    for read in (
        lambda: storage.read("dir/odd"),
        lambda: LocalStorage(storage.base_path, check=True).read("dir/odd"),
        lambda: asyncio.run(storage.aread("dir/odd")),
        lambda: storage.reader("dir/odd"),
        lambda: storage.size("dir/odd"),
        lambda: storage.local_path("dir/odd"),
        lambda: storage.path("dir/odd").__enter__(),
        lambda: storage.examine("dir/odd"),
    ):
        with pytest.raises(OutputNotFound):
            read()
    assert list(storage.list()) == ["dir/good"]
    found = storage.verify()
    assert (found.ok, found.good, found.unrecorded) == (True, 1, 0)
    assert storage.verify(["dir/odd"]).missing == ("dir/odd",)
    with pytest.raises(StorageError, match=r"cannot publish .*dir/odd: what is there is not a file; remove it"):
        storage.write("dir/odd", b"1")
    assert storage.write("dir/odd", b"1", replace=True) is True
    assert storage.read("dir/odd") == b"1"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("key", ["key", "dir/sub/key"])
def test_recorded_however_it_is_written(storage, size, key):
    data = os.urandom(size)
    for name, replace in [("a", False), ("b", True)]:
        storage.write(f"{key}-{name}", data, replace=replace)
        asyncio.run(storage.awrite(f"{key}-{name}-async", data, replace=replace))
    found = storage.verify()
    assert (found.ok, found.good, found.unrecorded, found.damaged) == (True, 4, 0, ())
    assert found == asyncio.run(storage.averify())


@pytest.mark.parametrize("harm", [flip, cut_off])
@pytest.mark.parametrize("size", [10, 2 * CHUNK_BYTES + 7])
def test_damage_is_found_and_moved_out_of_the_way(storage, harm, size):
    data = os.urandom(size)
    for key in ("good", "dir/bad"):
        storage.write(key, data)
    harm(storage, "dir/bad")
    hurt = Path(storage.path_of("dir/bad")).read_bytes()

    looked = asyncio.run(storage.averify(quarantine=False))
    assert storage.exists_many(["dir/bad"]) == {"dir/bad"}
    found = storage.verify()
    assert (found.ok, found.good, found.unrecorded, found.missing) == (False, 1, 0, ())
    (damaged,) = found.damaged
    assert (damaged.key, damaged.verdict) == ("dir/bad", "damaged")
    assert damaged.expected == read_record(digest.record_of(data))
    assert damaged.actual == read_record(digest.record_of(hurt))
    assert looked.damaged[0].moved_to == ""
    assert (looked.damaged[0].expected, looked.damaged[0].actual) == (damaged.expected, damaged.actual)

    assert Path(damaged.moved_to).read_bytes() == hurt
    assert damaged.moved_to.startswith(f"{storage.base_path}/.alexflow/quarantine/")
    assert storage.exists_many(["dir/bad", "good"]) == {"good"}
    assert list(storage.list()) == ["good"]
    assert storage.write("dir/bad", data) is True
    assert storage.verify().good == 2


def test_what_nothing_was_recorded_of_is_told_apart(storage):
    storage.write("old", b"12345")
    storage.write("new", b"1")
    drop_record(storage, "old")
    found = storage.verify()
    assert (found.ok, found.good, found.unrecorded) == (True, 1, 1)
    examined = storage.examine("old")
    assert (examined.verdict, examined.expected) == ("unrecorded", None)
    assert examined.actual == Digest(5, read_record(digest.record_of(b"12345")).value)


def test_some(storage):
    for number in range(2 * VERIFY_BATCH + 1):
        storage.write(f"{number % 2}/{number}", b"1")
    flip(storage, "1/1")
    assert storage.verify(prefix="0/").ok
    assert storage.verify(["0/0", "1/3"]).good == 2
    missing = storage.verify(["0/0", "none"])
    assert (missing.ok, missing.good, missing.missing) == (False, 1, ("none",))
    assert asyncio.run(storage.averify(["0/0", "none"])) == missing
    found = asyncio.run(storage.averify(prefix="1/"))
    assert (found.good, [damaged.key for damaged in found.damaged]) == (VERIFY_BATCH - 1, ["1/1"])


def test_replaced_and_removed(storage):
    storage.write("key", b"1")
    storage.write("key", b"2", replace=True)
    assert storage.verify().good == 1
    storage.remove_many(["key"])
    storage.write("key", b"3")
    assert asyncio.run(storage.aread("key")) == b"3"
    assert storage.verify().good == 1


def test_whoever_was_second_does_not_make_the_first_look_damaged(storage):
    """Two runs of one task may store different bytes: a time of day, a set in another order."""
    assert storage.write("key", b"first") is True
    assert storage.write("key", b"second") is False
    assert storage.verify().good == 1
    assert LocalStorage(storage.base_path, check=True).read("key") == b"first"


def test_a_torn_note_is_passed_over(tmp_path, no_attributes):
    storage = LocalStorage(tmp_path)
    storage.write("dir/key", b"1")
    note = tmp_path / ".alexflow/digests/dir/key"
    os.truncate(note, note.stat().st_size - 20)
    assert storage.verify().unrecorded == 1
    storage.remove_many(["dir/key"])
    assert not note.exists()
    note.write_bytes(b"\n3108")
    storage.write("dir/key", b"2")
    assert storage.verify().good == 1


@pytest.mark.parametrize("size", [10, MAX_INLINE_BYTES + 1])
def test_checked_whenever_it_is_read(storage, size):
    storage = LocalStorage(storage.base_path, check=True)
    data = os.urandom(size)
    for key in ("a", "b"):
        storage.write(key, data)
        assert storage.read(key) == asyncio.run(storage.aread(key)) == data
        flip(storage, key, size // 2)
    with pytest.raises(OutputDamaged, match=r"what is stored under 'a' in .* is kept as .*/quarantine/.*/a") as caught:
        storage.read("a")
    assert Path(caught.value.moved_to).stat().st_size == size
    with pytest.raises(OutputDamaged):
        asyncio.run(storage.aread("b"))
    for key in ("a", "b"):
        with pytest.raises(OutputNotFound) as missing:
            storage.read(key)
        assert type(missing.value) is OutputNotFound


def test_not_checked_unless_asked(storage):
    storage.write("key", b"12345")
    cut_off(storage, "key")
    assert storage.read("key") == b"1234"


def test_a_storage_that_records_nothing():
    storage = MemoryStorage()
    storage.write("key", b"1")
    assert storage.verify().unrecorded == 1


def test_a_storage_that_records_nothing_on_the_loop():
    storage = MemoryStorage()
    asyncio.run(storage.awrite("key", b"1"))
    assert (asyncio.run(storage.averify())).unrecorded == 1
    assert (asyncio.run(storage.aexamine("key"))).actual.size == 1
