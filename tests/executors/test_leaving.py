"""Thousands of callers leave at once: what that takes grows with their number, and those who stay go first."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

import pytest

from alexflow import Engine, JSONOutput, MemoryStorage, Output, Task, TaskOptions

pytestmark = pytest.mark.anyio

FEW, MORE, MANY = 500, 2000, 8000


@dataclass(frozen=True)
class OnLoop(Task):
    n: int

    def output(self) -> Output[int]:
        return self.build_output(JSONOutput[int], key="n.json")

    async def run(self, input: Any, output: Output[int]) -> None:
        if self.n >= 0:
            await asyncio.sleep(600)
        await output.astore(self.n)


@dataclass(frozen=True)
class Limited(OnLoop):
    tags: ClassVar[frozenset[str]] = frozenset({"few"})  # type: ignore[misc]


@dataclass(frozen=True)
class InThread(OnLoop):
    options: ClassVar[TaskOptions] = TaskOptions(executor="thread")

    def run(self, input: Any, output: Output[int]) -> None:  # type: ignore[override]
        time.sleep(1)
        output.store(self.n)


@dataclass(frozen=True)
class InProcess(OnLoop):
    def run(self, input: Any, output: Output[int]) -> None:  # type: ignore[override]
        time.sleep(600)


@contextmanager
def without_collecting() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def waiting(engine: Engine, kind: type[OnLoop], first: int, count: int) -> list[asyncio.Task[int]]:
    """Callers of so many tasks, all of which have been taken in."""
    callers: list[asyncio.Task[int]] = []
    for n in range(first, first + count):
        callers.append(asyncio.create_task(engine.load(kind(n).output())))
        if n % 100 == 99:
            await asyncio.sleep(0)
    assert await engine.load(OnLoop(-1).output()) == -1  # behind them
    return callers


async def seconds_to_leave(engine: Engine, kind: type[OnLoop], count: int) -> float:
    """CPU seconds that it takes this thread until so many callers, ten a turn, have left."""
    blocker = asyncio.create_task(engine.load(kind(0).output()))
    callers = await waiting(engine, kind, count, count)
    with without_collecting():
        began = time.thread_time()
        for number, caller in enumerate(callers):
            caller.cancel()
            if number % 10 == 9:
                await asyncio.sleep(0)
        await asyncio.gather(*callers, return_exceptions=True)
        blocker.cancel()
        await asyncio.gather(blocker, return_exceptions=True)
        return time.thread_time() - began


@pytest.mark.parametrize("kind", [OnLoop, Limited, InThread, InProcess])
async def test_each_takes_the_same_however_many_leave(kind, tmp_path):
    storage = str(tmp_path / "results") if kind is InProcess else MemoryStorage()
    async with Engine(storage, workers=1, max_concurrency=2, grace=0.1, limits={"few": 1}) as engine:
        await engine.load(OnLoop(-1).output())
        few, more = inf, inf
        for _ in range(10):  # other programs only add to the time; mostly the second round says enough
            few = min(few, await seconds_to_leave(engine, kind, FEW) / FEW)
            more = min(more, await seconds_to_leave(engine, kind, MORE) / MORE)
            if more < 1.5 * few:
                break
    # Work that grows with their number makes it four times as much. With 8,000, whose objects no processor's cache has,
    # each takes two to three times as much although it makes no more calls.
    assert more < 2 * few


@pytest.mark.parametrize("kind", [OnLoop, Limited, InThread])
async def test_a_cached_read_goes_first(kind):
    """It is answered while most of those who have left are still to be given up."""
    async with Engine(MemoryStorage(), workers=1, max_concurrency=2, grace=0.1, limits={"few": 1}) as engine:
        await engine.load(OnLoop(-1).output())
        callers = await waiting(engine, kind, 0, MANY)
        for caller in callers:
            caller.cancel()
        await asyncio.sleep(0)
        began = time.thread_time()
        assert await engine.load(OnLoop(-1).output()) == -1
        until_the_read = time.thread_time() - began
        await asyncio.gather(*callers, return_exceptions=True)
        assert await engine.load(OnLoop(-2).output()) == -2  # which runs: all have been given up before
        assert until_the_read < (time.thread_time() - began) / 5


async def test_those_who_left_are_forgotten_while_a_slot_is_held():
    async with Engine(MemoryStorage(), limits={"few": 1}) as engine:
        holder = asyncio.create_task(engine.load(Limited(0).output()))
        objects = []
        for start in range(1, 2001, 1000):
            for n in range(start, start + 1000):
                caller = asyncio.create_task(engine.load(Limited(n).output()))
                await asyncio.sleep(0)
                caller.cancel()
                await asyncio.gather(caller, return_exceptions=True)
            gc.collect()
            objects.append(len(gc.get_objects()))
        assert objects[1] < objects[0] + 100
        last = asyncio.create_task(engine.load(Limited(-1).output()))
        holder.cancel()
        assert await last == -1
