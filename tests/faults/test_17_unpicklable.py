"""17: what cannot be pickled is named with its class and field; the pool stays healthy."""

from __future__ import annotations

import pickle
import threading

import pytest

from alexflow import Engine, Retry
from alexflow.errors import EncodingError, RunFailed, ShippingError, TaskFailed
from tests.faults.workflows import BreaksOnArrival, Carrier, Number, StoresSet, StoresUnpicklable, Unpicklable

pytestmark = pytest.mark.anyio

UNSUPPORTED = "Encoding objects of type object is unsupported"


@pytest.mark.parametrize(
    ("cargo", "said"),
    [
        (threading.Lock(), "lock: cannot pickle '_thread.lock' object"),
        (Unpicklable(), "Unpicklable: I stay here"),
        ({"deep": [Unpicklable()]}, "dict: I stay here"),
        ((n for n in range(3)), "generator: cannot pickle 'generator' object"),
    ],
    ids=["lock", "own", "nested", "generator"],
)
async def test_a_parameter(place, cargo, said):
    async with Engine(place, workers=2) as engine:
        pids = await _pids(engine, 0)
        with pytest.raises(RunFailed) as caught:
            await engine.run(Carrier(0, cargo=cargo))
        (error,) = caught.value.exceptions
        assert isinstance(error, TaskFailed)
        assert error.attempts == 1
        assert isinstance(error.__cause__, ShippingError)
        assert str(error.__cause__).startswith(f"Carrier.cargo cannot be sent to a worker process: {said}")
        assert "Carrier.cargo" in str(error)
        assert await _pids(engine, 1) == pids


async def test_among_others_only_that_task_fails(place):
    async with Engine(place, workers=2, retry=Retry(3)) as engine:
        tasks = [Carrier(n, cargo=Unpicklable() if n % 10 == 0 else n) for n in range(100)]
        result = await engine.run(tasks, on_error="continue")
        assert (result.ran, result.failed) == (90, 10)
        assert {failure.attempts for failure in result.failures} == {1}  # trying again cannot help


async def test_a_parameter_that_does_not_arrive(place):
    async with Engine(place, workers=1) as engine:
        pids = await _pids(engine, 0)
        pickle.dumps(BreaksOnArrival())
        with pytest.raises(RunFailed) as caught:
            await engine.run(Carrier(0, cargo=BreaksOnArrival()))
        (error,) = caught.value.exceptions
        assert isinstance(error, TaskFailed)
        assert error.attempts == 1
        assert "Carrier.cargo cannot be unpickled in a worker process: " in error.message
        assert "I do not arrive" in str(error)
        assert "BreaksOnArrival" in error.traceback or "__setstate__" in error.traceback
        assert await _pids(engine, 1) == pids


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (StoresUnpicklable(0), "a Unpicklable cannot be stored as BinaryOutput: I stay here"),
        (
            StoresSet(),
            f"a dict cannot be stored as JSONOutput: ['when'] is an object: {UNSUPPORTED}",
        ),
    ],
)
async def test_a_stored_value(place, task, said):
    async with Engine(place, workers=1, retry=Retry(3)) as engine:
        pids = await _pids(engine, 0)
        with pytest.raises(RunFailed) as caught:
            await engine.run(task)
        (error,) = caught.value.exceptions
        assert isinstance(error, TaskFailed)
        assert error.attempts == 1
        assert isinstance(error.__cause__, EncodingError)
        assert str(error.__cause__) == f"{task.output().key}: {said}"
        assert type(task).__qualname__ in error.message
        assert not task.output().assign_storage(engine.storage).exists()
        assert await _pids(engine, 1) == pids


async def _pids(engine, batch):
    """The workers that are alive, after some tasks."""
    result = await engine.run([Number(batch * 1000 + n) for n in range(50)])
    assert result.ran == 50
    (executor,) = (one for kind, one in engine._driver._executors.items() if kind == "process")
    return {worker.process.pid for worker in executor.made()._worker_set.workers}
