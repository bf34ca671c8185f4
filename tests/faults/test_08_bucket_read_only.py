"""8 on an object store: credentials that may only read: an error before any task runs; what is cached can be read."""

from __future__ import annotations

import pytest

from alexflow import Engine, Retry, open_storage
from alexflow.errors import StorageDenied
from tests.faults.bulky_tasks import BulkyOnLoop
from tests.faults.workflows import Number, Sum
from tests.kit.servers.s3 import READER, READER_SECRET

pytestmark = pytest.mark.anyio


@pytest.fixture
def rights(server):
    """The same storage twice: who may write, who may only read."""
    behind = server("seaweedfs")
    url = behind.url()
    reader = behind.options | {"key": READER, "secret": READER_SECRET}
    return open_storage(url, **behind.options), open_storage(url, **reader)


@pytest.mark.parametrize("on_error", ["stop", "continue"])
@pytest.mark.parametrize("executor", ["process", "thread"])
async def test_read_only(rights, log, on_error, executor):
    writer, reader = rights
    cached = Number(1, str(log))
    async with Engine(writer, workers=1, executor=executor) as engine:
        await engine.run(cached)
    log.write_text("")

    async with Engine(reader, workers=1, executor=executor, retry=Retry(3)) as engine:
        result = await engine.run(cached)
        assert (result.ran, result.cached, await result.output.aload()) == (0, 1, 1)
        new = Sum((cached.output(), Number(2, str(log)).output()), log=str(log))
        for _ in range(2):
            with pytest.raises(StorageDenied, match=r"cannot publish .* in s3://bucket/.*403") as denied:
                await engine.run(new, on_error=on_error)
            assert READER_SECRET not in str(denied.value)
        with pytest.raises(StorageDenied):
            await engine.run(cached, force=True)
        assert log.read_text() == ""
        assert await engine.load(cached.output()) == 1
    assert sorted([key async for key in writer.alist()]) == [cached.output().key]


async def test_what_is_there_can_be_streamed(rights, log):
    writer, reader = rights
    output = BulkyOnLoop(1, str(log), 20 * 1024 * 1024).output()
    async with Engine(writer) as engine:
        await engine.load(output)
    async with Engine(reader) as engine:
        assert (await engine.run(output)).cached == 1
    async with reader.areader(output.key) as file:
        assert len(await file.read()) == await reader.asize(output.key)
    found = await reader.averify()
    assert (found.ok, found.good) == (True, 1)
