"""22: `run` stores nothing, or the task is another one where it runs; dependents do not run."""

from __future__ import annotations

import pytest

from alexflow import Engine, Retry
from alexflow.errors import NonDeterministicTask, OutputMissing
from tests.faults.workflows import DependsOnProcess, Number, StoresHalf, StoresNothing, StoresNothingOnLoop, Sum

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("executor", "task"),
    [("process", StoresNothing(0)), ("thread", StoresNothing(0)), ("process", StoresNothingOnLoop(0))],
    ids=["process", "thread", "loop"],
)
async def test_nothing_stored(place, log, executor, task):
    error = await fails(place, log, executor, task, task.output())
    assert type(error) is OutputMissing
    assert error.message == (
        f"run() returned without storing {task.output().key}; call output.store(...) for each output"
    )


async def test_half_stored(place, log):
    task = StoresHalf()
    error = await fails(place, log, "process", task, task.output()["stored"])
    assert type(error) is OutputMissing
    assert task.output()["forgotten"].key in error.message
    assert task.output()["stored"].key not in error.message


async def test_another_task_in_the_worker(place, log):
    task = DependsOnProcess(0)
    error = await fails(place, log, "process", task, task.output())
    assert type(error) is NonDeterministicTask
    assert "its id is tests.faults.workflows.DependsOnProcess." in error.message
    assert "its parameters, class or version depend on the process" in error.message


async def test_the_same_task_in_a_thread(place):
    async with Engine(place, executor="thread") as engine:
        assert (await engine.run(DependsOnProcess(0))).ran == 1


async def fails(place, log, executor, task, output):
    async with Engine(place, workers=1, executor=executor, retry=Retry(3)) as engine:
        dependent = Sum((output,), "dependent", str(log))
        result = await engine.run([dependent, Number(1, str(log))], on_error="continue")
        assert (result.ran, result.failed, result.skipped) == (1, 1, 1)
        assert result.skipped_tasks == (dependent.task_id,)
        assert log.read_text().split() == ["1"]
        assert not await output.assign_storage(engine.storage).aexists()  # nothing half is visible
        (error,) = result.failures
        assert error.attempts == 1  # trying again cannot help
        assert error.task_id == task.task_id
        return error
