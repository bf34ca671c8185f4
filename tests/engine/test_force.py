"""Forced tasks are computed again although their outputs exist."""

from __future__ import annotations

import asyncio

import pytest

from alexflow import Engine, MemoryStorage
from alexflow.errors import GraphError, RunFailed
from tests.engine.workflows import FlakyOnLoop, ProcessStep, Slow, Step

pytestmark = pytest.mark.anyio


def graph():
    first = Step(1)
    second = Step(2, (first.output(),))
    third = ProcessStep(3, (second.output(),))
    return first, second, third


FIRST, SECOND, THIRD = graph()


@pytest.mark.parametrize(
    ("force", "again"),
    [
        (True, ["step-3"]),
        (FIRST, ["step-1", "step-2", "step-3"]),
        (SECOND, ["step-2", "step-3"]),
        (SECOND.output(), ["step-2", "step-3"]),
        ([SECOND.output(), FIRST], ["step-1", "step-2", "step-3"]),
        (Step, ["step-1", "step-2", "step-3"]),
        (ProcessStep, ["step-3"]),
        ({THIRD}, ["step-3"]),
        (False, []),
        ((), []),
    ],
    ids=["True", "first", "second", "output", "list", "class", "other class", "set", "False", "nothing"],
)
async def test_named_tasks_and_what_depends_on_them(force, again, ran):
    async with Engine(MemoryStorage(), executor="thread") as engine:
        await engine.run(THIRD)
        ran.clear()
        result = await engine.run(THIRD, force=force)
        assert ran == again
        assert result.ran == len(again)
        ran.clear()
        assert (await engine.run([FIRST, SECOND, THIRD])).cached == 3  # forced once, not for ever
        assert ran == []


async def test_what_is_not_part_of_it(ran):
    async with Engine(MemoryStorage()) as engine:
        with pytest.raises(GraphError, match=r"force names Step\(n=9.*not part of what was asked for"):
            await engine.run(Step(1), force=Step(9))
        assert ran == []


async def test_replaced_only_when_the_new_one_is_there(place, fifo):
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1) as engine:
        task = Slow(1, told.path, gate.path)
        output = task.output().assign_storage(engine.storage)
        gate.open_gate()
        await engine.run(task)
        await told.receive()
        before = output.bound_storage.version(output.key)
        run = asyncio.create_task(engine.run(task, force=True))
        await told.receive()
        assert output.load() == 1  # the old one
        assert output.bound_storage.version(output.key) == before
        gate.open_gate()
        assert (await run).ran == 1
        assert output.bound_storage.version(output.key) != before
        assert output.load() == 1  # the new one


async def test_a_forced_task_that_fails_keeps_the_old_output_and_is_not_forced_later(monkeypatch):
    async with Engine(MemoryStorage()) as engine:
        await engine.run(FlakyOnLoop(0))
        with monkeypatch.context() as patch:
            patch.setattr(FlakyOnLoop, "attempt", lambda self: 1 / 0)
            with pytest.raises(RunFailed):
                await engine.run(FlakyOnLoop(0), force=True)
        result = await engine.run(FlakyOnLoop(0))
        assert (result.ran, result.cached) == (0, 1)
        assert await result.output.aload() >= 1


async def test_forced_by_one_while_another_asks():
    async with Engine(MemoryStorage()) as engine:
        await engine.run(Step(1))
        forced, plain = await asyncio.gather(engine.run(Step(1), force=True), engine.run(Step(1)))
        assert forced.ran == 1
        assert plain.ok
