"""Every start has an end, whatever ends it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import Engine, MemoryStorage, Retry, RunFailed, aopen_record
from alexflow.errors import DefinitionError
from alexflow.events import (
    EngineEvent,
    InputsVanished,
    RunFinished,
    RunStarted,
    TaskCancelled,
    TaskEvent,
    TaskGivenUp,
    TaskQueued,
    TaskRetrying,
    TasksMadeElsewhere,
    TasksPlanned,
    TasksPutBack,
    TaskStarted,
    TaskSucceeded,
)
from tests.engine.dynamic_tasks import Gives
from tests.engine.workflows import Breaks, BreaksOnLoop, Flaky, ProcessStep, Slow, SlowOnLoop, Step, ThreadStep

pytestmark = pytest.mark.anyio

ENDS = (TaskSucceeded, TaskRetrying, TaskGivenUp, TaskCancelled, InputsVanished)


def check(events: list[EngineEvent]) -> None:
    """Check that starts and ends alternate, and that attempts under way at once have lanes of their own."""
    runs: Counter[str] = Counter()
    under_way: dict[str, TaskStarted] = {}
    planned: set[str] = set()
    for event in events:
        assert event.time > 0
        if isinstance(event, RunStarted):
            runs[event.run_id] += 1
        elif isinstance(event, RunFinished):
            runs[event.run_id] -= 1
        elif isinstance(event, TasksPlanned):
            planned.update(event.task_ids)
            assert len(event.reads) == len(event.task_ids)
        elif isinstance(event, TaskStarted):
            assert event.task_id not in under_way
            lanes = {(each.executor, each.lane) for each in under_way.values()}
            assert (event.executor, event.lane) not in lanes
            assert event.lane > 0
            under_way[event.task_id] = event
        elif isinstance(event, (TasksPutBack, TasksMadeElsewhere)):
            for task_id in event.task_ids:
                under_way.pop(task_id, None)
        elif isinstance(event, ENDS):
            if not isinstance(event, TaskCancelled) or event.begun:
                del under_way[event.task_id]
            if not isinstance(event, (TaskRetrying, InputsVanished)):
                planned.discard(event.task_id)
    assert not +runs
    assert not under_way
    assert not planned


async def until(told: list[EngineEvent], kind: type[EngineEvent], count: int = 1) -> None:
    """Wait until so many events of a kind have been told."""
    while sum(isinstance(event, kind) for event in told) < count:  # noqa: ASYNC110  # the engine is on this loop
        await asyncio.sleep(0)


@pytest.fixture
def told() -> list[EngineEvent]:
    return []


@pytest.mark.processes
@pytest.mark.parametrize("step", [Step, ThreadStep, ProcessStep])
async def test_of_a_graph(told: list[EngineEvent], step: type[Step], place: str) -> None:
    async with Engine(place, workers=2) as engine:
        engine.broadcast.listen(told.append)
        first = step(1)
        tasks = [step(n, (first.output(),)) for n in range(2, 40)]
        result = await engine.run(tasks)
    check(told)
    queued = {event.task_id: index for index, event in enumerate(told) if isinstance(event, TaskQueued)}
    started = {event.task_id: index for index, event in enumerate(told) if isinstance(event, TaskStarted)}
    assert queued.keys() == started.keys()
    assert all(queued[task_id] < started[task_id] for task_id in queued)
    reads = {
        task_id: of_it
        for event in told
        if isinstance(event, TasksPlanned)
        for task_id, of_it in zip(event.task_ids, event.reads, strict=True)
    }
    assert reads[first.task_id] == ()
    assert reads[tasks[0].task_id] == (first.task_id,)
    assert {event.run_id for event in told if isinstance(event, TaskEvent)} == {result.run_id}


@pytest.mark.processes
async def test_what_is_known_of_tasks_in_processes(told: list[EngineEvent], place: Any) -> None:
    async with Engine(place, workers=2) as engine:
        engine.broadcast.listen(told.append)
        await engine.run([ProcessStep(n) for n in range(30)])
    check(told)
    for event in told:
        if isinstance(event, TaskStarted):
            assert event.worker != os.getpid()
            assert event.worker > 0
            assert event.executor == "process"
            assert event.lane in (1, 2)
            assert event.class_name == "tests.engine.workflows.ProcessStep"
        elif isinstance(event, TaskSucceeded):
            assert event.bytes_out
            assert event.peak_rss
            assert event.cpu_seconds is not None


@pytest.mark.processes
async def test_of_failures_and_retries(told: list[EngineEvent], place: Any, tmp_path: Any) -> None:
    async with Engine(place, workers=1, retry=Retry(2)) as engine:
        engine.broadcast.listen(told.append)
        flaky = Flaky(3, str(tmp_path / "attempts"))
        result = await engine.run([flaky, Breaks(1), BreaksOnLoop(2), Gives("list", 3)], on_error="continue")
        assert result.failed == 2
        broken = BreaksOnLoop(3)
        with pytest.raises(RunFailed):
            await engine.run(BreaksOnLoop(4, (broken.output(),)))
    check(told)
    attempts = [event.attempt for event in told if isinstance(event, TaskStarted) and event.task_id == flaky.task_id]
    assert attempts == [1, 2, 3]
    assert [event.outcome for event in told if isinstance(event, RunFinished)] == ["failed", "failed"]


async def test_of_callers_that_leave(told: list[EngineEvent]) -> None:
    async with Engine(MemoryStorage(), max_concurrency=2) as engine:
        engine.broadcast.listen(told.append)
        slow = [SlowOnLoop(n) for n in range(5)]
        run = asyncio.create_task(engine.run(slow))
        await until(told, TaskStarted, 2)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await until(told, TaskCancelled, 5)
        await engine.run(Step(1))
    check(told)
    cancelled = {event.task_id: event.begun for event in told if isinstance(event, TaskCancelled)}
    assert cancelled.keys() == {task.task_id for task in slow}
    assert sum(cancelled.values()) == 2
    assert [event.outcome for event in told if isinstance(event, RunFinished)] == ["cancelled", "done"]


async def test_of_an_engine_that_is_closed(told: list[EngineEvent]) -> None:
    engine = Engine(MemoryStorage())
    engine.broadcast.listen(told.append)
    async with engine:
        run = asyncio.create_task(engine.run(SlowOnLoop(1)))
        await until(told, TaskStarted)
    await asyncio.gather(run, return_exceptions=True)
    check(told)


@pytest.mark.processes
async def test_of_a_worker_that_dies(told: list[EngineEvent], place: Any, fifo: Any) -> None:
    said, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1, max_deaths=0) as engine:
        engine.broadcast.listen(told.append)
        run = asyncio.create_task(engine.run(Slow(1, said.path, gate.path)))
        pid = int((await said.receive())[0])
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(RunFailed):
            await run
    check(told)
    (started,) = [event for event in told if isinstance(event, TaskStarted)]
    assert started.worker == pid


ASKED: dict[str, asyncio.Event] = {}


@dataclass(frozen=True)
class Shared(Step):
    """Ends when all callers have asked for it."""

    async def run(self, input: Any, output: Any) -> None:
        await ASKED["all"].wait()
        await super().run(input, output)


async def test_callers_of_one_task_share_it(told: list[EngineEvent]) -> None:
    ASKED["all"] = all_have_asked = asyncio.Event()
    async with Engine(MemoryStorage()) as engine:
        engine.broadcast.listen(told.append)
        runs = [asyncio.create_task(engine.run(Shared(1).output())) for _ in range(5)]
        await until(told, RunStarted, 5)
        all_have_asked.set()
        results = await asyncio.gather(*runs)
        assert (await engine.run(Shared(1))).cached == 1
    check(told)
    assert sorted((result.ran, result.shared) for result in results) == [(0, 1)] * 4 + [(1, 0)]
    assert len({result.run_id for result in results}) == 5


async def test_attributes_of_a_request(told: list[EngineEvent], place: Any) -> None:
    async with Engine(place) as engine:
        engine.broadcast.listen(told.append)
        result = await engine.run(Step(1), attributes={"request_id": "17", "paying": True})
        assert await engine.load(Step(2).output(), attributes={"request_id": "18"}) == 2
        with pytest.raises(DefinitionError, match=r"attributes\['who'\] must be a text, a number"):
            await engine.run(Step(1), attributes={"who": object()})
    begun = [event for event in told if isinstance(event, RunStarted)]
    assert [event.attributes["request_id"] for event in begun] == ["17", "18"]
    runs = {run.id: run for run in (await aopen_record(place)).runs()}
    assert runs[result.run_id].attributes == {"request_id": "17", "paying": True}


async def test_a_listener_that_comes_and_goes(told: list[EngineEvent]) -> None:
    async with Engine(MemoryStorage()) as engine:
        for n in range(5):
            stop = engine.broadcast.listen(told.append)
            run = asyncio.create_task(engine.run([Step(100 * n + k) for k in range(50)]))
            await until(told, TaskStarted)
            stop()
            await run
            told.clear()
        engine.broadcast.listen(told.append)
        await engine.run(Step(-1))
    check(told)
