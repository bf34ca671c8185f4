"""45: outputs are swapped, attributes along; a record is gone: verify tells both, check="strict" gives out neither."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

import alexflow
from alexflow import LocalStorage
from alexflow.errors import OutputDamaged, UnknownStorage
from alexflow.storage import PrefixStorage, copy
from alexflow.storage.copying import copy_object
from alexflow.storage.local import digest_store
from alexflow.storage.local.read import MAX_INLINE_BYTES
from tests.faults.workflows import Number, Sum

SIZES = [10, MAX_INLINE_BYTES + 1]
KEYS = [("a", "b"), ("a/data.json", "b/data.json"), ("a/x/data.json", "b/x/data.json"), ("a/b", "b/a")]


@pytest.fixture(params=["attributes", "notes"])
def storage(request, tmp_path, monkeypatch):
    if request.param == "notes":
        monkeypatch.setattr(digest_store, "_set", None)
        monkeypatch.setattr(digest_store, "_get", None)
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    return storage


def swap(storage: LocalStorage, one: str, other: str) -> None:
    """As two calls of ``mv`` do it: attributes move along; and notes, if somebody moves these, too."""
    for base in (storage.base_path, f"{storage.base_path}/.alexflow/digests"):
        if os.path.exists(f"{base}/{one}"):
            os.rename(f"{base}/{one}", f"{base}/aside")
            os.rename(f"{base}/{other}", f"{base}/{one}")
            os.rename(f"{base}/aside", f"{base}/{other}")


def forget(storage: LocalStorage, key: str) -> None:
    """As a program that copies bytes only: no attribute, no note."""
    path = Path(storage.path_of(key))
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    Path(storage.base_path, ".alexflow/digests", key).unlink(missing_ok=True)


def ways_to_read(storage, key):
    """Each gives the bytes, or raises."""

    def by_path():
        with storage.path(key) as path:
            return path.read_bytes()

    def by_stream():
        with storage.reader(key) as file:
            return file.read()

    async def by_async_stream():
        async with storage.areader(key) as file:
            return await file.read()

    return [
        lambda: storage.read(key),
        lambda: asyncio.run(storage.aread(key)),
        by_stream,
        lambda: asyncio.run(by_async_stream()),
        by_path,
        lambda: Path(storage.local_path(key)).read_bytes(),
    ]


def read_in_all_ways(storage, key):
    return [read() for read in ways_to_read(storage, key)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("keys", KEYS, ids=lambda keys: keys[0])
def test_swapped(storage, keys, size):
    one, other = keys
    storage.write(one, b"1" * size)
    storage.write(other, b"2" * size)
    storage.write("third", b"3")
    swap(storage, one, other)
    assert storage.read(one) == b"2" * size  # who does not check does not see

    found = storage.verify(quarantine=False)
    assert found == asyncio.run(storage.averify(quarantine=False))
    assert (found.ok, found.good) == (False, 1)
    assert {(each.key, each.verdict) for each in found.damaged} == {(one, "misplaced"), (other, "misplaced")}

    for number, check in enumerate((True, "strict")):
        checking = LocalStorage(storage.base_path, check=check)
        for at in range(len(ways_to_read(checking, one))):
            with pytest.raises(OutputDamaged, match="was published under another key; it is kept as") as caught:
                ways_to_read(checking, one)[at]()
            os.rename(caught.value.moved_to, storage.path_of(one))
        assert checking.read("third") == b"3"
        assert number == 0 or checking.check == "strict"

    moved = storage.verify().damaged
    assert storage.exists_many([one, other]) == set()
    assert all(os.path.exists(each.moved_to) for each in moved)


@pytest.mark.parametrize("size", SIZES)
def test_a_record_is_gone(storage, size):
    storage.write("key", b"1" * size)
    storage.write("other", b"2")
    forget(storage, "key")
    found = storage.verify()
    assert (found.ok, found.good, found.unrecorded) == (True, 1, 1)
    assert storage.examine("key").verdict == "unrecorded"
    assert read_in_all_ways(LocalStorage(storage.base_path, check=True), "key") == [b"1" * size] * 6

    strict = LocalStorage(storage.base_path, check="strict")
    for at in range(6):
        with pytest.raises(OutputDamaged, match="has no record of what was published there") as caught:
            ways_to_read(strict, "key")[at]()
        os.rename(caught.value.moved_to, storage.path_of("key"))
    assert read_in_all_ways(strict, "other") == [b"2"] * 6


def test_a_strict_run_makes_both_again(place, log):
    numbers = [Number(n, str(log)) for n in range(4)]
    storage = LocalStorage(place)
    alexflow.run(numbers, storage=storage, workers=1)
    swap(storage, numbers[0].output().key, numbers[1].output().key)
    forget(storage, numbers[2].output().key)
    log.write_text("")
    total = Sum(tuple(number.output() for number in numbers))
    assert alexflow.run(total, storage=LocalStorage(place, check="strict"), workers=1).output.load() == 6
    assert sorted(log.read_text().split()) == ["0", "1", "2"]
    assert storage.verify().good == 5


def test_one_directory_seen_from_several_places(tmp_path):
    """An output that was published in a part of a storage is good in the whole, and the other way round."""
    whole, part = LocalStorage(tmp_path / "whole"), LocalStorage(tmp_path / "whole" / "team")
    whole.prepare()
    whole.write("team/dir/a", b"1")
    PrefixStorage(whole, "team").write("b", b"2")
    part.write("dir/c", b"3")
    for storage in (whole, part, PrefixStorage(whole, "team")):
        assert storage.verify().good == 3
    strict = LocalStorage(part.base_path, check="strict")
    assert [strict.read(key) for key in ("dir/a", "b", "dir/c")] == [b"1", b"2", b"3"]
    os.rename(tmp_path / "whole" / "team", tmp_path / "elsewhere")
    assert LocalStorage(tmp_path / "elsewhere").verify().good == 3


def test_copies_keep_their_records(storage, tmp_path):
    target = LocalStorage(tmp_path / "target")
    target.prepare()
    storage.write("dir/a", b"1")
    storage.write("b", b"2" * (MAX_INLINE_BYTES + 1))
    assert copy(storage, target).copied == 2
    assert copy(storage, PrefixStorage(target, "team")).copied == 2
    assert copy_object(storage, "dir/a", target, "another") == "linked"
    assert copy_object(storage, "dir/a", target, "one/more") == "linked"
    assert copy_object(storage, "dir/a", storage, "here/too") == "linked"
    assert copy_object(storage, "dir/a", target, "deeper/dir/a") == "linked"
    assert copy_object(storage, "dir/a", target, "b") == "existed"
    found = target.verify()
    assert (found.ok, found.good, found.unrecorded) == (True, 7, 0)
    assert storage.verify().good == 3
    if digest_store._set is not None:  # a note is with the storage in which it was published
        assert LocalStorage(f"{target.base_path}/one", check="strict").read("more") == b"1"
    swap(target, "another", "team/b")
    assert {each.key for each in target.verify().damaged} == {"another", "team/b"}


@pytest.mark.parametrize("check", ["strikt", None, 1, "True"])
def test_what_check_cannot_be(tmp_path, check):
    with pytest.raises(UnknownStorage, match="check must be True, False or 'strict'"):
        LocalStorage(tmp_path, check=check)
    with pytest.raises(UnknownStorage, match="check must be True, False or 'strict'"):
        alexflow.open_storage("s3://bucket/x", check=check)


# -- in a bucket


@pytest.fixture(params=["seaweedfs", "moto"])
def bucket_storage(request, server):
    behind = server(request.param)
    return behind, behind.url()


@pytest.mark.anyio
async def test_in_a_bucket(bucket_storage):
    """Objects are swapped by the server's own copies, which take what is kept with them along."""
    behind, url = bucket_storage
    storage = alexflow.open_storage(url, **behind.options)
    strict = alexflow.open_storage(url, check="strict", **behind.options)
    data = {"a/data": b"1", "b/data": b"2" * (17 * 1024 * 1024), "dir/c": b"3"}
    for key, value in data.items():
        assert await storage.awrite(key, value)
        assert await strict.aread(key) == value
    backend = await storage._connection().backend()
    at = {key: backend.at(key) for key in ("a/data", "b/data", "aside", "bare")}
    for source, to in (("a/data", "aside"), ("b/data", "a/data"), ("aside", "b/data")):
        await backend._client.copy_object(**at[to], CopySource=at[source])
    await storage.aremove_many(["aside"])
    await backend._client.put_object(**at["bare"], Body=b"4")

    found = await storage.averify(quarantine=False)
    assert (found.ok, found.good, found.unrecorded) == (False, 1, 1)
    assert {(each.key, each.verdict) for each in found.damaged} == {("a/data", "misplaced"), ("b/data", "misplaced")}
    for key, reason in {
        "a/data": "was published under another key",
        "b/data": "was published under another key",
        "bare": "has no record",
    }.items():
        with pytest.raises(OutputDamaged, match=reason):
            await strict.aread(key)
    assert await strict.aexists_many(["a/data", "b/data", "bare", "dir/c"]) == {"dir/c"}
    assert await storage.acopy_from(storage, "dir/c", "under/another/name") is True
    assert await storage.acopy_from(storage, "dir/c", "deeper/dir/c") is True
    assert await strict.aread("under/another/name") == await strict.aread("deeper/dir/c") == b"3"
    await storage.aclose()
    await strict.aclose()
