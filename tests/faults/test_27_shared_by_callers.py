"""27: 100 callers await one task; whoever is cancelled, it runs once, and stops when nobody waits any more."""

from __future__ import annotations

import asyncio
import os

import pytest

from alexflow import Engine, MemoryStorage
from tests.faults.workflows import Held, Number, Sum, WaitsForEvent, gates
from tests.kit.processes import descendants_of, still_alive

pytestmark = pytest.mark.anyio

CALLERS = 100


async def test_the_first_is_cancelled(said):
    gates["open"] = asyncio.Event()
    task = WaitsForEvent(7, event="open")
    async with Engine(MemoryStorage()) as engine:
        callers = [asyncio.create_task(engine.load(task.output())) for _ in range(CALLERS)]
        await said.reach(1)
        callers[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await callers[0]
        gates["open"].set()
        assert await asyncio.gather(*callers[1:]) == [7] * (CALLERS - 1)
    assert said == ["began 7"]


async def test_it_counts_for_one_of_those_who_stay(said):
    gates["open"] = asyncio.Event()
    task = WaitsForEvent(7, event="open")
    async with Engine(MemoryStorage()) as engine:
        callers = [asyncio.create_task(engine.run(task)) for _ in range(CALLERS)]
        await said.reach(1)
        callers[0].cancel()
        await asyncio.wait([callers[0]])
        while engine.stats().runs < CALLERS - 1:  # noqa: ASYNC110  # some may come in later than the task begins
            await asyncio.sleep(0)
        gates["open"].set()
        results = await asyncio.gather(*callers[1:])
    assert sorted((result.ran, result.cached) for result in results) == [(0, 0)] * (CALLERS - 2) + [(1, 0)]
    assert callers[0].cancelled()


async def test_all_are_cancelled(said):
    task = WaitsForEvent(7)
    async with Engine(MemoryStorage()) as engine:
        callers = [asyncio.create_task(engine.load(task.output())) for _ in range(CALLERS)]
        await said.reach(1)
        for caller in callers:
            assert said == ["began 7"]
            caller.cancel()
            await asyncio.sleep(0)
        done = await asyncio.gather(*callers, return_exceptions=True)
        assert {type(end) for end in done} == {asyncio.CancelledError}
        await said.reach(2)
        assert said == ["began 7", "cancelled 7"]
        again = asyncio.create_task(engine.load(task.output()))  # and it can be asked for again
        await said.reach(3)
        again.cancel()
    assert said == ["began 7", "cancelled 7"] * 2


async def test_cancelled_by_one_while_another_comes(said):
    """A caller that asks while the task is being cancelled gets it."""
    gates["open"] = asyncio.Event()
    task = WaitsForEvent(7, event="open")
    async with Engine(MemoryStorage()) as engine:
        first = asyncio.create_task(engine.load(task.output()))
        await said.reach(1)
        first.cancel()
        second = asyncio.create_task(engine.load(task.output()))
        await asyncio.sleep(0)
        gates["open"].set()
        assert await second == 7
        assert first.cancelled()


async def test_in_a_process(place, log, fifo):
    told, gate = fifo("told"), fifo("gate")
    task = Held(7, str(log), told.path, gate.path)
    async with Engine(place, workers=2) as engine:
        callers = [asyncio.create_task(engine.load(task.output())) for _ in range(CALLERS)]
        (pid,) = await told.receive()
        callers[0].cancel()
        await asyncio.sleep(0)
        assert still_alive([int(pid)], 0.05) == {int(pid)}
        gate.open_gate()
        assert await asyncio.gather(*callers[1:]) == [7] * (CALLERS - 1)
        assert log.read_text().split() == ["7"]

        task = Held(8, str(log), told.path, gate.path)
        callers = [asyncio.create_task(engine.load(task.output())) for _ in range(CALLERS)]
        await told.receive()
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
        async with asyncio.timeout(30):
            while engine.stats().executors["process"].running:  # noqa: ASYNC110  # the gate is shut
                await asyncio.sleep(0)
        assert (await engine.run([Number(n) for n in range(20)])).ran == 20
        assert log.read_text().split() == ["7"]
    assert descendants_of(os.getpid()) == set()


async def test_different_targets_that_share_a_part(said):
    gates["open"] = asyncio.Event()
    gates["open"].set()
    part = WaitsForEvent(7, event="open")
    async with Engine(MemoryStorage(), executor="thread") as engine:
        loads = [engine.load(Sum((part.output(),), str(n)).output()) for n in range(CALLERS)]
        assert await asyncio.gather(*loads) == [7] * CALLERS
    assert said == ["began 7"]
