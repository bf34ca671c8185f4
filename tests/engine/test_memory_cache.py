"""Outputs that are loaded often are kept in memory, by bytes or by value."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import Engine, JSONOutput, MemoryStorage, Task
from alexflow.engine.hot_outputs import ENTRY_BYTES
from alexflow.errors import DefinitionError
from alexflow.storage import MemoryCache
from tests.engine.workflows import Step

pytestmark = pytest.mark.anyio


class Counted(MemoryStorage):
    """Counts reads; as a server, it may let callers wait."""

    waits = False

    def __init__(self) -> None:
        super().__init__()
        self.reads: Counter[str] = Counter()

    @property
    def answers_at_once(self) -> bool:  # type: ignore[override]
        return not self.waits

    async def aread(self, key: str) -> bytes:
        self.reads[key] += 1
        if self.waits:
            await asyncio.sleep(0)
        return await super().aread(key)


class Server(Counted):
    waits = True


@pytest.mark.parametrize("values", [False, True])
async def test_an_output_is_read_once(values: bool) -> None:
    storage = Counted()
    async with Engine(storage, memory_cache=MemoryCache(values=values)) as engine:
        output = Step(3).output()
        for _ in range(10):
            assert await engine.load(output) == 3
        assert await engine.load([Step(3).output(), Step(3).output()]) == [3, 3]
        assert storage.reads[output.key] == 1
        assert engine.stats().hits == 11


@pytest.mark.parametrize("values", [False, True])
async def test_what_this_engine_makes_again_is_seen_at_once(values: bool) -> None:
    async with Engine(Counted(), memory_cache=MemoryCache(values=values)) as engine:
        first, second = Step(1), Step(2, (Step(1).output(),))
        assert await engine.load(second.output()) == 3
        storage = engine.storage
        storage.write(second.output().key, storage.read(first.output().key), replace=True)  # as another engine does
        assert await engine.load(second.output()) == 3
        await engine.run(second, force=True)
        storage.write(second.output().key, storage.read(first.output().key), replace=True)
        assert await engine.load(second.output()) == 1  # read anew


async def test_what_another_engine_replaces_is_noticed_in_time() -> None:
    storage = Counted()
    async with Engine(storage, memory_cache=MemoryCache(max_age=0.05)) as engine:
        output = Step(3).output()
        assert await engine.load(output) == 3
        await engine.load(Step(4).output())
        storage.write(output.key, storage.read(Step(4).output().key), replace=True)
        while await engine.load(output) == 3:  # noqa: ASYNC110  # time has to pass
            await asyncio.sleep(0.005)
        assert await engine.load(output) == 4


async def test_equal_loads_share_one_read() -> None:
    storage = Server()
    async with Engine(storage, memory_cache=MemoryCache()) as engine:
        output = Step(3).output()
        await engine.run(output)
        storage.reads.clear()
        leaving = asyncio.ensure_future(engine.load(output))
        loads = [asyncio.ensure_future(engine.load(output)) for _ in range(50)]
        await asyncio.sleep(0)
        leaving.cancel()
        assert await asyncio.gather(*loads) == [3] * 50
        assert storage.reads[output.key] == 1


@pytest.mark.parametrize("values", [False, True])
async def test_it_is_bounded(values: bool) -> None:
    storage = Counted()
    outputs = [Step(n).output() for n in range(100)]
    async with Engine(storage) as engine:
        await engine.run(outputs)
    size = sum(len(storage.read(output.key)) + ENTRY_BYTES for output in outputs[:10])
    async with Engine(storage, memory_cache=MemoryCache(max_bytes=size, values=values)) as engine:
        for output in outputs:
            await engine.load(output)
        hot: Any = engine._hot
        assert hot._size <= size
        assert len(hot._kept) <= 10  # small ones are bounded by what it takes to keep them
        assert len(hot._kept) == sum(len(names) for names in hot._names.values())
        storage.reads.clear()
        assert await engine.load(outputs[99]) == 99
        assert not storage.reads
        assert await engine.load(outputs[0]) == 0
        assert storage.reads[outputs[0].key] == 1
    async with Engine(storage, memory_cache=MemoryCache(max_bytes=1, values=values)) as engine:
        assert [await engine.load(output) for output in outputs[:3]] == [0, 1, 2]


class Own(JSONOutput[int]):
    """One that is read in a way of its own."""

    async def aload(self) -> int:
        return 1000 + await super().aload()


@dataclass(frozen=True)
class OwnStep(Task):
    n: int

    def output(self) -> Own:
        return self.build_output(Own, key="n.json")

    async def run(self, input: Any, output: Own) -> None:
        await output.astore(self.n)


@pytest.mark.parametrize("values", [False, True])
async def test_a_class_that_reads_in_its_own_way_does_so_from_memory(values: bool) -> None:
    async with Engine(MemoryStorage(), memory_cache=MemoryCache(values=values)) as engine:
        output = OwnStep(5).output()
        assert [await engine.load(output) for _ in range(20)] == [1005] * 20
        assert engine.stats().hits == 19


def test_wrong_options() -> None:
    with pytest.raises(DefinitionError, match="memory_cache must be a MemoryCache"):
        Engine(MemoryStorage(), memory_cache=3)  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match=r"MemoryCache\.max_bytes must be a number above 0, not 0"):
        MemoryCache(max_bytes=0)
    with pytest.raises(DefinitionError, match=r"MemoryCache\.values must be True or False, not 'yes'"):
        MemoryCache(values="yes")  # type: ignore[arg-type]
