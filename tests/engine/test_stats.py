"""Answers of an engine to a service: how much is queued, whether it is healthy, and that workers are warm."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from alexflow import Engine, MemoryStorage, RunFailed
from alexflow.errors import DefinitionError, EngineClosed, WorkerDied
from tests.engine.workflows import BreaksOnLoop, ProcessStep, Slow, SlowOnLoop, Step
from tests.kit.fifo import Fifo
from tests.kit.turns import until

pytestmark = pytest.mark.anyio


def executor(engine: Engine, kind: str) -> Any:
    """Return an engine's executor itself."""
    assert engine._driver is not None
    return engine._driver._executors[kind].made()  # type: ignore[attr-defined]


async def test_what_is_queued_and_running() -> None:
    async with Engine(MemoryStorage(), max_concurrency=3) as engine:
        run = asyncio.create_task(engine.run([SlowOnLoop(n) for n in range(50)]))
        await until(lambda: bool(found := engine.stats().executors) and found["loop"].running == 3)
        stats = engine.stats()
        loop = stats.executors["loop"]
        assert (loop.queued, loop.running, loop.places) == (47, 3, 3)
        assert loop.oldest_wait > 0
        assert stats.runs == 1
        assert stats.open
        cls = stats.classes["tests.engine.workflows.SlowOnLoop"]
        assert (cls.queued, cls.running, cls.done) == (47, 3, 0)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await until(lambda: not engine.stats().executors["loop"].running)
        after = engine.stats().executors["loop"]
        assert (after.queued, after.running, after.oldest_wait) == (0, 0, 0.0)
    assert not engine.stats().open


async def test_executors_are_there_before_they_have_tasks() -> None:
    async with Engine(MemoryStorage(), workers=2, max_concurrency=3) as engine:
        executors = engine.stats().executors
        assert (executors["process"].places, executors["loop"].places) == (2, 3)
        assert not any(each.queued or each.running or each.oldest_wait for each in executors.values())


async def test_it_may_be_asked_for_the_first_time_in_the_middle() -> None:
    async with Engine(MemoryStorage(), max_concurrency=3) as engine:
        run = asyncio.create_task(engine.run([SlowOnLoop(n) for n in range(50)]))
        await engine.run(Step(0))
        await until(lambda: len(executor(engine, "loop")._running) == 3)
        loop = engine.stats().executors["loop"]
        assert (loop.queued, loop.running) == (47, 3)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


async def test_counters() -> None:
    async with Engine(MemoryStorage()) as engine:
        engine.stats()
        output = Step(1).output()
        assert await asyncio.gather(*(engine.load(output) for _ in range(4))) == [1] * 4
        assert await engine.load(output) == 1
        with pytest.raises(RunFailed):
            await engine.run([BreaksOnLoop(1)])
        await engine.run(Step(1))
        stats = engine.stats()
    assert (stats.hits, stats.computed, stats.shared, stats.cached, stats.failed) == (1, 1, 3, 1, 1)
    assert stats.classes["tests.engine.workflows.Step"].done == 1
    assert stats.classes["tests.engine.workflows.BreaksOnLoop"].failed == 1
    assert msgspec.json.decode(msgspec.json.encode(stats))["computed"] == 1


@pytest.mark.processes
async def test_workers_are_started_ahead(place: str, caplog: pytest.LogCaptureFixture) -> None:
    async with Engine(place, workers=2) as engine:
        assert engine.stats().workers.alive == 0
        await engine.start_workers([ProcessStep, Step])
        assert engine.stats().workers.alive == 2
        await engine.start_workers([ProcessStep])  # nothing is left to do
        pids = {worker.process.pid for worker in executor(engine, "process")._worker_set.workers}
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        await until(lambda: engine.stats().workers.deaths == 2)
        await until(lambda: caplog.text.count("was running no task and was killed by SIGKILL") == 2)
        await engine.start_workers()
        assert engine.stats().workers.alive == 2
        assert (await engine.run(ProcessStep(1))).ran == 1
        with pytest.raises(DefinitionError, match="start_workers takes classes of tasks, not 3"):
            await engine.start_workers([3])  # type: ignore[list-item]


AHEAD = """
import asyncio, sys
from alexflow import Engine, MemoryStorage
from tests.engine.workflows import ContextOfGenerate, Step

async def main():
    async with Engine(MemoryStorage(), executor="thread") as engine:
        for task in (Step, ContextOfGenerate):
            await engine.start_workers([task])
            print("anyio._backends._asyncio" in sys.modules)

asyncio.run(main())
"""


@pytest.mark.processes
def test_what_dynamic_tasks_need_is_imported_ahead() -> None:
    """Else the event loop waits for it at the first of them."""
    done = subprocess.run([sys.executable, "-c", AHEAD], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.processes
async def test_workers_that_cannot_start(place: str) -> None:
    from alexflow import Workers

    async with Engine(place, workers=Workers(2, python="/nowhere/python")) as engine:
        with pytest.raises(WorkerDied, match="worker processes"):
            await engine.start_workers([ProcessStep])
        assert engine.healthy


@pytest.mark.processes
async def test_draining_waits_for_what_is_under_way(place: str, fifo: Callable[[str], Fifo]) -> None:
    said, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1) as engine:
        assert await engine.load(Step(1).output()) == 1
        run = asyncio.create_task(engine.run(Slow(7, said.path, gate.path)))
        await said.receive()
        assert not await engine.drain(timeout=0.01)
        draining = asyncio.create_task(engine.drain())
        await asyncio.sleep(0)
        with pytest.raises(EngineClosed, match="drained"):
            await engine.run(Step(2))
        assert await engine.load(Step(1).output()) == 1  # it exists
        assert not engine.stats().open
        assert engine.healthy
        assert not draining.done()
        gate.open_gate()
        assert await draining
        assert (await run).ran == 1
        assert await engine.drain(timeout=1)
    assert not engine.healthy


async def test_the_engine_after_a_fault_of_its_own() -> None:
    async with Engine(MemoryStorage()) as engine:
        assert engine.healthy
        engine._driver._crash(RuntimeError("a bug"))  # type: ignore[union-attr]
        assert not engine.healthy
        assert not engine.stats().open


async def test_a_storage_that_does_not_answer() -> None:
    from alexflow.errors import StorageUnavailable

    class Down(MemoryStorage):
        down = False

        def exists_many(self, keys: Any) -> set[str]:
            if self.down:
                raise StorageUnavailable("look", "", "for it", "it is down", attempts=1, seconds=1)
            return super().exists_many(keys)

    storage = Down()
    async with Engine(storage) as engine:
        await engine.run(Step(1))
        assert engine.stats().storage_ok
        storage.down = True
        with pytest.raises(StorageUnavailable):
            await engine.run(Step(2))
        assert not engine.stats().storage_ok
        storage.down = False
        await engine.run(Step(2))
        assert engine.stats().storage_ok
