"""Tasks that decide what to run while the run is going on."""

from __future__ import annotations

import asyncio
import gc

import pytest

from alexflow import Engine, MemoryStorage, Retry
from alexflow.engine.dynamic import Generators
from alexflow.errors import IncompatibleStorage, OutputMissing, RunFailed, TaskFailed
from alexflow.events import TasksFound, TaskSucceeded
from alexflow.graph.describe import Defaults, describe
from tests.engine import dynamic_tasks
from tests.engine.dynamic_tasks import (
    GiverFails,
    GiverIsCancelled,
    Gives,
    GivesBroken,
    GivesMany,
    GivesOnLoop,
    GivesOnLoopAtOnce,
    GivesReaderOfTheSame,
    GivesUnreachable,
    MadeByOthers,
    Nested,
    StoresItself,
)
from tests.engine.workflows import Step

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("task", "steps"),
    [
        (Gives("task"), 1),
        (Gives("list"), 3),
        (Gives("tuple"), 3),
        (Gives("generator"), 3),
        (Gives("set"), 3),
        (Gives("async generator"), 3),
        (Gives("coroutine"), 3),
        (Gives("none"), 0),
        (Gives("list", 0), 0),
        (GivesOnLoop(), 3),
        (GivesOnLoop(0), 0),
        (GivesOnLoopAtOnce(), 3),
        (Gives("generator", 1_000), 1_000),
        (GivesOnLoop(1_000), 1_000),
    ],
    ids=str,
)
async def test_every_form(task, steps, ran):
    async with Engine(MemoryStorage()) as engine:
        result = await engine.run(task)
        assert sorted(ran) == sorted(f"step-{n}" for n in range(steps))
        assert result.ran == steps + 1
        assert result.output is None
        # without outputs of its own it is asked again; what it gives exists
        again = await engine.run(task)
        assert (again.ran, again.cached) == (1, steps)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("number", "Gives.generate gave an int; it gives a task, a list, or an (async) iterator of tasks"),
        ("list of numbers", "Gives.generate gave an int where a task is wanted"),
    ],
)
async def test_what_it_cannot_give(form, said):
    async with Engine(MemoryStorage(), retry=Retry(2)) as engine:
        with pytest.raises(RunFailed) as caught:
            await engine.run(Gives(form))
        (error,) = caught.value.exceptions
        assert isinstance(error, TaskFailed)
        assert error.error_message == said
        assert error.attempts == 1


async def test_nested(ran):
    async with Engine(MemoryStorage()) as engine:
        result = await engine.run(Nested(5))
        assert sorted(ran) == sorted(f"step-{n}" for n in range(32))
        assert result.ran == 63 + 32


async def test_its_own_output_is_made_by_what_it_gives(ran):
    async with Engine(MemoryStorage()) as engine:
        task = MadeByOthers(Step(4).output())
        last = Step(100, (task.output(),))
        result = await engine.run(last)
        assert await result.output.aload() == 104
        assert sorted(ran) == ["step-0", "step-1", "step-100", "step-2", "step-3", "step-4"]
        assert (await engine.run(task)).cached == 1


async def test_its_own_output_is_made_by_itself():
    async with Engine(MemoryStorage()) as engine:
        assert await engine.load(StoresItself().output()) == 5


async def test_its_own_output_is_made_by_nobody(ran):
    async with Engine(MemoryStorage()) as engine:
        task = MadeByOthers(Step(1).output(), forgets=True)
        with pytest.raises(RunFailed) as caught:
            await engine.run(Step(100, (task.output(),)))
        (error,) = caught.value.exceptions
        assert type(error) is OutputMissing
        assert error.message == (f"everything that generate() gave is done, but nothing stored {task.output().key}")
        assert "step-100" not in ran


async def test_it_gave_what_cannot_be_run():
    """The failure was the bare error, which names no task."""
    async with Engine(MemoryStorage(), executor="process") as engine:
        with pytest.raises(RunFailed) as caught:
            await engine.run(GivesUnreachable())
        (error,) = caught.value.exceptions
        assert isinstance(error, TaskFailed)
        assert error.task_id == GivesUnreachable().task_id
        assert isinstance(error.__cause__, IncompatibleStorage)
        assert "cannot reach MemoryStorage" in str(error)


async def test_consumed_lazily():
    gc.collect()
    dynamic_tasks.most_alive[0] = 0
    async with Engine(MemoryStorage()) as engine:
        result = await engine.run(GivesMany(50_000))
        again = await engine.run(GivesMany(50_000))  # all are found
    assert result.ran == 50_001
    assert (again.ran, again.cached) == (1, 50_000)
    assert dynamic_tasks.most_alive[0] < 5_000  # a window of 2,000, and some on their way


@pytest.mark.parametrize(
    ("task", "error_type", "message"),
    [
        (GiverFails(), "tests.engine.workflows.OwnError", "no more"),
        (GiverFails("exit"), "SystemExit", "3"),
        (GiverIsCancelled(), "asyncio.exceptions.CancelledError", ""),
    ],
    ids=["raises", "exits", "was cancelled"],
)
async def test_that_fails(task, error_type, message):
    async with asyncio.timeout(20), Engine(MemoryStorage(), retry=Retry(1, delay=0.0)) as engine:
        result = await engine.run([task, Step(5)], on_error="continue")
        (error,) = result.failures
        assert isinstance(error, TaskFailed)
        assert (error.error_type, error.error_message, error.attempts) == (error_type, message, 2)
        assert "alexflow/engine" not in error.traceback
        assert "anyio" not in error.traceback


async def test_one_of_those_that_it_gives_fails(ran):
    async with Engine(MemoryStorage()) as engine:
        last = Step(100)
        result = await engine.run([GivesBroken(), last], on_error="continue")
        assert [failure.error_type for failure in result.failures] == ["tests.engine.workflows.OwnError"]
        assert result.skipped_tasks == (GivesBroken().task_id,)
        assert sorted(ran) == ["step-1", "step-100", "step-3"]


async def test_cancelled_while_it_gives(ran):
    async with Engine(MemoryStorage()) as engine:
        given = asyncio.Event()
        engine.broadcast.listen(lambda event: given.set() if isinstance(event, TaskSucceeded) else None)
        run = asyncio.create_task(engine.run(GivesMany(1_000_000)))
        await given.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert (await engine.run([Step(n) for n in range(10)])).ran == 10


async def test_stopped_before_it_begins():
    """Nothing is left that was made and is never awaited, of which Python would warn when it is collected."""
    said = []
    generators = Generators(MemoryStorage(), lambda event, subjects=None: said.append(event))
    described = describe(Gives("list"), Defaults())
    generators.start(described)
    assert generators.cancel(described.spec.task_id)
    await generators.aclose()
    await asyncio.sleep(0)
    del generators
    gc.collect()


async def test_what_ran_in_the_same_run_is_not_counted_as_done_before():
    found = []
    async with Engine(MemoryStorage()) as engine:
        engine.broadcast.listen(found.append, {TasksFound})
        result = await engine.run(GivesReaderOfTheSame(Step(1).output()))
        assert (result.ran, result.cached) == (3, 0)
        assert not found
        other = await engine.run([GivesReaderOfTheSame(Step(1).output()), Step(2, (Step(1).output(),))])
    assert other.ran == 2
    assert other.cached >= 1
