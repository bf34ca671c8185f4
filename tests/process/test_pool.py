"""The pool over time."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from alexflow import Engine
from alexflow.events import TaskSucceeded
from alexflow.executors.process import job_stops
from tests.kit.processes import descendants_of, open_descriptors, still_alive
from tests.process.workflows import Descriptors, Held, Talkative, Value

pytestmark = pytest.mark.anyio


def succeeding(engine: Engine, many: int) -> tuple[set[str], asyncio.Event]:
    """The tasks that succeed from now on, and whether so many have."""
    done: set[str] = set()
    enough = asyncio.Event()

    def count(event):
        if isinstance(event, TaskSucceeded):
            done.add(event.task_id)
            if len(done) == many:
                enough.set()

    engine.broadcast.listen(count)
    return done, enough


async def test_jobs_behind_a_long_one_are_called_back(place, fifo):
    """A class whose tasks were all quick has one that is not; what was queued behind it runs elsewhere."""
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=2) as engine:
        await engine.run([Held(n) for n in range(-400, 0)])  # the class is known to be quick
        tasks = [Held(n, held=20, told=told.path, gate=gate.path) for n in range(400)]
        done, others = succeeding(engine, 399)
        run = asyncio.create_task(engine.run(tasks))
        await told.receive()
        async with asyncio.timeout(20):
            await others.wait()
        assert tasks[20].task_id not in done
        gate.open_gate()
        assert (await run).ran == 400


async def test_jobs_behind_a_talkative_one_are_called_back(place, tmp_path, caplog):
    """Logs of a job are no progress of the jobs behind it."""
    caplog.set_level("INFO", "talkative")
    end = tmp_path / "end"
    async with Engine(place, workers=2) as engine:
        await engine.run([Talkative(n) for n in range(-400, 0)])
        tasks = [Talkative(n, held=20, until=str(end)) for n in range(400)]
        done, others = succeeding(engine, 399)
        run = asyncio.create_task(engine.run(tasks))
        try:
            async with asyncio.timeout(20):
                await others.wait()
        finally:
            end.touch()
        assert tasks[20].task_id not in done
        assert (await run).ran == 400
        assert "still at it" in caplog.messages


async def test_jobs_behind_a_long_one_with_one_worker_wait(place, fifo):
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1) as engine:
        await engine.run([Held(n) for n in range(-400, 0)])
        run = asyncio.create_task(engine.run([Held(n, held=20, told=told.path, gate=gate.path) for n in range(100)]))
        await told.receive()
        gate.open_gate()
        assert (await run).ran == 100


async def test_a_worker_stays_and_keeps_nothing(place):
    async with Engine(place, workers=1, record=False) as engine:  # for a record a thread opens sources for a moment
        await engine.run(Value(-1))  # what is opened once has been
        pid, before = (await engine.run(Descriptors(0))).output.load()
        mine = len(open_descriptors())
        for batch in range(4):
            assert (await engine.run([Value(batch * 500 + n) for n in range(500)])).ran == 500
        assert (await engine.run(Descriptors(1))).output.load() == (pid, before)
        assert len(open_descriptors()) == mine


@pytest.mark.local_pool
async def test_nothing_is_left_when_the_engine_is_closed(place):
    async with Engine(place, workers=2) as engine:
        await engine.run([Value(n) for n in range(20)])
        workers = descendants_of(os.getpid())
        assert len(workers) == 3  # with what they are forked from
    assert still_alive(workers, 0) == set()
    mine = open_descriptors()
    async with Engine(place, workers=2) as engine:
        await engine.run([Value(n) for n in range(20, 40)])
    assert len(open_descriptors()) == len(mine)
    assert descendants_of(os.getpid()) == set()


@pytest.mark.local_pool
async def test_cancelling_ends_the_running_job_and_neither_its_worker_nor_another(place, fifo, monkeypatch):
    monkeypatch.setattr(job_stops, "PROMPT", 30.0)  # on a busy machine the worker itself may be late
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=2) as engine:
        await engine.run([Held(n) for n in range(-100, 0)])
        stays = asyncio.create_task(engine.run(Held(1, held=1, told=told.path, gate=gate.path)))
        (first,) = await told.receive()
        goes = asyncio.create_task(engine.run(Held(2, held=2, told=told.path, gate=gate.path)))
        (second,) = await told.receive()
        goes.cancel()
        with pytest.raises(asyncio.CancelledError):
            await goes
        pid, _ = await engine.load(Value(0).output())
        assert pid == int(second)
        assert int(first) in descendants_of(os.getpid())
        gate.open_gate()
        assert (await stays).ran == 1


async def test_cancelling_what_has_not_begun(place, fifo):
    """Jobs behind a running one are revoked; the running one is not touched."""
    told, gate = fifo("told"), fifo("gate")
    async with Engine(place, workers=1) as engine:
        await engine.run([Held(n) for n in range(-400, 0)])
        stays = asyncio.create_task(engine.run(Held(0, held=0, told=told.path, gate=gate.path)))
        (pid,) = await told.receive()
        goes = asyncio.create_task(engine.run([Value(n) for n in range(50)]))
        await asyncio.sleep(0)
        goes.cancel()
        with pytest.raises(asyncio.CancelledError):
            await goes
        gate.open_gate()
        assert (await stays).ran == 1
        assert int(pid) in descendants_of(os.getpid())
        result = await engine.run([Value(n) for n in range(50)])
        assert (result.ran, result.cached) == (50, 0)


async def test_two_engines_at_once(tmp_path):
    async with Engine(tmp_path / "one", workers=1) as one, Engine(tmp_path / "two", workers=1) as two:
        tasks = [Value(n) for n in range(200)]
        first, second = await asyncio.gather(one.run(tasks), two.run(tasks))
        assert (first.ran, second.ran) == (200, 200)
        pids = [{output.load()[0] for output in result.output} for result in (first, second)]
        assert len(pids[0] | pids[1]) == 2


def test_an_engine_in_a_threads_event_loop(place):
    results = []

    async def work():
        async with Engine(place, workers=2) as engine:
            results.append(await engine.run([Value(n) for n in range(50)]))

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    thread.join()
    assert results[0].ran == 50
    assert descendants_of(os.getpid()) == set()


@pytest.mark.parametrize("size", [1_000_000, 50_000_000])
async def test_large_parameters(place, size):
    async with Engine(place, workers=2) as engine:
        tasks = [Value(n, value=bytes([n]) * size) for n in range(2)]
        result = await engine.run(tasks)
        for n, output in enumerate(result.output):
            assert output.load()[1] == bytes([n]) * size
