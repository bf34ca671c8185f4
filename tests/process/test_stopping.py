"""A task that is stopped hears of it, may clean up, and publishes nothing."""

from __future__ import annotations

import asyncio
import os

import pytest

from alexflow import Engine
from alexflow.errors import RunFailed, TaskTimeout
from tests.faults.stubborn import CleansUp, CleansUpSlowly
from tests.kit.processes import descendants_of, still_alive
from tests.process.workflows import Value

pytestmark = pytest.mark.anyio


def outputs_in(place):
    """Return the outputs in a storage, without the files of an open engine."""
    return [name for name in os.listdir(place) if not name.startswith(".alexflow")]


@pytest.mark.parametrize("how", ["", "returns", "raises"])
async def test_finally_runs_and_nothing_is_published(place, fifo, log, how):
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1, grace=30.0) as engine:
        task = CleansUpSlowly(0, str(log), told.path, gate.path, how)
        with pytest.raises(RunFailed) as caught:
            await engine.run(task)
        assert type(caught.value.exceptions[0]) is TaskTimeout
        assert log.read_text() == "finally\n"
        assert outputs_in(place) == []
        assert (await engine.run([Value(n) for n in range(20)])).ran == 20


async def test_one_that_goes_on_is_killed_after_the_grace(place, fifo, log):
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1, grace=0.2) as engine:
        with pytest.raises(RunFailed) as caught:
            await engine.run(CleansUpSlowly(0, str(log), told.path, gate.path, "goes on"))
        assert type(caught.value.exceptions[0]) is TaskTimeout
        worker, went_on = told.received()
        assert went_on == "goes on"
        assert still_alive({int(worker)}, 0) == set()
        assert log.read_text() == ""
        assert outputs_in(place) == []


async def test_cancelling_gives_grace_and_frees_the_place_at_once(place, fifo, log):
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1, grace=1_000.0) as engine:
        stubborn = asyncio.create_task(engine.run(CleansUp(0, str(log), told.path, gate.path, "goes on")))
        (first,) = await told.receive()
        stubborn.cancel()
        assert await told.receive() == ["goes on"]
        ((second, _),) = [output.load() for output in (await engine.run([Value(0)])).output]
        assert second != int(first)
        assert still_alive({int(first)}, 0) == {int(first)}
        gate.open_gate(2)
        assert await asyncio.to_thread(still_alive, {int(first)}, 30) == set()  # the other one has taken its place
    assert log.read_text() == "finally\n"
    assert len(outputs_in(place)) == 1
    assert descendants_of(os.getpid()) == set()


@pytest.mark.local_pool
async def test_places_for_those_that_are_being_ended_are_bounded(place, fifo, log):
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1, grace=1_000.0) as engine:
        for n in range(2):
            run = asyncio.create_task(engine.run(CleansUp(n, str(log), told.path, gate.path, "goes on")))
            await told.receive()
            run.cancel()
            assert await told.receive() == ["goes on"]
        waits = asyncio.create_task(engine.run(Value(0)))
        assert len(descendants_of(os.getpid())) == 3  # the fork server and two that are shutting down
        gate.open_gate(4)
        assert (await waits).ran == 1


async def test_leaving_the_engine_gives_grace(place, fifo, log):
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=2, grace=30.0) as engine:
        run = asyncio.create_task(engine.run(CleansUp(0, str(log), told.path, gate.path)))
        await told.receive()
    assert log.read_text() == "finally\n"
    assert descendants_of(os.getpid()) == set()
    await asyncio.gather(run, return_exceptions=True)


async def test_killing_the_engine_gives_none(place, fifo, log):
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=2, grace=1_000.0) as engine:
        run = asyncio.create_task(engine.run(CleansUp(0, str(log), told.path, gate.path, "goes on")))
        await told.receive()
        run.cancel()
        assert await told.receive() == ["goes on"]
        engine.kill()
    assert log.read_text() == ""
    assert descendants_of(os.getpid()) == set()
    await asyncio.gather(run, return_exceptions=True)
