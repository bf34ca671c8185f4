"""The result of a run that is over."""

from __future__ import annotations

import asyncio
import re

import pytest

import alexflow
from alexflow import Engine, MemoryStorage
from alexflow.errors import RunFailed, TaskFailed
from alexflow.events import TaskGivenUp
from tests.engine.workflows import Breaks, BreaksInThread, BreaksOnLoop, OwnError, ProcessStep, ReadsMissing, Slow, Step

pytestmark = pytest.mark.anyio


async def test_numbers():
    storage = MemoryStorage()
    first = await alexflow.arun([Step(1), Step(2)], storage=storage)
    assert (first.ran, first.cached, first.failed, first.skipped, first.ok) == (2, 0, 0, 0, True)
    assert first.seconds > 0
    assert re.fullmatch(r"2 ran, 0 cached in \d+\.\d\d s", str(first))
    first.raise_for_failures()
    second = await alexflow.arun([Step(1), Step(3, (Step(2).output(),))], storage=storage)
    assert (second.ran, second.cached) == (1, 2)


async def test_its_repr_is_a_line():
    result = await alexflow.arun([Step(n) for n in range(500)], storage=MemoryStorage())
    assert re.fullmatch(r"<Result: 500 ran, 0 cached in \d+\.\d\d s>", repr(result))


async def test_failures_and_what_was_skipped():
    broken = BreaksOnLoop(1)
    middle = Step(2, (broken.output(),))
    last = Step(3, (middle.output(), Step(4).output()))
    result = await alexflow.arun([last, Step(5)], storage=MemoryStorage(), on_error="continue")
    assert (result.ran, result.cached, result.failed, result.skipped, result.ok) == (2, 0, 1, 2, False)
    assert sorted(result.skipped_tasks) == sorted([middle.task_id, last.task_id])
    assert re.fullmatch(r"2 ran, 0 cached, 1 failed, 2 skipped in \d+\.\d\d s", str(result))
    assert [failure.task_id for failure in result.failures] == [broken.task_id]
    with pytest.raises(RunFailed) as caught:
        result.raise_for_failures()
    assert caught.value.exceptions == tuple(result.failures)
    assert not await result.output[0].aexists()
    assert await result.output[1].aload() == 5


@pytest.mark.parametrize(
    ("task", "executor"),
    [(Breaks(7), "process"), (BreaksInThread(7), "process"), (BreaksOnLoop(7), "process"), (Breaks(7), "thread")],
    ids=["process", "thread by class", "loop", "thread"],
)
async def test_run_failed_holds_the_remote_traceback(place, task, executor):
    with pytest.raises(RunFailed) as caught:
        await alexflow.arun(Step(1, (task.output(),)), storage=place, workers=1, executor=executor)
    group = caught.value
    assert isinstance(group, ExceptionGroup)
    assert group.message == "1 task failed, 1 that need it or came later did not run"
    (error,) = group.exceptions
    assert isinstance(error, TaskFailed)
    assert error.task_id == task.task_id
    assert error.error_type == "tests.engine.workflows.OwnError"
    assert error.error_message == "broken 7"
    assert isinstance(error.__cause__, OwnError)
    assert error.__cause__.args == ("broken 7",)
    assert f"{type(task).__qualname__}(n=7" in str(error)
    assert error.traceback in str(error) + "\n"
    assert 'raise OwnError(f"broken {self.n}")' in error.traceback
    if not isinstance(task, BreaksOnLoop):
        assert "KeyError: 'no such key'" in error.traceback
        assert "The above exception was the direct cause" in error.traceback
    assert "alexflow/executors" not in error.traceback
    assert "anyio" not in error.traceback
    frames = re.findall(r'File "(.*?)", line', error.traceback)
    assert {frame.rpartition("/")[2] for frame in frames} == {"workflows.py"}


@pytest.mark.parametrize("executor", ["process", "thread"])
async def test_none_of_our_own_frames_where_our_own_code_raised(place, executor):
    with pytest.raises(RunFailed) as caught:
        await alexflow.arun(ReadsMissing(), storage=place, workers=1, executor=executor)
    (error,) = caught.value.exceptions
    assert isinstance(error, TaskFailed)
    assert error.error_type == "alexflow.errors.OutputNotFound"
    frames = re.findall(r'File "(.*?)", line', error.traceback)
    assert [frame.rpartition("/")[2] for frame in frames] == ["workflows.py"]


async def test_except_star(place):
    caught = []
    try:
        await alexflow.arun([Breaks(1), Breaks(2)], storage=place, workers=2)
    except* TaskFailed as group:
        caught += group.exceptions
    assert {error.error_type for error in caught} == {"tests.engine.workflows.OwnError"}


async def test_stop_lets_what_runs_end_and_starts_nothing_more(place, fifo, log):
    told, gate, has_failed = fifo("told"), fifo("gate"), asyncio.Event()
    async with Engine(place, workers=2) as engine:
        engine.broadcast.listen(lambda event: has_failed.set(), {TaskGivenUp})
        slow = Slow(1, told.path, gate.path)
        later = [ProcessStep(n, (slow.output(),), log=str(log)) for n in range(5)]
        run = asyncio.create_task(engine.run([*later, BreaksInThread(1)]))
        await told.receive()
        await has_failed.wait()
        gate.open_gate()
        with pytest.raises(RunFailed):
            await run
        assert await slow.output().assign_storage(engine.storage).aexists()
        assert log.read_text() == ""
