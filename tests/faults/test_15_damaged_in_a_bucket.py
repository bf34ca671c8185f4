"""15 on an object store: what was flipped or cut off there is found, moved aside by the server, and computed again."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from alexflow import Engine, open_storage
from alexflow.errors import OutputDamaged
from alexflow.storage.remote.multipart import MAX_BYTES_IN_MEMORY
from tests.faults.bulky_tasks import BulkyOnLoop
from tests.faults.workflows import Number, Reader, Sum
from tests.kit.servers.s3 import BUCKET, READER, READER_SECRET, client

pytestmark = pytest.mark.anyio


def flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def cut_off(data: bytes) -> bytes:
    return data[:-1]


HARMS = pytest.mark.parametrize("harm", [flip, cut_off])


@pytest.fixture(params=["seaweedfs", "moto"])
def behind(request, server):
    return server(request.param)


@pytest.fixture
def storage(behind):
    return open_storage(behind.url(), **behind.options)


@pytest.fixture
def checked(storage):
    return storage.checking()


@pytest.fixture
def damage(behind, storage):
    """Do something to an object, and leave what is recorded of it as it is."""
    prefix = storage.url.removeprefix(f"s3://{BUCKET}/")

    def damage(key, harm):
        at = {"Bucket": BUCKET, "Key": f"{prefix}/{key}"}
        with client(behind.port) as opened:
            found = opened.get_object(**at)
            opened.put_object(**at, Body=harm(found["Body"].read()), Metadata=found["Metadata"])

    return damage


@pytest.fixture
def quarantined(behind, storage):
    prefix = storage.url.removeprefix(f"s3://{BUCKET}/")

    def look():
        with client(behind.port) as opened:
            found = opened.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/.alexflow/quarantine/")
        return {f"s3://{BUCKET}/{each['Key']}" for each in found.get("Contents", ()) if not each["Key"].endswith("/")}

    return look


@HARMS
async def test_verified(storage, log, harm, damage, quarantined):
    parts = tuple(Number(n, str(log)).output() for n in range(20))
    total = Sum(parts, "total", str(log))
    async with Engine(storage, executor="thread") as engine:
        await engine.run(total)
        for key in (parts[3].key, parts[7].key):
            damage(key, harm)
        found = await storage.averify()
        assert (found.good, found.unrecorded, found.missing) == (19, 0, ())
        assert {damaged.key for damaged in found.damaged} == {parts[3].key, parts[7].key}
        assert {damaged.moved_to for damaged in found.damaged} == quarantined()
        assert await storage.aexists_many([parts[3].key]) == set()
        log.write_text("")
        result = await engine.run([total, *parts])
        assert Counter(log.read_text().split()) == {"3": 1, "7": 1}
        assert [await output.aload() for output in result.output] == [sum(range(20)), *range(20)]
        again = await storage.averify()
        assert (again.ok, again.good) == (True, 21)
    assert await asyncio.to_thread(storage.verify) == again
    moved = await asyncio.to_thread(lambda: list(storage.quarantined()))
    assert sorted(moved) == sorted([parts[3].key, parts[7].key])


@HARMS
async def test_read_by_a_task(checked, log, harm, damage, quarantined):
    """Its task waits until the input has been computed again, and loses no attempt."""
    source = Number(1, str(log))
    reader = Reader(2, str(log), source.output())
    async with Engine(checked, workers=1) as engine:
        await engine.run(source)
        damage(source.output().key, harm)
        result = await engine.run(reader)
        assert result.ok
        assert await result.output.aload() == 1
        assert Counter(log.read_text().split()) == {"1": 2, "reader-2": 2}
        assert len(quarantined()) == 1
        assert (await checked.averify()).good == 2


@HARMS
@pytest.mark.parametrize("size", [10, MAX_BYTES_IN_MEMORY + 1])
async def test_read_by_the_program(checked, log, harm, damage, quarantined, size):
    output = BulkyOnLoop(1, str(log), size).output()
    async with Engine(checked) as engine:
        value = await engine.load(output)
        damage(output.key, harm)
        assert await engine.load(output) == value == bytes(size)
        assert log.read_text().split() == ["1", "1"]
        damage(output.key, harm)
        with pytest.raises(OutputDamaged, match=r"it is kept as s3://bucket/.*/.alexflow/quarantine/") as damaged:
            await output.assign_storage(checked).aload()
        assert damaged.value.moved_to in quarantined()
        assert (await engine.run(output)).ran == 1
    assert len(quarantined()) == 2


@HARMS
async def test_read_as_a_stream(checked, harm, damage):
    data = bytes(range(256)) * 20_000
    for way in (checked.areader, checked.apath):
        await checked.awrite("key", data)
        async with way("key") as found:
            assert (await found.read() if way == checked.areader else found.read_bytes()) == data
        damage("key", harm)
        with pytest.raises(OutputDamaged):
            async with way("key"):
                pass
        assert await checked.aexists_many(["key"]) == set()


async def test_it_cannot_be_moved_away(server, log):
    """Found by somebody who may only read: not good, and not moved."""
    behind = server("seaweedfs")
    storage = open_storage(behind.url(), **behind.options)
    await storage.awrite("key", b"value")
    at = {"Bucket": BUCKET, "Key": f"{storage.url.removeprefix(f's3://{BUCKET}/')}/key"}
    with client(behind.port) as opened:
        found = opened.get_object(**at)
        opened.put_object(**at, Body=b"other", Metadata=found["Metadata"])
    reader = open_storage(storage.url, **behind.options | {"key": READER, "secret": READER_SECRET}, check=True)
    with pytest.raises(OutputDamaged, match="could not be moved out of the way") as damaged:
        await reader.aread("key")
    assert damaged.value.moved_to == ""
    assert await storage.aexists_many(["key"]) == {"key"}
    (examined,) = (await reader.averify()).damaged
    assert (examined.key, examined.moved_to, examined.actual.size) == ("key", "", 5)
