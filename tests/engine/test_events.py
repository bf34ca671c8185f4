"""Events that an engine emits while it works."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from alexflow import Engine, MemoryStorage
from alexflow.engine import task_events
from alexflow.errors import DefinitionError, EngineClosed
from alexflow.events import (
    RunFinished,
    RunStarted,
    TaskCancelled,
    TaskGivenUp,
    TasksFound,
    TasksPlanned,
    TaskStarted,
    TaskSucceeded,
)
from tests.engine.dynamic_tasks import Gives
from tests.engine.workflows import BreaksOnLoop, SlowOnLoop, Step

pytestmark = pytest.mark.anyio


async def test_of_a_run():
    async with Engine(MemoryStorage()) as engine:
        await engine.run(Step(1))
        events = engine.events()  # from now on, though nobody waits for the first one yet
        first, second = Step(2, (Step(1).output(),)), Step(3)
        result = await engine.run([first, second, BreaksOnLoop(1)], on_error="continue")
    told = [event async for event in events]
    assert isinstance(told[0], RunStarted)
    assert told[0].targets == 3
    assert told[0].run_id == result.run_id
    end = told[-1]
    assert isinstance(end, RunFinished)
    assert (end.ran, end.cached, end.failed, end.skipped, end.shared, end.outcome) == (2, 1, 1, 0, 0, "failed")
    assert end.run_id == result.run_id
    kinds = Counter(type(event) for event in told)
    assert kinds[TaskStarted] == 3
    assert kinds[TaskSucceeded] == 2
    assert kinds[TaskGivenUp] == 1
    planned = {task_id for event in told if isinstance(event, TasksPlanned) for task_id in event.task_ids}
    assert planned == {first.task_id, second.task_id, BreaksOnLoop(1).task_id}
    assert sum(event.count for event in told if isinstance(event, TasksFound)) == 1


async def test_of_an_engine_that_is_not_open():
    engine = Engine(MemoryStorage())
    with pytest.raises(EngineClosed, match="the engine is not open; use it inside"):
        engine.events()
    async with engine:
        engine.events()
    with pytest.raises(EngineClosed, match="not open"):
        engine.events()


async def test_each_task_starts_before_it_ends():
    told = []
    async with Engine(MemoryStorage()) as engine:
        engine.broadcast.listen(told.append)
        await engine.run([Gives("list", 50), *(Step(n) for n in range(100, 150))])
    started = [event.task_id for event in told if isinstance(event, TaskStarted)]
    succeeded = [event.task_id for event in told if isinstance(event, TaskSucceeded)]
    assert sorted(started) == sorted(succeeded)
    assert len(started) == 101
    for task_id in started:
        assert told.index(next(e for e in told if isinstance(e, TaskStarted) and e.task_id == task_id)) < told.index(
            next(e for e in told if isinstance(e, TaskSucceeded) and e.task_id == task_id)
        )


async def test_several_readers_while_it_runs():
    async with Engine(MemoryStorage()) as engine:

        async def count():
            return Counter([type(event).__name__ async for event in events()])

        events = engine.events
        readers = [asyncio.create_task(count()) for _ in range(3)]
        await asyncio.sleep(0)
        await engine.run([Step(n) for n in range(20)])
    counts = await asyncio.gather(*readers)
    assert counts[0] == counts[1] == counts[2]
    assert counts[0]["TaskSucceeded"] == 20


async def test_a_reader_that_goes():
    async with Engine(MemoryStorage()) as engine:
        events = engine.events()
        await engine.run(Step(1))
        async for event in events:
            assert isinstance(event, RunStarted)
            break
        await events.aclose()
        assert not engine.broadcast.has_listeners
        assert (await engine.run(Step(2))).ran == 1


async def test_a_listener_gets_the_kinds_that_it_names_and_no_others_are_made(monkeypatch):
    made = []
    monkeypatch.setattr(task_events, "_reads", lambda described: made.append(described) or ())
    told, ended = [], []
    async with Engine(MemoryStorage()) as engine:
        leave = engine.broadcast.listen(ended.append, {TaskSucceeded, RunFinished})
        await engine.run(Step(1))
        assert [type(event) for event in ended] == [TaskSucceeded, RunFinished]
        assert not made  # for each planned task a look at all that it reads
        engine.broadcast.listen(told.append)
        await engine.run(Step(2))
        leave()
        await engine.run(Step(3))
    assert len(made) == 2
    assert [type(event) for event in ended] == [TaskSucceeded, RunFinished] * 2
    assert [event.task_ids for event in told if isinstance(event, TasksPlanned)] == [
        (Step(2).task_id,),
        (Step(3).task_id,),
    ]


async def test_one_that_takes_only_ends_gets_those_of_tasks_that_never_begin():
    cancelled = []
    waits = SlowOnLoop(7)
    reads = Step(1, (waits.output(),))
    async with Engine(MemoryStorage()) as engine:
        engine.broadcast.listen(cancelled.append, {TaskCancelled})
        asked = asyncio.create_task(engine.run(reads))
        while engine.why(waits).state != "running":  # noqa: ASYNC110  # each turn goes a step
            await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    assert {event.task_id: event.begun for event in cancelled} == {waits.task_id: True, reads.task_id: False}


@pytest.mark.parametrize("kinds", [TaskSucceeded, "TaskSucceeded", {int}, [None], 3])
async def test_what_is_no_set_of_kinds_is_refused_and_harms_nobody(kinds):
    async with Engine(MemoryStorage()) as engine:
        with pytest.raises(DefinitionError, match="listen takes a set of classes of events"):
            engine.broadcast.listen(print, kinds)
        with pytest.raises(DefinitionError, match="listen takes a function"):
            engine.broadcast.listen(kinds if kinds == 3 else None)
        assert (await engine.run(Step(1))).ran == 1
