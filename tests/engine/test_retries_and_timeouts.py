"""Retries and timeouts of a task are those of its instance, its class or the engine."""

from __future__ import annotations

import pytest

from alexflow import Engine, Retry
from alexflow.errors import RunFailed, TaskFailed, TaskTimeout
from alexflow.events import TaskGivenUp, TaskRetrying
from tests.engine.workflows import (
    Exits,
    ExitsInThread,
    ExitsOnLoop,
    Flaky,
    FlakyInThread,
    FlakyOnLoop,
    Retrying,
    RetryingAsTold,
    Slow,
    SlowClass,
    SlowInThread,
    SlowOnLoop,
    Step,
    tries,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def no_tries():
    tries.clear()


@pytest.fixture
def attempts(tmp_path):
    return str(tmp_path / "attempts")


@pytest.mark.parametrize("kind", [Flaky, FlakyInThread, FlakyOnLoop])
async def test_as_the_engine_says(place, attempts, kind):
    events = []
    async with Engine(place, workers=1, retry=Retry(3, delay=0.001)) as engine:
        engine.broadcast.listen(events.append)
        result = await engine.run(kind(3, attempts))
        assert result.output.load() == 3
        retrying = [event for event in events if isinstance(event, TaskRetrying)]
        assert [(event.attempts, event.delay) for event in retrying] == [(1, 0.001), (2, 0.002)]
        assert retrying[0].error == "ConnectionError: attempt 1"


@pytest.mark.parametrize("kind", [Flaky, FlakyInThread, FlakyOnLoop])
async def test_given_up(place, attempts, kind):
    events = []
    async with Engine(place, workers=1, retry=Retry(2, delay=0.0)) as engine:
        engine.broadcast.listen(events.append)
        with pytest.raises(RunFailed) as caught:
            await engine.run(kind(9, attempts))
        (error,) = caught.value.exceptions
        assert isinstance(error, TaskFailed)
        assert error.attempts == 3
        assert "ConnectionError: attempt 3 after 3 attempts" in str(error)
        assert [event.attempts for event in events if isinstance(event, TaskGivenUp)] == [3]


async def test_as_the_class_says(place, attempts):
    async with Engine(place, workers=1) as engine:
        assert (await engine.run(Retrying(5, attempts))).output.load() == 5


async def test_as_the_instance_says(place, attempts, tmp_path):
    async with Engine(place, workers=1, retry=Retry(9)) as engine:
        result = await engine.run(RetryingAsTold(3, attempts, retries=2))
        assert result.output.load() == 3
        with pytest.raises(RunFailed) as caught:
            await engine.run(RetryingAsTold(4, str(tmp_path / "others"), retries=0))
        assert caught.value.exceptions[0].attempts == 1
        assert RetryingAsTold(3, retries=2).task_id == RetryingAsTold(3, retries=7).task_id


@pytest.mark.parametrize("kind", [Slow, SlowInThread, SlowOnLoop])
@pytest.mark.parametrize("who", ["engine", "instance"])
async def test_timeouts(place, fifo, kind, who):
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1, timeout=0.1 if who == "engine" else None) as engine:
        task = kind(1, told.path, gate.path, timeout=None if who == "engine" else 0.1)
        with pytest.raises(RunFailed) as caught:
            await engine.run(task)
        (error,) = caught.value.exceptions
        assert type(error) is TaskTimeout
        assert str(error).startswith(f"{task.task_id}: took longer than its timeout of 0.1 s")
        gate.open_gate()
        assert (await engine.run([Step(n) for n in range(5)])).ran == 5


async def test_a_timeout_of_the_class_and_of_others_that_are_quick(place, fifo):
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1, retry=Retry(1, delay=0.0)) as engine:
        slow = SlowClass(1, told.path, gate.path)
        result = await engine.run([slow, Step(1)], on_error="continue")
        assert (result.ran, result.failed) == (1, 1)
        assert result.failures[0].attempts == 2
        assert len(told.received()) == 2


@pytest.mark.parametrize("kind", [Exits, ExitsInThread, ExitsOnLoop])
async def test_a_task_that_exits_fails_and_nothing_else_does(place, kind):
    async with Engine(place, workers=1) as engine:
        result = await engine.run([kind(1), Step(1)], on_error="continue")
        assert (result.ran, result.failed) == (1, 1)
        (error,) = result.failures
        assert isinstance(error, TaskFailed)
        assert (error.error_type, error.error_message) == ("SystemExit", "3")


async def test_the_own_timeout_of_a_task_is_its_own_error(place):
    async with Engine(place, timeout=30.0) as engine:
        result = await engine.run(_OwnTimeout(1), on_error="continue")
        assert type(result.failures[0]) is TaskFailed
        assert result.failures[0].error_type == "TimeoutError"


class _OwnTimeout(Step):
    async def run(self, input, output):
        raise TimeoutError("of the user's own")
