"""A task that hangs is ended with all that it started, and its place is free."""

from __future__ import annotations

import os

import pytest

from alexflow import Engine, Retry
from alexflow.errors import RunFailed, TaskTimeout
from alexflow.events import TaskRetrying
from tests.kit.processes import descendants_of, still_alive
from tests.process.workflows import Hangs, Value

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("how", ["holding the interpreter", "letting go of it"])
async def test_in_c_code_with_a_child(place, fifo, how):
    told = fifo("told")
    async with Engine(place, workers=1) as engine:
        before, _ = (await engine.run(Value(0))).output.load()
        task = Hangs(0, how=how, told=told.path)
        with pytest.raises(RunFailed) as caught:
            await engine.run(task)
        (error,) = caught.value.exceptions
        assert type(error) is TaskTimeout
        assert str(error).startswith(f"{task.task_id}: took longer than its timeout of 0.2 s")
        worker, child = map(int, told.received()[0].split())
        assert worker == before
        assert still_alive({worker, child}, 2.0) == set()
        after, _ = (await engine.run(Value(1))).output.load()
        assert after != before


async def test_tried_again_as_often_as_told(place, fifo):
    told = fifo("told")
    events = []
    async with Engine(place, workers=1, retry=Retry(2, delay=0.0)) as engine:
        engine.broadcast.listen(events.append)
        result = await engine.run([Hangs(0, told=told.path), *(Value(n) for n in range(20))], on_error="continue")
        assert (result.ran, result.failed) == (20, 1)
        assert result.failures[0].attempts == 3
        assert len(told.received()) == 3
        assert sum(isinstance(event, TaskRetrying) for event in events) == 2
    assert descendants_of(os.getpid()) == set()


async def test_starting_the_worker_does_not_count(place, tmp_path):
    """An interpreter and its imports take longer than many a task."""
    async with Engine(place, workers=1, timeout=0.02) as engine:
        assert (await engine.run([Value(n) for n in range(20)])).ran == 20
